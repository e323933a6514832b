"""One page that is open: the process of the app behind it, from its start to its certain end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual_serve.app_service import AppService

import packflow_app
from packflow_app.tui.browser import DRIVER

if TYPE_CHECKING:
    from collections.abc import Sequence

STOP_SECONDS = 5.0
"""How long the app may take to end what it does, before its process is killed."""
_BESIDE_THE_APP = Path(packflow_app.__file__).resolve().parents[1]
"""Python looks for modules where it is started: here, where it does so anyway, and never in a project's folder."""


class Session(AppService):
    """The app in a process of its own, which has no terminal, not even the one that the server was started on."""

    def __init__(self, words: Sequence[str], **arguments: Any) -> None:  # noqa: ANN401 - textual-serve's own
        super().__init__("", **arguments)
        self._words = tuple(words)

    async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
        """Start the program itself, where textual-serve would have a shell read a line."""
        self._process = process = await asyncio.create_subprocess_exec(
            *self._words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=_BESIDE_THE_APP,
            env={**self._build_environment(width, height), "TEXTUAL_DRIVER": DRIVER},
            start_new_session=True,
        )
        self._stdin = process.stdin
        return process

    async def run(self) -> None:
        """Pass on what the app writes; the page is told when it has ended, however it did."""
        await super().run()
        await self.remote_close()

    async def take(self, said: str) -> None:
        """Take what the page says: keys, its size, whether it is looked at. What is none of it is passed over."""
        try:
            kind, value = (*json.loads(said), None)[:2]
            if kind == "stdin":
                await self.send_bytes(value.encode())
            elif kind == "resize":
                await self.set_terminal_size(int(value["width"]), int(value["height"]))
            elif kind == "ping":
                await self.remote_write_str(json.dumps(["pong", value]))
            elif kind in ("focus", "blur"):
                await self.send_meta({"type": kind})
        except (AttributeError, KeyError, TypeError, ValueError):
            return

    async def end(self) -> None:
        """End the process: as asked, or else by force, with what it started."""
        ended = asyncio.ensure_future(self._ended())
        await asyncio.wait({ended}, timeout=STOP_SECONDS)
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        ended.cancel()  # it may still wait for a page that takes nothing more
        with contextlib.suppress(asyncio.CancelledError):
            await ended

    async def _ended(self) -> None:
        await self.stop()
        if self._process is not None:
            await self._process.wait()
