"""Find the model's features among the fields of the events: by name, and never by a guess.

A feature is matched by its exact path, by the same letters and digits, or as the last part of one path alone. What is
ambiguous, missing or named as an answer is (label, target, y, class) is an error that says which flag decides it.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError, UsageError
from packflow_app.models.event_fields import ANSWERS, NUMBERS, EventFields, is_numeric
from packflow_app.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packflow_app.events.profile import EventsProfile, PathProfile
    from packflow_app.models.description import ModelDescription

_DELIMITERS = (".", "/", "__", "|", ":", "->", "~")
_SHOWN = 12


@dataclass(frozen=True)
class MatchedFeature:
    """One feature and the field that holds it; ``how`` is exact, similar, last-part or given.

    ``kind`` is the field's commonest type; the field is there in ``present`` of ``events`` events.
    """

    feature: str
    field: str
    how: str
    kind: str
    present: int
    events: int


@dataclass(frozen=True)
class FeatureMatch:
    """The features in the model's order, and what packflow.yaml says so that events become them."""

    features: tuple[MatchedFeature, ...]
    delimiter: str = "."
    named: bool = False

    @property
    def feature_names(self) -> list[str]:
        """As in ``feature_names``: the model's own names where it has some, else the fields'."""
        return [one.feature if self.named else one.field for one in self.features]

    @property
    def renames(self) -> dict[str, str]:
        """As in ``rename_fields``: fields that the model knows by another name."""
        return {one.field: one.feature for one in self.features if self.named and one.field != one.feature}


def match_features(
    model: ModelDescription, profile: EventsProfile, given: Sequence[str] | None, *, numbers: bool, named: bool
) -> FeatureMatch:
    """Find every feature of the model among the fields.

    ``given`` is what the user listed, fields in the model's order or some ``feature=field``; ``numbers``: the model
    takes numbers alone; ``named``: it takes columns by name. Raises NotFoundError for features that the events do not
    hold, UsageError for what only the user can decide.
    """
    fields = EventFields(profile)
    names = model.feature_names
    pairs = [(one.partition("=")[0], one.partition("=")[2]) for one in given or [] if "=" in one]
    listed = [one for one in given or [] if "=" not in one]
    if pairs and listed:
        raise UsageError("--features mixes fields with feature=field.", hint="Write one or the other for all of them.")
    if names is None:
        found = _in_order(model, fields, listed, pairs)
    elif listed:
        found = _listed_by_position(names, fields, listed)
    else:
        found = _by_name(names, fields, dict(pairs))
    _check_numbers(found, numbers=numbers)
    chosen = [(name, path, how) for name, path, how in found]
    delimiter = _delimiter([path.keys for _, path, _ in chosen], profile)
    features = tuple(
        MatchedFeature(
            feature=name if names is not None else delimiter.join(path.keys),
            field=delimiter.join(path.keys),
            how=how,
            kind=next((seen.name for seen in path.types if seen.name != "null"), "null"),
            present=path.present - path.nulls,
            events=profile.events,
        )
        for name, path, how in chosen
    )
    return FeatureMatch(features, delimiter, named and names is not None)


_Found = list["tuple[str, PathProfile, str]"]


def _in_order(model: ModelDescription, fields: EventFields, listed: list[str], pairs: list[tuple[str, str]]) -> _Found:
    """The fields of a model without names: those that were listed, as many as it takes."""
    count = model.feature_count
    wants = f"{count} features" if count is not None else "features in an order that only its author knows"
    if pairs:
        raise UsageError(
            f"The model has no names for its features, so {'='.join(pairs[0])} names none of them.",
            hint="List the fields alone, in the order it was trained on: --features a,b,c",
        )
    if not listed:
        candidates = fields.numeric()
        shown = ", ".join(candidates[:_SHOWN]) + (" …" if len(candidates) > _SHOWN else "")
        raise UsageError(
            f"The model takes {wants} and has no names for them: which fields they are, and in which order, "
            "cannot be told and is not guessed.",
            code="features-unnamed",
            detail=f"Numbers in the events: {shown or 'none'}.",
            hint="List them in the order it was trained on: --features a,b,c (or --features @FILE, one a line).",
        )
    if count is not None and len(listed) != count:
        raise UsageError(
            f"--features lists {counted(len(listed), 'field')}; the model takes {count}.",
            code="features-count",
            hint="List as many as it takes, in the order it was trained on.",
        )
    return [(name, _one_named(name, fields), "given") for name in listed]


def _listed_by_position(names: tuple[str, ...], fields: EventFields, listed: list[str]) -> _Found:
    if len(listed) != len(names):
        raise UsageError(
            f"--features lists {counted(len(listed), 'field')}; the model takes {len(names)}: {_shown(names)}.",
            code="features-count",
            hint="List as many, in that order, or only some as feature=field.",
        )
    moved = next((name for name, own in zip(listed, names, strict=True) if name != own and name in names), None)
    if moved is not None:
        raise UsageError(
            f"--features has {moved} where the model has another feature; its own order is {_shown(names)}.",
            code="features-order",
            hint="Keep the model's order, or write feature=field for those that differ.",
        )
    return [(own, _one_named(name, fields), "given") for own, name in zip(names, listed, strict=True)]


def _by_name(names: tuple[str, ...], fields: EventFields, pairs: dict[str, str]) -> _Found:
    wrong = next((name for name in pairs if name not in names), None)
    if wrong is not None:
        raise UsageError(
            f"--features {wrong}={pairs[wrong]}: the model has no feature {wrong}.",
            code="features-unknown",
            hint=f"Its features are: {_shown(names)}.",
        )
    found: _Found = []
    missing: list[str] = []
    for name in names:
        if name in pairs:
            found.append((name, _one_named(pairs[name], fields), "given"))
            continue
        if name.lower() in ANSWERS:
            raise UsageError(
                f"The model's feature {name} is named as an answer is, so no field is taken for it unasked.",
                code="features-answer",
                hint=f"If it is meant, say so: --features {shlex.quote(f'{name}={name}')}",
            )
        match = _match(name, fields)
        if match is None:
            missing.append(name)
        else:
            found.append((name, *match))
    if missing:
        pair = shlex.quote(f"{missing[0]}=FIELD")
        hint = f"Pass events that have them, or name the field that is meant: --features {pair}"
        raise _not_found(missing, fields, hint)
    _check_taken_once(found)
    return found


def _match(name: str, fields: EventFields) -> tuple[PathProfile, str] | None:
    """The one field for a feature and how it was found; raises UsageError where there are several."""
    for how, candidates in (
        ("exact", fields.named(name)),
        ("similar", fields.similar(name)),
        ("last-part", fields.ending(name)),
    ):
        usable = [one for one in candidates if one.keys[-1].lower() not in ANSWERS]
        if len(usable) == 1:
            return usable[0], how
        if usable:
            several = " and ".join(".".join(one.keys) for one in usable[:_SHOWN])
            raise UsageError(
                f"The model's feature {name} may be {several}.",
                code="features-ambiguous",
                hint=f"Say which: --features {shlex.quote(name + '=' + '.'.join(usable[0].keys))}",
            )
    return None


def _one_named(name: str, fields: EventFields) -> PathProfile:
    """The field that the user named."""
    found = fields.named(name)
    if not found:
        raise _not_found([name], fields, "Name a field that they have with --features; `packflow inspect` lists them.")
    if len(found) > 1:
        raise UsageError(
            f"{name} is both a key of the events and a path into them.",
            code="features-ambiguous",
            hint="Rename one of the two before it reaches the model.",
        )
    return found[0]


def _check_taken_once(found: _Found) -> None:
    taken: dict[tuple[str, ...], str] = {}
    for name, path, how in found:
        other = taken.setdefault(path.keys, name)
        if other != name and how != "given":
            field = ".".join(path.keys)
            raise UsageError(
                f"The model's features {other} and {name} would both be {field}.",
                code="features-ambiguous",
                hint=f"Say which field each is: --features {shlex.quote(f'{other}={field},{name}=FIELD')}",
            )


def _check_numbers(found: _Found, *, numbers: bool) -> None:
    for name, path, _ in found:
        if numbers and not is_numeric(path):
            kind = next(seen.name for seen in path.types if seen.name not in NUMBERS)
            raise UsageError(
                f"The field {'.'.join(path.keys)}, for the feature {name}, holds {kind}s; the model takes numbers.",
                code="features-not-numbers",
                hint="Name another field with --features, or turn it into a number in the backend's transform_inputs.",
            )


def _delimiter(used: Iterable[tuple[str, ...]], profile: EventsProfile) -> str:
    """A mark that tells nested keys apart from keys that hold it; a dot wherever that will do."""
    used = list(used)
    if all(len(keys) == 1 for keys in used) or not any("." in key for keys in used for key in keys):
        joined = [".".join(one.keys) for one in profile.paths]
        if all(joined.count(".".join(keys)) == 1 for keys in used):
            return "."
    keys = {key for one in profile.paths for key in one.keys}
    return next((mark for mark in _DELIMITERS if not any(mark in key for key in keys)), ".")


def _not_found(names: Sequence[str], fields: EventFields, hint: str) -> NotFoundError:
    told = []
    for name in names[:_SHOWN]:
        closest = fields.closest(name)
        told.append(f"{name} (closest: {', '.join(closest)})" if closest else name)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return NotFoundError(
        f"The events do not contain {', '.join(told)}{more}.",
        code="features-missing",
        hint=hint,
    )


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
