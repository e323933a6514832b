"""The list of features that a user gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def read_features(given: str) -> list[str]:
    """The list that ``--features`` gives: names with commas between them, or ``@FILE`` with one a line or as JSON."""
    if not given.startswith("@"):
        return _listed(given.split(","), "--features")
    return _listed(_lines_of(Path(given[1:])), given)


def _lines_of(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise NotFoundError(
            f"--features @{path}: the file cannot be read: {reason}.",
            code="features-file",
            hint="Name a text file with one feature a line, in the model's order.",
        ) from None
    if not text.lstrip().startswith("["):
        return text.splitlines()
    try:
        return [str(one) for one in json.loads(text)]
    except ValueError as error:
        raise NotFoundError(
            f"--features @{path}: the file begins as JSON and is not valid: {error}.",
            code="features-file",
            hint="Write a JSON array of names, or one a line.",
        ) from None


def _listed(names: Iterable[str], source: str) -> list[str]:
    listed = [name.strip() for name in names]
    listed = [name for name in listed if name and not name.startswith("#")]
    twice = next((name for name in listed if listed.count(name) > 1), None)
    if not listed or twice is not None:
        raise UsageError(
            f"{source} names {twice} twice." if twice else f"{source} names no feature.",
            code="features-invalid",
            hint="Write for example: --features duration,bytes_sent,bytes_received",
        )
    return listed
