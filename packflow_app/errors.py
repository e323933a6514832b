"""The app's errors by what they mean for the caller; each carries a title, a place and a next step."""

from __future__ import annotations

import errno

from packflow_app.runtime import ExitCode, PackflowError


class CheckFailedError(PackflowError):
    """A check that was asked for did not pass."""

    code = "check-failed"
    exit_code = ExitCode.CHECK_FAILED


class UsageError(PackflowError):
    """The command cannot be carried out as it was given."""

    code = "usage"
    exit_code = ExitCode.USAGE


class NotFoundError(PackflowError):
    """A project, an events file, an interpreter or a requirement is missing or not usable."""

    code = "not-found"
    exit_code = ExitCode.NOT_FOUND


class ModelFailedError(PackflowError):
    """The user's model raised, timed out or died; ``log`` holds the last lines it printed.

    Where its process ended: ``event`` is the number of the event in hand, if there was one, ``ending`` what ended it.
    """

    code = "model-failed"
    exit_code = ExitCode.MODEL_FAILED
    log = ""
    event: int | None = None
    ending = ""


class NotWritableError(PackflowError):
    """A file or folder could not be written."""

    code = "not-writable"
    exit_code = ExitCode.NOT_WRITABLE


class CancelledError(PackflowError):
    """The user asked to stop."""

    code = "cancelled"
    exit_code = ExitCode.INTERRUPTED


def not_writable(path: object, error: OSError) -> NotWritableError:
    """The error for an OSError met while writing ``path``."""
    hints = {
        errno.ENOSPC: "Make room, or choose another folder.",
        errno.EACCES: "Mend its permissions, or choose another folder.",
        errno.EPERM: "Mend its permissions, or choose another folder.",
    }
    hint = hints.get(error.errno or 0, "Choose another folder.")
    return NotWritableError(f"{path} cannot be written: {error.strerror or error}.", hint=hint)
