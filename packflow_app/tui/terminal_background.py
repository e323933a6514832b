"""Ask the terminal for its background colour (OSC 11), and wait for an answer a tenth of a second at most."""

from __future__ import annotations

import os
import re
import select
import time
from contextlib import suppress

with suppress(ImportError):  # Windows has none, and no /dev/tty to ask
    import termios
    import tty

WAIT_SECONDS = 0.1
# The second question is one that every terminal answers: after its answer, none to the first will come.
_QUESTION = b"\x1b]11;?\x1b\\\x1b[c"
_COLOR = re.compile(rb"\x1b\]11;rgba?:([0-9a-fA-F]+)/([0-9a-fA-F]+)/([0-9a-fA-F]+)")
_LAST_ANSWER = re.compile(rb"\x1b\[\?[0-9;]*c")


def has_light_background() -> bool | None:
    """Whether the terminal's background is light; None where it does not say."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    try:
        return is_light(_answer(descriptor))
    except (OSError, termios.error):
        return None
    finally:
        os.close(descriptor)


def is_light(answer: bytes) -> bool | None:
    """What an answer says: light where its relative luminance is over one half."""
    found = _COLOR.search(answer)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5)


def _answer(descriptor: int) -> bytes:
    """What the terminal says before the time is up; nothing of it is left for whoever reads next."""
    before = termios.tcgetattr(descriptor)
    deadline = time.monotonic() + WAIT_SECONDS
    answer = b""
    try:
        tty.setcbreak(descriptor, termios.TCSANOW)
        os.write(descriptor, _QUESTION)
        while (left := deadline - time.monotonic()) > 0 and not _LAST_ANSWER.search(answer):
            if select.select([descriptor], [], [], left)[0]:
                answer += os.read(descriptor, 1024)
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)
    return answer
