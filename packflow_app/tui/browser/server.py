"""The server: textual-serve's page behind the gate, and a session for each page that is open."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web
from textual_serve.server import Server, to_int

from packflow_app.tui.browser import HOST
from packflow_app.tui.browser.gate import Gate
from packflow_app.tui.browser.session import STOP_SECONDS, Session

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

_PAGE = Path(__file__).resolve().parent / "page"
"""Its page asks another server for a font, has no title, and takes no key before a click; so this is our own."""
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AppServer(Server):
    """Serves one program, ``words``; says nothing by itself."""

    def __init__(self, words: Sequence[str], port: int) -> None:
        self.gate = Gate(port)
        super().__init__("", host=HOST, port=port, title="packflow", public_url=self.gate.origin, templates_path=_PAGE)
        self._words = tuple(words)
        self._pages: set[web.WebSocketResponse] = set()
        self._none_open = asyncio.Event()
        self._none_open.set()

    async def on_startup(self, app: web.Application) -> None:
        """No picture of letters, and no address without the key."""

    async def application(self) -> web.Application:
        """All that is served, behind the gate."""
        app = await self._make_app()
        app.middlewares.append(self.gate.check)
        return app

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A page that opened: its session lives until one of the two ends."""
        page = web.WebSocketResponse(heartbeat=15, timeout=STOP_SECONDS / 2)
        await page.prepare(request)
        session = Session(
            self._words,
            write_bytes=page.send_bytes,
            write_str=page.send_str,
            close=page.close,
            download_manager=self.download_manager,
        )
        self._pages.add(page)
        self._none_open.clear()
        try:
            await session.start(to_int(request.query.get("width", ""), 80), to_int(request.query.get("height", ""), 24))
            async for message in page:
                if message.type == WSMsgType.TEXT:
                    await session.take(message.data)
        finally:
            await session.end()
            await page.close()
            self._pages.discard(page)
            if not self._pages:
                self._none_open.set()
        return page

    async def end_sessions(self) -> None:
        """Close every page, and wait for the processes behind them."""
        await asyncio.gather(*(page.close() for page in [*self._pages]), return_exceptions=True)
        await self._none_open.wait()


def serve(words: Sequence[str], listening: socket.socket, told: Callable[[str], None]) -> int:
    """Serve the program ``words`` on a bound socket until a signal comes; returns the exit code, 128 plus its number.

    ``told`` is given the address once a browser is answered there.
    """
    return asyncio.run(_serve(words, listening, told))


async def _serve(words: Sequence[str], listening: socket.socket, told: Callable[[str], None]) -> int:
    server = AppServer(words, listening.getsockname()[1])
    loop = asyncio.get_running_loop()
    came: asyncio.Future[int] = loop.create_future()
    for number in _ENDINGS:
        loop.add_signal_handler(number, _take_first, came, number)
    runner = web.AppRunner(await server.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        told(server.gate.address)
        return 128 + await came
    finally:
        await server.end_sessions()
        await runner.cleanup()


def _take_first(came: asyncio.Future[int], number: int) -> None:
    if not came.done():
        came.set_result(number)
