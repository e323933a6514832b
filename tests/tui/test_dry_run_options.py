"""The options of a dry run: each field, what is wrong in it, and that they are remembered for the session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from packflow_app.tui.screens.dry_run.options_dialog import DryRunOptionsDialog
from packflow_app.tui.widgets.chooser import Chooser
from projects import write_project
from screens import SIZES, Driver, opened

if TYPE_CHECKING:
    from textual.pilot import Pilot

FIELDS = ("events", "mode", "batch_sizes", "limit", "rtol", "atol", "ignore", "probes", "timeout", "python", "trust")


async def fill(driver: Driver, name: str, text: str) -> None:
    """Put a text in the place of a field's own."""
    field = driver.app.screen.query_one(f"#{name}", Input)
    field.focus()
    field.value = ""
    await driver.type(text)


def values(driver: Driver) -> dict[str, str]:
    """What the fields say."""
    fields = {name: driver.app.screen.query_one(f"#{name}") for name in FIELDS}
    return {name: field.value for name, field in fields.items() if isinstance(field, Input | Chooser)}


@pytest.mark.parametrize("size", SIZES, ids=["120x36", "80x24"])
async def test_all_fields_are_seen_and_reached_by_the_arrows(project: Path, size: tuple[int, int]) -> None:
    async with opened(project, "dry-run", size=size) as driver:
        await driver.press("o")
        await driver.see("trust pickles")
        for shown in ("churn-scorer/samples/events.ndjson", "(both)", "(on)", "200", "30", "↑ ↓ fields", "$ packflow"):
            assert shown in driver.text, shown
        for name in FIELDS:
            assert driver.app.focused is driver.app.screen.query_one(f"#{name}"), name
            await driver.press("down")
        assert driver.app.focused is driver.app.screen.query_one("#events")
        await driver.press("up")
        assert driver.app.focused is driver.app.screen.query_one("#trust")


async def test_every_field_becomes_its_option(project: Path, work: Path) -> None:
    (work / "a.ndjson").write_text('{"n": 1}\n{"n": 2}\n')
    said = {
        "events": "a.ndjson",
        "batch_sizes": "2,16",
        "limit": "50",
        "rtol": "1e-05",
        "atol": "0.25",
        "ignore": "a.b,c",
        "timeout": "12.5",
        "python": "pypy",
        "trust": "d.e",
    }
    async with opened(project, "dry-run") as driver:
        await driver.press("o")
        await driver.see("trust pickles")
        for name, text in said.items():
            await fill(driver, name, text)
        for name, key in (("mode", "left"), ("probes", "space")):
            driver.app.screen.query_one(f"#{name}").focus()
            await driver.press(key)
        await driver.press("enter")
        assert driver.app.journey_screen.command == (
            f"packflow -C churn-scorer dry-run {work}/a.ndjson --mode batch --batch-size 2,16 --limit 50 --rtol 1e-05 "
            "--atol 0.25 --timeout 12.5 --python pypy --ignore a.b --ignore c --trust-pickle d.e --no-probes"
        )
        await driver.press("o")
        assert values(driver) == {**said, "mode": "batch", "probes": "off"}
        for name in said:
            await fill(driver, name, "")
        for name, key in (("mode", "right"), ("probes", "h")):
            driver.app.screen.query_one(f"#{name}").focus()
            await driver.press(key)
        await driver.press("enter")
        assert driver.app.journey_screen.command == "packflow -C churn-scorer dry-run"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("events", "nowhere.ndjson", "There is no file nowhere.ndjson."),
        ("events", "~nobody/x", "There is no file ~nobody/x."),
        ("batch_sizes", "1,x", "is not a list of whole numbers"),
        ("limit", "0", "is not a number of events"),
        ("rtol", "nan", "is not a tolerance"),
        ("atol", "much", "is not a tolerance"),
        ("timeout", "0", "is not a number of seconds"),
    ],
)
async def test_what_is_wrong_is_said_and_kept(project: Path, name: str, text: str, told: str) -> None:
    async with opened(project, "dry-run", size=(80, 24)) as driver:
        await driver.press("o")
        await driver.see("trust pickles")
        await fill(driver, name, text)
        await driver.press("enter")
        assert told in " ".join(driver.text.replace("│", " ").split())
        assert isinstance(driver.app.screen, DryRunOptionsDialog)
        assert driver.app.screen.query_one(f"#{name}", Input).value == text
        await driver.press("escape")
        assert driver.app.journey_screen.command == "packflow -C churn-scorer dry-run"


async def test_options_are_run_and_remembered_until_another_project_is_opened(project: Path, work: Path) -> None:
    other = write_project(work / "other")
    async with opened(project, "dry-run") as driver:
        await driver.press("o")
        await driver.see("trust pickles")
        await fill(driver, "batch_sizes", "3")
        await fill(driver, "limit", "9")
        await driver.press("enter", "r")
        await driver.quiet()
        report = driver.app.jobs.latest["dry-run"].value.report
        assert (report.events, [mode.batch_size for mode in report.modes]) == (9, [1, 3])
        path = project / "inference.py"
        path.write_text(path.read_text() + "\n# changed\n")
        await driver.press("1")
        await driver.see("$ packflow -C churn-scorer dry-run --batch-size 3 --limit 9")
        await driver.press("3")
        assert driver.app.journey_screen.command.endswith("--batch-size 3 --limit 9")
        driver.app.open_project(other)
        await driver.quiet()
        assert driver.app.journey_screen.command == "packflow -C other dry-run"


async def test_a_chooser_is_clicked(project: Path) -> None:
    async with opened(project, "dry-run") as driver:
        pilot: Pilot[int] = driver.pilot
        await driver.press("o")
        await driver.see("trust pickles")
        await pilot.click("#mode", offset=(8, 0))
        assert driver.app.screen.query_one("#mode", Chooser).value == "single"
        assert driver.app.screen.query_one("#batch_sizes", Input).disabled


async def test_without_a_project_there_are_no_options(tmp_path: Path) -> None:
    async with opened(None, "dry-run") as driver:
        await driver.press("o")
        await driver.see("There is no project to run here.")
