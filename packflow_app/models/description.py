"""What a model takes and gives, as the worker that opened it says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

# Names that libraries make up where they were given none.
_MADE_UP = re.compile(r"(Column_|f|x|feature_?|Feature_?|input_?|)\d+")


@dataclass(frozen=True)
class Port:
    """An input or output: its name, its type and shape where the file tells (None: any size)."""

    name: str
    type: str = ""
    shape: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class ModelDescription:
    """A model that was opened: its class, and what is known of its features, inputs, outputs and classes.

    ``feature_names`` are the names it was trained with, None where it has none of its own (it saw a bare array, or its
    library made some up); ``feature_count`` is None where the file does not tell; ``classes`` are a classifier's.
    """

    type: str
    feature_names: tuple[str, ...] | None = None
    feature_count: int | None = None
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    classes: tuple[Any, ...] | None = None
    methods: tuple[str, ...] = ()
    objective: str | None = None
    layers: tuple[dict[str, Any], ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ModelDescription:
        """Read what the worker sent."""
        names = data["feature_names"]
        count = data["feature_count"] if data["feature_count"] is not None else len(names) if names else None
        return cls(
            type=data["type"],
            feature_names=None if not names or all(map(_MADE_UP.fullmatch, names)) else tuple(names),
            feature_count=count,
            inputs=tuple(map(_port, data["inputs"])),
            outputs=tuple(map(_port, data["outputs"])),
            classes=tuple(data["classes"]) if data["classes"] is not None else None,
            methods=tuple(data["methods"]),
            objective=data["objective"],
            layers=tuple(data.get("layers", ())),
            warnings=tuple(data["warnings"]),
        )


def _port(data: dict[str, Any]) -> Port:
    return Port(data["name"], data.get("type", ""), tuple(data.get("shape", ())))
