"""The parts without a screen: colours, JSON, steps, memory, the editor, the pace of a job."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.color import Color

from packflow_app.dryrun.kept_report import report_of
from packflow_app.dryrun.session import ModeProgressed
from packflow_app.errors import UsageError
from packflow_app.projects.journal import JournalEntry
from packflow_app.tui.appearance import THEMES, chosen_theme
from packflow_app.tui.editor import editor_command
from packflow_app.tui.jobs import Job
from packflow_app.tui.json_text import laid_out, members
from packflow_app.tui.recent import memory_file, remember_project, remember_theme, remembered
from packflow_app.tui.registry import Call
from packflow_app.tui.screens.dry_run.side_by_side import compared
from packflow_app.tui.screens.events.filtering import looks_like_sql
from packflow_app.tui.start import StartOptions, screen_named, start
from packflow_app.tui.steps import ProjectSeen, State, StepState, journal_step, next_step
from packflow_app.tui.terminal_background import is_light
from packflow_app.tui.themes import BY_NAME
from packflow_app.tui.widgets.path_input import PathSuggester
from packflow_app.tui.widgets.progress_line import Pace, bar, left_text
from packflow_app.wording import ago, home_path, sized
from projects import run_dry, write_project

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


# Colours


@pytest.mark.parametrize(
    ("flag", "environment", "kept", "light", "chosen"),
    [
        ("ansi", {"PACKFLOW_THEME": "light", "NO_COLOR": "1"}, "dark", True, "ansi"),
        (None, {"PACKFLOW_THEME": "light", "NO_COLOR": "1"}, "dark", False, "light"),
        (None, {"NO_COLOR": "1"}, "light", True, "none"),
        (None, {"NO_COLOR": ""}, "ansi", True, "ansi"),
        (None, {}, None, True, "light"),
        (None, {"SSH_CONNECTION": "x"}, None, True, "dark"),
        (None, {}, "nonsense", None, "dark"),
    ],
)
def test_the_theme_is_chosen_in_order(
    flag: str | None, environment: dict[str, str], kept: str | None, light: bool | None, chosen: str
) -> None:
    assert chosen_theme(flag, environment, kept, lambda: light) == chosen


def test_a_theme_that_there_is_not_is_said() -> None:
    for flag, environment in (("pink", {}), (None, {"PACKFLOW_THEME": "pink"})):
        with pytest.raises(UsageError, match="there is no such theme") as raised:
            chosen_theme(flag, environment, None, lambda: None)
        assert (raised.value.code, "dark, light, ansi, none" in raised.value.hint) == ("theme-unknown", True)


def test_answers_of_terminals() -> None:
    assert is_light(b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\") is True
    assert is_light(b"\x1b]11;rgb:ff/ff/ee\x07") is True
    assert is_light(b"\x1b]11;rgb:1212/1717/1e1e\x1b\\\x1b[?62c") is False
    assert is_light(b"\x1b[?62c") is None
    assert is_light(b"") is None


def contrast(one: str, other: str) -> float:
    def luminance(text: str) -> float:
        parts = [part / 255 for part in Color.parse(text).rgb]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_every_text_can_be_read_on_every_ground(name: str) -> None:
    theme = BY_NAME[name]
    grounds = [theme.background, theme.panel, theme.variables["cursor-background"]]
    grounds.append(theme.variables["block-cursor-blurred-background"])
    texts = {kind: getattr(theme, kind) for kind in ("foreground", "primary", "success", "warning", "error", "accent")}
    texts |= {kind: theme.variables[kind] for kind in ("muted", "key", "string", "number", "literal")}
    poor = {
        (kind, ground): round(contrast(color, str(ground)), 2)
        for kind, color in texts.items()
        for ground in grounds
        if contrast(color, str(ground)) < 4.5
    }
    assert poor == {}


def test_themes_know_the_same_words() -> None:
    assert set(BY_NAME) == set(THEMES)
    words = set(BY_NAME["dark"].variables)
    assert words == set(BY_NAME["light"].variables)
    assert {"muted", "key", "string", "number", "literal", "line", "cursor-background"} <= set(
        BY_NAME["ansi"].variables
    )
    assert not [
        value for value in BY_NAME["none"].variables.values() if value.startswith("ansi_") and "default" not in value
    ]


# JSON


@given(JSON)
def test_layout_adds_white_space_alone(value: Any) -> None:
    source = json.dumps(value)
    shown = "\n".join(line.plain for line in laid_out(source))
    assert json.loads(shown) == value
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", source)


@given(st.dictionaries(st.text(), JSON))
def test_members_are_as_they_were_written(value: dict[str, Any]) -> None:
    found = members(json.dumps(value))
    assert {json.loads(key): json.loads(text) for key, text in found.items()} == value


@given(st.text())
def test_any_text_can_be_laid_out_and_no_escape_gets_through(text: str) -> None:
    shown = "\n".join(line.plain for line in laid_out(text))
    assert all(char == "\n" or char.isprintable() for char in shown)
    members(text)


def test_numbers_and_double_keys_stay_as_they_are() -> None:
    source = '{"a":1.00,"a":1e400,"b":123456789012345678901234567890}'
    shown = " ".join(line.plain for line in laid_out(source))
    assert '"a": 1.00' in shown
    assert '"a": 1e400' in shown
    assert "123456789012345678901234567890" in shown


def test_two_outputs_stand_line_beside_line() -> None:
    left, right = compared({"a": 1, "b": [1, 2, 3]}, {"a": 2, "b": [1, 3], "c": None})
    assert len(left) == len(right)
    assert left[0].plain == right[0].plain == "{"
    assert left[-1].plain == right[-1].plain == "}"


# Steps


def seen(**states: State) -> ProjectSeen:
    steps = {name.replace("_", "-"): StepState(name, state, state.name.lower()) for name, state in states.items()}
    return ProjectSeen(Path("/p"), name="m", digest="d", steps=steps)


@pytest.mark.parametrize(
    ("found", "run", "said"),
    [
        (seen(), "dry-run", "not been run"),
        (replace(seen(dry_run=State.STALE), changed=("a.py", "b.py")), "dry-run", "a.py and 1 more changed"),
        (seen(dry_run=State.FAILED), "dry-run", "failed"),
        (seen(dry_run=State.OK), "validate", "is good"),
        (seen(dry_run=State.OK, validate=State.FAILED), "validate", "in the way"),
        (seen(dry_run=State.OK, validate=State.OK), "export", "All checks passed"),
        (seen(dry_run=State.OK, validate=State.OK, export=State.STALE), "export", "changed after this archive"),
        (seen(dry_run=State.OK, validate=State.OK, export=State.OK), "verify", "is written"),
        (
            seen(dry_run=State.OK, validate=State.OK, export=State.OK, verify=State.FAILED),
            "verify",
            "The archive did not pass",
        ),
        (seen(dry_run=State.OK, validate=State.OK, export=State.OK, verify=State.OK), None, "written and verified"),
        (replace(seen(), gone=True), None, "is gone"),
    ],
)
def test_what_is_next(found: ProjectSeen, run: str | None, said: str) -> None:
    todo = next_step(found)
    assert todo.run == run
    assert said in todo.why


def test_a_step_is_stale_when_what_it_looked_at_changed() -> None:
    entry = JournalEntry(ok=True, summary="ok", looked_at="a", at=1.0)
    assert journal_step("validate", entry, "a").state is State.OK
    assert journal_step("validate", entry, "b").state is State.STALE
    assert journal_step("validate", entry, None).state is State.STALE
    assert journal_step("validate", replace(entry, ok=False), "a").state is State.FAILED
    assert journal_step("validate", None, "a").state is State.NOT_RUN


def test_a_kept_report_is_the_report(tmp_path: Path) -> None:
    report = run_dry(write_project(tmp_path / "model"), probes=True).report
    assert report_of(json.loads(json.dumps(report.as_json()))) == report
    assert report_of({"name": "other"}) is None
    assert report_of({**report.as_json(), "parity": 3}) is None


# Memory


def test_what_is_remembered(tmp_path: Path) -> None:
    assert remembered().projects == ()
    for name in ("one", "two"):
        write_project(tmp_path / name)
        remember_project(tmp_path / name)
    remember_project(tmp_path / "one")
    remember_theme("light")
    assert remembered().projects == (str(tmp_path / "one"), str(tmp_path / "two"))
    assert remembered().theme == "light"
    (tmp_path / "two" / "packflow.yaml").unlink()
    remember_project(tmp_path / "one")
    assert remembered().projects == (str(tmp_path / "one"),)
    for content in ("[]", "{", '{"projects": 3}', '{"projects": [1], "theme": 2}'):
        memory_file().write_text(content)
        assert remembered().theme is None


# Words and numbers


@pytest.mark.parametrize(
    ("editor", "line", "words"),
    [
        ("vim", 7, ["vim", "+7", "/p/a.py"]),
        ("code --wait", 7, ["code", "--wait", "--goto", "/p/a.py:7"]),
        ("hx", 7, ["hx", "/p/a.py:7"]),
        ("nano -l", None, ["nano", "-l", "/p/a.py"]),
        ("gedit", 7, ["gedit", "/p/a.py"]),
    ],
)
def test_editors_are_told_the_line(
    editor: str, line: int | None, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", editor)
    assert editor_command(Path("/p/a.py"), line) == words


def test_without_an_editor_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert editor_command(Path("/p/a.py"), 3) is None


def test_sizes_and_ages() -> None:
    assert [sized(n) for n in (0, 999, 1000, 4300, 1_900_000_000)] == ["0 B", "999 B", "1.0 KiB", "4.2 KiB", "1.8 GiB"]
    assert [ago(n) for n in (0, 12, 200, 3700, 400_000)] == ["now", "12 s", "3 min", "1 h", "5 d"]
    assert home_path(Path.home()) == "~"
    assert home_path(Path.home() / "x") == "~/x"


def test_a_pace_tells_rate_and_time_left() -> None:
    job = Job(1, Call("dry-run", "Run", [], lambda _r, _c: None))
    pace = Pace()
    job.progress = ModeProgressed("single", 0, 1000)
    pace.line(job, 100)
    job.started -= 2
    job.progress = ModeProgressed("single", 400, 1000)
    line = pace.line(job, 100).plain
    assert "single" in line
    assert "400 of 1,000 events" in line
    assert re.search(r"(19\d|200)/s  0:03 left", line)
    assert line.endswith("esc stop")
    for width in range(20, 100):
        assert pace.line(job, width).cell_length <= max(width, 18)
    assert [left_text(n) for n in (3, 61, 3700)] == ["0:03", "1:01", "1:01 h"]
    assert [bar(share, 4) for share in (0, 0.5, 1, 2)] == ["····", "██··", "████", "████"]


def test_a_filter_is_taken_for_what_it_looks_like() -> None:
    assert all(map(looks_like_sql, ("dst.port = 443", "a < 3", "name LIKE 'x%'", "x is null", "x in (1, 2)")))
    assert not any(map(looks_like_sql, ("error", "10.0.0.1", "this one")))


def test_screens_by_any_of_their_names() -> None:
    assert [screen_named(word) for word in ("events", "inspect", "2", "Dry run", "dry_run", "archive")] == [
        *("inspect", "inspect", "inspect", "dry-run", "dry-run", "verify")
    ]
    with pytest.raises(UsageError, match="no screen 'nonsense'") as raised:
        screen_named("nonsense")
    assert raised.value.code == "screen-unknown"


def test_the_app_needs_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTUAL_DRIVER", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UsageError, match="needs a terminal") as raised:
        start(StartOptions())
    assert raised.value.code == "no-terminal"


def test_paths_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "more.zip").write_text("")
    (tmp_path / "other.txt").write_text("")
    assert PathSuggester(folders=True).completed("mo") == "models/"
    assert PathSuggester((".zip",)).completed("mor") == "more.zip"
    assert PathSuggester((".zip",)).completed("oth") is None
    assert PathSuggester().completed("nowhere/x") is None
    assert PathSuggester().completed("~no-such-user/x") is None
    assert PathSuggester().entries("m") == ["models/", "more.zip"]
