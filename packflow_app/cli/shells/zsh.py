"""The script for zsh: one function a command, each a call of `_arguments`."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from packflow_app.cli.shells.words import Command, Option, Value, all_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
#compdef packflow
# packflow completion for zsh, made by `packflow completion zsh`.
"""
_TAIL = """
if [ "$funcstack[1]" = "_packflow" ]; then
    _packflow "$@"
else
    compdef _packflow packflow
fi
"""


def script(top: Command) -> str:
    """The script, with every word in it."""
    return f"{_HEAD}\n{chr(10).join(_functions(top))}{_TAIL}"


def _functions(top: Command) -> Iterator[str]:
    yield _group(top)
    for one in all_commands(top):
        yield _group(one) if one.commands else _leaf(one)


def _function(name: str) -> str:
    return "_packflow" if name == "packflow" else f"_packflow_{re.sub('[ -]', '_', name)}"


def _leaf(one: Command) -> str:
    words = [*_options(one), *_arguments(one)]
    return f"{_function(one.name)}() {{\n    _arguments -s \\\n        {_joined(words)}\n}}\n"


def _group(one: Command) -> str:
    """A command with commands: its own options, which of them, and then theirs."""
    names = [(below.name.rpartition(" ")[2], below) for below in one.commands]
    listed = "\n".join(f"                {shlex.quote(f'{name}:{_plain(below.help)}')}" for name, below in names)
    cases = "\n".join(f"                {name}) {_function(below.name)} ;;" for name, below in names)
    words = [*_options(one), "'1: :->command'", "'*:: :->rest'"]
    return f"""\
{_function(one.name)}() {{
    local curcontext="$curcontext" state line
    local -a commands
    _arguments -C \\
        {_joined(words)}
    case $state in
        command)
            commands=(
{listed}
            )
            _describe -t commands command commands
            ;;
        rest)
            case $line[1] in
{cases}
            esac
            ;;
    esac
}}
"""


def _joined(words: list[str]) -> str:
    return " \\\n        ".join(words)


def _options(one: Command) -> Iterator[str]:
    for option in one.options:
        for name in option.names:
            yield shlex.quote(f"{_spelled(name, option)}[{_plain(option.help)}]{_action(option.value)}")


def _spelled(name: str, option: Option) -> str:
    """`--name=` takes `--name VALUE` and `--name=VALUE`; `*` before it: more than once."""
    ending = "=" if option.value.kind != "none" and name.startswith("--") else ""
    return f"*{name}{ending}"


def _arguments(one: Command) -> Iterator[str]:
    for number, value in enumerate(one.arguments, 1):
        repeats = one.repeats and number == len(one.arguments)
        yield shlex.quote(f"{'*' if repeats else number}{_action(value)}")


def _action(value: Value) -> str:
    if value.kind == "none":
        return ""
    actions = {"file": "_files", "folder": "_files -/", "text": " "}
    does = f"({' '.join(value.choices)})" if value.kind == "choice" else actions[value.kind]
    return f":{_plain(value.name) or 'value'}:{does}"


def _plain(text: str) -> str:
    """``text`` without what `_arguments` takes for its own."""
    return re.sub(r"([\[\]:\\])", r"\\\1", text)
