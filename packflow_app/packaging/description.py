"""What an archive says of itself: contents, needs, fields, provenance, configuration. Its bytes stay unread."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from packflow_app.runtime import (
    DEFAULT_LIMITS,
    INPUT_SCHEMA_NAME,
    LOCK_NAME,
    OUTPUT_SCHEMA_NAME,
    BadLineError,
    decode_event,
    open_archive,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packflow_app.runtime import Archive, Manifest

_MOST_FIELDS = 10_000
_ITEMS, _ANY_KEY = "[]", "*"


@dataclass(frozen=True)
class SchemaField:
    """One field of events or outputs: its path, the types it has, and whether it is always there."""

    path: str
    types: tuple[str, ...]
    required: bool


@dataclass(frozen=True)
class ArchiveDescription:
    """An archive whose structure and manifest agree. ``inputs`` and ``outputs`` are None where it ships no schema.

    ``digest`` is the SHA-256 of its manifest.
    """

    path: Path
    size: int
    digest: str
    manifest: Manifest
    inputs: tuple[SchemaField, ...] | None
    outputs: tuple[SchemaField, ...] | None

    @property
    def sizes(self) -> dict[str, int]:
        """Every file that the manifest lists, with its bytes."""
        return {name: record.size for name, record in self.manifest.files.items()}

    @property
    def has_lock(self) -> bool:
        """Whether its requirements are pinned and hashed in it."""
        return LOCK_NAME in self.manifest.files

    def as_json(self) -> dict[str, Any]:
        """Plain data of it."""
        manifest = self.manifest
        return {
            "path": str(self.path),
            "size": self.size,
            "manifest_sha256": self.digest,
            **{key: value for key, value in asdict(manifest).items() if key != "files"},
            "lock": self.has_lock,
            "files": [{"path": name, **vars(record)} for name, record in sorted(manifest.files.items())],
            "inputs": None if self.inputs is None else [asdict(one) for one in self.inputs],
            "outputs": None if self.outputs is None else [asdict(one) for one in self.outputs],
        }


def describe(path: Path) -> ArchiveDescription:
    """Describe the archive at ``path``; raises what opening an archive raises for one that is not to be trusted."""
    with open_archive(path) as archive:
        return ArchiveDescription(
            path,
            path.stat().st_size,
            archive.digest,
            archive.manifest,
            _fields(archive, INPUT_SCHEMA_NAME),
            _fields(archive, OUTPUT_SCHEMA_NAME),
        )


def _fields(archive: Archive, name: str) -> tuple[SchemaField, ...] | None:
    """The fields of a schema; None where there is none, or none that can be read."""
    entry = archive.entries.get(name)
    if entry is None or entry.size > DEFAULT_LIMITS.max_line_bytes:
        return None
    try:
        schema = decode_event(archive.read(name))
    except BadLineError:
        return None
    found: list[SchemaField] = []
    for field in _walk(schema, ""):
        if len(found) == _MOST_FIELDS:
            break
        found.append(field)
    return tuple(found)


def _walk(schema: dict[str, Any], path: str) -> Iterator[SchemaField]:
    """Every field below ``path``, a parent before its members."""
    required = schema.get("required")
    always = set(map(str, required)) if isinstance(required, list) else set()
    members = schema.get("properties")
    below = [(key, member, key in always) for key, member in members.items()] if isinstance(members, dict) else []
    below += [
        (mark, schema[key], False)
        for key, mark in (("items", _ITEMS), ("additionalProperties", _ANY_KEY))
        if key in schema
    ]
    for key, member, is_always in below:
        if isinstance(member, dict):
            inner = f"{path}{key}" if key == _ITEMS or not path else f"{path}.{key}"
            types = member.get("type")
            names = types if isinstance(types, list) else [types]
            yield SchemaField(inner, tuple(name for name in names if isinstance(name, str)), is_always)
            yield from _walk(member, inner)
