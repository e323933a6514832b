"""What a reader can make out: folded lines, boxes to tick, the marked line, steps in a line, in every theme."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.content import Content

from packflow_app.result import Problem
from packflow_app.tui.dialogs.confirm import ConfirmDialog
from packflow_app.tui.registry import Call
from packflow_app.tui.widgets.folded import Folded
from packflow_app.tui.widgets.lists import Options
from packflow_app.tui.widgets.problem_panel import problem_text
from packflow_app.tui.widgets.rows import command_row, row
from packflow_app.tui.widgets.step_strip import StepStrip
from packflow_app.tui.widgets.tick_box import TickBox
from screens import Driver, endless, opened

THEMES = pytest.mark.parametrize("theme", ["dark", "light", "ansi", "none"])
HEAD = Content("run it    ")


def folded(content: Content) -> list[str]:
    lines = content.plain.splitlines()
    assert lines[0].startswith(HEAD.plain)
    assert all(line.startswith(" " * len(HEAD)) for line in lines[1:])
    return [line[len(HEAD) :] for line in lines]


def as_started(theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a terminal is to have no colours, whoever starts the app says so to Textual, too."""
    if theme == "none":
        monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("width", [40, 60, 76, 120])
@pytest.mark.parametrize(
    ("archive", "events"),
    [
        ("churn_scorer-0.1.0.zip", "churn-scorer/samples/events.ndjson"),
        ("'a b c d e f g/churn scorer.zip'", "'of yesterday/and of today/events here.ndjson'"),
        ("dist/a.zip", "e.ndjson"),
    ],
)
def test_a_folded_command_is_still_a_command(width: int, archive: str, events: str) -> None:
    command = f"python3 {archive} < {events}"
    lines = folded(command_row(HEAD, command, width))
    assert all(len(line) <= width - len(HEAD) for line in lines)
    broken = [word for word in (archive, events) if len(word) > width - len(HEAD) - 2]
    if not broken:
        assert all(line.endswith(" \\") for line in lines[:-1])
        assert "\n".join(lines).replace("\\\n", "") == command, "a shell leaves these out"
    assert (len(lines) == 1) == (len(command) <= width - len(HEAD))


def test_what_does_not_fit_is_broken_where_it_can_be_read() -> None:
    path = "/srv/models/of-the-network/archives/churn_scorer-0.1.0.zip"
    assert folded(row(HEAD, path, 50)) == ["/srv/models/of-the-network/archives/", "churn_scorer-0.1.0.zip"]
    assert folded(row(HEAD, "0123456789abcdef" * 4, 70)) == ["0123456789abcdef" * 2] * 2
    assert folded(row(HEAD, "some words that are short", 31)) == ["some words that are", "short"]
    assert folded(row(HEAD, "x" * 500, 0)) == ["x" * 500], "a width that is not known yet"
    assert folded(row(HEAD, "", 50)) == [""]


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("The name '../evil' has . or .. as a component. Found by the check of names.", True),
        ("There is no Python >=3.13 here. python3 on PATH is 3.11.7.", True),
        ("KeyError: 'n'.", False),
    ],
)
def test_the_first_sentence_of_an_error_is_its_title(message: str, title: bool) -> None:
    text = problem_text(Problem("x", message, hint="Mend it."))
    assert text.plain == f"{message}\nnext  Mend it."
    bold = [text.plain[span.start : span.end] for span in text.spans if "bold" in str(span.style)]
    assert bold == [message.rpartition(". ")[0] + "." if title else message]


async def test_a_text_is_folded_anew_when_a_scroll_bar_takes_its_room(project: Path) -> None:
    async with opened(project, "verify", size=(80, 24)) as driver:
        checked = driver.app.screen.query_one("#checked", Folded)
        checked.show(lambda width: Content("\n".join([f"{width} columns", *"abcdefghijkl"])))
        await driver.see("75 columns")
        checked.show(lambda width: Content(f"{width} columns"))
        await driver.see("76 columns")


@THEMES
async def test_a_box_to_tick_is_seen_ticked_or_not(project: Path, theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    as_started(theme, monkeypatch)
    async with opened(project, "export", theme=theme) as driver:
        await driver.press("o")
        box = driver.app.screen.query_one("#wheel", TickBox)
        for shown in ("[ ]", "[x]"):
            first = next(iter(box.render_line(0)))
            assert first.text.startswith(shown)
            assert first.style is not None
            assert first.style.color != first.style.bgcolor or theme in ("ansi", "none")
            assert theme not in ("ansi", "none") or first.style.bgcolor is None or first.style.bgcolor.is_default
            box.toggle()
            await driver.pilot.pause()


@THEMES
async def test_the_marked_line_of_a_list_can_be_read(
    project: Path, theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_started(theme, monkeypatch)
    async with opened(project, "home", theme=theme) as driver:
        driver.app.push_screen(ConfirmDialog("Really?", "Yes"))
        await driver.see("Really?")
        options = driver.app.screen.query_one(Options)
        styles = [segment.style for segment in options.render_line(0) if segment.text.strip() and segment.style]
        assert [style.color != style.bgcolor for style in styles] == [True] * len(styles) or theme == "none"
        if theme == "ansi":
            assert {style.color for style in styles} == {styles[0].color}, "no colour of its own on the cursor's"
        if theme == "none":
            assert all(style.underline for style in styles)


@pytest.mark.parametrize("theme", ["dark", "ansi"])
async def test_steps_keep_apart_while_one_runs(project: Path, theme: str) -> None:
    async with opened(project, "dry-run", size=(80, 24), theme=theme) as driver:
        driver.app.start(Call("dry-run", "Run the model", ["packflow", "dry-run"], endless))
        await driver.see("◐ batch 8")
        assert "  3 Dry run ◐  4 Validate ✓" in strip(driver)
        current = next(one for one in driver.app.screen.query_one(StepStrip).render_line(0) if "◐" in one.text)
        assert current.style is not None
        assert current.style.color != current.style.bgcolor
        await driver.press("escape")


def strip(driver: Driver) -> str:
    return driver.text.splitlines()[1]
