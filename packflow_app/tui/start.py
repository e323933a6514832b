"""Open the terminal app: see that there is a terminal, choose colours, and only then import Textual."""

from __future__ import annotations

import codecs
import gc
import io
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.locations import settings_file
from packflow_app.tui.appearance import chosen_theme
from packflow_app.tui.browser import DRIVER
from packflow_app.tui.keys import SCREENS
from packflow_app.tui.recent import remembered
from packflow_app.tui.terminal_background import has_light_background

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class StartOptions:
    """What ``packflow ui`` may be told; ``screen`` is one of ``keys.SCREENS``, or what people call it.

    ``port``: where a browser on this machine is served, instead of this terminal; 0 takes a free one.
    """

    screen: str = "home"
    theme: str | None = None
    plain: bool = False
    debug: bool = False
    port: int | None = None


def start(options: StartOptions) -> int:
    """Run the app; returns the exit code. Raises UsageError where there is no terminal, or no such screen or theme."""
    screen = screen_named(options.screen)
    if options.port is not None:
        return _serve(screen, options)
    if os.environ.get("TEXTUAL_DRIVER") == DRIVER:
        return _run(screen, _theme(options.theme or _preferred().get("theme")), debug=options.debug)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        from packflow_app.errors import UsageError  # noqa: PLC0415 - a tenth of a second before the first picture

        raise UsageError(
            "The terminal app needs a terminal, and standard input or output is none.",
            code="no-terminal",
            hint="packflow --help lists the commands, which need none.",
        )
    preferred = _preferred()
    wanted = options.theme or preferred.get("theme")
    theme = _theme(wanted)
    is_plain = options.plain or preferred.get("plain") or os.environ.get("TERM", "dumb") in ("dumb", "")
    if not is_plain and not _writes_utf8():
        sys.stderr.write(
            f"This locale has no UTF-8 ({sys.stdout.encoding}), which the screens need: here is the menu.\n"
        )
        sys.stderr.write("The screens: LC_ALL=C.UTF-8 packflow\n")
        is_plain = True
    if is_plain:
        from packflow_app.tui.plain_menu import run_menu  # noqa: PLC0415 - the one or the other

        return run_menu(_project_here())
    if theme == "dark":  # perhaps only since the terminal was not asked yet
        theme = chosen_theme(wanted, os.environ, remembered().theme, has_light_background)
    return _run(screen, theme, debug=options.debug)


def _writes_utf8() -> bool:
    """Whether the screens can be written.

    A locale of ASCII, such as C, says nothing of the terminal, which is taken to know UTF-8, as Python itself does
    there unless it is told otherwise; one of another encoding is believed.
    """
    stream = sys.__stderr__  # where Textual writes
    if stream is None or codecs.lookup(stream.encoding).name == "ascii":
        for one in (sys.__stdout__, stream):
            if isinstance(one, io.TextIOWrapper):
                one.reconfigure(encoding="utf-8")
        return True
    return codecs.lookup(stream.encoding).name == "utf-8"


def _serve(screen: str, options: StartOptions) -> int:
    """Serve it to a browser, once it is clear that each page will open."""
    _theme(options.theme or _preferred().get("theme"))
    from packflow_app.tui.browser.start import start_serving  # noqa: PLC0415 - the one or the other

    return start_serving(screen, options.theme, options.port or 0, debug=options.debug)


def _theme(wanted: str | None) -> str:
    """The theme as far as it is told without asking a terminal."""
    return chosen_theme(wanted, os.environ, remembered().theme, lambda: None)


def _preferred() -> dict[str, str]:
    """What the settings say of the app; a variable outranks them, and theirs are looked at where they are used."""
    if not (settings_file().is_file() or os.environ.get("PACKFLOW_PLAIN")):
        return {}  # the rooms are not imported before the first picture
    from packflow_app.settings import is_true, settings_in_force  # noqa: PLC0415 - see above

    found = {one.key: one.value for one in settings_in_force() if one.value}
    if os.environ.get("PACKFLOW_THEME"):
        found.pop("theme", None)
    if not is_true(found.get("plain")):
        found.pop("plain", None)
    return found


def screen_named(word: str) -> str:
    """The screen that a word means: its step, its name, or its number; raises UsageError where there is none."""
    wanted = word.casefold().replace("_", "-").replace(" ", "-")
    for number, (name, title) in enumerate(SCREENS.items(), 1):
        if wanted in (name, title.casefold().replace(" ", "-"), str(number)):
            return name
    from packflow_app.errors import UsageError  # noqa: PLC0415 - as above

    names = [title.lower().replace(" ", "-") for title in SCREENS.values()]
    raise UsageError(f"There is no screen {word!r}.", code="screen-unknown", hint=f"Choose one of: {', '.join(names)}.")


def _run(screen: str, theme: str, *, debug: bool) -> int:
    gc.disable()  # until the first picture: all that is loaded for it stays
    with _colors(theme):
        from packflow_app.tui.app import PackflowApp  # noqa: PLC0415 - half a second, after all that can fail

        app = PackflowApp(_project_here(), screen=screen, theme=theme)
    code = app.run()
    if app.crash is not None:
        return _tell_crash(app, debug=debug)
    return code if isinstance(code, int) else 0


def _tell_crash(app: object, *, debug: bool) -> int:
    crash = app.crash  # type: ignore[attr-defined]
    if debug:
        import traceback  # noqa: PLC0415

        traceback.print_exception(app._exception)  # type: ignore[attr-defined]  # noqa: SLF001
    from packflow_app.runtime import ExitCode  # noqa: PLC0415 - as above

    sys.stderr.write(f"error: {crash.message}\n  at {crash.file}:{crash.line}\n")
    sys.stderr.write("  next: Run packflow --debug ui, do the same again, and report what it shows.\n")
    return ExitCode.INTERNAL


@contextmanager
def _colors(theme: str) -> Iterator[None]:
    """NO_COLOR as Textual is to see it while the app is built: as the theme says, whatever the environment does."""
    before = os.environ.get("NO_COLOR")
    os.environ.pop("NO_COLOR", None)
    if theme == "none":
        os.environ["NO_COLOR"] = "1"
        os.environ["TEXTUAL_THEME"] = "ansi-dark"
    try:
        yield
    finally:
        os.environ.pop("NO_COLOR", None)
        if before is not None:
            os.environ["NO_COLOR"] = before


def _project_here() -> Path | None:
    """The project that the current folder is, or lies in."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "packflow.yaml").is_file()), None)
