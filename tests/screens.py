"""Drive the terminal app in a test: open it on a project, wait until it is quiet, read what it shows."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from packflow_app.actions.dry_run import DryRunOptions, dry_run
from packflow_app.actions.export import ExportOptions, export
from packflow_app.actions.validate import ValidateOptions, validate
from packflow_app.actions.verify import VerifyOptions
from packflow_app.dryrun.session import ModeProgressed
from packflow_app.errors import CancelledError
from packflow_app.locations import dry_run_dir, journal_file
from packflow_app.tui.app import PackflowApp
from packflow_app.tui.new_project.question_view import QuestionView
from packflow_app.tui.new_project.screen import NewProjectScreen
from packflow_app.tui.screen_text import screen_text
from projects import write_project

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from textual.pilot import Pilot

SIZES = ((120, 36), (80, 24))
PATIENCE = 20.0
WAY = (
    ("Project name", "enter"),
    ("What is your model?", "enter"),
    ("Which Python runs it?", "enter"),
    ("Model file", "enter"),
    ("Do you trust who made model.pkl, and may it be opened?", "y"),
    ("Example events", "enter"),
    ("Which fields are the features, in which order?", "enter"),
    ("Create it?", "enter"),
)
"""What the wizard asks in the folder of ``stand_ins.make_bench``, and what goes on."""


class Driver:
    """A running app; ``press`` and ``text`` are what a user has."""

    def __init__(self, app: PackflowApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def text(self) -> str:
        return screen_text(self.app.screen)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a text into the field that has the focus."""
        named = {" ": "space", "/": "slash", ".": "full_stop", "-": "minus", "_": "underscore", "=": "equals_sign"}
        named |= {"'": "apostrophe", ",": "comma", "~": "tilde", '"': "quotation_mark", ">": "greater_than_sign"}
        await self.press(*(named.get(char, char) for char in text))

    async def until(self, holds: Callable[[], Any], what: str = "") -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"{what or 'it'} did not come:\n{self.text}"
            await asyncio.sleep(0.02)
            await self.pilot.pause()

    async def see(self, text: str) -> None:
        """Wait until the text is on the screen."""
        await self.until(lambda: text in self.text, repr(text))

    async def quiet(self) -> None:
        """Wait until the project was looked at and nothing is under way, reading included; or a person is asked."""

        def is_quiet() -> bool:
            latest = self.app.jobs.latest.values()
            return not self.app.is_looking and all(job.state != "running" or job.waits for job in latest)

        for _ in range(2):  # what one reading brought may ask for the next
            await self.until(is_quiet, "quiet")
            await self.pilot.pause()


@asynccontextmanager
async def opened(
    project: Path | None, screen: str = "home", *, size: tuple[int, int] = (120, 36), theme: str = "dark"
) -> AsyncIterator[Driver]:
    """The app, once it has settled."""
    app = PackflowApp(project, screen=screen, theme=theme)
    async with app.run_test(size=size, notifications=True) as pilot:
        driver = Driver(app, pilot)
        await driver.quiet()
        yield driver


def asked(driver: Driver) -> str:
    """The question of the wizard that is open; empty while none is."""
    screen = driver.app.screen
    view = screen.query_one(QuestionView) if isinstance(screen, NewProjectScreen) else None
    job = driver.app.jobs.latest.get("init")
    is_open = view is not None and view.asked is not None and job is not None and job.waits
    return view.asked.question.text if is_open else ""  # type: ignore[union-attr]


async def question(driver: Driver, wanted: str) -> str:
    """Wait for a question; the screen."""
    await driver.until(lambda: asked(driver) == wanted, wanted)
    await driver.pilot.pause()
    return driver.text


async def walk(driver: Driver, *, to: str) -> list[str]:
    """Begin, and answer all before a question; the screen at each."""
    await driver.press("n")
    texts = []
    for wanted, key in WAY:
        texts.append(await question(driver, wanted))
        if wanted == to:
            return texts
        await driver.press(key)
    return texts


def endless(report: Callable[[Any], None], cancel: threading.Event) -> None:
    """A dry run that goes on until it is stopped."""
    report(ModeProgressed("batch 8", 24, 60))
    cancel.wait(30)
    raise CancelledError("Stopped.")


def finished_project(folder: Path) -> Path:
    """A project that went the whole way: run, checked, exported; with measurements that are always the same."""
    project = write_project(
        folder / "churn-scorer",
        events=[
            {"n": n, "plan": "free" if n % 3 else "pro", "user": {"id": f"u{n}", "age": n % 50}} for n in range(60)
        ],
        config="description: Doubles.\nmaintainers: [Ada Lovelace <ada@example.org>]\n",
        files={"README.md": "# Churn\n", "MODEL_CARD.md": "# Card\n", "LICENSE.txt": "MIT\n"},
    )
    dry_run(DryRunOptions(project=project))
    fix_measurements(project)
    validate(ValidateOptions(project))
    export(ExportOptions(project=project, output=folder / "dist"))
    make_older(project)
    return project


def make_older(project: Path) -> None:
    """Let it be some minutes ago, so that ages read alike: files first, then the dry run, then the other steps."""
    now = time.time()
    for path in project.rglob("*"):
        os.utime(path, (now - 900, now - 900))
    os.utime(dry_run_dir(project) / "report.json", (now - 600, now - 600))
    journal = journal_file(project)
    kept = {step: {**entry, "at": now - 300} for step, entry in json.loads(journal.read_text()).items()}
    journal.write_text(json.dumps(kept))


def fix_measurements(project: Path) -> None:
    """Give the report of a dry run the same times, sizes and Python wherever it was made."""
    path = dry_run_dir(project) / "report.json"
    report = json.loads(path.read_text())
    timing = {"p50": 0.012, "p95": 0.025, "p99": 0.4}
    for rate, mode in zip((81_250.0, 402_100.0, 399_800.0), report["modes"], strict=True):
        mode |= {"events_per_second": rate, "latency_ms": timing}
        mode["steps_ms"] = dict.fromkeys(("preprocess", "execute", "transform_outputs"), timing)
        edges = [0.01 * 1.2**step for step in range(1, 25)]
        mode["histogram"] = {"edges_ms": edges, "counts": [24 - step for step in range(24)]}
    report |= {"load_seconds": 0.112, "initialize_seconds": 0.001, "peak_memory": 25_480_000, "python": "3.11.7"}
    report |= {"best_batch_size": 8, "log": "loading the model\nready"}
    path.write_text(json.dumps(report))


_VARYING = (
    (re.compile(r"\b[0-9a-f]{16,64}\b"), "0"),
    (re.compile(r"(?m)(?<=^│ {17})[0-9a-f]{4,15}(?= *│)"), "0"),  # the rest of a digest that is folded
    (re.compile(r"(?<![\w.-])\d[\d,.]*(?= (?:[KMG]iB|bytes|files))"), "9"),
    (re.compile(r"\bnow\b|\b\d+ (?:s|min|h|d)\b(?! left)"), "~"),
)


def normal(text: str, folder: Path) -> str:
    """A screen's text without what differs from run to run: digests, sizes of archives, ages, where it lies."""
    text = text.replace(str(folder), "/work")
    for pattern, mark in _VARYING:
        text = pattern.sub(lambda found, mark=mark: mark * (len(found[0]) if mark != "~" else 1), text)  # type: ignore[misc]
    lines = [re.sub(r"─{2,}", "──", re.sub(r" {2,}", "  ", line)).rstrip(" │╮╯─") for line in text.splitlines()]
    return "\n".join(lines) + "\n"


def options_of(driver: Driver, action: str) -> VerifyOptions | None:
    """What a job of a test has to know of its own: whose archive a verification is about."""
    seen = driver.app.seen
    if action != "verify" or seen is None or seen.archive is None:
        return None
    return VerifyOptions([seen.archive])
