"""The command palette: every action of the screen, and every screen, with its key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from packflow_app.tui.keys import SCREENS, Key, keys_of

if TYPE_CHECKING:
    from packflow_app.tui.app import PackflowApp

_WIDTH = 6


class JourneyCommands(Provider):
    """Offers what keys do: those of this screen first, then those of the others, which are gone to first."""

    @property
    def _journey(self) -> PackflowApp:
        return cast("PackflowApp", self.app)

    def entries(self) -> list[tuple[str | None, Key]]:
        """What is offered: the screen to go to first (None: this one), and the key."""
        here = self._journey.journey_screen.STEP
        own = [(None, key) for key in keys_of(here) if key.palette]
        others = [
            (screen, key)
            for screen in SCREENS
            if screen != here
            for key in keys_of(screen)
            if key.screen == screen and key.palette
        ]
        return [*own, *others]

    async def discover(self) -> Hits:
        for screen, key in self.entries():
            yield DiscoveryHit(_shown(screen, key), partial(self._do, screen, key), text=_text(screen, key))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for screen, key in self.entries():
            text = _text(screen, key)
            if (score := matcher.match(text)) > 0:
                yield Hit(score, _shown(screen, key), partial(self._do, screen, key), text=text)

    async def _do(self, screen: str | None, key: Key) -> None:
        if screen is not None:
            await self._journey.switch_mode(screen)
        target = self._journey.screen if key.action.startswith("screen.") else self._journey
        await self._journey.run_action(key.action.partition(".")[2], default_namespace=target)


def _text(screen: str | None, key: Key) -> str:
    return f"{SCREENS[screen]}: {key.title}" if screen is not None else key.title


def _shown(screen: str | None, key: Key) -> Content:
    where = f"{list(SCREENS).index(screen) + 1} {key.shown}" if screen is not None else key.shown
    return Content.assemble((where.ljust(_WIDTH), "bold $key"), _text(screen, key))
