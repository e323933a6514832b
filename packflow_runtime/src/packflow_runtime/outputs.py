"""Outputs as plain JSON values: what leaves a backend is a list of dicts as long as its input, and nothing else.

What becomes of each type stands in ``simpler_types``; here the records as a whole are looked at.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from .errors import InferenceBackendValidationError
from .native import FLOATS, NON_FINITE, PLAIN, NanPolicy, as_error, convert, convert_dict, name_of, rows_of
from .simpler_types import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .jsonlines import Event
    from .project import OutputConfig

_MISSING: Any = object()
ERROR_KEY = "packflow_error"


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


def checked_outputs(
    outputs: object, expected: int, nan: NanPolicy = "error", narrow_paths: set[str] | None = None
) -> list[dict[str, Any]]:
    """Return ``outputs`` as native records; raises InferenceBackendValidationError where they break the contract.

    ``expected`` is the number of events the outputs belong to: output i is the outcome of event i. A list, a tuple, a
    library's array of dicts or a DataFrame (its records) will do. ``nan`` and ``narrow_paths`` are those of
    ``native.to_native``. The records are copies: none shares a part with another or with what the model holds.
    """
    rows = outputs if isinstance(outputs, (list, tuple)) else rows_of(outputs)
    if rows is None:
        raise _not_rows(outputs)
    if len(rows) != expected:
        raise InferenceBackendValidationError(
            f"The backend returned {_counted(len(rows), 'output')} for {_counted(expected, 'event')}.",
            hint="Return exactly one dict per event, in the events' order.",
        )
    if narrow_paths is not None:
        from .narrow import note_narrow_rows  # noqa: PLC0415 - for dry runs only

        note_narrow_rows(outputs, narrow_paths)
    natives: list[dict[str, Any]] = []
    try:
        _convert_rows(rows, natives, NON_FINITE[nan])
    except (RefusedError, InferenceBackendValidationError) as refusal:
        error = as_error(refusal, "") if isinstance(refusal, RefusedError) else refusal
        if len(rows) > 1:
            error.detail = f"It is output {len(natives) + 1} of {len(rows)}."
        raise error from refusal.__cause__
    return natives


def checked_one(outputs: object) -> dict[str, Any]:
    """Return the only output as ``checked_outputs(outputs, 1)`` gives it; one that needs no conversion comes fast."""
    if type(outputs) is list and len(outputs) == 1:
        row = outputs[0]
        if type(row) is dict and ERROR_KEY not in row:
            for key, item in row.items():
                kind = type(item)
                if type(key) is not str or (kind not in PLAIN and (kind is not float or item - item)):
                    break
            else:
                return row.copy()
    return checked_outputs(outputs, 1)[0]


def _convert_rows(rows: Sequence[Any], natives: list[dict[str, Any]], non_finite: Callable[[float], Any]) -> None:
    """Append each row to ``natives`` as a native dict: ``convert_dict``, spelled out since a call a row shows."""
    key: Any = None
    row: Any = None
    try:
        for row in rows:
            if type(row) is not dict:
                native = _converted(row, non_finite)
            else:
                native = {}
                for key in row:
                    if type(key) is not str:
                        native = _converted(row, non_finite)
                        break
                    item = row[key]
                    if type(item) in FLOATS:
                        native[key] = item = float(item)
                        if item - item:  # true for NaN and infinities only
                            native[key] = non_finite(item)
                    else:
                        native[key] = item if type(item) in PLAIN else convert(item, 1, non_finite)
            if ERROR_KEY in native:
                raise InferenceBackendValidationError(
                    f'An output has the key "{ERROR_KEY}", which marks failed events.', hint="Use another key."
                )
            natives.append(native)
    except RefusedError as refusal:
        refusal.passes(row, key)
        raise


def _converted(row: object, non_finite: Callable[[float], Any]) -> dict[str, Any]:
    """A row that is another kind of dict, or has keys that are no plain strings."""
    if not isinstance(row, dict):
        raise InferenceBackendValidationError(
            f"An output is {name_of(row)}, not a dict.",
            hint='Return a dict per event, such as {"score": 0.5}.',
        )
    try:
        return convert_dict(dict(row), 1, non_finite)
    except RefusedError as refusal:
        raise as_error(refusal, "") from refusal.__cause__


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _not_rows(outputs: object) -> InferenceBackendValidationError:
    lazy = hasattr(outputs, "__next__")
    return InferenceBackendValidationError(
        f"The backend returned {name_of(outputs)}, not a list of dicts.",
        hint="It gives its values once only; return list(...) of it."
        if lazy
        else "Return one dict per event, in the events' order.",
    )
