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
    stdin: str | None = None,
    timeout: float = 120,
    env: dict[str, str] | None = None,
) -> Done:
    """Run ``packflow WORDS`` in ``cwd``, with nobody at its standard input; ``env`` is added to the environment."""
    return run_python("-m", "packflow_app", *words, cwd=cwd, stdin=stdin, timeout=timeout, env=env)


def run_python(
    *words: object,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float = 120,
    env: dict[str, str] | None = None,
) -> Done:
    """Run ``python WORDS``, such as an archive."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=timeout,
        check=False,
    )
    ended = Done(done.args, done.returncode, done.stdout, done.stderr)
    if "--json" in words and done.stdout:
        check_answer(ended.answer)
    return ended
