"""What the events suggest for packflow.yaml: fields a model may take, a delimiter that no key holds, plain names.

Nothing is decided: these are candidates to choose from, with the reason for each. Fields that are named as answers are
(label, target, y, class) or that tell events from one another (identifiers) are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packflow_app.events.event_paths import ANY_KEY, ITEMS

if TYPE_CHECKING:
    from packflow_app.events.profile import EventsProfile, PathProfile

DELIMITERS = (".", "/", "__", "|", ":", "->", "~")
_ANSWERS = {"label", "labels", "target", "y", "class", "ground_truth"}
_IDENTIFIER = re.compile(r"(?:^|[._@-])(?:u?u?id|guid|key|hash|token|uid)$", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_OFTEN_ENOUGH = 0.5
_FEW_CATEGORIES = 50


@dataclass(frozen=True)
class Suggestions:
    """``numeric`` and ``categorical`` are feature candidates, as ``feature_names`` would name them after renaming.

    ``settings`` are keys of packflow.yaml with their values, ``reasons`` says why, one sentence for each key.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    settings: dict[str, Any]
    reasons: dict[str, str]


def suggest(profile: EventsProfile) -> Suggestions:
    """Look through a profile for what a model's configuration may want."""
    scalars = [path for path in profile.paths if not {ITEMS, ANY_KEY} & {*path.keys}]
    keys = {key for path in profile.paths for key in path.keys if key not in (ITEMS, ANY_KEY)}
    delimiter = next((mark for mark in DELIMITERS if not any(mark in key for key in keys)), None)
    settings: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    chosen = [(path, kind) for path in scalars if (kind := _candidate(path, profile.events))]
    if delimiter is None:
        delimiter = "."
        settings["ignore_delimiter_collisions"] = True
        reasons["ignore_delimiter_collisions"] = "every delimiter is part of some key: a whole key wins over a path"
    elif delimiter != ".":
        settings["nested_field_delimiter"] = delimiter
        dotted = next(key for key in sorted(keys) if "." in key)
        reasons["nested_field_delimiter"] = f"keys such as {dotted} have dots, and none has {delimiter!r}"
    renames = _renames(profile, [path for path, _ in chosen])
    if renames:
        settings["rename_fields"] = renames
        reasons["rename_fields"] = "these names cannot be attributes or columns of every library as they are"
    if any(len(path.keys) > 1 for path, _ in chosen) and not any(path.map_keys for path in profile.paths):
        settings["flatten_nested_inputs"] = True
        reasons["flatten_nested_inputs"] = "some candidates are inside other objects"
    names = {kind: tuple(_name(path, delimiter, renames) for path, is_ in chosen if is_ == kind) for kind in _KINDS}
    if names["numeric"]:
        settings["feature_names"] = list(names["numeric"])
        reasons["feature_names"] = (
            "numbers that vary and are there in most events; take out what the model does not use"
        )
    return Suggestions(names["numeric"], names["categorical"], settings, reasons)


_KINDS = ("numeric", "categorical")


def _candidate(path: PathProfile, events: int) -> str:
    """``numeric``, ``categorical`` or empty."""
    name = path.keys[-1]
    types = {seen.name for seen in path.types} - {"null"}
    if path.conflict or path.distinct < 2 or path.present - path.nulls < _OFTEN_ENOUGH * events:
        return ""
    if name.lower() in _ANSWERS or _IDENTIFIER.search(name):
        return ""
    if types <= {"integer", "number", "boolean"}:
        return "numeric"
    few = path.distinct_is_exact and path.distinct <= _FEW_CATEGORIES and 2 * path.distinct < path.present
    return "categorical" if types == {"string"} and few else ""


def _renames(profile: EventsProfile, chosen: list[PathProfile]) -> dict[str, str]:
    """New names for candidates at the top whose own are not plain, where that makes no two alike."""
    taken = {path.keys[0] for path in profile.paths}
    renames: dict[str, str] = {}
    for path in chosen:
        (key, *inner) = path.keys
        plain = re.sub(r"\W+", "_", key, flags=re.ASCII).strip("_")
        if not inner and not _PLAIN_NAME(key) and _PLAIN_NAME(plain) and plain not in taken:
            renames[key] = plain
            taken.add(plain)
    return renames


def _name(path: PathProfile, delimiter: str, renames: dict[str, str]) -> str:
    name = delimiter.join(path.keys)
    return renames.get(name, name)
