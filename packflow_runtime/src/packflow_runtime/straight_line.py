"""The preprocessing of ``input_format: records`` as straight-line code: a dict display per event, written for it.

An event that lacks a field, has an object where another kind of value is expected, or holds a field twice makes the
display fail, and the general code in ``fields`` takes that event alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .field_source import FieldReads, compile_source, dict_display, guarded, indented
from .fields import FieldRules
from .flattening import flattening_of
from .preprocessing import Preprocessor

if TYPE_CHECKING:
    from collections.abc import Callable

    from .fields import FieldPath
    from .preprocessing import PreprocessingOptions

_ERRORS = "except (LookupError, TypeError):  # a field is missing or no object: see packflow_runtime.fields"


def compile_records(options: PreprocessingOptions) -> Preprocessor:
    """Compile the renaming, selecting and flattening that ``options`` ask for; results are new dicts."""
    rules = FieldRules(options)
    names: dict[str, Any] = {}
    if options.flatten:
        names["flatten"] = flattening_of(options, rules)
    record: _Selection | _Renaming | None = None
    title = "every leaf, under the keys that lead to it, joined"
    if options.features:
        names["general"] = rules.selected
        title, record = "the fields in feature_names, then those renamed", _Selection(rules)
    elif options.renames:
        names["general"] = rules.renamed
        title, record = "every field, the renamed ones last", _Renaming(rules)
    source = _source(title, record, flattens=options.flatten)
    compiled = compile_source(source, names)
    return Preprocessor(compiled["run_one"], compiled["run_many"], source)


class _Selection:
    """Lines that make a record of selected fields, or None where it takes the general code alone."""

    def __init__(self, rules: FieldRules) -> None:
        self._rules = rules
        self._reads = FieldReads(rule.sources[0] for rule in rules.rules)

    def lines(self, give: str, otherwise: str) -> list[str] | None:
        """``give`` the record, as in ``return [RECORD]``; on guards ``otherwise``."""
        targets_fit = FieldReads(rule.target for rule in self._rules.rules).is_possible
        if self._rules.has_overlaps or not self._reads.is_possible or not targets_fit:
            return None
        before, _, after = give.partition("RECORD")

        def write(expression: Callable[[FieldPath], str]) -> list[str]:
            display = dict_display([(rule.target.keys, expression(rule.sources[0])) for rule in self._rules.rules])
            return [before + display[0], *display[1:-1], display[-1] + after]

        return guarded(self._reads, write, otherwise)


class _Renaming:
    """Lines that copy an event and rename fields of it, or None where it takes the general code alone."""

    def __init__(self, rules: FieldRules) -> None:
        self._renames = rules.renames

    def lines(self, give: str, otherwise: str) -> list[str] | None:
        """``give`` the record, as in ``return [RECORD]``; ``otherwise`` is not needed."""
        del otherwise
        nested = any(len(path.keys) > 1 for pair in self._renames for path in pair)
        if nested or len({new for _, new in self._renames}) < len(self._renames):
            return None
        return [
            "record = {**event}",
            *(f"value_{i} = record.pop({old.name!r})" for i, (old, _) in enumerate(self._renames, 1)),
            *(f"record[{new.name!r}] = value_{i}" for i, (_, new) in enumerate(self._renames, 1)),
            give.replace("RECORD", "record"),
        ]


def _source(title: str, record: _Selection | _Renaming | None, *, flattens: bool) -> str:
    """The module that defines ``run_one(event)`` and ``run_many(records)``."""
    one = _body(record, "return [RECORD]", "0", flattens=flattens)
    many = _body(record, "append(RECORD)", "len(done)", flattens=flattens)
    lines = [
        f"# records: {title}",
        *(["# flatten(event, index) joins the keys of nested values: see packflow_runtime.flattening"] * flattens),
        "def run_one(event):",
        *indented(one),
        "",
        "def run_many(records):",
        *indented(["done = []", "append = done.append", "for event in records:", *indented(many), "return done"]),
    ]
    return "\n".join(lines) + "\n"


def _body(record: _Selection | _Renaming | None, give: str, index: str, *, flattens: bool) -> list[str]:
    before = [f"event = flatten(event, {index})"] if flattens else []
    if record is None:
        return [give.replace("RECORD", f"flatten(event, {index})")]
    otherwise = give.replace("RECORD", f"general(event, {index})")
    lines = record.lines(give, otherwise)
    if lines is None:
        return [*before, otherwise]
    return [*before, "try:", *indented(lines), _ERRORS, *indented([otherwise])]
