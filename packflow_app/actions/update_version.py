"""The version that an update of the model suggests, by what changed for those who read its outputs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from packflow_app.runtime import ModelComparison

Bump = Literal["major", "minor", "patch"]

_RELEASE = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?\Z")


def suggested_bump(comparison: ModelComparison | None, *, features_changed: bool) -> tuple[Bump, str]:
    """How far the version should move, and why in a few words.

    Other input features or output fields: major. Other values, or values that could not be compared: minor. Else patch.
    """
    if features_changed:
        return "major", "the input features changed"
    if comparison is None:
        return "minor", "the outputs could not be compared"
    moved = [one.path for one in comparison.fields if one.first.kind in ("missing", "extra", "type")]
    if moved:
        return "major", f"the output fields changed: {', '.join(moved[:3])}{' …' if len(moved) > 3 else ''}"
    if not comparison.equal:
        return "minor", "values of the outputs changed"
    return "patch", "the outputs are equal"


def bumped(version: str, bump: Bump) -> str | None:
    """The next version; None for one that is not made of one to three numbers."""
    match = _RELEASE.match(version)
    if match is None:
        return None
    major, minor, patch = (int(part or 0) for part in match.groups())
    return {
        "major": f"{major + 1}.0.0",
        "minor": f"{major}.{minor + 1}.0",
        "patch": f"{major}.{minor}.{patch + 1}",
    }[bump]
