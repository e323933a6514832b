"""The manifest: what an archive says about itself, and the digest of everything else in it.

Canonical JSON: UTF-8, sorted keys, two spaces of indentation, one final newline. Later versions of format 1 add fields;
a reader ignores fields it does not know and refuses a ``format`` it does not know.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import ExitCode, PackflowError
from .jsonlines import BadLineError, decode_event
from .project import ProjectConfig, project_config_from_data
from .reporting import printable
from .typed import TypeMismatchError, coerce

FORMAT = 1
INFO_DIR = "packflow-info"
MANIFEST_NAME = f"{INFO_DIR}/manifest.json"
INPUT_SCHEMA_NAME = f"{INFO_DIR}/input.schema.json"
OUTPUT_SCHEMA_NAME = f"{INFO_DIR}/output.schema.json"
LOCK_NAME = f"{INFO_DIR}/requirements.lock"
SBOM_NAME = f"{INFO_DIR}/sbom.cdx.json"
DRY_RUN_NAME = f"{INFO_DIR}/dry-run.json"
GOLDEN_INPUTS = f"{INFO_DIR}/golden/inputs.ndjson"
GOLDEN_OUTPUTS = f"{INFO_DIR}/golden/outputs.ndjson"
PROJECT_DIR = "project"
RUNTIME_DIR = "packflow_runtime"
MAX_MANIFEST_BYTES = 16 * 1024 * 1024
_MAX_VALUES = 1_000_000  # twice what a manifest of that size holds that lists files; bounds the memory of decoding it
_LONGEST_WORDS = 300
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class ManifestError(PackflowError):
    """The manifest is missing, unreadable, of another format, or contradicts itself or the archive.

    ``reason`` is a stable slug, ``entry`` the file of the archive that it is about.
    """

    code = "manifest-invalid"
    exit_code = ExitCode.CHECK_FAILED

    def __init__(
        self,
        title: str,
        *,
        reason: str = "manifest-invalid",
        entry: str | None = MANIFEST_NAME,
        hint: str = "",
        code: str | None = None,
    ) -> None:
        super().__init__(title, hint=hint, code=code)
        self.reason = reason
        self.entry = entry


@dataclass(frozen=True)
class FileRecord:
    """Size in bytes and SHA-256 (lower-case hex) of one file of the archive."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Parity:
    """Whether single and batch gave equal outputs in the dry run: a claim of the builder.

    ``events`` counts the events compared, ``rule`` is the equality rule in force, ``digest`` names the tested code.
    """

    equal: bool
    events: int
    rule: dict[str, Any]


@dataclass(frozen=True)
class Provenance:
    """The git commit the project was exported from and whether its folder was clean; None where there is no git."""

    commit: str | None = None
    clean: bool | None = None


@dataclass(frozen=True)
class Manifest:
    """Everything ``packflow-info/manifest.json`` holds; ``files`` lists every file but the manifest itself.

    ``stateful_reason`` is why a model that keeps state may, in its author's words.
    """

    name: str
    version: str
    entry_point: str
    python_requires: str
    runtime_version: str
    config: dict[str, Any]
    files: dict[str, FileRecord]
    parity: Parity | None = None
    golden_events: int = 0
    stateful: bool = False
    stateful_reason: str | None = None
    requirements: list[str] = field(default_factory=list)
    pickle_allowlist: list[str] = field(default_factory=list)
    provenance: Provenance = field(default_factory=Provenance)
    created: str | None = None
    format: int = FORMAT

    def to_bytes(self) -> bytes:
        """The canonical bytes."""
        return canonical_json(asdict(self))

    @property
    def project_config(self) -> ProjectConfig:
        """The configuration of the packed project; raises ManifestError when it is not valid."""
        try:
            return project_config_from_data(self.config)
        except TypeMismatchError as error:
            raise _invalid("manifest-config", f"config: {_printable(error.path)} {_printable(str(error))}") from None


def canonical_json(value: object) -> bytes:
    """JSON with one spelling: sorted keys, two spaces, a final newline."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True).encode("utf-8") + b"\n"


def parse_manifest(source: bytes) -> Manifest:
    """Read a manifest; raises ManifestError for anything but the canonical bytes of a valid one (of format 1)."""
    if sum(map(source.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise _invalid("manifest-too-many-values", f"it holds more than {_MAX_VALUES:,} values")
    try:
        data = decode_event(source)
    except BadLineError as error:
        raise _invalid(f"manifest-{error.code}", f"it is not a JSON object ({error})") from None
    version = data.get("format")
    if type(version) is not int or version != FORMAT:
        raise ManifestError(
            f"The archive is of format {_printable(repr(version))}; this runtime reads format {FORMAT}.",
            code="format-unknown",
            reason="format-unknown",
            hint="Use a newer packflow-runtime.",
        )
    if canonical_json(data) != source:
        raise _not_canonical(source)
    try:
        return _manifest_from(data)
    except TypeMismatchError as error:
        raise _invalid("manifest-field", f"{_printable(error.path)} {_printable(str(error))}") from None


def _not_canonical(source: bytes) -> ManifestError:
    """The error for other bytes than the canonical ones; a key that is there twice is named."""
    from collections import Counter  # noqa: PLC0415 - only where a manifest is refused

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice.append(Counter(key for key, _ in pairs).most_common(1)[0][0])
        return found

    twice: list[str] = []
    json.loads(source, object_pairs_hook=once)
    if twice:
        return _invalid("manifest-duplicate-key", f"it has the key {_printable(repr(twice[0]))} twice in one place")
    return _invalid("manifest-not-canonical", "it is not in canonical form")


def _manifest_from(data: dict[str, Any]) -> Manifest:
    checked: dict[str, Any] = {"format": FORMAT}
    for key, annotation in _FIELDS.items():
        checked[key] = _typed(_present(data, key), annotation, key)
    for key, annotation in _LATER_FIELDS.items():
        if key in data:
            checked[key] = _typed(data[key], annotation, key)
    checked["files"] = {name: _file_record(name, value) for name, value in checked["files"].items()}
    parity = checked["parity"]
    checked["parity"] = None if parity is None else Parity(**_picked(parity, _PARITY, "parity"))
    checked["provenance"] = Provenance(**_picked(checked["provenance"], _PROVENANCE, "provenance"))
    return Manifest(**checked)


_FIELDS: dict[str, Any] = {
    "name": str,
    "version": str,
    "entry_point": str,
    "python_requires": str,
    "runtime_version": str,
    "config": dict[str, Any],
    "files": dict[str, dict[str, Any]],
    "parity": dict[str, Any] | None,
    "golden_events": int,
    "stateful": bool,
    "requirements": list[str],
    "pickle_allowlist": list[str],
    "provenance": dict[str, Any],
    "created": str | None,
}
_LATER_FIELDS: dict[str, Any] = {"stateful_reason": str | None}  # which the first archives do not have
_PARITY: dict[str, Any] = {"equal": bool, "events": int, "rule": dict[str, Any]}
_PROVENANCE: dict[str, Any] = {"commit": str | None, "clean": bool | None}


def _picked(data: dict[str, Any], kinds: dict[str, Any], path: str) -> dict[str, Any]:
    return {
        key: _typed(_present(data, key, f"{path}."), annotation, f"{path}.{key}") for key, annotation in kinds.items()
    }


def _present(data: dict[str, Any], key: str, prefix: str = "") -> Any:  # noqa: ANN401 - any JSON value
    if key not in data:
        raise TypeMismatchError(f"{prefix}{key}", "is missing")
    return data[key]


def _typed(value: object, annotation: Any, path: str) -> Any:  # noqa: ANN401 - any annotation, any JSON value
    """Return ``value`` when it has its type; text that only spells the type, as in packflow.yaml, is refused."""
    if coerce(value, annotation, path) != value:
        raise TypeMismatchError(path, "is text, which it may not be")
    return value


def _file_record(name: str, data: dict[str, Any]) -> FileRecord:
    record = FileRecord(**_picked(data, {"size": int, "sha256": str}, f"files.{name}"))
    if record.size < 0 or not _SHA256.match(record.sha256):
        raise TypeMismatchError(f"files.{name}", "has no valid size and sha256")
    return record


def _printable(text: str) -> str:
    """Words of a manifest that nobody has checked yet, as a terminal may show them: in one line and without escapes."""
    text = text if len(text) <= _LONGEST_WORDS else text[: _LONGEST_WORDS - 1] + "…"
    return printable(text)


def _invalid(reason: str, words: str) -> ManifestError:
    return ManifestError(
        f"The archive's manifest is not valid: {words}.", reason=reason, hint="Get the archive again from its source."
    )
