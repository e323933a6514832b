"""The script for bash (3.2 and later: it uses neither associative arrays nor the bash-completion package)."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from packflow_app.cli.shells.words import Command, Value, all_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPT = """\
# packflow completion for bash, made by `packflow completion bash`.

_packflow_files() {
    local IFS=$'\\n'
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen "$1" -- "$2"))
}

_packflow() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev='' command='' word='' place=0 skip='' i
    COMPREPLY=()
    [ "$COMP_CWORD" -gt 0 ] && prev=${COMP_WORDS[COMP_CWORD-1]}
    if [ "$cur" = '=' ]; then cur=''
    elif [ "$prev" = '=' ] && [ "$COMP_CWORD" -gt 1 ]; then prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [ "$word" = '=' ]; then skip=1; continue; fi
        if [ -n "$skip" ]; then skip=''; continue; fi
        case "$word" in
            -*) if [ "${COMP_WORDS[i+1]}" != '=' ]; then
                    case "$command $word" in
@TAKING@
                    esac
                fi
                continue ;;
        esac
        case "$command $word" in
@COMMANDS@
            *) place=$((place + 1)) ;;
        esac
    done
    case "$command $prev" in
@VALUES@
    esac
    if [ "${cur#-}" != "$cur" ]; then
        case "$command" in
@OPTIONS@
        esac
        return
    fi
    case "$command $place" in
@ARGUMENTS@
    esac
}

complete -F _packflow packflow
"""


def script(top: Command) -> str:
    """The script, with every word in it."""
    parts = {
        "TAKING": _case(16 + 8, _taking(top)),
        "COMMANDS": _case(12, _commands(top)),
        "VALUES": _case(8, _values(top)),
        "OPTIONS": _case(12, _options(top)),
        "ARGUMENTS": _case(8, _arguments(top)),
    }
    text = _SCRIPT
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def _case(indent: int, branches: Iterator[tuple[list[str], str]]) -> str:
    return "\n".join(f"{' ' * indent}{'|'.join(patterns)}) {action} ;;" for patterns, action in branches)


def _every(top: Command) -> Iterator[tuple[str, Command]]:
    """Each command by what the script calls it: the top is the empty word."""
    yield "", top
    for one in all_commands(top):
        yield one.name, one


def _taking(top: Command) -> Iterator[tuple[list[str], str]]:
    """Options whose next word is their value."""
    for called, one in _every(top):
        names = [name for option in one.options if option.value.kind != "none" for name in option.names]
        if names:
            yield [shlex.quote(f"{called} {name}") for name in names], "skip=1"


def _commands(top: Command) -> Iterator[tuple[list[str], str]]:
    for one in top.commands:
        yield [shlex.quote(f" {one.name}")], f"command={shlex.quote(one.name)}"
        for below in one.commands:
            yield [shlex.quote(below.name)], f"command={shlex.quote(below.name)}"


def _values(top: Command) -> Iterator[tuple[list[str], str]]:
    for called, one in _every(top):
        for option in one.options:
            if option.value.kind != "none":
                yield [shlex.quote(f"{called} {name}") for name in option.names], f"{_reply(option.value)}; return"


def _options(top: Command) -> Iterator[tuple[list[str], str]]:
    for called, one in _every(top):
        names = " ".join(name for option in one.options for name in option.names)
        yield [shlex.quote(called)], f'COMPREPLY=($(compgen -W {shlex.quote(names)} -- "$cur"))'


def _arguments(top: Command) -> Iterator[tuple[list[str], str]]:
    for called, one in _every(top):
        if one.commands:
            names = tuple(below.name.rpartition(" ")[2] for below in one.commands)
            yield [shlex.quote(f"{called} 0")], _reply(Value("choice", names))
        for number, argument in enumerate(one.arguments):
            last = number == len(one.arguments) - 1
            pattern = f"{shlex.quote(f'{called} ')}*" if last and one.repeats else shlex.quote(f"{called} {number}")
            yield [pattern], _reply(argument)


def _reply(value: Value) -> str:
    if value.kind == "choice":
        return f'COMPREPLY=($(compgen -W {shlex.quote(" ".join(value.choices))} -- "$cur"))'
    if value.kind == "folder":
        return '_packflow_files -d "$cur"'
    return '_packflow_files -f "$cur"' if value.kind == "file" else ":"
