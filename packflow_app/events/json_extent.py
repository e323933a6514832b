"""Where a JSON value ends, told by its brackets and quotes alone, whether it is valid or not."""

from __future__ import annotations

import re

_STRUCTURE = re.compile(rb'["{}\[\]]')


class JsonExtent:
    """Scans one array, object or string; goes on where it stopped when there is more of it."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._seen = 0  # bytes from the start of the value that were scanned

    def end(self, text: bytes, start: int = 0) -> int:
        """The index after the value that begins at ``start``; -1 where ``text`` ends before it does."""
        at = start + self._seen
        while True:
            if self._in_string:
                at = _after_string(text, at)
                if at < 0:
                    backslashes = len(text) - len(text.rstrip(b"\\"))
                    self._seen = max(start + self._seen, len(text) - backslashes) - start
                    return -1
                self._in_string = False
            else:
                found = _STRUCTURE.search(text, at)
                if found is None:
                    self._seen = len(text) - start
                    return -1
                at = found.end()
                mark = found[0]
                if mark == b'"':
                    self._in_string = True
                    self._seen = at - start
                    continue
                self._depth += 1 if mark in b"{[" else -1
            if self._depth <= 0:
                return at

    def forget(self) -> int:
        """How many bytes were scanned; the text that comes next begins after them."""
        scanned, self._seen = self._seen, 0
        return scanned


def _after_string(text: bytes, at: int) -> int:
    """The index after the quote that closes a string of which ``at`` is inside; -1 where there is none."""
    place = text.find(b'"', at)
    while place >= 0:
        first = place
        while first > at and text[first - 1] == 0x5C:
            first -= 1
        if (place - first) % 2 == 0:
            return place + 1
        place = text.find(b'"', place + 1)
    return -1
