"""An empty word where a file or folder is named: an error, for as a path it would be the folder at hand.

It comes from a shell's variable that is not set: ``packflow export -o "$OUT"``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from typer.models import TyperPath

from packflow_app.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


def refuse_empty_paths(command: object) -> None:
    """Let a command, and each of its own commands, raise UsageError for such a word."""
    for below in getattr(command, "commands", {}).values():
        refuse_empty_paths(below)
    for parameter in getattr(command, "params", ()):
        if isinstance(parameter.type, TyperPath):
            is_option = parameter.param_type_name == "option"
            name = " / ".join(parameter.opts) if is_option else parameter.human_readable_name.rstrip(".")
            checked = partial(_converted, parameter.type.convert, name)
            parameter.type.convert = checked  # type: ignore[method-assign, assignment]


def _converted(convert: Callable[..., object], name: str, value: object, parameter: object, context: object) -> object:
    if value == "":
        raise UsageError(f"{name} is empty.", hint="Name a file or folder; . is the folder at hand.")
    return convert(value, parameter, context)
