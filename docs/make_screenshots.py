"""Make the pictures of docs/terminal-app.md: each screen of the app, on events and a model that are generated.

    python docs/make_screenshots.py

Writes docs/screens/NAME.svg. It works in a temporary folder and reads nothing of yours.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.actions.dry_run import DryRunOptions, dry_run
from packflow_app.actions.export import ExportOptions, export
from packflow_app.actions.init import InitOptions, init
from packflow_app.actions.validate import ValidateOptions, validate
from packflow_app.tui.app import PackflowApp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

FOLDER = Path(__file__).resolve().parent / "screens"
SIZE = (120, 36)
SECONDS = 60
LEAK = """
from packflow_runtime import BackendConfig, InferenceBackend


class Config(BackendConfig):
    threshold: float = 3.0


class Backend(InferenceBackend):
    backend_config_model = Config

    def execute(self, inputs):
        mean = sum(event["src"]["port"] for event in inputs) / len(inputs)
        return [
            {"unusual": event["src"]["port"] > self.config.threshold * mean, "above": event["src"]["port"] - mean}
            for event in inputs
        ]
"""


def write_events(path: Path) -> None:
    """Firewall-like events of a made-up network, with a broken line and a number that became a text."""
    chance = random.Random(7)  # noqa: S311 - a picture, not a secret
    lines = []
    for number in range(2000):
        event = {
            "ts": f"2025-03-01T10:{number // 60 % 60:02}:{number % 60:02}Z",
            "action": chance.choice(["allow", "allow", "allow", "deny"]),
            "src": {
                "ip": f"10.0.{chance.randrange(4)}.{chance.randrange(1, 255)}",
                "port": chance.randrange(1024, 65536),
            },
            "dst": {"ip": f"192.0.2.{chance.randrange(1, 40)}", "port": chance.choice([53, 80, 443, 443, 8443])},
            "bytes": int(chance.lognormvariate(7, 1.4)),
            "proto": chance.choice(["tcp", "tcp", "udp"]),
        }
        if number == 12:
            event["bytes"] = "n/a"
        lines.append('{"ts": "2025-03-01T10:00:04Z", "action": }' if number == 4 else json.dumps(event))
    path.write_text("\n".join(lines) + "\n")


async def settle(app: PackflowApp, pilot: Pilot[int]) -> None:
    """Wait until nothing is under way."""
    for _ in range(SECONDS * 10):
        await pilot.pause(0.1)
        if not app.is_looking and all(job.state != "running" or job.waits for job in app.jobs.latest.values()):
            break
    await pilot.pause(0.3)


async def picture(
    name: str, project: Path | None, screen: str, keys: tuple[str, ...] = (), theme: str = "dark"
) -> None:
    """One screen, after some keys."""
    app = PackflowApp(project, screen=screen, theme=theme)
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(app, pilot)
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{name}.svg").write_text(app.export_screenshot(title="packflow"), encoding="utf-8")
    print(f"docs/screens/{name}.svg")  # noqa: T201 - a script


@contextmanager
def somewhere_else() -> Iterator[Path]:
    """A temporary home and current folder."""
    with tempfile.TemporaryDirectory() as folder:
        here, home = Path.cwd(), os.environ.get("HOME")
        os.environ |= {"HOME": folder, "XDG_STATE_HOME": f"{folder}/.state"}
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(here)
            if home is not None:
                os.environ["HOME"] = home


def main() -> None:
    """Make all pictures."""
    with somewhere_else() as folder:
        write_events(folder / "flows.ndjson")
        asked = ("n", *_typed("flow-score"), "enter", "enter", "enter", "enter")
        asyncio.run(picture("new-project", None, "home", asked))
        project = init(InitOptions(folder / "flow-score", folder / "flows.ndjson")).path
        leaky = init(InitOptions(folder / "leaky", folder / "flows.ndjson")).path
        (leaky / "inference.py").write_text(LEAK)
        dry_run(DryRunOptions(project=leaky))
        asyncio.run(picture("welcome", None, "home"))
        dry_run(DryRunOptions(project=project))
        validate(ValidateOptions(project))
        asyncio.run(picture("events", project, "inspect", ("o", *_typed("flows.ndjson"), "enter", "n")))
        asyncio.run(picture("events-light", project, "inspect", theme="light"))
        asyncio.run(picture("dry-run", project, "dry-run"))
        asyncio.run(picture("dry-run-options", project, "dry-run", ("o", "down", "down", *_typed("1,8,32"))))
        asyncio.run(picture("difference", leaky, "dry-run"))
        asyncio.run(picture("side-by-side", leaky, "dry-run", ("enter",)))
        asyncio.run(picture("validate", leaky, "validate"))
        export(ExportOptions(project, folder / "dist"))
        asyncio.run(picture("export", project, "export", ("r",)))
        asyncio.run(picture("archive", project, "verify"))
        (project / "inference.py").write_text((project / "inference.py").read_text() + "\n")
        asyncio.run(picture("home", project, "home"))
        asyncio.run(picture("keys", project, "home", ("question_mark",)))


def _typed(text: str) -> list[str]:
    return [{"/": "slash", ".": "full_stop", "-": "minus", ",": "comma"}.get(char, char) for char in text]


if __name__ == "__main__":
    main()
