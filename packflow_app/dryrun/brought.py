"""What is installed because something that is asked for needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packflow_app.environments.installed import Installed
    from packflow_app.projects.requirements import Declaration


def brought_by(wanted: Iterable[Declaration], installed: Installed) -> dict[str, str]:
    """Each distribution that the ``wanted`` ones bring along, with the first of those that does; by the metadata."""
    found: dict[str, str] = {}
    for one in wanted:
        extras = frozenset(one.parsed.extras) if one.parsed is not None else frozenset()
        waiting, seen = [(one.name, extras)], set()
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            for need in _needs_of(*current, installed):
                name = canonicalize_name(need.name)
                if name in installed.versions:
                    found.setdefault(name, one.name)
                    waiting.append((name, frozenset(need.extras)))
    return found


def _needs_of(name: str, extras: frozenset[str], installed: Installed) -> Iterator[Requirement]:
    for text in installed.requires.get(name, ()):
        try:
            need = Requirement(text)
        except InvalidRequirement:  # old metadata; its distribution is installed all the same
            continue
        if need.marker is None or any(_holds(need, extra, installed) for extra in (*extras, "")):
            yield need


def _holds(need: Requirement, extra: str, installed: Installed) -> bool:
    assert need.marker is not None  # noqa: S101 - the caller looked
    try:
        return need.marker.evaluate({**installed.markers, "extra": extra})
    except ValueError:  # a comparison that makes no sense
        return True
