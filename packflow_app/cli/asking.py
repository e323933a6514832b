"""Ask a person a question; where nobody sits at a terminal, nothing is asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from packflow_app.cli.terminal import visible
from packflow_app.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from packflow_app.cli.terminal import Terminal


def can_ask(terminal: Terminal) -> bool:
    """Whether a person sees what is written and can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not terminal.as_json


def ask(
    terminal: Terminal, question: str, understand: Callable[[str], int | None], *, help_text: str, flags: str
) -> int:
    """Ask until the answer is understood; ``understand`` gives None for what it does not take.

    Raises UsageError, which names the ``flags`` that answer, at the end of input.
    """
    terminal.end_progress()
    while True:
        sys.stderr.write(f"{visible(question)} ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            sys.stderr.write("\n")
            raise UsageError("The question was not answered.", code="input-missing", hint=flags)
        answer = understand(line.strip())
        if answer is not None:
            return answer
        terminal.err.print(help_text, markup=False)


def confirmed(terminal: Terminal, question: str, *, no_input: bool, otherwise: str) -> bool:
    """Whether the answer is yes; the end of input is a no.

    Raises UsageError, whose hint is ``otherwise``, where nobody can be asked: no terminal, ``--no-input``, ``--json``.
    """
    if no_input or not can_ask(terminal):
        raise UsageError("A yes is needed, and nobody can be asked here.", code="input-missing", hint=otherwise)
    terminal.end_progress()
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    return answer.strip().lower() in ("y", "yes")
