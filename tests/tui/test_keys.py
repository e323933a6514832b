"""Every key of the table and every entry of the palette does what it says; the help and the footer say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from packflow_app.tui.app import PackflowApp
from packflow_app.tui.keys import EVERYWHERE, NEW_PROJECT, OF_NEW_PROJECT, OF_SCREENS, SCREENS, Key, footer_of, keys_of
from packflow_app.tui.palette import JourneyCommands
from packflow_app.tui.registry import ACTIONS
from screens import Driver, opened

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.tui.screens.journey import JourneyScreen


class Recorder:
    """Stands in for every action, of the app and of a screen."""

    def __init__(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self._monkeypatch = monkeypatch
        self.app = driver.app
        for key in EVERYWHERE:
            if key.action != "app.command_palette":
                self._replace(PackflowApp, key)

    def take(self, screen: JourneyScreen) -> None:
        for key in (*OF_SCREENS, *EVERYWHERE):
            if key.action.startswith("screen.") and key.screen in (screen.STEP, None):
                self._replace(type(screen), key)
            elif key.action.startswith("app.") and key.screen == screen.STEP:
                self._replace(PackflowApp, key)

    def _replace(self, kind: type, key: Key) -> None:
        name = key.action.partition(".")[2].partition("(")[0]

        def action(_self: Any, *arguments: Any) -> None:
            self.done.append(f"{name}({', '.join(map(repr, arguments))})" if arguments else name)

        self._monkeypatch.setattr(kind, f"action_{name}", action)


def named(key: Key) -> str:
    """What a recorder keeps of a key's action."""
    return key.action.partition(".")[2]


@pytest.mark.parametrize("screen", SCREENS)
async def test_every_key_of_a_screen_is_bound(project: Path, screen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(project, screen) as driver:
        recorder = Recorder(driver, monkeypatch)
        recorder.take(driver.app.journey_screen)
        for key in keys_of(screen):
            if key.action == "app.command_palette":
                continue
            for press in key.keys.split(","):
                recorder.done.clear()
                await driver.press(press)
                assert recorder.done == [named(key)], f"{press} on {screen}"


@pytest.mark.parametrize("screen", SCREENS)
async def test_every_entry_of_the_palette_is_done(project: Path, screen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(project, screen) as driver:
        provider = JourneyCommands(driver.app.screen)
        entries = provider.entries()
        recorder = Recorder(driver, monkeypatch)
        assert {key.title for where, key in entries if where is None} == {
            key.title for key in keys_of(screen) if key.palette
        }
        for where, key in entries:
            await driver.app.switch_mode(where or screen)
            await driver.pilot.pause()
            recorder.take(driver.app.journey_screen)
            await driver.app.switch_mode(screen)
            recorder.done.clear()
            await provider._do(where, key)
            assert recorder.done == [named(key)], key.title
            await driver.app.switch_mode(screen)


async def test_the_palette_shows_keys_and_finds_words(project: Path) -> None:
    async with opened(project) as driver:
        await driver.press("ctrl+p")
        await driver.see("Go to Events")
        assert "?     Show the keys of this screen" in driver.text
        await driver.type("theme")
        await driver.see("t     Take the next theme")
        await driver.press("enter")
        await driver.see("Theme: light")


@pytest.mark.parametrize("screen", SCREENS)
async def test_the_help_of_a_screen_has_all_its_keys(project: Path, screen: str) -> None:
    async with opened(project, screen, size=(120, 100)) as driver:
        await driver.press("question_mark")
        await driver.see(f"Keys of {SCREENS[screen]}")
        words = " ".join(driver.text.replace("│", " ").split())
        for key in keys_of(screen):
            if not key.shown.isdigit():
                assert key.title in words, key
        await driver.press("escape")
        assert "Keys of" not in driver.text


def test_titles_fit_into_one_line_of_the_help() -> None:
    assert [key.title for key in (*OF_SCREENS, *OF_NEW_PROJECT, *EVERYWHERE) if len(key.title) > 54] == []


def test_no_two_keys_of_a_screen_are_the_same() -> None:
    for screen in (*SCREENS, NEW_PROJECT):
        keys = [press for key in keys_of(screen) for press in key.keys.split(",")]
        assert len(keys) == len(set(keys)), screen


def test_the_footer_has_what_matters_and_never_alt_or_ctrl_enter() -> None:
    for screen in SCREENS:
        assert {"?", "q"} <= {key.shown for key in footer_of(screen)}
    assert not [
        key for key in (*EVERYWHERE, *OF_SCREENS, *OF_NEW_PROJECT) if "alt+" in key.keys or "ctrl+enter" in key.keys
    ]


def test_every_action_of_the_registry_has_its_key() -> None:
    """An action that a key of its screen does; those of a dialog have their screen's key."""
    for action in ACTIONS.values():
        keys = {key.shown for key in keys_of(action.screen)}
        assert action.key in keys, action.id
