"""Files to choose from, and how they are described in a few words."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.actions.init_choices import event_files
from packflow_app.errors import NotFoundError, UsageError
from packflow_app.events.reading import open_events
from packflow_app.questions.question import OTHER, Choice

if TYPE_CHECKING:
    from collections.abc import Collection

    from packflow_app.events.profile import InvalidLine

SHOWN_FILES = 6
_LOOKED_AT = 20
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_AGES = ((60, "s"), (3600, "min"), (86_400, "h"), (float("inf"), "days"))
OTHER_FILE = Choice(OTHER, ("another file …",))


def file_choice(path: Path, *words: str) -> Choice:
    """A file by its name, with what is known of it, its size and its age."""
    try:
        status = path.stat()
    except OSError:
        return Choice(str(path), (str(path), ", ".join(filter(None, words))))
    known = (*words, _size(status.st_size), _age(time.time() - status.st_mtime))
    return Choice(str(path), (str(path), ", ".join(filter(None, known))))


def event_file_choices(folder: Path, taken: Collection[Path] = ()) -> list[Choice]:
    """The newest files of events in ``folder`` but for those ``taken`` for something else."""
    found = [path for path in event_files(folder) if path not in taken and _is_of_events(path)]
    return [file_choice(path) for path in found[:SHOWN_FILES]]


def _is_of_events(path: Path) -> bool:
    """Whether the first of it are events: a JSON file may be many things."""
    try:
        check_events(path)
    except NotFoundError:
        return False
    return True


def check_events(path: Path) -> list[InvalidLine]:
    """Look at the first events of a file; gives what is invalid among them.

    Raises NotFoundError for a file that cannot be read or whose first lines are no events at all.
    """
    good = 0
    invalid: list[InvalidLine] = []
    with open_events(path) as events:
        for block in events:
            good += len(block.events)
            invalid += block.invalid
            if good + len(invalid) >= _LOOKED_AT:
                break
    if good:
        return [one for one in invalid if one.position <= _LOOKED_AT]
    first = f"; line {invalid[0].position}: {invalid[0].message}" if invalid else ""
    raise NotFoundError(
        f"{path} holds no events{first}.",
        code="events-empty",
        hint="Name a file of JSON objects, CSV rows or Parquet.",
    )


def typed_path(text: str) -> Path:
    """The path that a person typed, where ~ is home; raises UsageError for none."""
    if not text.strip() or text == OTHER:
        raise UsageError("No file was named.", code="input-missing", hint="Give its path.")
    return Path(os.path.expanduser(text.strip()))  # noqa: PTH111 - Path's own raises where there is no such home


def _size(size: int) -> str:
    amount, unit = float(size), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.3g} {_UNITS[unit]}" if unit else f"{size} {_UNITS[0]}"


def _age(seconds: float) -> str:
    lower = 1
    for upper, unit in _AGES:
        if seconds < upper:
            return f"{max(seconds, 0) / lower:.0f} {unit} ago"
        lower = int(upper)
    raise AssertionError(seconds)  # no number
