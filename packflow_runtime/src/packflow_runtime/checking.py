"""``check_io``: try a backend on example events, and say what would go wrong with it in production."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from .equality import compare
from .errors import InferenceBackendError, InferenceBackendValidationError
from .jsonlines import encode
from .native import child_path, name_of
from .outputs import checked_outputs

if TYPE_CHECKING:
    from .backend import InferenceBackend
    from .differences import Comparison, Mismatch
    from .jsonlines import Event


def check_io(backend: InferenceBackend, inputs: Any) -> Any:  # noqa: ANN401 - an event or records, as given
    """Run the backend on an event (a dict) or records and return its outputs, in the same shape, when all is well.

    Checked: one output per event, a dict each, that JSON can hold, NaN refused unless the backend's policy converts it;
    the events left unchanged; and the same outputs for the batch as for its events one by one, in the same order, by
    the rule of ``equality``. Keys that the configuration declares in ``output_keys`` but no output has, and labels that
    flip on a tie, are warnings of ``backend.logger``. Each event is run twice, and the batch once more to tell a batch
    that matters from a model that rolls dice; a backend with ``stateful = True`` runs the inputs once only, and its
    single and batch outputs are not compared, since a second run would start from another state.

    Raises InferenceBackendValidationError for what is checked here; what the backend itself raises comes through.
    """
    records = [inputs] if isinstance(inputs, dict) else inputs
    if not isinstance(records, list):
        raise InferenceBackendValidationError(
            f"check_io was given {name_of(inputs)}, not an event or a list of events.",
            hint="Give it one event (a dict) or records (a list of dicts).",
        )
    for index, record in enumerate(records):
        if not isinstance(record, dict):
            raise InferenceBackendValidationError(
                f"Event {index + 1} of {len(records)} is {name_of(record)}, not a dict.",
                hint="An event is a JSON object.",
            )
    outputs = _run(backend, records)
    _warn_of_undeclared_keys(backend, outputs)
    if not backend.stateful:
        _compare_one_by_one(backend, records, outputs)
    return outputs[0] if isinstance(inputs, dict) else outputs


def _run(backend: InferenceBackend, records: list[Event]) -> list[dict[str, Any]]:
    """Run one batch on a copy of the records; raises InferenceBackendValidationError when it changes them."""
    given = copy.deepcopy(records)
    outputs = checked_outputs(backend(given), len(records))
    for index, output in enumerate(outputs):
        try:
            encode(output)
        except (ValueError, TypeError, RecursionError) as error:
            raise InferenceBackendValidationError(
                f"Output {index + 1} of {len(outputs)} cannot be written as JSON: {error}.",
                hint="Return text that is valid Unicode, and numbers of a reasonable size.",
            ) from error
    _refuse_changes(records, given)
    return outputs


def _refuse_changes(records: list[Event], given: list[Event]) -> None:
    hint = "Work on a copy: event = dict(event)."
    if len(given) != len(records):
        raise InferenceBackendValidationError("The backend changed its input: the list of events.", hint=hint)
    for index, (before, after) in enumerate(zip(records, given, strict=True)):
        path = changed_path(before, after, "")
        if path is not None:
            raise InferenceBackendValidationError(
                f"The backend changed its input: {path or 'all'} of event {index + 1} of {len(records)}.", hint=hint
            )


def _warn_of_undeclared_keys(backend: InferenceBackend, outputs: list[dict[str, Any]]) -> None:
    declared = getattr(backend.config, "output_keys", None) or ()
    present = {key for output in outputs for key in output}
    for key in declared if outputs else ():
        if key not in present:
            backend.logger.warning(f"output_keys declares {key!r}, but no output has it")  # noqa: G004 - loguru's too


def _compare_one_by_one(backend: InferenceBackend, records: list[Event], outputs: list[dict[str, Any]]) -> None:
    singles = []
    for index, record in enumerate(records):
        try:
            singles += [checked_outputs([backend(copy.deepcopy(record))], 1)[0]]
        except InferenceBackendError as error:
            raise InferenceBackendValidationError(
                f"Event {index + 1} of {len(records)} fails alone, though the batch succeeds: {error}",
                hint="An event in production often comes alone; let execute take batches of one.",
            ) from error
    result = compare(outputs, singles)
    if result.ties:
        backend.logger.warning(
            f"{result.ties} of {result.events} outputs flip between single and batch on a tie"  # noqa: G004
        )
    if not result.equal:
        raise _difference(backend, records, outputs, singles, result)


def _difference(
    backend: InferenceBackend,
    records: list[Event],
    outputs: list[dict[str, Any]],
    singles: list[dict[str, Any]],
    result: Comparison,
) -> InferenceBackendValidationError:
    """Say which of three causes a difference between single and batch has."""
    what = _told(result.first, len(records)) if result.first else ""
    if not compare(outputs, _run(backend, records)).equal:
        return InferenceBackendValidationError(
            f"The backend gives other outputs for the same events: {what}",
            hint="Seed what is random; if outputs depend on earlier events, set stateful = True.",
        )
    if sorted(map(encode, outputs)) == sorted(map(encode, singles)):
        return InferenceBackendValidationError(
            f"The backend gives the outputs of a batch in another order: {what}",
            hint="Output i belongs to event i; undo any sorting before returning.",
        )
    return InferenceBackendValidationError(
        f"An output depends on the other events of its batch: {what}",
        hint="Compute each output from its own event; look for means, ranks or padding over the batch.",
    )


def _told(first: Mismatch, events: int) -> str:
    shown = first.as_json()
    place = f"event {first.event + 1} of {events}" + (f" at {first.path}" if first.path else "")
    return f"{place} is {shown['left']!r} in the batch and {shown['right']!r} alone."


def changed_path(before: object, after: object, path: str) -> str | None:
    """The path of the first value that differs, in type too; None where nothing does. Paths as ``equality`` has them.

    Values that cannot tell whether they are equal, such as arrays, count as unchanged.
    """
    if type(before) is not type(after):
        return path
    if isinstance(before, dict) and isinstance(after, dict):
        if before.keys() != after.keys():
            odd = min(before.keys() ^ after.keys(), key=str)
            return child_path(path, str(odd))
        found = (changed_path(item, after[key], child_path(path, str(key))) for key, item in before.items())
        return next((place for place in found if place is not None), None)
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        if len(before) != len(after):
            return path
        found = (changed_path(a, b, f"{path}[]") for a, b in zip(before, after, strict=True))
        return next((place for place in found if place is not None), None)
    try:
        same = bool(before == after) or before != before  # noqa: PLR0124 - NaN
    except Exception:  # noqa: BLE001 - a library's own idea of equality
        same = True
    return None if same else path
