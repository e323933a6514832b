"""``packflow ui --serve``: who is let in, what a page shows, and that no process stays."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pyte
import pytest
from typing_extensions import Self

from packflow_app.errors import NotFoundError, UsageError
from packflow_app.tui.browser import session as sessions
from packflow_app.tui.browser.session import Session
from packflow_app.tui.browser.start import start_serving
from packflow_app.tui.start import StartOptions, start
from projects import write_project

SECONDS = 20.0
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Served:
    """``packflow ui --serve`` in a process; ``address`` is what it printed."""

    def __init__(self, folder: Path, *words: str, **variables: str) -> None:
        known = {name: one for name, one in os.environ.items() if name not in ("NO_COLOR", "PACKFLOW_THEME")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "packflow_app", "-C", str(folder), "ui", *words, "--serve", "--port", "0"],
            cwd=folder.parent,
            env={**known, "XDG_STATE_HOME": str(folder.parent / ".state"), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise AssertionError(self.process.communicate(timeout=SECONDS)[1])
        self.origin = self.address.partition("/?")[0]
        self.host = self.origin.removeprefix("http://")
        self.port = int(self.host.rpartition(":")[2])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=SECONDS)

    @property
    def children(self) -> set[int]:
        """The processes that it started and that are there."""
        pids = set()
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                if f"\nPPid:\t{self.process.pid}\n" in status.read_text():
                    pids.add(int(status.parent.name))
        return pids

    def ask(
        self, path: str, headers: dict[str, str] | None = None, *, host: str | None = None
    ) -> tuple[int, http.client.HTTPMessage, str]:
        """One request as whoever may send it; the status, the headers and the text of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        with contextlib.closing(connection):
            connection.putrequest("GET", path, skip_host=True)
            for name, one in {"Host": self.host if host is None else host, **(headers or {})}.items():
                connection.putheader(name, one)
            connection.endheaders()
            answer = connection.getresponse()
            return (
                answer.status,
                answer.headers,
                "" if answer.status == 101 else answer.read().decode("utf-8", "replace"),
            )

    def cookie(self) -> dict[str, str]:
        """What a browser sends once it opened the address."""
        _, headers, _ = self.ask(self.address.removeprefix(self.origin))
        return {"Cookie": headers["Set-Cookie"].partition(";")[0]}

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


class Page:
    """What a browser would show of a WebSocket, and the keys that it sends."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self.line = line
        self._screen = pyte.Screen(100, 30)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    async def shows(self, wanted: str) -> None:
        end = time.monotonic() + SECONDS
        while wanted not in self.text:
            try:
                said = await self.line.receive(timeout=max(0.01, end - time.monotonic()))
            except asyncio.TimeoutError:
                raise AssertionError(f"{wanted!r} is not shown:\n{self.text}") from None
            assert said.type == aiohttp.WSMsgType.BINARY, (said.type, self.text)
            self._stream.feed(said.data)

    async def press(self, keys: str) -> None:
        await self.line.send_json(["stdin", keys])

    async def ends(self) -> None:
        async for _said in self.line:
            pass
        assert self.line.closed


@contextlib.asynccontextmanager
async def opened(served: Served) -> Any:
    """A page, opened as a browser does: the address, its cookie, the WebSocket that the page names."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(served.address) as answer:
            assert (answer.status, str(answer.url)) == (200, f"{served.origin}/")
            named = re.search(r'data-session-websocket-url="([^"]+)"', await answer.text())
        assert named is not None
        headers = {"Origin": served.origin}
        async with browser.ws_connect(f"{named[1]}?width=100&height=30", headers=headers, max_msg_size=0) as line:
            yield Page(line)


def gone(pids: set[int], seconds: float = SECONDS) -> bool:
    """Whether all of these end in time."""
    end = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("served")) as served:
        yield served
        assert served.stop() == 130


# Who is let in.


def test_the_key_lets_a_browser_in_and_leaves_the_address(served: Served) -> None:
    path = served.address.removeprefix(served.origin)
    status, headers, _ = served.ask(f"{path}&fontsize=20")
    assert (status, headers["Location"]) == (303, "/?fontsize=20")
    assert re.search(rf"^packflow-{served.port}=\S+; HttpOnly; Path=/; SameSite=Strict$", headers["Set-Cookie"])
    status, headers, page = served.ask("/?fontsize=20", served.cookie())
    assert (status, headers["Cache-Control"], headers["X-Frame-Options"]) == (200, "no-store", "DENY")
    assert 'data-font-size="20"' in page
    assert "<title>packflow</title>" in page
    named = {*re.findall(r"\w+://[^/\"]+", page)}
    assert named == {served.origin, served.origin.replace("http", "ws")}
    for path in re.findall(rf'"{served.origin}(/static/[^"]+)"', page):
        assert served.ask(path, served.cookie())[0] == 200, path


def test_the_page_may_load_nothing_from_elsewhere(served: Served) -> None:
    policy = dict(
        one.strip().split(" ", 1) for one in served.ask("/", served.cookie())[1]["Content-Security-Policy"].split(";")
    )
    assert (policy["default-src"], policy["frame-ancestors"]) == ("'none'", "'none'")
    assert policy["connect-src"] == f"'self' ws://{served.host}"
    assert not any("*" in sources or "https" in sources for sources in policy.values())


@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/textual.js", "/download/x", "/nothing", "/?key=", "/?key=x"])
def test_without_the_key_nothing_is_told(served: Served, path: str) -> None:
    for headers in ({}, {"Cookie": f"packflow-{served.port}=x"}, {"Cookie": "packflow-1=x"}):
        status, told, text = served.ask(path, {**headers, "Origin": served.origin})
        assert (status, text) == (403, "Open the address that packflow ui --serve printed.\n")
        assert told["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "[::1]:{port}"]
)
def test_another_name_for_this_address_is_refused(served: Served, host: str) -> None:
    named = host.format(port=served.port)
    for path in ("/", "/ws", served.address.removeprefix(served.origin)):
        status, headers, _ = served.ask(path, {**served.cookie(), **HANDSHAKE, "Origin": f"http://{named}"}, host=named)
        assert status == 403
        assert "Set-Cookie" not in headers


def test_two_names_at_once_are_refused(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), SECONDS) as line:
        cookie = served.cookie()["Cookie"]
        line.sendall(f"GET / HTTP/1.1\r\nHost: {served.host}\r\nHost: evil\r\nCookie: {cookie}\r\n\r\n".encode())
        assert line.recv(64).split()[1] in (b"400", b"403")


def test_localhost_leads_to_the_number(served: Served) -> None:
    path = served.address.removeprefix(served.origin)
    status, headers, _ = served.ask(path, host=f"localhost:{served.port}")
    assert (status, headers["Location"]) == (303, served.address)
    assert served.ask("/", served.cookie(), host=f"localhost:{served.port}")[0] == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1:1", "http://localhost:{port}", "null", ""],
)
def test_a_page_of_another_website_is_refused(served: Served, origin: str) -> None:
    headers = {**served.cookie(), "Origin": origin.format(port=served.port)}
    assert served.ask("/ws", {**headers, **HANDSHAKE})[0] == 403
    assert served.ask("/", headers)[0] == 403
    assert served.children == set()


def test_a_websocket_of_nobody_is_refused(served: Served) -> None:
    assert served.ask("/ws", {**served.cookie(), **HANDSHAKE})[0] == 403
    assert served.ask("/ws", {**HANDSHAKE, "Origin": served.origin})[0] == 403
    assert served.children == set()


def test_it_listens_on_this_machine_alone(served: Served) -> None:
    local = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), sys.byteorder):08X}:{served.port:04X}"
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    listening = [row.split()[1] for table in tables for row in table if row.split()[3] == "0A"]
    assert [one for one in listening if one.endswith(f":{served.port:04X}")] == [local]


# What keeps it from opening.


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--port", "8000"], 2, "--port is for --serve."),
        (["--serve", "--plain"], 2, "A browser shows the app itself"),
        (["--serve", "--port", "65536"], 2, "65536"),
        (["--serve", "--host", "0.0.0.0"], 2, "--host"),
        (["nowhere", "--serve"], 2, "There is no screen 'nowhere'."),
        (["--serve", "--theme", "pink"], 2, "there is no such theme"),
    ],
)
def test_what_cannot_be_served_is_told_at_once(tmp_path: Path, words: list[str], code: int, told: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "packflow_app", "ui", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (ran.returncode, ran.stdout) == (code, "")
    assert told in ran.stderr
    assert "next:" in ran.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        words = ["ui", "--serve", "--port", str(port)]
        ran = subprocess.run(
            [sys.executable, "-m", "packflow_app", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"The port {port} of 127.0.0.1 cannot be listened on: Address already in use." in ran.stderr
    assert "next: Choose another with --port N; --port 0 takes a free one." in ran.stderr


def test_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "packflow_app.tui.browser.server", raising=False)
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    with pytest.raises(NotFoundError, match="not installed beside Packflow") as caught:
        start(StartOptions(port=0))
    assert (caught.value.code, caught.value.exit_code) == ("textual-serve-missing", 3)
    assert "pipx inject packflow 'textual-serve>=1.1.3'" in str(caught.value.hint)


# The process behind a page.

STUBBORN = """
import signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
sys.stdout.write("__GANGLION__\\n")
sys.stdout.flush()
time.sleep(600)
"""


def session(code: str, closed: Callable[[], None] = lambda: None) -> Session:
    """A program behind a page that nobody looks at."""

    async def write(_: object) -> None: ...

    async def close() -> None:
        closed()

    words = [sys.executable, "-c", code]
    return Session(words, write_bytes=write, write_str=write, close=close, download_manager=Downloads())


class Downloads:
    async def cancel_app_downloads(self, app_service_id: str) -> None: ...


async def test_a_program_that_will_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "STOP_SECONDS", 0.3)
    one = session(STUBBORN)
    await one.start(80, 24)
    await one.end()
    assert one._process is not None
    assert one._process.returncode == -signal.SIGKILL


async def test_the_page_is_told_of_a_program_that_ends_by_itself(capfd: pytest.CaptureFixture[str]) -> None:
    told = asyncio.Event()
    one = session("raise SystemExit('cannot be started')", told.set)
    await one.start(80, 24)
    await asyncio.wait_for(told.wait(), SECONDS)
    await one.end()
    assert one._process is not None
    assert one._process.returncode == 1
    assert "cannot be started" in capfd.readouterr().out


@pytest.mark.parametrize(
    "said",
    ["", "no JSON", "{}", "[]", '["stdin"]', '["stdin", 7]', '["resize", {"width": "x"}]', '["resize", []]', "7"],
)
async def test_what_no_page_says_is_passed_over(said: str) -> None:
    await session("").take(said)


# A page.


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_page_is_the_app_and_ends_with_the_server(tmp_path: Path, ending: signal.Signals) -> None:
    project = write_project(tmp_path / "model").rename(tmp_path / "my model's $HOME é")
    (project / "json.py").write_text("raise SystemExit('a module of the project was taken for another')\n")
    children: set[int] = set()

    async def look(served: Served) -> None:
        async with opened(served) as page:
            await page.shows("The model has not been run yet.")
            assert "my model's $HOME é" in page.text
            await page.line.send_str("no JSON")
            await page.press("2")
            await page.shows("no invalid lines")
            await page.press("1")
            await page.shows("not been run yet")
            await page.press("e")
            await page.shows("cannot be lent to an editor")
            children.update(served.children)
            assert len(children) == 1
            served.process.send_signal(ending)
            await page.ends()

    with Served(project, TERM="dumb") as served:
        asyncio.run(look(served))
        out, err = served.process.communicate(timeout=SECONDS)
    assert (served.process.returncode, out) == (128 + ending, "")
    assert "Traceback" not in err
    assert gone(children, 0)


@pytest.mark.slow
def test_each_page_has_an_app_of_its_own(tmp_path: Path) -> None:
    async def look(served: Served) -> None:
        async with opened(served) as first, opened(served) as second:
            await first.shows("no invalid lines")
            await second.shows("no invalid lines")
            both = served.children
            assert len(both) == 2
            await first.press("q")
            await first.ends()
            await second.press("3")
            await second.shows("has not been run yet")
            left = served.children
            assert len(left) == 1
            assert left < both
        assert await asyncio.to_thread(gone, both)

    with Served(write_project(tmp_path / "model"), "events", "--theme", "light") as served:
        asyncio.run(look(served))
        assert served.stop() == 130


@pytest.mark.slow
def test_an_app_whose_server_was_killed_ends(tmp_path: Path) -> None:
    async def look(served: Served) -> set[int]:
        async with opened(served) as page:
            await page.shows("has not been run yet")
            children = served.children
            served.process.kill()
            await page.ends()
            return children

    with Served(write_project(tmp_path / "model")) as served:
        children = asyncio.run(look(served))
    assert len(children) == 1
    assert gone(children, 10)


def test_what_it_says(served: Served) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?key=[\w-]{40,}", served.address)
    assert json.dumps(served.address)[1:-1] == served.address  # nothing to be escaped, in a shell or elsewhere


def test_windows_is_told_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(UsageError, match="needs Linux or macOS") as caught:
        start_serving("home", None, 0, debug=False)
    assert caught.value.code == "platform-unsupported"
