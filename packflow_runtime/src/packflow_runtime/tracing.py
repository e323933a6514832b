"""What each step of a backend makes of one event, whatever its mates are: for finding where two runs part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import InferenceBackendError, PackflowError
from .jsonlines import encode
from .native import to_native

if TYPE_CHECKING:
    from .backend import InferenceBackend
    from .jsonlines import Event

_MOST_BYTES = 64 * 1024
_NOT_APART: Any = object()


def trace_event(backend: InferenceBackend, events: list[Event], index: int) -> list[list[Any]]:
    """Run the batch ``events`` and return ``[step, value]`` for each step that came to its end.

    ``value`` is what the step gave for the event at ``index``, as ``{"value": ...}``; None where a step's result cannot
    be told apart by event, such as a sum or a generator, or is no JSON.
    """
    steps: list[list[Any]] = []

    def note(step: str, value: Any) -> None:  # noqa: ANN401 - whatever a hook gave
        steps.append([step, _of_event(value, index, len(events))])

    try:
        backend.run_traced(events, note)
    except InferenceBackendError as error:
        steps.append([error.step, None])
    return steps


def _of_event(value: Any, index: int, count: int) -> dict[str, Any] | None:  # noqa: ANN401
    part = _part(value, index, count)
    if part is _NOT_APART:
        return None
    try:
        shown = {"value": to_native(part, "", "string")}
        return shown if len(encode(shown)) <= _MOST_BYTES else None
    except (PackflowError, ValueError, TypeError, RecursionError):
        return None


def _part(value: Any, index: int, count: int) -> Any:  # noqa: ANN401
    """The event's share of a step's result: an item, a row, or an item of each column."""
    if isinstance(value, dict):
        parts = {str(key): _part(column, index, count) for key, column in value.items()}
        return _NOT_APART if not parts or any(part is _NOT_APART for part in parts.values()) else parts
    rows = getattr(value, "iloc", value)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__") or not hasattr(rows, "__getitem__"):
        return _NOT_APART
    try:
        if len(value) != count:
            return _NOT_APART
        row = rows[index]
        return row.to_dict() if rows is not value and hasattr(row, "to_dict") else row
    except Exception:  # noqa: BLE001 - a library's own idea of an item
        return _NOT_APART
