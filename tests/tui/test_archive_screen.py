"""The archive screen: any archive, whatever it is, and every key."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions.export import ExportOptions, export
from packflow_app.actions.replay import ReplayDone
from packflow_app.actions.sign import SigningKey, SignOptions, sign
from packflow_app.actions.verify import VerifiedArchive, VerifyDone, VerifyOptions, verify
from packflow_app.environments.tools import EnvironmentProgressed
from packflow_app.packaging.private_keys import write_key_pair
from packflow_app.projects.journal import read_journal
from packflow_app.tui.registry import ACTIONS, Call
from packflow_app.tui.screens.archive.demands_dialog import DemandsDialog
from packflow_app.tui.screens.archive.file_dialog import FileDialog
from packflow_app.tui.widgets.files_tree import FilesTree
from packflow_app.tui.widgets.pane_tabs import PaneTabs
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from runtime.archives import archive_of, tiny_files
from runtime.hostile_archives import hostile_archives
from screens import SIZES, Driver, opened

BOTH = pytest.mark.parametrize("size", SIZES, ids=["120x36", "80x24"])
NAME = "churn_scorer-0.1.0.zip"


@pytest.fixture
def archive(work: Path) -> Path:
    return work / "dist" / NAME


def words(driver: Driver) -> str:
    """The text without frames, in one line; of panels side by side the left one first."""
    rows = [row.split("││") for row in driver.text.splitlines()]
    text = "\n".join([*(row[0] for row in rows), *(part for row in rows for part in row[1:])])
    return " ".join(text.replace("│", " ").replace("█", " ").split())


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def damage(archive: Path) -> None:
    """Change a byte of two files."""
    data = bytearray(archive.read_bytes())
    for text in (b"class Backend", b"# Churn"):
        data[data.rindex(text)] ^= 1
    archive.write_bytes(data)


@BOTH
async def test_checked_and_claimed_stand_apart(project: Path, archive: Path, size: tuple[int, int]) -> None:
    sha256 = digest_of(archive)
    async with opened(project, "verify", size=size) as driver:
        await driver.see("✓ verified")
        told = words(driver)
        for text in ("structure, names, manifest, listing, configuration,", "not signed", "byte for byte the one"):
            assert text in told
        assert sha256[:32] in told
        if size[0] == 80:
            await driver.press("p")
            await driver.quiet()
        assert "single = batch equal on 60 events" in words(driver)
        assert "golden events 50" in words(driver)
        assert driver.app.journey_screen.command == f"packflow verify dist/{NAME}"
        assert read_journal(project)["verify"].ok


@BOTH
async def test_panes_go_round(project: Path, size: tuple[int, int]) -> None:
    async with opened(project, "verify", size=size) as driver:
        tabs = driver.app.screen.query_one(PaneTabs)
        seen = {}
        for _ in range(5 if size[0] == 80 else 4):
            seen[tabs.current] = words(driver)
            await driver.press("p")
            await driver.pilot.pause(0.1)
        assert tabs.current == "files"
        assert "Input fields 5" in seen["needs-pane"]
        assert '"name": "churn-scorer"' in seen["manifest-pane"]
        assert "Press d to compare" in seen["changes-pane"]
        assert ("claims-pane" in seen) == (size[0] == 80)
        await driver.press("p")
        await driver.pilot.resize_terminal(120, 36)
        await driver.pilot.pause(0.2)
        assert tabs.current != "claims-pane", "what has a panel of its own is no pane"


async def test_files_are_looked_at_checked(project: Path) -> None:
    async with opened(project, "verify") as driver:
        tree = driver.app.screen.query_one(FilesTree)
        await driver.press("enter")
        assert not isinstance(driver.app.screen, FileDialog), "a folder opens and closes"
        await driver.press("enter")
        assert tree.find("packflow-info/dry-run.json")
        await driver.pilot.pause(0.1)
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, FileDialog))
        assert '"events": 60' in driver.text
        await driver.press("escape")
        assert tree.find("packflow_runtime/backend.py"), "a folder that was never opened"


@BOTH
async def test_a_damaged_archive_is_told_file_by_file(project: Path, archive: Path, size: tuple[int, int]) -> None:
    damage(archive)
    async with opened(project, "verify", size=size) as driver:
        assert "run it" not in driver.text
        await driver.see("✗ not as it was built")
        assert "Found by the check of contents" in words(driver)
        assert "✓ passed" in driver.text
        tree = driver.app.screen.query_one(FilesTree)
        for press, name in (("n", "project/README.md"), ("n", "project/inference.py"), ("N", "project/README.md")):
            await driver.press(press)
            await driver.until(lambda name=name: tree.chosen == name)  # type: ignore[misc]
            await driver.until(lambda: "✗ wrong bytes" in driver.text, "the file")
        await driver.press("enter")
        await driver.quiet()
        assert not isinstance(driver.app.screen, FileDialog), "wrong bytes are not shown"
        await driver.press("R")
        await driver.see("Only an archive that passed")
        await driver.press("c")
        assert "contents" in driver.app.clipboard
        assert not read_journal(project)["verify"].ok
        await driver.press("1")
        await driver.see("did not pass")


@BOTH
async def test_whose_signature_it_is(project: Path, archive: Path, work: Path, size: tuple[int, int]) -> None:
    for name in ("mine", "other"):
        write_key_pair(work / f"{name}.key", None)
    sign(SignOptions(archive, SigningKey(work / "mine.key")))
    (work / "keys").mkdir()
    shutil.copy(work / "mine.pub", work / "keys")

    async def demand(driver: Driver, **fields: str) -> None:
        await driver.press("s")
        await driver.until(lambda: isinstance(driver.app.screen, DemandsDialog))
        for name, text in {"key": "", "keys": "", **fields}.items():
            driver.app.screen.query_one(f"#{name}").focus()
            await driver.press("end", "ctrl+u")
            await driver.type(text)

    async with opened(project, "verify", size=size) as driver:
        assert "s checks it with a key" in words(driver)
        await demand(driver, key="none.pub")
        assert "There is no file none.pub." in driver.text
        await demand_again(driver, "key", "mine.key")
        await driver.press("enter")
        assert isinstance(driver.app.screen, DemandsDialog), "a private key is none to check with"
        await demand_again(driver, "key", "other.pub")
        await driver.press("enter")
        await driver.see("✗ not as demanded")
        assert "not with the key" in words(driver)
        assert "✗ demanded signed: the signature beside it is by a key that was given" in words(driver)
        assert "run it" not in driver.text, "what is not as demanded is not to be run"
        assert not read_journal(project)["verify"].ok
        await demand(driver, keys="keys")
        await driver.press("enter")
        await driver.see("✓ verified")
        assert "✓ signature by key" in words(driver)
        assert driver.app.journey_screen.command == f"packflow verify dist/{NAME} --keys keys"
        await demand(driver)
        for name in ("lock", "no-pickle", "provenance"):
            driver.app.screen.query_one(f"#{name}").focus()
            await driver.press("space")
        driver.app.screen.query_one("#key").focus()
        await driver.press("enter")
        await driver.see("✗ not as demanded")
        assert "--require lock,provenance,no-pickle" in driver.app.journey_screen.command


async def demand_again(driver: Driver, name: str, text: str) -> None:
    driver.app.screen.query_one(f"#{name}").focus()
    await driver.press("end", "ctrl+u")
    await driver.type(text)


@BOTH
async def test_what_another_archive_changes(project: Path, work: Path, size: tuple[int, int]) -> None:
    path = project / "packflow.yaml"
    path.write_text(path.read_text() + "version: 0.2.0\n")
    export(ExportOptions(project, work / "new"))
    async with opened(None, size=size) as driver:
        driver.app.show_archive(work / "dist" / NAME)
        await driver.see("✓ verified")
        await driver.press("d")
        await driver.see("Path of the other archive")
        await driver.type("nothing.zip")
        await driver.press("enter")
        await driver.see("no such file")
        await driver.press("ctrl+u")
        await driver.type("new/churn_scorer-0.2.0.zip")
        await driver.press("enter")
        await driver.see("churn-scorer 0.1.0 → churn-scorer 0.2.0")
        assert driver.app.journey_screen.command == f"packflow show dist/{NAME} new/churn_scorer-0.2.0.zip"
        await driver.press("p")
        await driver.see("Contents")
        assert driver.app.journey_screen.command == f"packflow verify dist/{NAME}"
        (work / "broken.zip").write_bytes(b"PK\x03\x04")
        await driver.press("d")
        await driver.see("Path of the other archive")
        await driver.type("broken.zip")
        await driver.press("enter")
        await driver.until(lambda: driver.app.jobs.latest["changes"].state == "failed")
        await driver.see("next  ")
        assert "where " in driver.text
        told = [panel.text for panel in driver.app.journey_screen.query(ProblemPanel) if panel.display]
        assert len(told) == 1
        assert "broken.zip" in told[0], "which of the two it is"  # on the screen a long path may break within it
        await driver.press("d")
        await driver.see("Path of the other archive")
        await driver.type(f"dist/{NAME}")
        await driver.press("enter")
        await driver.see("the same archive")
        assert "next  " not in driver.text
        driver.app.show_archive(work / "new" / "churn_scorer-0.2.0.zip")
        await driver.see("✓ verified  churn-scorer 0.2.0")
        await driver.see("▼ project/")
        assert driver.app.journey_screen.command == "packflow verify new/churn_scorer-0.2.0.zip"


def replayed(archive: Path, *, equal: bool) -> Any:
    """An action that ends as a replay does, without making an environment."""

    def run(_report: Any, _cancel: threading.Event) -> VerifyDone:
        one = verify(VerifyOptions([archive])).archives[0]
        told = ReplayDone(equal, 50, 0 if equal else 2, 1, 3, 100, "3.11.7", locked=False)
        return VerifyDone((VerifiedArchive(archive, one.found, replay=told),))

    return run


@BOTH
async def test_a_replay_says_how_far_it_is_is_stopped_and_tells_what_it_gave(
    project: Path, archive: Path, size: tuple[int, int]
) -> None:
    options = VerifyOptions([archive], replay=True)
    call = ACTIONS["replay"].call(options)

    def slow(report: Any, cancel: threading.Event) -> None:
        report(EnvironmentProgressed("install", "numpy"))
        cancel.wait(20)

    async with opened(project, "verify", size=size) as driver:
        driver.app.start(Call("replay", call.title, call.words, slow, options))
        await driver.see("installing the requirements")
        await driver.press("escape")
        await driver.see("stopped")
        assert "✓ verified" in driver.text, "what was verified before stays so"
        driver.app.start(Call("replay", call.title, call.words, replayed(archive, equal=True), options))
        await driver.see("✓ replay")
        assert "49 of 50 golden events equal on Python 3.11.7, 1 ties" in words(driver)
        assert driver.app.journey_screen.command == f"packflow verify dist/{NAME} --replay"
        driver.app.start(Call("replay", call.title, call.words, replayed(archive, equal=False), options))
        await driver.see("✗ other outputs here")
        assert "gives other outputs here for 2 golden events" in words(driver)
        await driver.press("r")
        await driver.see("✓ verified")
        assert driver.app.journey_screen.command == f"packflow verify dist/{NAME}"


@pytest.mark.slow
async def test_a_replay_for_real(project: Path) -> None:
    async with opened(project, "verify") as driver:
        await driver.see("✓ verified")
        await driver.press("R")
        await driver.until(lambda: driver.app.jobs.latest["replay"].state in ("done", "failed"))
        await driver.see("50 of 50 golden events equal")


async def test_an_archive_that_goes_away_or_changes_underneath_is_looked_at_anew(project: Path, archive: Path) -> None:
    async with opened(project, "verify") as driver:
        await driver.see("✓ verified")
        driver.app.archive = archive
        os.unlink(archive)  # noqa: PTH108 - in a coroutine, of which the linter asks that it wait for no Path
        driver.app.project_changed.publish(driver.app.seen)
        await driver.see("✗ not to be read")
        await driver.until(lambda: "cannot be opened" in words(driver))
        for key in ("r", "R", "d", "escape", "s", "escape", "p", "n", "enter"):
            await driver.press(key)
        await driver.quiet()
        assert "fault" not in driver.text


@BOTH
async def test_any_archive_can_be_opened(work: Path, size: tuple[int, int]) -> None:
    (work / "not.zip").write_bytes(b"PK\x03\x04 nonsense")
    async with opened(None, size=size) as driver:
        await driver.press("6")
        await driver.see("No archive is open.")
        for key in ("r", "R", "s", "d", "p", "n", "enter"):
            await driver.press(key)
        await driver.press("o")
        await driver.see("Open an archive")
        await driver.type("nothing.zip")
        await driver.press("enter")
        await driver.see("no such file")
        await driver.press("ctrl+u")
        await driver.type(f"dist/{NAME}")
        await driver.press("enter")
        await driver.see("✓ verified")
        driver.app.show_archive(work / "not.zip")
        await driver.see("✗ not as it was built")
        assert "next " in driver.text
        assert "fault" not in driver.text


async def test_of_every_hostile_archive_the_reason_is_told(work: Path) -> None:
    """The first of each class; the corpus itself is the verifier's to refuse."""
    found = {one.kind: one for one in hostile_archives(archive_of(tiny_files()))}
    async with opened(None, "verify") as driver:
        for number, one in enumerate(found.values()):
            path = work / f"{number}.zip"
            path.write_bytes(one.data)
            driver.app.show_archive(path)
            await driver.until(lambda path=path: is_told(driver, path), one.what)  # type: ignore[misc]
            assert "✗ not" in driver.text, one.what
            assert "fault:" not in driver.text, one.what
            assert "\x1b" not in driver.text


def is_told(driver: Driver, path: Path) -> bool:
    job = driver.app.jobs.latest.get("verify")
    return job is not None and job.call.options.archives == [path] and job.state in ("done", "failed")


async def test_hundreds_of_files_are_shown_without_waiting(project: Path) -> None:
    sizes = {f"project/data/{number:05}.bin": number for number in range(20_000)}
    sizes |= {f"project/{'d/' * 40}x.txt": 1, "project/\u202eevil\x1b[31m.py": 5}
    async with opened(project, "verify") as driver:
        tree = driver.app.screen.query_one(FilesTree)
        tree.show(sizes)
        await driver.pilot.pause(0.1)
        assert tree.find("project/data/00500.bin")
        await driver.pilot.pause(0.2)
        assert tree.chosen == "project/data/00500.bin"
        assert not tree.find("project/data/19999.bin"), "the last are counted only"
        await driver.press("G")
        await driver.pilot.pause(0.1)
        assert "\x1b" not in driver.text
        assert "\u202e" not in driver.text


def test_a_file_of_an_archive_is_told_as_json(archive: Path) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "packflow_app", "show", str(archive), "--file"]
    ran = subprocess.run([*command, "project/README.md", "--json"], capture_output=True, text=True, check=True)
    told = json.loads(ran.stdout)["data"]
    assert told["text"] == "# Churn\n"
    assert (told["size"], told["cut"]) == (8, False)
    plain = subprocess.run([*command, "project/README.md"], capture_output=True, text=True, check=True)
    assert plain.stdout == "# Churn\n"
    missing = subprocess.run([*command, "nothing"], capture_output=True, text=True, check=False)
    assert missing.returncode == 3
    assert "has no file 'nothing'" in missing.stderr
