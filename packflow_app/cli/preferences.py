"""The user's settings as defaults of options: what is given on the command line outranks them."""

from __future__ import annotations

from typing import Any

from packflow_app.runtime import PackflowError
from packflow_app.settings import is_true, settings_in_force


def preferred_values(*, strict: bool) -> dict[str, Any]:
    """Defaults by option, and by command for its own options, as the parser takes them.

    Raises NotFoundError for settings that are not valid; unless ``strict``, those count as none.
    """
    try:
        found = {one.key: one.value for one in settings_in_force() if one.value is not None}
    except PackflowError:
        if strict:
            raise
        return {}
    values: dict[str, Any] = {key: found[key] for key in ("color",) if key in found}
    if "plain" in found:
        values["plain"] = is_true(found["plain"])
    if "theme" in found:
        values["ui"] = {"theme": found["theme"]}
    if "installer" in found:
        values["env"] = {"sync": {"installer": found["installer"]}}
    new_project: dict[str, Any] = {key: found[key] for key in ("license",) if key in found}
    if "maintainer" in found:
        new_project["maintainer"] = [found["maintainer"]]
    values["init"] = new_project
    return values
