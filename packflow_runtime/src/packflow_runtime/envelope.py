"""The one JSON object that ``--json`` prints: the same for the runtime, every archive and the app."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .errors import PackflowError

COMMAND_VARIABLE = "PACKFLOW_COMMAND_WORDS"
"""Where a program that starts the runtime for its user says, as JSON, which words the user typed."""


def envelope(
    command: str,
    data: dict[str, Any],
    errors: Sequence[dict[str, Any]] = (),
    warnings: Sequence[dict[str, Any]] = (),
    *,
    ok: bool = True,
) -> bytes:
    """The object of schema ``packflow.<command>/1``, with a newline; ``ok`` is whether the exit code is 0."""
    told = {
        "schema": f"packflow.{command}/1",
        "ok": ok,
        "command": _words(),
        "data": data,
        "errors": [*errors],
        "warnings": [*warnings],
    }
    text = json.dumps(told, ensure_ascii=False, allow_nan=False, indent=2, default=str)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def problem(
    code: str, message: str, *, file: str | None = None, line: int | None = None, hint: str = ""
) -> dict[str, Any]:
    """An error or a warning as the object lists it."""
    return {"code": code, "message": message, "file": file, "line": line, "hint": hint}


def problem_of(error: PackflowError) -> dict[str, Any]:
    """The problem that an error stands for."""
    title = error.title if error.title.endswith(".") else f"{error.title}."
    return problem(error.code, f"{title} {error.detail}".strip(), file=error.file, line=error.line, hint=error.hint)


def _words() -> list[str]:
    """The words as typed."""
    try:
        words = json.loads(os.environ.get(COMMAND_VARIABLE, ""))
    except ValueError:
        return [*sys.argv]
    return [str(word) for word in words] if isinstance(words, list) else [*sys.argv]
