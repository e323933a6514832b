"""The user's settings, and environment variables that are misspelt or lead elsewhere."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING

from packflow_app.health.finding import Finding, note, of_error, ok, warning
from packflow_app.locations import settings_file
from packflow_app.runtime import PackflowError
from packflow_app.settings import SETTINGS, read_settings
from packflow_app.variables import INTERNAL, TESTS, VARIABLES
from packflow_app.wording import counted, home_path

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "PACKFLOW_"
_MISLEADING = {
    "PYTHONHOME": "Pythons look for their library there, whichever they are",
    "PYTHONPATH": "modules there come before a project's own",
    "PYTHONIOENCODING": "it decides how Packflow's output is encoded",
}


def examine() -> Iterator[Finding]:
    """Look at the settings file and the environment."""
    path = settings_file()
    try:
        kept = read_settings()
    except PackflowError as problem:
        yield of_error("settings", home_path(path), problem)
    else:
        yield ok("settings", f"{counted(len(kept), 'setting')} in {home_path(path)}" if kept else "none: all defaults")
    known = {*VARIABLES, *INTERNAL, *TESTS}
    for name in sorted(one for one in os.environ if one.startswith(_PREFIX)):
        if name not in known and not name.startswith("PACKFLOW_TEST_"):
            yield _unknown(name)
        elif name in VARIABLES and name != "PACKFLOW_KEY_PASSPHRASE":
            yield _given(name, os.environ[name])
    for name, why in _MISLEADING.items():
        if os.environ.get(name):
            yield note(name, f"is set: {why}", f"Unset {name} where something is not found, or not the right one.")


def _given(name: str, value: str) -> Finding:
    setting = next((one for one in SETTINGS.values() if one.variable == name), None)
    if setting is not None and setting.values and value and value not in (*setting.values, "0", "1"):
        message = f"{name} is {value!r}, which is none of its values."
        return warning(name, value, "variable-invalid", message, f"Set it to one of: {', '.join(setting.values)}.")
    return ok(name, value or "(empty)")


def _unknown(name: str) -> Finding:
    near = difflib.get_close_matches(name, VARIABLES, 1)
    fix = f"Did you mean {near[0]}?" if near else "Unset it; docs/environment-variables.md lists those that count."
    return warning(name, os.environ[name], "variable-unknown", f"Packflow reads no variable {name}.", fix)
