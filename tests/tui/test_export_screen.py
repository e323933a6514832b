"""The export screen: what gates an export, what is asked, what is written, and what goes wrong on the way."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions.export import ExportOptions
from packflow_app.packaging.private_keys import write_key_pair
from packflow_app.packaging.writing import FileWritten
from packflow_app.tui.dialogs.question import QuestionDialog
from packflow_app.tui.registry import Call
from packflow_app.tui.screens.export.options_dialog import ExportOptionsDialog
from packflow_app.tui.widgets.files_tree import FilesTree
from projects import backend, write_project
from screens import SIZES, Driver, opened

BOTH = pytest.mark.parametrize("size", SIZES, ids=["120x36", "80x24"])
LEAKY = backend("return [{'score': e['n'] - sum(i['n'] for i in inputs) / len(inputs)} for e in inputs]")


def in_one_line(driver: Driver) -> str:
    """The text without frames and line breaks."""
    return " ".join(driver.text.replace("│", " ").replace(" \\ ", " ").split())


@BOTH
async def test_the_plan_is_shown_and_what_is_written(project: Path, work: Path, size: tuple[int, int]) -> None:
    (project / ".env").write_text("TOKEN=1\n")
    async with opened(project, "export", size=size) as driver:
        await driver.see("Before: the model is run first" if "run first" in driver.text else "Ready to export")
        for told in ("single = batch: 60 of 60", "nothing in the way", "50 real events"):
            assert told in in_one_line(driver), told
        parts = driver.app.screen.query_one(FilesTree).root.children
        assert [str(part.label).split("  ")[0].strip() for part in (parts[0], parts[-1])] == [
            "project/",
            "left out (4)",
        ]
        assert any("may hold secrets" in str(file.label) for file in parts[-1].children)
        await driver.press("r")
        await driver.see("✓ written")
        assert "built twice: identical" in driver.text
        assert "sha256" in driver.text
        assert "Left out, since they may hold secrets: .env." in in_one_line(driver)
        assert "python3 churn_scorer-0.1.0.zip < churn-scorer/samples/events.ndjson" in in_one_line(driver)
        assert (work / "churn_scorer-0.1.0.zip").is_file()
        await driver.press("r")
        await driver.see("✓ unchanged, byte for byte")


async def test_what_is_in_the_way_is_told_before_and_after(project: Path) -> None:
    (project / "requirements.txt").unlink()
    async with opened(project, "export") as driver:
        await driver.see("✗ In the way")
        assert "requirements.txt" in driver.text
        await driver.press("r")
        await driver.until(lambda: driver.app.jobs.latest["export"].state == "failed")
        await driver.see("next  ")
        (project / "requirements.txt").write_text("")
        await driver.until(lambda: "In the way" not in driver.text)


async def test_a_model_whose_answers_depend_on_the_batch_is_in_the_way(tmp_path: Path) -> None:
    project = write_project(tmp_path / "leaky", LEAKY)
    async with opened(project, "export") as driver:
        await driver.see("Before: the model is run first")
        await driver.press("r")
        await driver.until(lambda: driver.app.jobs.latest["export"].state == "failed")
        await driver.see("single ≠ batch")
        assert "✗ In the way" in driver.text


@BOTH
async def test_real_events_ship_once_somebody_agreed(
    tmp_path: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the archive goes
    project = write_project(tmp_path / "model", events=[{"n": n, "ip": "8.8.8.8"} for n in range(30)])
    async with opened(project, "home", size=size) as driver:
        await driver.press("5")
        await driver.quiet()
        await driver.see("once you agree to how many")
        await driver.press("r", "1")
        await driver.see("example events may ship?")
        assert "public IP addresses in ip" in driver.text
        assert driver.app.jobs.latest["export"].state == "running"
        await driver.press("ctrl+u")
        await driver.type("99")
        await driver.press("enter")
        await driver.see("is no number from 0 to")
        await driver.press("escape")
        await driver.until(lambda: driver.app.jobs.latest["export"].state == "cancelled")
        assert not (project / "golden").exists()
        await driver.press("5", "r")
        await driver.see("example events may ship?")
        await driver.press("ctrl+u")
        await driver.type("3")
        await driver.press("enter")
        await driver.see("✓ written")
        assert len((project / "golden" / "inputs.ndjson").read_text().splitlines()) == 3


async def test_a_question_goes_when_its_job_is_stopped(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model")
    async with opened(project, "export") as driver:
        await driver.press("r")
        await driver.see("example events may ship?")
        await driver.press("ctrl+c")
        await driver.until(lambda: not isinstance(driver.app.screen, QuestionDialog))
        assert driver.app.jobs.latest["export"].state == "cancelled"
        assert not (project / "golden").exists()


async def test_it_asks_before_it_replaces(project: Path, work: Path) -> None:
    other = work / "churn_scorer-0.1.0.zip"
    other.write_bytes(b"another")
    async with opened(project, "export") as driver:
        assert "is there; you are asked before" in driver.text
        await driver.press("r")
        await driver.see("Replace it")  # where the text before it folds depends on the folder
        await driver.press("n")
        assert other.read_bytes() == b"another"
        await driver.press("r")
        await driver.see("Are you sure?")
        await driver.press("y")
        await driver.see("✓ written")
        assert other.read_bytes() != b"another"


async def fill(driver: Driver, **fields: str) -> None:
    """Type into the fields of the dialog."""
    for name, text in fields.items():
        driver.app.screen.query_one(f"#{name.replace('_', '-')}").focus()
        await driver.press("end", "ctrl+u")
        await driver.type(text)


@BOTH
async def test_all_options_are_in_the_dialog_and_the_command(project: Path, work: Path, size: tuple[int, int]) -> None:
    write_key_pair(work / "my.key", "word")
    async with opened(project, "export", size=size) as driver:
        await driver.press("o")
        await driver.until(lambda: isinstance(driver.app.screen, ExportOptionsDialog))
        await fill(driver, output="out", golden="99")
        assert "at most 50" in driver.text
        await fill(driver, golden="nowhere.ndjson")
        assert "neither a number, none, nor a file" in driver.text
        await fill(driver, golden="9", key="no.key")
        assert "There is no file no.key." in driver.text
        await fill(driver, key="my.key")
        assert "Type its passphrase" in driver.text
        await driver.press("enter")
        assert isinstance(driver.app.screen, ExportOptionsDialog), "nothing is taken while something is wrong"
        await fill(driver, passphrase="word", targets="nonsense")
        assert "word" not in driver.text, "a passphrase is seen by nobody"
        assert "nonsense" in driver.text.splitlines()[-8] or "target" in driver.text
        await fill(driver, targets="linux-x86_64-cp311")
        assert "Name the kit's folder" in driver.text
        await fill(driver, targets="", command="signer --now")
        assert "not with both" in driver.text
        await fill(driver, key="")
        assert "Name the one that the command signs with." in driver.text
        await fill(driver, key="my.key")
        await fill(driver, command="")
        for name in ("wheel", "rebuild"):
            driver.app.screen.query_one(f"#{name}").focus()
            await driver.press("space")
        driver.app.screen.query_one("#golden").focus()
        await driver.press("enter")
        wanted = "packflow export churn-scorer -o out --golden 9 --format wheel --sign my.key --rebuild"
        assert driver.app.journey_screen.command == wanted
        assert "word" not in repr(driver.app.journey_screen._options)  # type: ignore[attr-defined]
        await driver.press("r")
        await driver.see("✓ written")
        assert "by key" in driver.text
        assert ".whl" in driver.text
        names = sorted(path.suffix for path in (work / "out").iterdir())
        assert names == [".sig", ".whl", ".zip"]


async def test_a_wrong_passphrase_is_said_before_anything_is_written(project: Path, work: Path) -> None:
    write_key_pair(work / "my.key", "word")
    async with opened(project, "export") as driver:
        await driver.press("o")
        await driver.until(lambda: isinstance(driver.app.screen, ExportOptionsDialog))
        await fill(driver, key="my.key", passphrase="other")
        await driver.press("enter", "r")
        await driver.see("The passphrase does not open")
        assert not (work / "churn_scorer-0.1.0.zip").exists()


async def test_what_is_left_with_escape_changes_nothing(project: Path) -> None:
    async with opened(project, "export") as driver:
        await driver.press("o")
        await driver.until(lambda: isinstance(driver.app.screen, ExportOptionsDialog))
        await fill(driver, golden="3")
        await driver.press("escape")
        assert driver.app.journey_screen.command == "packflow export churn-scorer"


@BOTH
async def test_an_export_is_stopped_while_it_writes(project: Path, size: tuple[int, int]) -> None:
    ended = threading.Event()

    def slow(report: Any, cancel: threading.Event) -> None:
        report(FileWritten("a", 3, 9, 300, 900, again=True))
        cancel.wait(20)
        ended.set()

    async with opened(project, "export", size=size) as driver:
        driver.app.start(Call("export", "Write the archive", ["packflow", "export"], slow, ExportOptions(project)))
        await driver.see("building again")
        assert "3 of 9 files" in driver.text
        assert "esc stop" in driver.text
        await driver.press("escape")
        await driver.see("Write the archive: stopped.")
        assert ended.wait(2)
        assert "building again" not in driver.text


async def test_a_project_that_goes_away_is_said(project: Path) -> None:
    async with opened(project, "export") as driver:
        await driver.see("Ready to export")
        shutil.rmtree(project)
        await driver.see("There is no project to export.")
        await driver.press("r")
        await driver.quiet()
        assert "fault" not in driver.text


@pytest.mark.parametrize("keys", ["j", "k", "G", "g", "enter", "left", "right"])
async def test_the_contents_are_walked_through(project: Path, keys: str) -> None:
    async with opened(project, "export") as driver:
        await driver.press("j", keys)
        assert "fault" not in driver.text
