"""The command ``packflow``. What asks for no work is answered before anything is imported."""

from __future__ import annotations

import os
import sys

from packflow_app import __version__


def main() -> int:
    """Run the command line; returns the exit code."""
    _open_closed_streams()
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        return _answer(f"packflow {__version__}\n")
    if not arguments and _is_terminal():
        return _open_at_once()
    if not arguments or arguments in (["--help"], ["-h"]):
        from packflow_app.cli.top_help import TOP_HELP  # noqa: PLC0415 - see above

        return _answer(TOP_HELP)
    _end_quietly_when_stopped()
    from packflow_app.cli.main import run  # noqa: PLC0415 - see above

    return run(arguments, _open_app)


def _end_quietly_when_stopped() -> None:
    """Let Ctrl-C while modules are read end the process without a traceback; the command line then takes it over."""
    import signal  # noqa: PLC0415 - see above

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _is_terminal() -> bool:
    """Whether somebody sits before standard input and output."""
    try:
        return sys.stdin.isatty() and sys.stdout.isatty()
    except ValueError:  # one of them is closed
        return False


def _open_at_once() -> int:
    """The terminal app, without what the command line needs; what keeps it from opening, the command line tells."""
    try:
        return _open_app("home", None, False, False, None)
    except Exception as error:
        from packflow_app.cli.main import run  # noqa: PLC0415 - see above
        from packflow_app.runtime import PackflowError  # noqa: PLC0415

        if not isinstance(error, PackflowError):
            raise
        return run(["ui"], _open_app)


def _open_app(screen: str, theme: str | None, plain: bool, debug: bool, port: int | None) -> int:  # noqa: FBT001 - as cli.ui calls it
    from packflow_app.tui.start import StartOptions, start  # noqa: PLC0415 - see above

    return start(StartOptions(screen, theme, plain, debug, port))


def _answer(text: str) -> int:
    """Write ``text``; a reader that has gone away needs none of it."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing left to flush to
        if not isinstance(error, BrokenPipeError):
            import errno  # noqa: PLC0415 - see above

            why = "it is closed" if error.errno == errno.EBADF else error.strerror
            sys.stderr.write(f"error: standard output cannot be written: {why}.\n")
            return 5  # ExitCode.NOT_WRITABLE, without importing it
    return 0


def _open_closed_streams() -> None:
    """Give a process started without standard streams (``>&-``) others, so that no file opened later is one.

    Standard output gets one that cannot be written: a result that nobody can read is an error, as on a full disk.
    """
    for name, mode, access in (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_RDWR)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, access), mode))


if __name__ == "__main__":
    sys.exit(main())
