"""Every command's options, choices and arguments, taken from the parsers themselves."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from typer.main import get_command

from packflow_app.cli.main import build_app
from packflow_app.cli.run import run_parser
from packflow_app.cli.serve import serve_parser
from packflow_app.projects.skeletons import skeleton_kinds
from packflow_app.result import ALIASES, COMMANDS, sentence_of
from packflow_app.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["none", "text", "file", "folder", "choice"]

# Values that are texts to the parser, which takes more than these.
_KNOWN_VALUES: dict[tuple[str, str], tuple[str, ...]] = {
    ("init", "--kind"): tuple(skeleton_kinds()),
    ("skeletons show", "NAME|FOLDER|URL"): tuple(skeleton_kinds()),
    ("config get", "KEY"): tuple(SETTINGS),
    ("config set", "KEY"): tuple(SETTINGS),
    ("config unset", "KEY"): tuple(SETTINGS),
    ("inspect", "--format"): ("ndjson", "json", "csv", "tsv", "parquet"),
    ("ui", "SCREEN"): ("home", "events", "dry-run", "validate", "export", "archive"),
    ("ui", "--theme"): SETTINGS["theme"].values,
}
_FILES = re.compile(r"\b(FILE|EVENTS|OTHER|ARCHIVE|OLD|NEW|KEY|PUB|OUT|PYTHON|COMMAND)\b")
_FOLDERS = re.compile(r"\b(DIR|FOLDER|PROJECT)\b")


@dataclass(frozen=True)
class Value:
    """What stands after an option, or as an argument: its kind, and the choices where they are known."""

    kind: Kind
    choices: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Option:
    """An option by all its spellings, with what it takes and the first sentence of its help."""

    names: tuple[str, ...]
    value: Value
    help: str


@dataclass(frozen=True)
class Command:
    """A command, or one of a group as `env sync`; the last of ``arguments`` repeats where ``repeats`` says so."""

    name: str
    help: str
    options: tuple[Option, ...]
    arguments: tuple[Value, ...] = ()
    repeats: bool = False
    commands: tuple[Command, ...] = field(default=())


def command_line() -> Command:
    """The whole command line; importing every command takes a third of a second."""
    top: Any = get_command(build_app())
    handed = {"run": run_parser, "serve": serve_parser}
    found = [
        _of_runtime(name, handed[name]()) if name in handed else _command(name, top.commands[name]) for name in COMMANDS
    ]
    others = [_renamed(one, other) for other, name in ALIASES.items() for one in found if one.name == name]
    options = tuple(_options("", top))
    return Command("packflow", "", options, commands=(*found, *others))


def all_commands(top: Command) -> Iterator[Command]:
    """Every command and those of groups, without the top."""
    for one in top.commands:
        yield one
        yield from one.commands


def _renamed(one: Command, name: str) -> Command:
    return Command(name, one.help, one.options, one.arguments, one.repeats)


def _command(name: str, parsed: Any) -> Command:  # noqa: ANN401 - Typer's own copy of Click has no public types
    below = tuple(_command(f"{name} {word}", one) for word, one in getattr(parsed, "commands", {}).items())
    arguments = [one for one in parsed.params if one.param_type_name == "argument"]
    help_text = sentence_of(name) if name in COMMANDS else parsed.help or ""
    return Command(
        name,
        _first_sentence(help_text),
        tuple(_options(name, parsed)),
        tuple(_value(name, str(one.metavar or one.name), one) for one in arguments),
        bool(arguments) and arguments[-1].nargs == -1,
        below,
    )


def _options(command: str, parsed: Any) -> Iterator[Option]:  # noqa: ANN401 - as above
    for one in parsed.params:
        if one.param_type_name == "option" and not one.hidden:
            names = (*one.opts, *one.secondary_opts)
            value = Value("none") if one.is_flag else _value(command, str(one.metavar or ""), one)
            yield Option(names, value, _first_sentence(one.help or ""))
    yield Option(("-h", "--help"), Value("none"), "Show the help")


def _value(command: str, metavar: str, parameter: Any) -> Value:  # noqa: ANN401 - as above
    long = next((name for name in parameter.opts if name.startswith("--")), metavar)
    known = _KNOWN_VALUES.get((command, long)) or tuple(getattr(parameter.type, "choices", ()) or ())
    return _of_metavar(metavar, tuple(map(str, known)))


def _of_metavar(metavar: str, choices: tuple[str, ...] = ()) -> Value:
    if choices:
        return Value("choice", choices, metavar)
    if _FILES.search(metavar):
        return Value("file", (), metavar)
    return Value("folder" if _FOLDERS.search(metavar) else "text", (), metavar)


def _of_runtime(name: str, parser: argparse.ArgumentParser) -> Command:
    """A command with the runtime's own parser."""
    options, arguments = [Option(("-h", "--help"), Value("none"), "Show the help")], []
    for action in parser._actions:  # noqa: SLF001 - argparse tells what it knows in no other way
        if isinstance(action, argparse._HelpAction):  # noqa: SLF001 - as above
            continue
        value = Value("none")
        if action.nargs != 0:
            value = _of_metavar(str(action.metavar or ""), tuple(map(str, action.choices or ())))
        if action.option_strings:
            options.append(Option(tuple(action.option_strings), value, _first_sentence(action.help or "")))
        else:
            arguments.append(value)
    return Command(name, _first_sentence(sentence_of(name)), tuple(options), tuple(arguments))


def _first_sentence(text: str) -> str:
    """What a shell shows beside a word: one short line."""
    line = " ".join(text.split())
    return re.split(r"(?<=[a-z)])[.;:](?: |$)| \(default", line, maxsplit=1)[0].rstrip(".")
