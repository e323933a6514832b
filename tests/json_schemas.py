"""The schemas of ``docs/schemas``, and whether what a command printed is what they promise."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its file's name."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


@cache
def validator_of(name: str) -> Draft202012Validator:
    """A validator for what ``name`` prints; raises KeyError for a command that has no schema."""
    resources = [
        (file, Resource.from_contents(schema, default_specification=DRAFT202012)) for file, schema in schemas().items()
    ]
    return Draft202012Validator(schemas()[f"{name}.json"], registry=Registry().with_resources(resources))


def check_answer(answer: dict[str, Any]) -> None:
    """Assert that an object that a command printed under ``--json`` is as its schema says."""
    name = str(answer["schema"]).removeprefix("packflow.").removesuffix("/1")
    assert f"{name}.json" in schemas(), f"write docs/schemas/{name}.json: its README.md says how"
    faults = sorted(
        (fault.json_path, fault.message[:400])
        for found in validator_of(name).iter_errors(answer)
        for fault in (found, *(found.context or ()))
    )
    assert faults == [], f"{name}.json: {json.dumps(faults, indent=2)}"
