"""``/healthz``, ``/readyz`` and ``/metrics`` over HTTP, for whatever watches a stream that runs for long."""

from __future__ import annotations

import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from .errors import ExitCode, PackflowError
from .stream_metrics import as_prometheus

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from .backend import InferenceBackend
    from .stream_metrics import StreamMetrics
    from .supervised import ChildModels

_TEXT = "text/plain; charset=utf-8"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class HttpStatus:
    """Serves from a thread until it is left; ready once it has a ``backend`` whose ``ready()`` is true.

    ``problem()`` says why the stream cannot take events although the model is ready, ``more_metrics()`` what else there
    is to count; both may be empty.
    Raises PackflowError where the address cannot be listened on. Port 0 takes a free one; ``url`` names it.
    """

    def __init__(self, address: tuple[str, int], metrics: StreamMetrics) -> None:
        host, port = address
        self.metrics = metrics
        self.backend: InferenceBackend | ChildModels | None = None
        self.ending = False
        self.problem: Callable[[], str] = str
        self.more_metrics: Callable[[], str] = str
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._server = _server_class(family)(address, _handler_class(self))
        except OSError as error:
            raise PackflowError(
                f"The address {host}:{port} cannot be listened on: {error.strerror or error}.",
                code="address-not-available",
                exit_code=ExitCode.USAGE,
                hint="Choose another with --http HOST:PORT; port 0 takes a free one.",
            ) from None
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def readiness(self) -> tuple[bool, str]:
        """Whether the stream can take events, and why not."""
        if self.backend is None:
            return False, "the model is being loaded"
        if self.ending:
            return False, "the stream is ending"
        problem = self.problem()
        if problem:
            return False, problem
        try:
            ready = bool(self.backend.ready())
        except Exception as error:  # noqa: BLE001 - the user's code, which may raise anything
            return False, f"ready() raised {type(error).__name__}"
        return ready, "ready" if ready else "the model says it is not ready"

    def _model_metrics(self) -> str:
        """What the model says of itself; children of this process keep theirs."""
        metrics = getattr(self.backend, "call_metrics", None)
        return metrics.prometheus() if metrics is not None else ""

    def answer(self, path: str) -> tuple[int, str, str]:
        """Status, content type and text for a path."""
        if path == "/healthz":
            return 200, _TEXT, "ok\n"
        if path == "/readyz":
            ready, why = self.readiness()
            return 200 if ready else 503, _TEXT, f"{why}\n"
        if path == "/metrics":
            return (
                200,
                _PROMETHEUS,
                as_prometheus(self.metrics.snapshot()) + self.more_metrics() + self._model_metrics(),
            )
        return 404, _TEXT, "There are /healthz, /readyz and /metrics.\n"


def parse_address(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``, ``:PORT`` or ``PORT``; without a host the loopback address. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ValueError(text)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return host or "127.0.0.1", int(port)


def _server_class(address: socket.AddressFamily) -> type[socketserver.ThreadingTCPServer]:
    class Server(socketserver.ThreadingTCPServer):  # not HTTPServer, which asks DNS for its own name
        address_family = address
        allow_reuse_address = True
        daemon_threads = True

    return Server


def _handler_class(status: HttpStatus) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # a client that says nothing holds no thread for long

        def do_GET(self) -> None:
            code, kind, text = status.answer(self.path.partition("?")[0])
            body = text.encode("utf-8")
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the base class looks for it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Standard error is for the stream."""

    return Handler
