"""The script for fish: one `complete` an option and an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.cli.shells.words import Command, Option, Value, all_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# packflow completion for fish, made by `packflow completion fish`.

# The command that is meant, and the arguments that stand after it: its words without options and their values.
function __packflow_words
    set -l skip program
    set -l words
    for word in (commandline -opc)
        if test -n "$skip"
            set skip
        else if string match -q -- '-*' $word
            contains -- $word $__packflow_taking; and set skip value
        else
            set -a words $word
        end
    end
    set -q words[1]; and printf '%s\\n' $words
end

function __packflow_at
    string match -q -- "$argv *" (string join ' ' (__packflow_words))' '
end

function __packflow_before
    test (count (__packflow_words)) -eq 0
end

function __packflow_argument -a number
    set -e argv[1]
    __packflow_at $argv; and test (count (__packflow_words)) -eq (math (count $argv) + $number)
end

function __packflow_argument_from -a number
    set -e argv[1]
    __packflow_at $argv; and test (count (__packflow_words)) -ge (math (count $argv) + $number)
end

complete -c packflow -f
"""


def script(top: Command) -> str:
    """The script, with every word in it."""
    taking = sorted(
        {
            name
            for one in (top, *all_commands(top))
            for option in one.options
            if option.value.kind != "none"
            for name in option.names
        }
    )
    return f"{_HEAD}set -g __packflow_taking {' '.join(taking)}\n\n{chr(10).join(_lines(top))}\n"


def _lines(top: Command) -> Iterator[str]:
    for one in top.commands:
        yield f"complete -c packflow -n __packflow_before -a {one.name} -d {_quoted(one.help)}"
    for option in top.options:
        yield _option("__packflow_before", option)
    for one in all_commands(top):
        condition = _quoted(f"__packflow_at {one.name}")
        for below in one.commands:
            name = below.name.rpartition(" ")[2]
            place = _quoted(f"__packflow_argument 0 {one.name}")
            yield f"complete -c packflow -n {place} -a {name} -d {_quoted(below.help)}"
        for option in one.options:
            yield _option(condition, option)
        for number, value in enumerate(one.arguments):
            repeats = one.repeats and number == len(one.arguments) - 1
            place = _quoted(f"__packflow_argument{'_from' if repeats else ''} {number} {one.name}")
            yield f"complete -c packflow -n {place}{_value(value, required=False)}"


def _option(condition: str, option: Option) -> str:
    names = "".join(f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option.names)
    value = "" if option.value.kind == "none" else _value(option.value, required=True)
    return f"complete -c packflow -n {condition}{names}{value} -d {_quoted(option.help)}"


def _value(value: Value, *, required: bool) -> str:
    takes = " -r" if required else ""
    if value.kind == "choice":
        return f"{takes} -f -a {_quoted(' '.join(value.choices))}"
    if value.kind == "file":
        return f"{takes} -F"
    if value.kind == "folder":
        return f"{takes} -f -a '(__fish_complete_directories)'"
    return f"{takes} -f"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
