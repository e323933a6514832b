"""Starting the real command in a process of its own; what it prints with ``--json`` is held against its schema."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from json_schemas import check_answer


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    args: list[str]
    returncode: int
    stdout: str
    stderr: str

    @cached_property
    def answer(self) -> dict[str, Any]:
        """What it printed as one JSON object."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found


def packflow(
    *words: str | Path | float,
    cwd: Path | None = None,
    code: int | None = None,
    stdin: str | None = None,
    timeout: float = 120,
    **variables: str,
) -> Done:
    """Run ``packflow WORDS`` in ``cwd``, with nobody at its standard input; ``code`` is the exit code it must have.

    The environment is the test's, and ``variables``.
    """
    command = [sys.executable, "-m", "packflow_app", *words]
    return _run(command, cwd=cwd, code=code, stdin=stdin, timeout=timeout, variables=variables)


def told(*words: str | Path | float, code: int = 0, **options: Any) -> dict[str, Any]:
    """What ``packflow WORDS --json`` answers, with the options of ``packflow``; nothing is written beside it."""
    ran = packflow(*words, "--json", code=code, **options)
    assert ran.stderr == ""
    return ran.answer


def run_python(*words: object, cwd: Path | None = None, **variables: str) -> Done:
    """Run ``python WORDS``, such as an archive."""
    return _run([sys.executable, *words], cwd=cwd, variables=variables)


def _run(
    command: list[object],
    *,
    cwd: Path | None,
    variables: dict[str, str],
    code: int | None = None,
    stdin: str | None = None,
    timeout: float = 120,
) -> Done:
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**os.environ, **variables},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=timeout,
        check=False,
    )
    ended = Done(done.args, done.returncode, done.stdout, done.stderr)
    written = f"{done.stdout[-6000:]}{done.stderr[-3000:]}"
    assert "--debug" in command or "Traceback" not in done.stderr, written
    assert code is None or done.returncode == code, written
    if "--json" in command and done.stdout:
        check_answer(ended.answer)
    return ended
