"""What one archive changes against another: files, requirements, configuration, fields, and what is claimed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from packflow_app.packaging.description import ArchiveDescription, SchemaField

_CLAIMS = (
    "name",
    "version",
    "entry_point",
    "python_requires",
    "runtime_version",
    "stateful",
    "golden_events",
    "created",
)
_LONGEST_VALUE = 60


@dataclass(frozen=True)
class ArchiveChange:
    """One thing that is not the same: None before where it is new, None after where it is gone."""

    what: str
    before: Any
    after: Any

    @property
    def kind(self) -> str:
        """added, removed or changed."""
        return "added" if self.before is None else "removed" if self.after is None else "changed"

    @property
    def values(self) -> str:
        """What it was and what it is, in a few words for a person."""
        if self.kind == "added":
            return _short(self.after)
        if self.kind == "removed":
            return f"was {_short(self.before)}"
        if self.before == self.after:  # the sizes of files
            return f"{_short(self.after)}, other bytes"
        return f"{_short(self.before)} → {_short(self.after)}"


@dataclass(frozen=True)
class ArchiveChanges:
    """Everything that differs, by what it is about; files are told by their sizes."""

    files: tuple[ArchiveChange, ...]
    requirements: tuple[ArchiveChange, ...]
    configuration: tuple[ArchiveChange, ...]
    inputs: tuple[ArchiveChange, ...]
    outputs: tuple[ArchiveChange, ...]
    claims: tuple[ArchiveChange, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data of it."""
        return {
            topic: [{"kind": change.kind, **asdict(change)} for change in changes]
            for topic, changes in vars(self).items()
        }

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, vars(self).values()))


def changes_between(old: ArchiveDescription, new: ArchiveDescription) -> ArchiveChanges:
    """What ``new`` changes against ``old``."""
    before, after = old.manifest, new.manifest
    names = sorted({*before.files, *after.files})
    return ArchiveChanges(
        files=tuple(
            ArchiveChange(name, old.sizes.get(name), new.sizes.get(name))
            for name in names
            if before.files.get(name) != after.files.get(name)
        ),
        requirements=_changes(_by_name(before.requirements), _by_name(after.requirements)),
        configuration=_changes(_flat(before.config), _flat(after.config)),
        inputs=_changes(_by_path(old.inputs), _by_path(new.inputs)),
        outputs=_changes(_by_path(old.outputs), _by_path(new.outputs)),
        claims=_changes(_claims(old), _claims(new)),
    )


def _changes(old: dict[str, Any], new: dict[str, Any]) -> tuple[ArchiveChange, ...]:
    return tuple(
        ArchiveChange(key, old.get(key), new.get(key))
        for key in sorted({*old, *new})
        if (key in old, old.get(key)) != (key in new, new.get(key))
    )


def _by_name(requirements: list[str]) -> dict[str, str]:
    """Each requirement under its distribution's name, so that another version is one change."""
    found: dict[str, str] = {}
    for text in requirements:
        try:
            name = str(canonicalize_name(Requirement(text).name))
        except InvalidRequirement:
            name = text
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            found.update(_flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = "null" if value is None else value
    return found


def _by_path(fields: tuple[SchemaField, ...] | None) -> dict[str, str]:
    return {one.path: f"{' | '.join(one.types)}{'' if one.required else ', may be missing'}" for one in fields or ()}


def _claims(description: ArchiveDescription) -> dict[str, Any]:
    manifest = description.manifest
    parity = manifest.parity
    verdict = None if parity is None else f"{'equal' if parity.equal else 'DIFFERENT'} on {parity.events} events"
    claims = {key: getattr(manifest, key) for key in _CLAIMS}
    claims |= {
        "single = batch": verdict,
        "git commit": manifest.provenance.commit,
        "clean": manifest.provenance.clean,
        "lock": description.has_lock,
        **{f"pickle global {name}": "allowed" for name in manifest.pickle_allowlist},
    }
    return {key: value for key, value in claims.items() if value is not None}


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    text = value if isinstance(value, str) else f"{value:,}" if type(value) is int else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
