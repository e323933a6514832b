"""Every screen, in every state, at both sizes: the text that is drawn, compared with what it was; and its colours.

Text is compared, not a picture: it is what a reader sees, its differences can be read in a diff, and it does not change
with the next release of Textual, whose SVG does. Colours are looked at for what must hold of them in every theme.
``PACKFLOW_UPDATE_SCREENS=1`` writes the files anew; look at the diff then.
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from packflow_app.errors import ModelFailedError
from packflow_app.tui.keys import SCREENS
from packflow_app.tui.registry import Call
from packflow_app.tui.widgets.key_hints import KeyHints
from screens import SIZES, WAY, Driver, endless, normal, opened, options_of, question

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = Path(__file__).parent / "screens"
UPDATE = bool(os.environ.get("PACKFLOW_UPDATE_SCREENS"))
STATES = ("empty", "ok", "error", "running")
WIZARD = ("name", "kind", "python", "model", "trust", "events", "features", "summary", "error", "path")
ACTION = {"home": "dry-run"}


def failing(_report: Callable[[Any], None], _cancel: threading.Event) -> None:
    error = ModelFailedError(
        "The backend raised KeyError: 'n'.", file="inference.py", line=7, hint="Mend the backend, and run it again."
    )
    error.log = "loading\nTraceback …\n"
    raise error


async def put_into(driver: Driver, screen: str, state: str) -> None:
    """Bring a screen into a state that needs a job of its action."""
    action = ACTION.get(screen, screen)
    run = failing if state == "error" else endless
    job = driver.app.start(Call(action, "Run the model", ["packflow", "dry-run"], run, options_of(driver, action)))
    if state == "error":
        await driver.until(lambda: job.state == "failed", "the failure")
    else:
        await driver.until(lambda: job.progress is not None, "progress")
    await driver.pilot.pause()


def look(driver: Driver, size: tuple[int, int]) -> tuple[str, str]:
    """The text of a screen, and its picture; what must hold of every one is checked."""
    text = driver.text
    assert "Traceback (" not in text
    assert all(len(line) <= size[0] for line in text.splitlines())
    assert len(text.splitlines()) == size[1]
    footer = driver.app.screen.query_one(KeyHints)
    assert len(footer.shown) <= (5 if size[0] < 100 else 99)
    for key in footer.shown:
        assert f"{key.shown} {key.label}" in text, "the footer is cut off"
    return text, driver.app.export_screenshot()


async def all_states(work: Path, screen: str, size: tuple[int, int], theme: str = "dark") -> dict[str, tuple[str, str]]:
    """What a screen looks like in every state."""
    looks = {}
    async with opened(None, screen, size=size, theme=theme) as driver:
        looks["empty"] = look(driver, size)
    async with opened(work / "churn-scorer", screen, size=size, theme=theme) as driver:
        looks["ok"] = look(driver, size)
        for state in ("error", "running"):
            await put_into(driver, screen, state)
            looks[state] = look(driver, size)
    return looks


def kept_file(screen: str, state: str, size: tuple[int, int]) -> Path:
    return KEPT / f"{screen}-{state}-{size[0]}x{size[1]}.txt"


@pytest.mark.parametrize("size", SIZES, ids=["120x36", "80x24"])
@pytest.mark.parametrize("screen", SCREENS)
async def test_a_screen_looks_as_it_did(work: Path, screen: str, size: tuple[int, int]) -> None:
    looks = await all_states(work, screen, size)
    assert set(looks) == set(STATES)
    for state, (text, _) in looks.items():
        check_kept(screen, state, size, normal(text, work))


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "ansi"])
@pytest.mark.parametrize("screen", SCREENS)
async def test_a_theme_changes_colours_alone(work: Path, screen: str, theme: str) -> None:
    for state, (text, picture) in (await all_states(work, screen, SIZES[0], theme)).items():
        assert normal(text, work) == kept_file(screen, state, SIZES[0]).read_text("utf-8"), state
        assert ("#fbfbf9" in picture.lower()) == (theme == "light")
        assert "#12171e" not in picture.lower(), "a colour of the dark theme"


async def test_a_screen_shown_twice_is_drawn_alike(work: Path) -> None:
    async with opened(work / "churn-scorer", "validate") as driver:
        before = driver.text
        await driver.press("2", "4")
        await driver.quiet()
        assert normal(driver.text, work).replace("– not run", "✓ ok") == normal(before, work).replace(
            "– not run", "✓ ok"
        )


def check_kept(name: str, state: str, size: tuple[int, int], now: str) -> None:
    """Compare a text with the one that is kept, or keep it."""
    if UPDATE:
        KEPT.mkdir(exist_ok=True)
        kept_file(name, state, size).write_text(now, encoding="utf-8")
    assert now == kept_file(name, state, size).read_text("utf-8"), state


async def wizard_looks(size: tuple[int, int], theme: str = "dark") -> dict[str, tuple[str, str]]:
    """What the wizard looks like at each question, with an answer that will not do, and with files to choose from."""
    looks = {}
    async with opened(None, size=size, theme=theme) as driver:
        await driver.press("n")
        for (wanted, key), state in zip(WAY, WIZARD, strict=False):
            await question(driver, wanted)
            looks[state] = look(driver, size)
            if state == "name":
                await driver.type("9")
                await driver.press("enter")
                await driver.see("is not a project name")
                looks["error"] = look(driver, size)
                await driver.press("ctrl+u")
                await driver.type("dns-score")
            if state == "model":
                await driver.press("down", "enter")
                await question(driver, "Path of the model file")
                await driver.see("events.ndjson")
                looks["path"] = look(driver, size)
                await driver.press("escape")
                await question(driver, wanted)
                await driver.press("up")
            if state != "summary":
                await driver.press(key)
    return looks


def of_any_python(text: str, folder: Path) -> str:
    """A screen's text, whichever Python it was."""
    return re.sub(r"Python 3\.\d+\.\d+", "Python 3.x", normal(text, folder))


@pytest.mark.parametrize("size", SIZES, ids=["120x36", "80x24"])
async def test_the_wizard_looks_as_it_did(bench: Path, size: tuple[int, int]) -> None:
    looks = await wizard_looks(size)
    assert set(looks) == set(WIZARD)
    for state, (text, _) in looks.items():
        check_kept("new-project", state, size, of_any_python(text, bench))


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "ansi"])
async def test_a_theme_changes_the_colours_of_the_wizard_alone(bench: Path, theme: str) -> None:
    for state, (text, picture) in (await wizard_looks(SIZES[1], theme)).items():
        assert of_any_python(text, bench) == kept_file("new-project", state, SIZES[1]).read_text("utf-8"), state
        assert ("#fbfbf9" in picture.lower()) == (theme == "light")
        assert "#12171e" not in picture.lower(), "a colour of the dark theme"


@pytest.mark.parametrize("size", SIZES, ids=["120x36", "80x24"])
async def test_the_options_of_a_dry_run_look_as_they_did(work: Path, size: tuple[int, int]) -> None:
    async with opened(work / "churn-scorer", "dry-run", size=size) as driver:
        await driver.press("o")
        await driver.see("trust pickles")
        check_kept("dry-run", "options", size, normal(driver.text, work))


def test_no_file_of_a_screen_is_left_over() -> None:
    wanted = {kept_file(screen, state, size) for screen in SCREENS for state in STATES for size in SIZES}
    wanted |= {kept_file("new-project", state, size) for state in WIZARD for size in SIZES}
    wanted |= {kept_file("dry-run", "options", size) for size in SIZES}
    assert set(KEPT.iterdir()) == wanted
