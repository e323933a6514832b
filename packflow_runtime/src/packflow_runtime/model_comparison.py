"""Two models on the same events: which fields of their outputs differ, how often, and by how much."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .differences import Comparison, FieldDifference, Mismatch, json_number
from .equality import Rule, compare
from .outputs import ERROR_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Difference:
    """Where two runs first part; ``event`` counts from 1, ``path`` is the field, left is the first of the two.

    ``mode`` is what people call the second. ``difference`` is strict JSON: "Infinity" where no float holds it.
    ``step`` is the first one whose value differs, where the steps' values can be told apart by event.
    """

    mode: str
    event: int
    path: str
    kind: str
    left: Any
    right: Any
    difference: float | str | None
    step: str | None = None


@dataclass(frozen=True)
class FieldChange:
    """A field whose value differs in ``events`` events, by at most ``largest`` (as a JSON value); the first one."""

    path: str
    events: int
    largest: float | str | None
    first: Difference


@dataclass(frozen=True)
class ModelComparison:
    """How two models differ on the same events; ``left`` is the old one.

    ``old_failed`` and ``new_failed`` count the events that each failed on.
    """

    old: str
    new: str
    events: int
    equal: bool
    differing: int
    ties: int
    old_failed: int
    new_failed: int
    fields: list[FieldChange]
    rule: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain JSON values."""
        return asdict(self)


def describe_models(
    old: str, new: str, old_outcomes: Sequence[dict[str, Any]], new_outcomes: Sequence[dict[str, Any]], rule: Rule
) -> ModelComparison:
    """Compare the decoded outcomes of two models on the same events."""
    found = compare(old_outcomes, new_outcomes, rule)
    return ModelComparison(
        old=old,
        new=new,
        events=found.events,
        equal=found.equal,
        differing=found.differing,
        ties=found.ties,
        old_failed=sum(ERROR_KEY in value for value in old_outcomes),
        new_failed=sum(ERROR_KEY in value for value in new_outcomes),
        fields=[_change(field) for field in found.fields],
        rule=rule.as_json(),
    )


def difference(mode: str, mismatch: Mismatch, step: str | None = None) -> Difference:
    """A mismatch as people count: events from 1."""
    shown = mismatch.as_json()
    return Difference(mode=mode, **{**shown, "event": mismatch.event + 1}, step=step)  # type: ignore[arg-type]


def size_text(size: float | str | None) -> str:
    """How far two floats lie apart, as people read it; empty where that is not known."""
    return "" if size is None else "beyond a float" if size == "Infinity" else f"{size:.3g}"


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON, with events counted from 1 as people do."""
    details: dict[str, Any] = comparison.as_json()
    firsts = [field["first"] for field in details["fields"]]
    for mismatch in (details["first"], details["largest"], *details["mismatches"], *details["tied"], *firsts):
        if isinstance(mismatch, dict):
            mismatch["event"] += 1
    return details


def _change(field: FieldDifference) -> FieldChange:
    return FieldChange(field.path, field.events, json_number(field.largest), difference("new", field.first))
