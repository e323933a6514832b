"""What a user prefers, in one small file: the last place where an option that was not given is looked for.

An option outranks its environment variable, which outranks the file. What belongs to a project is in packflow.yaml.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from packflow_app.errors import NotFoundError, UsageError, not_writable
from packflow_app.locations import settings_file
from packflow_app.placing import make_folders, remove_empty, sibling
from packflow_app.runtime import PackflowError, parse_yaml

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 64 << 10


@dataclass(frozen=True)
class Setting:
    """A preference: its key, its variable, what it is for, and its values, where only some will do."""

    key: str
    meaning: str
    values: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable that outranks the file."""
        return f"PACKFLOW_{self.key.upper()}"


SETTINGS = {
    one.key: one
    for one in (
        Setting("color", "colours", ("auto", "always", "never")),
        Setting("plain", "ask by numbered lists", ("true", "false")),
        Setting("theme", "colours of the terminal app", ("dark", "light", "ansi", "none")),
        Setting("installer", "what makes environments", ("auto", "uv", "pip")),
        Setting("maintainer", "who looks after new projects, as 'NAME <MAIL>'"),
        Setting("license", "the licence of new projects, as an SPDX name such as MIT"),
    )
}


@dataclass(frozen=True)
class SettingInForce:
    """A setting's value and where it comes from; with no value that is the default.

    ``place`` is the variable's name, or the file's path.
    """

    key: str
    value: str | None
    source: Literal["environment", "file", "default"]
    place: str | None = None


def read_settings() -> dict[str, str]:
    """What the file says; empty where there is none. Raises NotFoundError for one that cannot be read or is not valid.

    A key that this version does not know is an error too: a preference that is silently ignored is worse.
    """
    path = settings_file()
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _invalid(path, f"It cannot be read: {error.strerror}.") from None
    try:
        node = parse_yaml(content)
    except PackflowError as error:
        raise _invalid(path, error.detail or error.title, error.line, hint=error.hint) from None
    if node.value is None:
        return {}
    if not isinstance(node.value, dict):
        raise _invalid(path, "It holds no keys with values.", node.line)
    return {key: _checked(path, key, one.value, one.line) for key, one in node.value.items()}


def change_settings(key: str, value: str | None) -> Path:
    """Set ``key`` in the file, or take it out (None); returns the file's path.

    Raises UsageError for a key or value that there is not, NotFoundError for a file that is not valid, and
    NotWritableError.
    """
    setting = setting_of(key)
    if value is not None:
        _check_value(setting, value)
    kept = read_settings()
    kept.pop(key, None)
    if value is not None:
        kept[key] = value
    path = settings_file()
    work = sibling(path)
    made: list[Path] = []
    try:
        made = make_folders(path.parent)
        text = "".join(f"{name}: {json.dumps(kept[name])}\n" for name in SETTINGS if name in kept)
        work.write_text(text, encoding="utf-8", newline="\n")
        work.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            work.unlink(missing_ok=True)
        remove_empty(made)
        raise not_writable(path, error) from error
    return path


def is_true(value: str | None) -> bool:
    """Whether the text of a switch means yes."""
    return (value or "").lower() in ("1", "true", "yes", "on")


def setting_of(key: str) -> Setting:
    """The setting of this key; raises UsageError where there is none."""
    if key in SETTINGS:
        return SETTINGS[key]
    near = difflib.get_close_matches(key, SETTINGS, 1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise UsageError(
        f"There is no setting {key!r}.", code="setting-unknown", hint=f"{hint}There are: {', '.join(SETTINGS)}."
    )


def settings_in_force() -> list[SettingInForce]:
    """Every setting with its value and where that comes from; raises what ``read_settings`` does."""
    kept = read_settings()
    return [_in_force(setting, kept) for setting in SETTINGS.values()]


def _in_force(setting: Setting, kept: dict[str, str]) -> SettingInForce:
    given = os.environ.get(setting.variable)
    if given:
        return SettingInForce(setting.key, given, "environment", setting.variable)
    if setting.key in kept:
        return SettingInForce(setting.key, kept[setting.key], "file", str(settings_file()))
    return SettingInForce(setting.key, None, "default")


def _checked(path: Path, key: str, value: object, line: int) -> str:
    try:
        setting = setting_of(key)
        if not isinstance(value, str):
            raise _invalid(path, f"{key} has no text as its value.", line)
        _check_value(setting, value)
    except UsageError as error:
        raise _invalid(path, error.title, line, hint=error.hint) from None
    return str(value)


def _check_value(setting: Setting, value: str) -> None:
    if setting.values and value not in setting.values:
        raise UsageError(
            f"{setting.key} cannot be {value!r}.",
            code="setting-invalid",
            hint=f"Choose one of: {', '.join(setting.values)}.",
        )
    if not value.strip() or not value.isprintable():
        raise UsageError(
            f"{setting.key} needs a value of one line.",
            code="setting-invalid",
            hint=f"Write one, or take it out: packflow config unset {setting.key}",
        )


def _invalid(path: Path, what: str, line: int | None = None, hint: str = "") -> NotFoundError:
    return NotFoundError(
        f"The settings are not valid. {what}",
        code="settings-invalid",
        file=str(path),
        line=line,
        hint=hint or "Mend the file, or remove it: `packflow config path` tells where it is.",
    )
