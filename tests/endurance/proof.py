"""What the commands of this folder share: findings and a verdict, small projects, the runtime's command line.

Importing it makes the runtime importable from this checkout's sources, and the test modules whose samples are reused.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "packflow_runtime" / "src"
sys.path[1:1] = [str(SOURCE), str(ROOT / "tests")]


class Proof:
    """One proof: facts are printed as they come, findings are counted, ``verdict`` is the exit code."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.findings = 0
        self._started = time.monotonic()

    def say(self, fact: str) -> None:
        print(fact, flush=True)

    def finding(self, what: str) -> None:
        self.findings += 1
        self.say(f"FINDING: {what}")

    def expect(self, holds: object, what: str) -> None:
        """A finding unless it holds; ``what`` says what was seen."""
        if not holds:
            self.finding(what)

    def verdict(self) -> int:
        seconds = time.monotonic() - self._started
        found = f"FAILED, {self.findings} findings" if self.findings else "passed, no findings"
        self.say(f"verdict: {self.name} {found}, {seconds:,.0f} s")
        return 1 if self.findings else 0


@contextmanager
def temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="packflow-endurance-") as folder:
        yield Path(folder)


def write_project(folder: Path, backend: str) -> Path:
    """A project whose inference.py is ``backend``."""
    folder.mkdir()
    (folder / "packflow.yaml").write_text(f"name: {folder.name}\n", encoding="utf-8")
    (folder / "inference.py").write_text(backend, encoding="utf-8")
    return folder


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1", **more}


def run_command(project: Path, *arguments: object) -> list[str]:
    """The runtime's real command line."""
    return [sys.executable, "-m", "packflow_runtime", "run", str(project), *map(str, arguments)]


def run_to_end(command: list[str], timeout: float = 300.0) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False, env=environment(), timeout=timeout)


def shown(data: bytes, longest: int = 4000) -> str:
    """The repr of an input, cut where it would fill the screen."""
    if len(data) <= longest:
        return repr(data)
    return f"{data[:longest]!r} … ({len(data):,} bytes)"
