"""What was built, installed into clean environments and used: each by itself, and the one on what the other made."""

from __future__ import annotations

import gzip
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SECONDS = 300
_HIDDEN = ("PYTHON", "VIRTUAL_ENV", "PACKFLOW", "COV_")


class TrialFailedError(Exception):
    """What was built does not do what a release has to."""


@dataclass(frozen=True)
class Kept:
    """An archive of an earlier version, what went in and what came out on its day."""

    archive: Path
    events: bytes
    outcomes: bytes


@dataclass(frozen=True)
class Demo:
    """An archive that the installed app made, its events and what its own runtime answers."""

    archive: Path
    events: Path
    outcomes: bytes


@dataclass(frozen=True)
class Environment:
    """A new virtual environment with one wheel in it."""

    python: Path
    home: Path

    def run(self, *words: object, stdin: bytes = b"") -> bytes:
        """What ``python WORDS`` writes to standard output; TrialFailedError where it ends with an error."""
        return _run([self.python, *words], self.home, stdin)


def make_environment(python: Path, wheel: Path, home: Path) -> Environment:
    """An environment of ``python`` with nothing but the wheel and what it requires."""
    home.mkdir(parents=True)
    _run([python, "-m", "venv", home / "env"], home)
    environment = Environment(home / "env" / "bin" / "python", home)
    environment.run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    environment.run("-m", "pip", "--disable-pip-version-check", "check")
    return environment


def unpack_kept(folder: Path, target: Path) -> list[Kept]:
    """The archives of ``tests/data/kept``."""
    target.mkdir(parents=True)
    found = []
    for packed in sorted(folder.glob("*.zip.gz")):
        stem = packed.name.removesuffix(".zip.gz")
        archive = target / f"{stem}.zip"
        archive.write_bytes(gzip.decompress(packed.read_bytes()))
        events, outcomes = ((folder / f"{stem}.{part}.ndjson").read_bytes() for part in ("events", "outcomes"))
        found.append(Kept(archive, events, outcomes))
    return found


def make_archive(app: Environment) -> Demo:
    """Go the whole journey with the installed app."""
    target = app.home / "demo"
    app.run("-m", "packflow_app", "demo", "-o", target)
    archive, events = target / "demo-0.1.0.zip", target / "events.ndjson"
    return Demo(archive, events, app.run(archive, "run", "--codec", "stdlib", stdin=events.read_bytes()))


def try_the_app(app: Environment, demo: Demo, kept: Sequence[Kept]) -> None:
    """The installed app verifies and runs its own archive and every earlier one."""
    app.run("-m", "packflow_app", "verify", demo.archive, "--require", "parity,golden,known-runtime")
    for one in (Kept(demo.archive, demo.events.read_bytes(), demo.outcomes), *kept):
        app.run("-m", "packflow_app", "verify", one.archive)
        found = app.run("-m", "packflow_app", "run", one.archive, "--codec", "stdlib", stdin=one.events)
        _same(found, one.outcomes, f"packflow run {one.archive.name}")


def try_the_runtime(runtime: Environment, demo: Demo | None, kept: Sequence[Kept]) -> None:
    """The runtime that was built by itself verifies, replays and runs what the app made, and every earlier archive."""
    if demo is None:
        raise TrialFailedError("the app made no archive to try it on")
    packflow = ("-m", "packflow_runtime")
    runtime.run(*packflow, "verify", demo.archive, "--require", "parity,golden,known-runtime")
    runtime.run(*packflow, "replay", demo.archive)
    found = runtime.run(*packflow, "run", demo.archive, "--codec", "stdlib", stdin=demo.events.read_bytes())
    _same(found, demo.outcomes, f"python -m packflow_runtime run {demo.archive.name}")
    for one in kept:
        runtime.run(*packflow, "verify", one.archive)
        for words in ((*packflow, "run", one.archive), (one.archive, "run")):
            found = runtime.run(*words, "--codec", "stdlib", stdin=one.events)
            _same(found, one.outcomes, f"{' '.join(map(str, words))} {one.archive.name}")


def _same(found: bytes, expected: bytes, what: str) -> None:
    if found != expected:
        raise TrialFailedError(f"{what}: other outcomes than those that are recorded")


def _run(words: Sequence[object], home: Path, stdin: bytes = b"") -> bytes:
    command = [str(word) for word in words]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_HIDDEN)}
    environment |= {"HOME": str(home), "PACKFLOW_CACHE": str(home / "cache"), "PYTHONNOUSERSITE": "1"}
    done = subprocess.run(
        command, cwd=home, env=environment, input=stdin, capture_output=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        told = (done.stdout[-2000:] + done.stderr[-4000:]).decode("utf-8", "replace")
        raise TrialFailedError(f"{' '.join(command)} ended with exit code {done.returncode}:\n{told}".rstrip())
    return done.stdout
