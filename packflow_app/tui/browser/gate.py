"""Who may come in: a page that this server gave out, in a browser that knows the key of this run, and nobody else.

A server on loopback is reached by every account of the machine, and by every website that a browser there has open:
through a form, a WebSocket, or a name of its own that it has point to 127.0.0.1 (DNS rebinding). Whoever drives the
app runs programs as its user. So each request must name this address (Host), come from this page or from none
(Origin), and show the key, which stands in the address that is printed and then in a cookie.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from aiohttp import web

from packflow_app.tui.browser import HOST

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

SOCKET_PATH = "/ws"
_KEY_NAME = "key"
_HOW = "Open the address that packflow ui --serve printed.\n"


class Gate:
    """The gate of a server on a port; ``address`` lets a browser in."""

    def __init__(self, port: int) -> None:
        self._key = secrets.token_urlsafe(32)
        self._cookie = f"packflow-{port}"  # cookies are shared by all ports of a host
        self._hosts = (f"{HOST}:{port}", f"localhost:{port}")
        self.origin = f"http://{self._hosts[0]}"
        self._headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": _policy(self._hosts[0]),
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }

    @property
    def address(self) -> str:
        """What a person opens; whoever knows it can use the app."""
        return f"{self.origin}/?{_KEY_NAME}={self._key}"

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, or answer it here."""
        try:
            answer = self._answer(request)
            response = answer if answer is not None else await handler(request)
        except web.HTTPException as error:
            error.headers.update(self._headers)
            raise
        if not response.prepared:
            response.headers.update(self._headers)
        return response

    def _answer(self, request: web.Request) -> web.Response | None:
        """What answers a request that goes no further; None for one that may."""
        named = request.headers.getall("Host", [])
        if len(named) != 1 or named[0] not in self._hosts:
            return _refusal("This server answers only under its own address.\n")
        origin = request.headers.get("Origin")
        if origin != self.origin and (origin is not None or request.path == SOCKET_PATH):
            return _refusal("Another website may not use this one.\n")
        shown = request.query.get(_KEY_NAME)
        if request.path == "/" and shown is not None and self._is_key(shown):
            return self._let_in(request)
        if named[0] != self._hosts[0] or not self._is_key(request.cookies.get(self._cookie, "")):
            return _refusal(_HOW)
        return None

    def _is_key(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._key.encode())

    def _let_in(self, request: web.Request) -> web.Response:
        """Put the key into a cookie and out of the address, where it would be seen and kept.

        A browser that came by the name ``localhost`` is led to the number first, whose cookie it is to have.
        """
        if request.headers["Host"] != self._hosts[0]:
            return web.Response(status=303, headers={"Location": self.address})
        rest = request.rel_url.with_query({name: one for name, one in request.query.items() if name != _KEY_NAME})
        response = web.Response(status=303, headers={"Location": f"/?{rest.raw_query_string}".rstrip("?")})
        response.set_cookie(self._cookie, self._key, httponly=True, samesite="Strict")
        return response


def _policy(host: str) -> str:
    """Nothing from elsewhere: no font, no script, no frame around it. The page's own script and styles stand in it."""
    allowed = {
        "default-src": "'none'",
        "script-src": "'self' 'unsafe-inline'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": f"'self' ws://{host}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{kind} {sources}" for kind, sources in allowed.items())


def _refusal(why: str) -> web.Response:
    return web.Response(status=403, text=why)
