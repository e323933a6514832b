"""File descriptors that the user's code cannot reach by accident: prints never mix with data."""

from __future__ import annotations

import os
import sys

from .errors import ExitCode, PackflowError


def reopen_closed_streams() -> None:
    """Point those of descriptors 0, 1 and 2 that were closed at nothing, so that no other file takes their place.

    ``sys.stdin``, ``sys.stdout`` and ``sys.stderr`` stay None where they were closed: what needs one can tell.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)


def require_input() -> None:
    """Raise PackflowError where the process was started with its standard input closed."""
    if sys.stdin is None:
        raise PackflowError(
            "Standard input is closed, so there are no events to read.",
            code="input-closed",
            exit_code=ExitCode.NOT_FOUND,
            hint="Pipe events into standard input, or name a file of events.",
        )


def require_output(hint: str) -> None:
    """Raise PackflowError where the process was started with its standard output closed."""
    if sys.stdout is None:
        raise PackflowError(
            "Standard output is closed, so nothing can be written to it.",
            code="output-closed",
            exit_code=ExitCode.NOT_WRITABLE,
            hint=hint,
        )


def take_standard_streams() -> tuple[int, int]:
    """Return private copies of descriptors 0 and 1, then point 0 at nothing and 1 at standard error.

    Whatever the user's code prints, from Python or from C, lands in the log; whatever it reads is empty. Call it before
    any user code is imported.
    """
    if sys.stdout is not None:
        sys.stdout.flush()
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, sink


def discard_output() -> None:
    """Send what is still buffered for standard output nowhere, so that the end of the process does not fail on it."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; raises OSError as ``os.write`` does."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def not_writable(what: str, error: OSError) -> PackflowError:
    """The error for output that cannot be opened or written; ``what`` opens its sentence."""
    return PackflowError(
        f"{what} cannot be written: {error.strerror or error}.",
        code="output-not-writable",
        exit_code=ExitCode.NOT_WRITABLE,
        hint="Make room or choose another output, then run again.",
    )
