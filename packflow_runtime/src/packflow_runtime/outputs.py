"""Outputs as plain JSON values: what leaves a backend is a list of dicts as long as its input, and nothing else.

Library types are recognised by the module they come from, so that nothing is imported that the model did not import.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from .errors import InferenceBackendValidationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .jsonlines import Event
    from .project import OutputConfig

_MISSING: Any = object()
ERROR_KEY = "packflow_error"
MAX_DEPTH = 200
_PLAIN = frozenset({str, int, bool, type(None)})


class KeptFields:
    """Copies input fields (an id, a timestamp) into the outputs, so that results can be joined back.

    A path is an event's literal key, else nested keys joined by dots; a missing field is left out. The values are
    taken before the model sees the events, so that a model that changes its input cannot change them.
    """

    def __init__(self, config: OutputConfig | None = None) -> None:
        self.paths = tuple(config.keep) if config is not None else ()
        self.under = config.under if config is not None else None

    def take(self, events: list[Event]) -> list[dict[str, Any]]:
        """The fields to keep of each event, under the names of their paths."""
        if not self.paths:
            return [{}] * len(events)
        return [
            {path: copy.deepcopy(value) for path in self.paths if (value := _field(event, path)) is not _MISSING}
            for event in events
        ]

    def put(self, kept: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add what ``take`` gave to the outputs, in place; raises InferenceBackendValidationError on a clash."""
        if not self.paths:
            return outputs
        for fields, output in zip(kept, outputs, strict=True):
            added = {self.under: fields} if self.under else fields
            clash = added.keys() & output.keys()
            if clash:
                raise InferenceBackendValidationError(
                    f"The kept field {min(clash)!r} is also a key of the model's output.",
                    hint="Set output.under in packflow.yaml, so that kept fields get an object of their own.",
                )
            output.update(added)
        return outputs


def _field(event: Event, path: str) -> Any:  # noqa: ANN401 - any JSON value
    if path in event:
        return event[path]
    value: Any = event
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return _MISSING
        value = value[key]
    return value


def checked_outputs(outputs: object, expected: int) -> list[dict[str, Any]]:
    """Return ``outputs`` as native records; raises InferenceBackendValidationError where they break the contract.

    ``expected`` is the number of events the outputs belong to: output i is the outcome of event i.
    """
    if not isinstance(outputs, (list, tuple)) and not _is_array(outputs):
        raise InferenceBackendValidationError(
            f"The backend returned {_name(outputs)}, not a list of dicts.",
            hint="Return one dict per event, in the events' order.",
        )
    rows: Sequence[object] = outputs if isinstance(outputs, (list, tuple)) else outputs.tolist()  # type: ignore[attr-defined]
    if len(rows) != expected:
        raise InferenceBackendValidationError(
            f"The backend returned {len(rows)} outputs for {expected} events.",
            hint="Return exactly one dict per event, in the events' order.",
        )
    return [checked_output(row) for row in rows]


def checked_output(output: object) -> dict[str, Any]:
    """Return one output as a native dict; raises InferenceBackendValidationError as ``checked_outputs`` does."""
    if not isinstance(output, dict):
        raise InferenceBackendValidationError(
            f"An output is {_name(output)}, not a dict.",
            hint='Return a dict per event, such as {"score": 0.5}.',
        )
    if ERROR_KEY in output:
        raise InferenceBackendValidationError(
            f'An output has the key "{ERROR_KEY}", which marks failed events.', hint="Use another key."
        )
    native: dict[str, Any] = to_native(output, "")
    return native


def to_native(value: object, path: str, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
    """Convert a value to str, int, float, bool, None, dict and list; ``path`` names it in errors."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is float:
        return _finite(value, path)  # type: ignore[arg-type]
    if depth >= MAX_DEPTH:
        raise InferenceBackendValidationError(f"An output is nested deeper than {MAX_DEPTH} at {path[:80]}…")
    if isinstance(value, dict):
        return {_key(key, path): to_native(item, _child(path, key), depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_native(item, f"{path}[]", depth + 1) for item in value]
    return _converted(value, path, depth)


def _converted(value: object, path: str, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    if _is_array(value):  # a numpy or torch scalar or array, whose tolist() gives Python values
        return to_native(value.tolist(), path, depth + 1)  # type: ignore[attr-defined]
    for base in (bool, int, float, str):  # enums and other subclasses
        if isinstance(value, base):
            plain = base.__str__(value) if base is str else base(value)
            return _finite(plain, path) if isinstance(plain, float) else plain
    raise InferenceBackendValidationError(
        f"{path or 'An output'} is {_name(value)}, which JSON cannot hold.",
        hint="Convert it to a number, a string, a list or a dict in transform_outputs.",
    )


def _finite(value: float, path: str) -> float:
    if value - value != 0.0:  # true for NaN and both infinities only
        raise InferenceBackendValidationError(
            f"{path} is {value}, which JSON cannot hold.", hint="Return null or a finite number instead."
        )
    return value


def _is_array(value: object) -> bool:
    return type(value).__module__.partition(".")[0] in ("numpy", "torch") and hasattr(value, "tolist")


def _key(key: object, path: str) -> str:
    if type(key) is str:
        return key
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return str(int(key))
    if _is_array(key):
        return _key(key.tolist(), path)  # type: ignore[attr-defined]
    raise InferenceBackendValidationError(
        f"{path or 'An output'} has a key that is {_name(key)}, not a string.", hint="Use string keys."
    )


def _child(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _name(value: object) -> str:
    if value is None:
        return "None"
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
