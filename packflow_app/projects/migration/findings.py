"""What a migration tells beside its changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """Something the user should know, at a place of the project as it was.

    ``kind`` is ``left`` for what has no counterpart and stays as it is, ``note`` for what works on but not quite as it
    did. ``code`` is stable.
    """

    kind: str
    code: str
    message: str
    file: str
    line: int | None
    hint: str = ""
