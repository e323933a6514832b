"""Open the app to a browser on this machine: see that it can be, then serve it until a signal comes."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from packflow_app.errors import NotFoundError, UsageError
from packflow_app.tui.browser import HOST

_LIBRARY = "'textual-serve>=1.1.3'"


def start_serving(screen: str, theme: str | None, port: int, *, debug: bool) -> int:
    """Serve the app on a port of 127.0.0.1 (0: a free one); returns the exit code, 128 plus the number of a signal.

    ``theme`` is what was asked for by an option. Raises NotFoundError where textual-serve is not installed,
    UsageError where the port cannot be had, and on Windows.
    """
    if sys.platform == "win32":
        raise UsageError(
            "Serving the app to a browser needs Linux or macOS.",
            code="platform-unsupported",
            hint="Run packflow in Windows Terminal, which shows the same.",
        )
    try:
        from packflow_app.tui.browser.server import serve  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("packflow_app"):
            raise
        raise NotFoundError(
            "A browser needs the textual-serve library, which is not installed beside Packflow.",
            code="textual-serve-missing",
            hint=f"Install it: pipx inject packflow {_LIBRARY} (elsewhere: pip install {_LIBRARY}).",
        ) from None
    with _bound(port) as listening:
        return serve(_words(screen, theme, debug=debug), listening, _tell)


def _words(screen: str, theme: str | None, *, debug: bool) -> list[str]:
    """The program behind each page: this app, in the folder that it was started in."""
    before = ["-C", str(Path.cwd()), *(["--debug"] if debug else [])]
    return [sys.executable, "-m", "packflow_app", *before, "ui", screen, *(["--theme", theme] if theme else [])]


def _bound(port: int) -> socket.socket:
    """A socket of this machine alone; nothing lets it be another."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two programs have one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise UsageError(
            f"The port {port} of {HOST} cannot be listened on: {error.strerror or error}.",
            code="address-not-available",
            hint="Choose another with --port N; --port 0 takes a free one.",
        ) from None
    return listening


def _tell(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    sys.stderr.write("Open it in a browser on this machine; keep it to yourself. Ctrl-C ends it.\n")
    sys.stderr.flush()
