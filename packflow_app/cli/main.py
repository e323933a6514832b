"""Parse the command line, run one command, turn every error into a message and an exit code."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.main import get_command

from packflow_app import __version__
from packflow_app.cli.empty_paths import refuse_empty_paths
from packflow_app.cli.preferences import preferred_values
from packflow_app.cli.terminal import Terminal, discard_output, output_lost
from packflow_app.cli.ui import OPEN_APP
from packflow_app.errors import CancelledError, NotFoundError, NotWritableError, UsageError
from packflow_app.result import COMMANDS, EARLIER, sentence_of, without_alias
from packflow_app.runtime import ExitCode, PackflowError

if TYPE_CHECKING:
    from packflow_app.cli.help_pages import HelpPage

# Typer carries its own copy of Click and exports only the leaves of its errors.
ClickError: type[Exception] = typer.BadParameter.__mro__[2]


_NUMBERS = {
    r"is not a valid int\w*( range)?\.": "is not a whole number.",
    r"is not a valid float( range)?\.": "is not a number.",
    r"is not in the range x>=(\S+)\.": r"is less than \1.",
    r"is not in the range (\S+)<=x<=(\S+)\.": r"is not from \1 to \2.",
}
"""What Click says of numbers, in the words of everybody."""

_WITHOUT_SETTINGS = {"config", "doctor", "completion", "--help", "-h"}
"""Words of a command line that must work where the settings are broken."""

OpenApp = Callable[[str, "str | None", bool, bool, "int | None"], int]


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - the parser calls it so
    if wanted:
        sys.stdout.write(f"packflow {__version__}\n")
        raise typer.Exit


_VERSION = typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)


def build_app(commands: Iterable[str] = COMMANDS, *, with_help: bool = False) -> typer.Typer:
    """The command line with these commands; only their modules are imported. ``with_help``: their pages too."""
    pages = _pages() if with_help else {}
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Turn a model and a few example events into one file that runs anywhere Python runs.",
    )
    app.callback()(options)
    for name in commands:
        module = import_module(f"packflow_app.cli.{name.replace('-', '_')}")
        text, page = sentence_of(name), pages.get(name)
        told = text if page is None else f"{text}\n\n{page.when}"
        if hasattr(module, "group"):
            _tell_of_group(module.group, name, pages)
            app.add_typer(module.group, name=name, help=told)
        else:
            settings = getattr(module, "CONTEXT", None)
            epilog = page.epilog() if page is not None else None
            hidden = name in EARLIER
            app.command(name, help=told, epilog=epilog, hidden=hidden, context_settings=settings)(module.command)
    return app


def _pages() -> dict[str, HelpPage]:
    from packflow_app.cli.help_pages import PAGES  # noqa: PLC0415 - only where help is asked for

    return PAGES


def _tell_of_group(group: typer.Typer, name: str, pages: dict[str, HelpPage]) -> None:
    """Give a group and its commands their pages; their one-line help is never cut off in the list."""
    if name in pages:
        group.info.epilog = f"{pages[name].epilog()}\n\nEach of them takes --json."
    for command in group.registered_commands:
        command.short_help = command.help
        page = pages.get(f"{name} {command.name}")
        if page is not None:
            command.epilog = page.epilog()


def options(
    context: typer.Context,
    directory: Annotated[Path | None, typer.Option("-C", metavar="DIR", help="Work as if started in DIR.")] = None,
    color: Annotated[Literal["auto", "always", "never"], typer.Option(help="Colours.")] = "auto",
    plain: Annotated[  # noqa: FBT002
        bool, typer.Option("--plain", help="Ask by numbered lists, for terminals that move no cursor.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say only what was asked for.")] = False,  # noqa: FBT002
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: FBT002
    version: Annotated[bool, _VERSION] = False,  # noqa: FBT002
) -> None:
    """Take the options that stand before the command."""
    del debug, version  # the one is looked at where errors are caught, the other has been shown
    context.meta[OPEN_APP] = context.obj
    context.obj = {"color": color, "quiet": quiet, "plain": plain, "command": ["packflow", *sys.argv[1:]]}
    if directory is not None:
        try:
            os.chdir(directory)
        except OSError as error:
            raise NotFoundError(f"-C {directory}: {error.strerror}.", hint="Name an existing folder.") from None


def run(arguments: list[str], open_app: OpenApp | None = None) -> int:
    """Run the command line ``arguments``; returns the exit code. ``open_app`` is the face that ``ui`` hands over to."""
    terminal = Terminal(color=_color(arguments), as_json="--json" in arguments, command=["packflow", *arguments])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        return _run(arguments, terminal, open_app)
    except (BrokenPipeError, SystemExit):  # rich and Typer make the one into the other
        discard_output()
        return ExitCode.OK
    except NotWritableError as error:  # standard output failed while another error was shown
        return terminal.fail(error)


def _color(arguments: list[str]) -> str:
    """What ``--color`` says, for errors that come before or instead of a command."""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if word.startswith("--color"):
            return word.partition("=")[2] or following
    return str(preferred_values(strict=False).get("color", "auto"))


def _run(arguments: list[str], terminal: Terminal, open_app: OpenApp | None) -> int:
    debug = "--debug" in arguments
    try:
        _check_current_folder()
        arguments = without_alias(arguments)
        named = [name for name in (*COMMANDS, *EARLIER) if name in arguments]
        app = build_app(named or COMMANDS, with_help=not {"-h", "--help"}.isdisjoint(arguments))
        preferred = preferred_values(strict=not {*arguments} & _WITHOUT_SETTINGS)
        command = get_command(app)
        refuse_empty_paths(command)
        code: Any = command(arguments, prog_name="packflow", standalone_mode=False, obj=open_app, default_map=preferred)
        return code if isinstance(code, int) else ExitCode.OK
    except CancelledError as cancelled:  # somebody said so: no error to be told of
        terminal.end_progress()
        terminal.err.print(cancelled.title, markup=False)
        return int(cancelled.exit_code)
    except PackflowError as error:
        if debug:
            traceback.print_exc()
        return terminal.fail(error)
    except _StoppedError as stop:
        terminal.end_progress()
        terminal.err.print("stopped")
        return stop.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last place where one can be caught
        if debug:
            traceback.print_exc()
        return terminal.fail(_translated(error))


class _StoppedError(BaseException):
    """Ctrl-C or SIGTERM, unwinding: what is half-done is undone, processes are ended.

    Not a KeyboardInterrupt, which the command-line library would turn into an exit code of its own.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def _stop(number: int, _frame: FrameType | None) -> None:
    raise _StoppedError(number)


def _check_current_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise NotFoundError(
            f"The current folder does not exist any more: {error.strerror}.", hint="Change to another folder."
        ) from None


def _translated(error: Exception) -> PackflowError:
    if isinstance(error, ClickError):
        return _usage_error(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EBADF):  # the parser writes help by itself
        discard_output()
        return output_lost(error)
    return _bug(error)


def _usage_error(error: BaseException) -> UsageError:
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    for said, meant in _NUMBERS.items():
        message = re.sub(said, meant, message)
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "packflow"
    return UsageError(message, hint=f"{command} --help shows what it takes.")


def _bug(error: Exception) -> PackflowError:
    frames = traceback.extract_tb(error.__traceback__)
    return PackflowError(
        f"Packflow has a fault: {type(error).__name__}: {error}",
        code="internal",
        exit_code=ExitCode.INTERNAL,
        file=frames[-1].filename if frames else None,
        line=frames[-1].lineno if frames else None,
        hint="Run it again with --debug before the command, and report what it shows.",
    )
