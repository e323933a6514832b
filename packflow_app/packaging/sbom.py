"""The archive's bill of materials: CycloneDX 1.6 with a model card, the same bytes for the same archive.

Own code rather than a library: it is a page of plain data, and nothing in it may depend on the clock or on chance. Its
tests validate it with CycloneDX's own strict schema.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from packflow_app.packaging.locked_packages import LockedPackage
from packflow_app.runtime import (
    DRY_RUN_NAME,
    GOLDEN_INPUTS,
    INPUT_SCHEMA_NAME,
    LOCK_NAME,
    MANIFEST_NAME,
    OUTPUT_SCHEMA_NAME,
    PROJECT_DIR,
    canonical_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packflow_app.runtime import Parity, ProjectConfig

_MODEL_CARD = f"{PROJECT_DIR}/MODEL_CARD.md"


@dataclass(frozen=True)
class Subject:
    """The model that a bill of materials is of, and what its archive holds; ``version`` is in normal form.

    ``requirements`` are those that it declares, ``locked`` what the lock pins (None where there is no lock), ``files``
    the names of all files in the archive.
    """

    config: ProjectConfig
    version: str
    python_requires: str
    runtime_version: str
    requirements: list[str]
    locked: list[LockedPackage] | None
    files: Iterable[str]
    parity: Parity | None
    created: str | None

    @property
    def ref(self) -> str:
        """What the rest of the document calls the model."""
        return f"model:{self.config.name}@{self.version}"


def sbom(subject: Subject) -> bytes:
    """The document, in canonical JSON; its serial number is made of its content."""
    runtime = _runtime(subject.runtime_version)
    packages = _merged(subject.locked or [])
    components = [runtime, *map(_component, packages)]
    if subject.locked is None:
        components += [_declared(text) for text in subject.requirements]
    metadata: dict[str, Any] = {
        "lifecycles": [{"phase": "build"}],
        "tools": {"components": [{"type": "application", "name": "packflow"}]},
        "component": _model(subject),
    }
    if subject.created is not None:
        metadata["timestamp"] = subject.created
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": metadata,
        "components": components,
        "dependencies": _dependencies(subject, packages, components),
    }
    digest = hashlib.sha256(canonical_json(document)).digest()
    return canonical_json({"serialNumber": f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=5)}", **document})


def _model(subject: Subject) -> dict[str, Any]:
    config, files = subject.config, set(subject.files)
    model: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": subject.ref,
        "name": config.name,
        "version": subject.version,
        "modelCard": {
            "modelParameters": {
                "inputs": [{"format": "JSON object (one event a line)"}],
                "outputs": [{"format": "JSON object (one outcome a line)"}],
            },
            "properties": _properties(
                ("packflow:entry-point", config.inference_backend),
                ("packflow:python-requires", subject.python_requires),
                ("packflow:single-equals-batch", _parity_in_words(subject.parity)),
                ("packflow:stateful", str(config.stateful).lower()),
                *(("packflow:file", name) for name in _DESCRIBING if name in files),
            ),
        },
    }
    if config.description:
        model["description"] = config.description
    if config.maintainers:
        model["authors"] = [{"name": name} for name in config.maintainers]
    if _MODEL_CARD in files:
        model["externalReferences"] = [{"type": "model-card", "url": _MODEL_CARD}]
    return model


# The archive's files that say more about the model.
_DESCRIBING = (MANIFEST_NAME, DRY_RUN_NAME, INPUT_SCHEMA_NAME, OUTPUT_SCHEMA_NAME, GOLDEN_INPUTS, LOCK_NAME)


def _parity_in_words(parity: Parity | None) -> str:
    if parity is None:
        return "not compared"
    return f"{'equal' if parity.equal else 'different'} on {parity.events} events"


def _runtime(version: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": _ref("packflow-runtime", version),
        "name": "packflow-runtime",
        "version": version,
        "purl": _purl("packflow-runtime", version),
        "scope": "required",
        "description": "The runtime that the archive carries, in packflow_runtime/.",
    }


def _component(package: LockedPackage) -> dict[str, Any]:
    version = package.version
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": _ref_of(package),
        "name": package.name,
        "purl": _purl(package.name, version, package.url),
        "scope": "required",
        "hashes": [{"alg": "SHA-256", "content": one} for one in package.hashes],
    }
    if version is not None:
        component["version"] = version
    if package.url is not None:
        component["externalReferences"] = [{"type": "distribution", "url": package.url}]
    if package.marker is not None:
        component["properties"] = _properties(("packflow:marker", package.marker))
    return component


def _declared(text: str) -> dict[str, Any]:
    """A requirement that no lock pins: which version will be installed nobody knows yet."""
    name = text.partition(";")[0].partition("@")[0]
    for mark in "[<>=!~ ":
        name = name.partition(mark)[0]
    return {
        "type": "library",
        "bom-ref": f"requirement:{text}",
        "name": name,
        "scope": "required",
        "properties": _properties(("packflow:requirement", text)),
    }


def _merged(packages: list[LockedPackage]) -> list[LockedPackage]:
    """Each package once: a lock may pin the same version under several markers."""
    found: dict[str, LockedPackage] = {}
    for package in packages:
        before = found.setdefault(_ref_of(package), package)
        if before is not package:
            markers = sorted({one.marker for one in (before, package) if one.marker is not None})
            unconditional = before.marker is None or package.marker is None
            found[_ref_of(package)] = LockedPackage(
                package.name,
                package.version,
                None if unconditional else " or ".join(f"({marker})" for marker in markers),
                package.url,
                tuple(sorted({*before.hashes, *package.hashes})),
                tuple(dict.fromkeys((*before.wanted_by, *package.wanted_by))),
            )
    return list(found.values())


def _dependencies(
    subject: Subject, packages: list[LockedPackage], components: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Who needs whom; what nobody is known to want, the model does."""
    edges: dict[str, set[str]] = {component["bom-ref"]: set() for component in components}
    edges[subject.ref] = {components[0]["bom-ref"]}
    for package in packages:
        wanting = [_wanting(name, package, packages) for name in package.wanted_by if name is not None]
        for one in (one for several in wanting for one in several):
            edges[_ref_of(one)].add(_ref_of(package))
        if None in package.wanted_by or not any(wanting):
            edges[subject.ref].add(_ref_of(package))
    edges[subject.ref] |= {ref for ref in edges if ref.startswith("requirement:")}
    return [{"ref": ref, "dependsOn": sorted(needed)} for ref, needed in sorted(edges.items())]


def _wanting(name: str, package: LockedPackage, packages: list[LockedPackage]) -> list[LockedPackage]:
    """Which versions of the package called ``name`` want ``package``: of those for the same systems, if there are."""
    several = [one for one in packages if one.name == name]
    same = [one for one in several if one.marker is not None and one.marker == package.marker]
    return same or several


def _ref_of(package: LockedPackage) -> str:
    return _ref(package.name, package.version or package.url or "")


def _ref(name: str, version: str) -> str:
    return f"pypi:{name}@{version}"


def _purl(name: str, version: str | None, url: str | None = None) -> str:
    """A package URL (ECMA-427)."""
    at = f"@{quote(version, safe='.-_~')}" if version is not None else ""
    return f"pkg:pypi/{name}{at}" + (f"?download_url={quote(url, safe='')}" if url is not None else "")


def _properties(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]
