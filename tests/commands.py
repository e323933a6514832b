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
    *words: object,
    cwd: Path | None = None,
    code: int | None = None,
    stdin: str | None = None,
    timeout: float = 120,
    without: tuple[str, ...] = (),
    **variables: str,
) -> Done:
    """Run ``packflow WORDS`` in ``cwd``, with nobody at its standard input; ``code`` is the exit code it must have.

    The environment is the test's, ``without`` what begins with one of these, and with ``variables``.
    """
    command = [sys.executable, "-m", "packflow_app", *words]
    return _run(command, cwd=cwd, code=code, stdin=stdin, timeout=timeout, without=without, variables=variables)


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
    without: tuple[str, ...] = (),
) -> Done:
    inherited = (
        {key: value for key, value in os.environ.items() if not key.startswith(without)} if without else os.environ
    )
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**inherited, **variables},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=timeout,
        check=False,
    )
    ended = Done(done.args, done.returncode, done.stdout, done.stderr)
    told = f"{done.stdout[-6000:]}{done.stderr[-3000:]}"
    assert "Traceback" not in done.stderr, told
    assert code is None or done.returncode == code, told
    if "--json" in command and done.stdout:
        check_answer(ended.answer)
    return ended
