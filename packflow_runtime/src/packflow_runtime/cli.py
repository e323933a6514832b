"""The command line of an archive (``python model.zip``) and of the runtime (``python -m packflow_runtime``)."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .errors import ExitCode, PackflowError
from .manifest import MANIFEST_NAME, Manifest, parse_manifest
from .reporting import print_error, print_notice
from .stdio import discard_output, not_writable, reopen_closed_streams, require_output
from .target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = {
    "run": "run the model on a stream of events",
    "serve": "run the model between two message brokers",
    "install": "make an environment with what the model requires",
    "info": "say what the archive holds and needs",
    "verify": "check that an archive is whole and what it says it is",
    "replay": "run the golden events here and compare their outputs",
    "compare": "show how another model differs on the same events",
    "cache": "list or remove extracted copies and environments",
}
"""Every command with its one-line help; ``commands/NAME.py`` has its options and its answer."""


def main_of_archive(tree: str, archive: str, bytecode_dir: str | None, *, unzipped: bool = False) -> int:
    """Run the archive whose extracted copy is ``tree``; ``archive`` is what the user started."""
    reopen_closed_streams()
    folder = Path(tree)

    def answer() -> int:
        if unzipped:
            from .archive import check_tree  # noqa: PLC0415 - an extracted copy is checked already

            manifest = check_tree(folder)
        else:
            manifest = parse_manifest((folder / MANIFEST_NAME).read_bytes())
        options = _archive_options(archive, manifest, sys.argv[1:])
        target = Target(archive, folder, manifest, bytecode_dir, is_unzipped=unzipped, restart=(archive,))
        return _answer(target, options)

    return _told(answer, sys.argv[1:])


def cold_start(archive: str, cache_dir: str, run: Callable[[str, str, str | None], int]) -> int:
    """Answer for an archive that has no extracted copy yet; commands that need one make it and go on with ``run``."""
    reopen_closed_streams()
    from .archive import open_archive  # noqa: PLC0415
    from .extraction import extract_to_cache  # noqa: PLC0415 - a warm start does without it

    def answer() -> int:
        with open_archive(Path(archive)) as opened:
            manifest = opened.manifest
        options = _archive_options(archive, manifest, sys.argv[1:])
        if not _module(options.command).NEEDS_COPY:
            return _answer(Target(archive, None, manifest), options)
        extracted = extract_to_cache(Path(archive), cache_dir)
        return run(extracted.tree, archive, extracted.bytecode_dir)

    return _told(answer, sys.argv[1:])


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m packflow_runtime``; returns the exit code."""
    from .cache_option import choose_cache  # noqa: PLC0415 - an archive's start knows its cache already

    reopen_closed_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    choose_cache(words)
    parser = _parser(
        prog="python -m packflow_runtime", description="Run a Packflow archive or project, or look into an archive."
    )
    parser.add_argument("--version", action="version", version=f"packflow-runtime {__version__}")
    options = _parsed(parser, words or ["--help"], outside=True)

    def answer() -> int:
        if not hasattr(options, "target"):
            return _answer(None, options)
        return _answer_outside(options, ours=arguments is None)

    return _told(answer, words)


def _told(answer: Callable[[], int], words: list[str]) -> int:
    """The exit code of an answer, or of the error that ended it, which is shown."""
    try:
        _take_interrupts()
        code = answer()
        if sys.stdout is not None:
            sys.stdout.flush()
    except PackflowError as error:
        return _failed(error, words)
    except KeyboardInterrupt:
        print_notice("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # whoever read it has seen enough
        discard_output()
        return ExitCode.OK
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        discard_output()
        return print_error(not_writable("The standard output", error))
    return code


def _take_interrupts() -> None:
    """Have Ctrl-C raise again, which an archive's first lines keep from showing where they were interrupted."""
    import _signal  # type: ignore[import-not-found]  # noqa: PLC0415 - signal itself takes a millisecond more

    if _signal.getsignal(_signal.SIGINT) == _signal.SIG_DFL:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def _answer_outside(options: argparse.Namespace, *, ours: bool) -> int:
    """Answer for the archive or project that is named; ``ours`` says that the process is there for this alone."""
    from .archive import is_archive, open_archive  # noqa: PLC0415 - a warm start of an archive does without it
    from .environment_start import runtime_start  # noqa: PLC0415 - only here
    from .opening import opened_target  # noqa: PLC0415 - only here

    path, module = options.target, _module(options.command)
    if is_archive(path) and not module.NEEDS_COPY:
        with open_archive(path) as archive:
            manifest = archive.manifest
        return _answer(Target(str(path), None, manifest), options)
    target = opened_target(path, runtime_start() if ours else ())
    if target.manifest is None and not module.TAKES_PROJECT:
        with open_archive(path):  # which says what is wrong with it
            pass
    return _answer(target, options)


def _answer(target: Target | None, options: argparse.Namespace) -> int:
    return int(_module(options.command).answer(target, options))


def _archive_options(name: str, manifest: Manifest, arguments: list[str]) -> argparse.Namespace:
    """Parse the command line of an archive; help is printed, and ends the process, here."""
    parser = _parser(
        prog=f"python3 {os.path.basename(name)}",
        description=f"{manifest.name} {manifest.version}. {manifest.project_config.description}".strip(),
        epilog="Without a command: `run`, when events are piped in; this help otherwise.",
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"{manifest.name} {manifest.version} (packflow-runtime {__version__})",
        help="show the model's version and the runtime's",
    )
    if not arguments:
        piped = sys.stdin is not None and not sys.stdin.isatty()
        arguments = ["run"] if piped else ["--help"]
    return _parsed(parser, arguments, outside=False)


def _parser(**settings: Any) -> argparse.ArgumentParser:  # noqa: ANN401 - what argparse takes
    """A parser without abbreviations: ``--cache`` is looked for before anything is parsed, by its whole name.

    argparse makes a formatter for every option that is added. Unless it is told the width, it imports shutil, and all
    that this can compress by.
    """
    columns = os.environ.get("COLUMNS", "")
    width = (int(columns) if columns.isdecimal() else 0) or _terminal_width()
    return _Parser(
        **settings, allow_abbrev=False, formatter_class=lambda prog: argparse.HelpFormatter(prog, width=width - 2)
    )


class _Parser(argparse.ArgumentParser):
    """One whose help that nobody can have is an error: argparse itself loses it in silence."""

    def _print_message(self, message: str, file: Any = None) -> None:  # noqa: ANN401 - as argparse has it
        if file is sys.stderr:
            super()._print_message(message, file)
            return
        try:
            require_output("Run it again with standard output open.")
            sys.stdout.write(message)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read it has seen enough
            discard_output()
        except OSError as error:
            discard_output()
            sys.exit(print_error(not_writable("The standard output", error)))
        except PackflowError as error:
            sys.exit(print_error(error))


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def _parsed(parser: argparse.ArgumentParser, arguments: list[str], *, outside: bool) -> argparse.Namespace:
    """Parse; only the module of the command that is meant is imported. ``outside`` names the archive as well."""
    commands = parser.add_subparsers(  # type: ignore[call-overload]
        dest="command",
        required=True,
        metavar="COMMAND",
        parser_class=_parser,
    )
    named = next((word for word in arguments if word in COMMANDS), None)
    for name, text in COMMANDS.items():
        if name != named:
            commands.add_parser(name, help=text, add_help=False)
            continue
        module = _module(name)
        command = commands.add_parser(name, help=text, description=module.DESCRIPTION)
        if outside and hasattr(module, "add_options_outside"):
            module.add_options_outside(command)
        else:
            if outside:
                takes = "ARCHIVE|PROJECT" if module.TAKES_PROJECT else "ARCHIVE"
                command.add_argument("target", type=Path, metavar=takes)
            module.add_options(command)
        _add_cache_option(command)
    _add_cache_option(parser)
    return parser.parse_args(arguments)


def _add_cache_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cache",
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="keep extracted copies and environments in DIR (default: $PACKFLOW_CACHE, else the user's cache folder)",
    )


def _module(command: str) -> Any:  # noqa: ANN401 - a module, as commands/__init__.py has it
    return importlib.import_module(f".commands.{command}", __package__)


def _failed(error: PackflowError, arguments: list[str]) -> int:
    """Show an error, to a program as well where ``--json`` asks for it; returns the exit code."""
    if "--json" in arguments and sys.stdout is not None:
        from .envelope import envelope, problem_of  # noqa: PLC0415 - only with --json

        command = next((word for word in arguments if word in COMMANDS), "run")
        sys.stdout.buffer.write(envelope(command, {}, [problem_of(error)], ok=error.exit_code == ExitCode.OK))
        sys.stdout.flush()
    return print_error(error)
