"""What goes wrong around the app, on every screen that it concerns: a sentence that helps, and the app goes on."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from packflow_app.dryrun.session import ModeProgressed
from packflow_app.errors import CancelledError
from packflow_app.tui.keys import SCREENS
from packflow_app.tui.registry import Call
from packflow_app.tui.screens.events.table import EventTable
from packflow_app.tui.widgets.progress_line import ProgressLine
from packflow_app.tui.widgets.step_strip import StepStrip
from projects import backend, write_project
from screens import PATIENCE, Driver, opened, options_of

if TYPE_CHECKING:
    from collections.abc import Callable

ACTION = {"home": "dry-run", **{screen: screen for screen in SCREENS if screen != "home"}}
GONE = "The project's folder is gone"
UNREADABLE = "packflow.yaml cannot be read: press 1 to see why"
SIZES = ((80, 24), (60, 16), (59, 15), (40, 10), (200, 60), (120, 36))


def words(driver: Driver) -> str:
    """The screen's text, without the borders that lines were broken at."""
    return " ".join("".join(" " if char in "│█▌▆▇" else char for char in driver.text).split())


def assert_calm(driver: Driver) -> None:
    """No fault, no traceback, nothing that a terminal would obey."""
    assert "fault" not in driver.text
    assert "Traceback" not in driver.text
    assert all(char == "\n" or char.isprintable() for char in driver.text)
    assert driver.app.crash is None


# The project


@pytest.mark.parametrize(
    ("screen", "told"),
    [
        ("home", "Press o to open another."),
        ("inspect", "events.ndjson cannot be read: No such file or directory"),
        ("dry-run", f"{GONE}: press 1, then o to open another."),
        ("validate", f"✗ {GONE}: press 1, then o to open another."),
        ("export", "There is no folder "),
        ("verify", "✓ verified"),  # the archive lies elsewhere
    ],
)
async def test_a_project_deleted_underneath_is_said(project: Path, screen: str, told: str) -> None:
    async with opened(project, screen) as driver:
        shutil.rmtree(project)
        await driver.until(lambda: driver.app.seen is not None and driver.app.seen.gone, "that it is gone")
        await driver.press("r")
        await driver.quiet()
        await driver.until(lambda: told in words(driver), told)
        assert "nothing is in the way" not in driver.text
        assert_calm(driver)
        await driver.press("1", "o")
        await driver.see("Open a project")


def garble(project: Path, how: str) -> None:
    path = project / "packflow.yaml"
    if how == "a folder":
        path.unlink()
        path.mkdir()
    else:
        content = {
            "bytes": b"\x00\xff{[\x1b[31m: :",
            "text": b"}{ \x1b[31mnonsense: [\n",
            "an alias": b"name: &a [*a]\n",
        }
        path.write_bytes(content[how])


@pytest.mark.parametrize("how", ["bytes", "text", "an alias", "a folder"])
async def test_garbage_for_a_packflow_yaml_is_told_with_a_next_step(project: Path, how: str) -> None:
    async with opened(project) as driver:
        garble(project, how)
        await driver.until(lambda: driver.app.seen is not None and driver.app.seen.problem is not None)
        assert driver.app.seen is not None
        assert driver.app.seen.problem is not None
        assert driver.app.seen.problem.hint
        await driver.until(lambda: "packflow.yaml" in words(driver).partition("Journey")[0])
        await driver.press("r")
        await driver.see(UNREADABLE)
        assert_calm(driver)


@pytest.mark.parametrize("screen", ["dry-run", "validate"])
async def test_a_screen_that_needs_a_readable_project_says_so(project: Path, screen: str) -> None:
    garble(project, "bytes")
    async with opened(project, screen) as driver:
        assert UNREADABLE in words(driver)
        for key in ("r", "e", "n", "N", "enter", *(("f", "F", "slash", "escape") if screen == "validate" else ("p",))):
            await driver.press(key)
            await driver.quiet()
            assert_calm(driver)
        write_project(project)
        await driver.until(lambda: driver.app.seen is not None and driver.app.seen.problem is None)
        await driver.until(lambda: UNREADABLE not in words(driver).partition("Press")[0] or "r" in driver.text)
        await driver.press("r")
        await driver.until(lambda: driver.app.jobs.latest[screen].state == "done", "a run of the mended project")


# Runs


class Deaf:
    """A run that goes on after it was stopped, tells of it, and ends with ``ending``: a value, or an error."""

    def __init__(self, ending: Any) -> None:
        self.ending = ending
        self.has_ended = threading.Event()
        self._may_end = threading.Event()

    def __call__(self, report: Callable[[Any], None], _cancel: threading.Event) -> Any:
        report(ModeProgressed("batch 8", 24, 60))
        self._may_end.wait(PATIENCE)
        report(ModeProgressed("too late", 59, 60))
        self.has_ended.set()
        if isinstance(self.ending, Exception):
            raise self.ending
        return self.ending

    async def end(self, driver: Driver) -> None:
        """Let it end, and the app hear of it."""
        self._may_end.set()
        await driver.until(self.has_ended.is_set, "the end of the thread")
        await driver.pilot.pause(0.2)


def endless(report: Callable[[Any], None], cancel: threading.Event) -> None:
    report(ModeProgressed("batch 8", 24, 60))
    cancel.wait(PATIENCE)
    raise CancelledError("Stopped.")


def call_of(driver: Driver, screen: str, run: Callable[..., Any]) -> Call:
    return Call(ACTION[screen], "Run the model", ["packflow", "dry-run"], run, options_of(driver, ACTION[screen]))


@pytest.mark.parametrize(
    "ending", ["a value that no screen can draw", ZeroDivisionError("too late")], ids=["value", "error"]
)
@pytest.mark.parametrize("screen", SCREENS)
async def test_late_news_of_a_stopped_run_is_not_heard(project: Path, screen: str, ending: Any) -> None:
    async with opened(project, screen) as driver:
        run = Deaf(ending)
        job = driver.app.start(call_of(driver, screen, run))
        await driver.see("24 of 60 events")
        driver.app.stop()
        assert job.state == "cancelled"
        await driver.pilot.pause()
        before = driver.text
        progress = job.progress
        await run.end(driver)
        assert (job.state, job.value, job.problem) == ("cancelled", None, None)
        assert job.progress is progress
        assert driver.text == before
        assert_calm(driver)


@pytest.mark.parametrize("screen", SCREENS)
async def test_late_news_of_an_earlier_run_does_not_end_the_next(project: Path, screen: str) -> None:
    async with opened(project, screen) as driver:
        first = Deaf("a value that no screen can draw")
        driver.app.start(call_of(driver, screen, first))
        await driver.see("24 of 60 events")
        second = driver.app.start(call_of(driver, screen, endless))
        await first.end(driver)
        assert second.state == "running"
        assert second.progress == ModeProgressed("batch 8", 24, 60)
        assert "too late" not in driver.text
        assert driver.app.screen.query_one(ProgressLine).display
        driver.app.stop()


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
@pytest.mark.parametrize("screen", SCREENS)
async def test_a_run_is_stopped_within_a_second(project: Path, screen: str, key: str) -> None:
    async with opened(project, screen) as driver:
        job = driver.app.start(call_of(driver, screen, endless))
        await driver.see("24 of 60 events")
        assert "◐" in driver.text
        began = time.monotonic()
        await driver.press(key)
        assert job.state == "cancelled"
        assert job.cancel.is_set()
        assert time.monotonic() - began < 1
        await driver.see("Run the model: stopped.")
        assert not driver.app.screen.query_one(ProgressLine).display
        assert not [strip for strip in driver.app.screen.query(StepStrip) if "◐" in str(strip.render())]
        assert screen == driver.app.journey_screen.STEP


@pytest.mark.parametrize("screen", SCREENS)
async def test_a_window_that_changes_in_mid_run_loses_nothing(project: Path, screen: str) -> None:
    async with opened(project, screen) as driver:
        job = driver.app.start(call_of(driver, screen, endless))
        await driver.see("24 of 60 events")
        for width, height in SIZES:
            await driver.pilot.resize_terminal(width, height)
            await driver.pilot.pause(0.1)
            lines = driver.text.splitlines()
            assert (max(map(len, lines)), len(lines)) == (max(map(len, lines)), height)
            assert all(len(line) <= width for line in lines)
            has_room = width >= 60 and height >= 16
            assert ("needs 60 columns" in driver.text) != has_room
            assert not has_room or "◐ batch 8" in driver.text
        assert job.state == "running"
        await driver.press("escape")
        await driver.see("stopped")


@pytest.mark.parametrize(
    ("body", "told", "step"),
    [
        ("os._exit(3)", "ended itself with exit code 3", "failed"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed", "failed"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "segmentation fault", "failed"),
        ("raise ValueError('bad \x1b[31m')", "ValueError: bad", "failed"),
        ("print('\x1b[31mred\x1b[0m')\nraise SystemExit(4)", "SystemExit: 4", "failed"),
    ],
    ids=["exit", "kill", "segfault", "error", "system exit"],
)
async def test_how_a_model_died_is_told_and_home_knows(tmp_path: Path, body: str, told: str, step: str) -> None:
    project = write_project(tmp_path / "dying", backend(body))
    async with opened(project, "dry-run") as driver:
        await driver.press("r")
        await driver.until(lambda: driver.app.jobs.latest["dry-run"].state in ("failed", "done"), "its end")
        await driver.until(lambda: told.casefold() in words(driver).casefold(), told)
        assert all(char == "\n" or char.isprintable() for char in driver.text)
        await driver.press("1")
        await driver.see(f"✗ {step}")


# Events


async def test_events_that_vanish_or_shrink_are_said(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"n": n, "text": "x" * 200}) for n in range(20_000))
    project = write_project(tmp_path / "model", files={"samples/events.ndjson": lines})
    path = project / "samples" / "events.ndjson"
    async with opened(project, "inspect") as driver:
        assert driver.app.screen.query_one(EventTable).count == 20_000
        path.write_text("")
        await driver.press("G")
        await driver.until(lambda: "was changed while it was open" in words(driver), "that it was changed")
        assert "next Open it again" in words(driver)
        assert_calm(driver)
        path.unlink()
        await driver.press("r")
        await driver.until(lambda: "cannot be read: No such file or directory" in words(driver), "that it is gone")
        for key in ("G", "g", "n", "N", "s", "escape", "enter", "escape"):
            await driver.press(key)
            await driver.pilot.pause()
        assert_calm(driver)


async def test_events_full_of_escapes_are_spelled_out_everywhere(tmp_path: Path) -> None:
    escape = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\b\u202e"
    events: list[Any] = [{f"key{escape}": f"value{escape}{n}", "n": n} for n in range(40)]
    project = write_project(tmp_path / "model", events=events)
    with (project / "samples" / "events.ndjson").open("ab") as file:
        file.write(b'{"broken\x1b[31m": \x1b[2J\x9b\xff\n')
    async with opened(project, "inspect") as driver:
        for key in ("down", "enter", "escape", "right_square_bracket", "n", "enter", "escape", "s", "escape", "y"):
            await driver.press(key)
            await driver.quiet()
            assert_calm(driver)
        await driver.press("slash")
        await driver.type("nonsense = 1")
        await driver.press("enter")
        await driver.see("cannot be evaluated")
        assert_calm(driver)
        for key in ("escape", "3", "r", "4", "1"):
            await driver.press(key)
            await driver.quiet()
            assert_calm(driver)


@pytest.mark.parametrize("screen", ["home", "inspect", "export", "verify"])
async def test_a_current_folder_that_is_removed_is_left(
    work: Path, project: Path, screen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("PWD", str(project))
    async with opened(project, screen) as driver:
        shutil.rmtree(project)
        for key in ("1", "2", "3", "4", "5", "6", "1"):
            await driver.press(key)
            assert_calm(driver)
        await driver.see("The project's folder is gone.")
        assert Path.cwd() == work
        await driver.press("a")
        await driver.see("Open an archive")
        await driver.type("dist/churn_scorer-0.1.0.zip")
        await driver.press("enter")
        await driver.see("✓ verified")
        assert_calm(driver)
