"""What the app does when it is used: the journey, and all that goes wrong on the way."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList

from packflow_app.errors import CancelledError
from packflow_app.events.index import open_index
from packflow_app.locations import dry_run_dir
from packflow_app.projects.journal import read_journal
from packflow_app.tui.app import PackflowApp
from packflow_app.tui.recent import remembered
from packflow_app.tui.registry import Call
from packflow_app.tui.screens.dry_run.side_by_side import SideBySide
from packflow_app.tui.screens.events import opened as opened_events
from packflow_app.tui.screens.events.filtering import Filter
from packflow_app.tui.screens.events.table import EventTable
from packflow_app.tui.screens.validate.findings_list import FindingsList
from packflow_app.tui.steps import State
from projects import backend, write_project
from screens import Driver, opened

LEAKY = "return [{'score': e['n'] - sum(i['n'] for i in inputs) / len(inputs)} for e in inputs]"
SLOW = "time.sleep(0.1)\nreturn [{'n': e['n']} for e in inputs]"


async def test_from_an_empty_folder_to_a_verified_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps({"bytes": n * 7 % 100, "host": f"h{n % 5}"}) for n in range(50)]
    (tmp_path / "flows.ndjson").write_text("\n".join(lines))
    async with opened(None) as driver:
        await driver.press("n")
        await driver.see("Project name")
        await driver.type("flows-model")
        for told in ("What is your model?", "Which Python runs it?", "Example events", "Create it?"):
            await driver.press("enter")
            await driver.until(lambda told=told: f"│ {told}" in driver.text, told)  # type: ignore[misc]
            await driver.quiet()
        assert "$ packflow init flows-model --events flows.ndjson" in driver.text
        await driver.press("enter")
        await driver.see("has not been run yet")
        for told in ("The dry run is good.", "All checks passed."):
            await driver.press("r")
            await driver.see(told)
        await driver.press("r")
        await driver.see("How many of these 20 example events may ship?")
        await driver.press("enter")
        await driver.see("The archive is written.")
        await driver.press("r")
        await driver.see("written and verified")
        await driver.press("r")
        await driver.see("All is done")
    project = tmp_path / "flows-model"
    assert set(read_journal(project)) == {"validate", "export", "verify"}
    assert remembered().projects[0] == str(project)


async def test_a_change_of_a_file_makes_steps_stale_while_one_looks(project: Path) -> None:
    async with opened(project) as driver:
        assert driver.app.seen is not None
        assert driver.app.seen.step("dry-run").state is State.OK
        path = project / "inference.py"
        path.write_text(path.read_text() + "\n# changed\n")
        await driver.see("inference.py changed after the last dry run.")
        for step in ("dry-run", "validate", "export"):
            assert driver.app.seen.step(step).state is State.STALE


async def test_a_broken_packflow_yaml_is_told_with_its_line(project: Path) -> None:
    path = project / "packflow.yaml"
    path.write_text(path.read_text() + "nonsense: [1\n")
    async with opened(project) as driver:
        assert "is not valid" in driver.text
        assert driver.app.seen is not None
        assert driver.app.seen.problem is not None
        assert driver.app.journey_screen.place_to_edit() == (path, driver.app.seen.problem.line)
        for key in ("2", "3", "4", "5", "6"):
            await driver.press(key)
            await driver.quiet()
            assert "fault" not in driver.text


async def test_a_run_is_stopped_by_escape_and_late_news_is_not_heard(tmp_path: Path) -> None:
    project = write_project(tmp_path / "slow", backend(SLOW))
    async with opened(project, "dry-run") as driver:
        await driver.press("r")
        await driver.see("of 40 events")
        job = driver.app.jobs.latest["dry-run"]
        began = time.monotonic()
        await driver.press("escape")
        assert time.monotonic() - began < 1
        assert job.state == "cancelled"
        await driver.see("stopped")
        progress = job.progress
        await driver.pilot.pause(0.5)
        assert job.state == "cancelled"
        assert job.progress is progress
        assert "◐" not in driver.text


async def test_a_thread_that_dies_of_the_unforeseen_is_told(project: Path) -> None:
    def fail(_report: Any, _cancel: threading.Event) -> None:
        raise ZeroDivisionError("unforeseen")

    async with opened(project, "validate") as driver:
        driver.app.start(Call("validate", "Check", ["packflow", "validate"], fail))
        await driver.see("Packflow has a fault: ZeroDivisionError: unforeseen")
        assert "test_behaviour.py" in driver.text
        await driver.press("c")
        assert "ZeroDivisionError: unforeseen" in driver.app.clipboard
        assert "where" in driver.app.clipboard


async def test_a_difference_stands_side_by_side(tmp_path: Path) -> None:
    project = write_project(tmp_path / "leaky", backend(LEAKY))
    async with opened(project, "dry-run", size=(120, 36)) as driver:
        await driver.press("r")
        await driver.see("differ")
        await driver.quiet()
        assert "depends on the other events of its" in driver.text
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, SideBySide))
        assert "one by one" in driver.text
        assert "batch 8" in driver.text
        assert '"score": 0.0' in driver.text
        await driver.press("escape")
        await driver.press("p")
        assert "p50" in driver.text


async def test_events_of_all_sorts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps({"n": n, "text": "\x1b[31mred" if n == 3 else "plain"}) for n in range(3000)]
    lines[1999] = '{"n": nope}'
    lines[2500] = '{"n": "odd", "text": "x"}'
    project = write_project(tmp_path / "model", files={"samples/events.ndjson": "\n".join(lines)})
    async with opened(project, "inspect") as driver:
        assert "✗ 1 invalid line" in driver.text
        assert "● 1 conflict of types" in driver.text
        await driver.press("down", "down", "down")
        assert "\\u001b[31mred" in driver.text
        assert "\x1b" not in driver.text
        await driver.press("n")
        await driver.see("This line is no event")
        assert "2,000" in driver.text
        assert "▲ column" in driver.text
        await driver.press("n")
        await driver.see("n is string here")
        await driver.press("n")
        await driver.see("no further problem")
        await driver.press("N")
        await driver.see("This line is no event")
        await driver.press("G")
        await driver.quiet()
        assert "2,999" in driver.text
        await driver.press("slash")
        await driver.type("text = 'x'")
        await driver.press("enter")
        await driver.see("1 shown where text = 'x'")
        assert "--filter" in driver.app.journey_screen.command
        await driver.press("escape")
        await driver.quiet()
        assert driver.app.screen.query_one(EventTable).count == 3000
        await driver.press("slash")
        await driver.type("red")
        await driver.press("enter")
        await driver.see("1 shown with red")


async def test_the_first_page_waits_for_no_index(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on = threading.Event()

    def slow_index(*arguments: Any, **named: Any) -> Any:
        may_go_on.wait(20)
        return open_index(*arguments, **named)

    monkeypatch.setattr(opened_events, "open_index", slow_index)
    app = PackflowApp(project, screen="inspect")
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        driver = Driver(app, pilot)
        try:
            await driver.see('"id": "u0"')
            await driver.press("down", "down", "n")
            await driver.see("still being opened")
            assert app.jobs.latest["events-open"].state == "running"
            assert "inspect" not in app.jobs.latest
        finally:
            may_go_on.set()
        await driver.quiet()
        assert driver.app.screen.query_one(EventTable).cursor == 2
        assert driver.app.screen.query_one(EventTable).count == 60
        assert "no invalid lines" in driver.text
        assert app.jobs.latest["events-open"].problem is None


async def test_a_filter_that_chooses_nothing_and_one_that_was_stopped(project: Path) -> None:
    async with opened(project, "inspect") as driver:
        await driver.press("slash")
        await driver.type("no such text")
        await driver.press("enter")
        await driver.see("esc shows all of them.")
        assert '"id"' not in driver.text
        await driver.press("escape")
        await driver.see('"id": "u0"')

        def endless(_report: Any, cancel: threading.Event) -> None:
            cancel.wait(20)
            raise CancelledError("Stopped.")

        screen: Any = driver.app.screen
        screen._filter = Filter("stopped text")
        driver.app.start(Call("events-filter", "Filter the events", [], endless))
        await driver.see("with stopped text")
        await driver.press("escape")
        await driver.until(lambda: "stopped text" not in driver.text)


async def test_a_filter_that_is_wrong_says_why_and_keeps_the_text(project: Path) -> None:
    async with opened(project, "inspect") as driver:
        await driver.press("slash")
        await driver.type("nonsense = 3")
        await driver.press("enter")
        await driver.see("cannot be evaluated")
        assert "nonsense = 3" in driver.text
        assert "There is:" in driver.text


async def test_another_file_is_opened_and_read_as_one_says(project: Path, work: Path) -> None:
    (work / "rows.txt").write_text("a,b\n1,x\n2,y\n")
    async with opened(project, "inspect") as driver:
        await driver.press("o")
        await driver.see("Open events")
        assert "$ packflow inspect churn-scorer/samples/events.ndjson" in driver.text
        await driver.type("nowhere")
        await driver.press("enter")
        await driver.see("There is no such file.")
        assert "nowhere" in driver.text
        await driver.press("ctrl+u")
        await driver.type("rows.t")
        await driver.press("right", "down", "right", "right", "right", "down", "space")
        await driver.see("$ packflow inspect rows.txt --format csv --full")
        await driver.press("enter")
        await driver.quiet()
        await driver.see("2 events")
        assert driver.app.journey_screen.command == "packflow inspect rows.txt --format csv --full"
        await driver.press("slash")
        await driver.type("a > 1")
        await driver.press("enter")
        await driver.see("1 shown where a > 1")
        assert driver.app.journey_screen.command.endswith("--format csv --full --filter 'a > 1'")


async def test_a_sample_is_saved_masked_and_overwritten_only_when_told(project: Path, work: Path) -> None:
    async with opened(project, "inspect") as driver:
        target = project / "sample.ndjson"
        await driver.press("s")
        await driver.see("Save the sample")
        await driver.press("tab")
        await driver.type("user.id")
        await driver.press("enter")
        await driver.until(target.is_file)
        saved = [json.loads(line)["user"]["id"] for line in target.read_text().splitlines()]
        assert len(saved) == 60
        assert sum(one == f"u{n}" for n, one in enumerate(saved)) < 10, "but for chance: stand-ins are alike in shape"
        target.write_text("mine")
        await driver.press("s")
        await driver.see("Save the sample")
        await driver.press("enter")
        await driver.see("is there already")
        await driver.press("n")
        assert target.read_text() == "mine"
        await driver.press("s", "enter")
        await driver.see("is there already")
        await driver.press("y")
        await driver.until(lambda: target.read_text() != "mine")


async def test_findings_lead_to_their_line_and_fix(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = write_project(work / "raw", files={"requirements.txt": "packaging\n"})
    (project / "requirements.txt").unlink()
    edited: list[tuple[Path, int | None]] = []
    async with opened(project, "validate") as driver:
        monkeypatch.setattr(driver.app, "edit", lambda path, line: edited.append((path, line)))
        findings = driver.app.screen.query_one(FindingsList)
        while findings.chosen is not None and findings.chosen.check != "requirements-file-missing":
            await driver.press("n")
        assert "$ packflow validate raw --fix --only requirements-file-missing" in driver.text
        await driver.press("e")
        assert edited == [(project / "requirements.txt", None)]
        await driver.press("slash")
        await driver.type("licen")
        await driver.press("enter")
        assert len(findings.findings) == 1
        await driver.press("f")
        await driver.see("needs a decision")


def mendable_project(folder: Path) -> Path:
    """It opens a file that .gitignore leaves out, and has no requirements.txt."""
    source = backend("open(self.project_dir / 'rules.txt').close()\nreturn [{'n': e['n']} for e in inputs]")
    project = write_project(folder, source, files={".gitignore": "rules.txt\n", "rules.txt": "x"})
    (project / "requirements.txt").unlink()
    return project


async def choose(driver: Driver, check: str) -> None:
    """Mark the finding of a check."""
    findings = driver.app.screen.query_one(FindingsList)
    wanted = next(at for at, finding in enumerate(findings.findings) if finding.check == check)
    findings.highlighted = wanted
    await driver.pilot.pause()


async def test_a_safe_fix_is_shown_and_done_and_looked_at_again(work: Path) -> None:
    project = mendable_project(work / "raw")
    ignored = project / ".packflowignore"
    async with opened(project, "validate") as driver:
        findings = driver.app.screen.query_one(FindingsList)
        await choose(driver, "requirements-file-missing")
        await driver.press("f")
        await driver.see("What would change")
        assert "✓ requirements.txt: created, empty" in driver.text
        assert "$ packflow validate raw --fix --only requirements-file-missing" in driver.text
        await driver.press("n")
        assert not (project / "requirements.txt").exists()
        assert "fix" not in driver.app.jobs.latest
        await driver.press("r")
        await driver.quiet()
        await choose(driver, "artifact-ignored")
        await driver.press("f")
        await driver.see("+!/rules.txt")
        await driver.press("y")
        await driver.see("Mended: 1 thing.")
        assert ignored.read_text() == "!/rules.txt\n"
        assert not (project / "requirements.txt").exists()
        checks = {one.check for one in findings.findings}
        assert "artifact-ignored" not in checks
        assert "requirements-file-missing" in checks
        await driver.press("2", "4")
        await driver.quiet()
        assert {one.check for one in findings.findings} == checks, "an earlier look took the place of the last"


async def test_all_safe_fixes_are_done_at_once(work: Path) -> None:
    project = mendable_project(work / "raw")
    async with opened(project, "validate") as driver:
        await driver.press("F")
        await driver.see("What would change")
        await driver.press("y")
        await driver.see("Mended: 2 things.")
        assert (project / "requirements.txt").read_bytes() == b""
        assert (project / ".packflowignore").read_text() == "!/rules.txt\n"
        await driver.press("F")
        await driver.see("Nothing can be mended without a decision of yours")


async def test_a_fix_that_is_ready_asks_where_its_screen_is_looked_at(work: Path) -> None:
    project = mendable_project(work / "raw")
    async with opened(project, "validate") as driver:
        await driver.press("F", "1")
        await driver.until(lambda: driver.app.jobs.latest["plan-fixes"].state == "done")
        await driver.pilot.pause()
        assert "What would change" not in driver.text
        await driver.press("4")
        await driver.see("What would change")
        await driver.press("escape")
        assert not (project / "requirements.txt").exists()


async def test_copying_gives_the_command_or_the_screen(project: Path) -> None:
    async with opened(project, "dry-run") as driver:
        await driver.press("y")
        assert driver.app.clipboard == "packflow -C churn-scorer dry-run"
        await driver.press("Y")
        assert "single = batch" in driver.app.clipboard


async def test_quitting_asks_only_while_something_changes(project: Path) -> None:
    stop = threading.Event()

    def wait(_report: Any, cancel: threading.Event) -> None:
        cancel.wait(20)
        stop.set()

    async with opened(project) as driver:
        driver.app.start(Call("inspect", "Profile", [], wait, only_reads=True))
        driver.app.start(Call("export", "Write the archive", [], wait))
        await driver.press("q")
        await driver.see("Still at work: write the archive.")
        await driver.press("n", "q")
        await driver.see("Still at work")
        await driver.press("y")
        assert driver.app.return_value == 0
        assert stop.wait(2)


async def test_control_c_without_anything_to_stop_hints_at_q(project: Path) -> None:
    async with opened(project) as driver:
        await driver.press("ctrl+c")
        await driver.see("Press q to quit.")


async def test_without_colours_the_marked_choice_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(None, theme="none") as driver:
        for at in range(2):
            listed = driver.app.screen.query_one("#begin", OptionList)
            underlined = [
                any(piece.style is not None and piece.style.underline for piece in listed.render_line(row))
                for row in range(3)
            ]
            assert underlined == [row == at for row in range(3)]
            await driver.press("down")


async def test_themes_change_and_are_remembered(project: Path) -> None:
    async with opened(project) as driver:
        for name in ("light", "ansi", "dark"):
            await driver.press("t")
            await driver.pilot.pause()
            assert driver.app.theme == f"packflow-{name}"
            assert remembered().theme == name


async def test_a_key_that_comes_before_the_project_was_looked_at_is_not_lost(project: Path) -> None:
    path = project / "inference.py"
    path.write_text(path.read_text() + "\n# changed\n")
    app = PackflowApp(project)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        driver = Driver(app, pilot)
        assert app.seen is None
        await pilot.press("r")
        await driver.until(lambda: "dry-run" in app.jobs.latest, "the run")
        await driver.quiet()
    assert (dry_run_dir(project) / "report.json").is_file()


async def test_no_worker_outlives_the_app(project: Path) -> None:
    before = {thread.name for thread in threading.enumerate()}
    async with opened(project) as driver:
        await driver.press("2", "3", "4")
        await driver.quiet()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any("watch" in t.name for t in threading.enumerate()):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    assert not [t for t in threading.enumerate() if "watch" in t.name and t.name not in before]
