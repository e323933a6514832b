"""Which fields a configuration reads and what they are called afterwards: the rules, one event at a time.

A *path* is a field's name; with the delimiter in it, it also names a field of a nested object. The code that Packflow
generates (``straight_line``) does the same faster for events that have every field once; this module takes the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import PreprocessorRuntimeError

if TYPE_CHECKING:
    from .preprocessing import PreprocessingOptions

MISSING: Any = object()
"""Stands for a field that is not there; an explicit null is there."""


class FieldPath(NamedTuple):
    """A field's name as configured and the keys it is made of; one key when it is not nested."""

    name: str
    keys: tuple[str, ...]


class FieldRule(NamedTuple):
    """One field of the result: its path there, and the paths of the event that may hold it, the first present wins."""

    target: FieldPath
    sources: tuple[FieldPath, ...]


class FieldRules:
    """What a configuration does to the fields of an event.

    ``rules`` come in the order of the result: ``feature_names``, then (in records) the names that ``rename_fields``
    gives beside them, in its order. A name that a renaming gives reads the renamed field; when that is missing, the
    event's own field of that name, unless that one was renamed away. Of several fields renamed to one name the last
    present wins.
    """

    def __init__(self, options: PreprocessingOptions) -> None:
        self.delimiter = "" if options.flatten else options.delimiter
        self.literal_wins = options.ignore_collisions
        self.missing = options.missing
        self.renames = [(self.path(old), self.path(new)) for old, new in options.renames.items()]
        extras = options.renames.values() if options.input_format == "records" else ()  # columns are the features alone
        names = list(dict.fromkeys([*options.features, *extras]))
        self.rules = [self._rule(name) for name in names]
        self._placed = _wholes_before_parts(self.rules)

    def path(self, name: str) -> FieldPath:
        """The path that ``name`` stands for; a flattened event has no nested ones."""
        return FieldPath(name, tuple(name.split(self.delimiter)) if self.delimiter else (name,))

    def _rule(self, name: str) -> FieldRule:
        target = self.path(name)
        sources = [old for old, new in reversed(self.renames) if new == target]
        if not sources or all(old != target for old, _ in self.renames):
            sources.append(target)
        return FieldRule(target, tuple(sources))

    @property
    def has_overlaps(self) -> bool:
        """Whether one field of the result lies inside another, as ``a.b`` lies in ``a``."""
        keys = {rule.target.keys for rule in self.rules}
        return any(path[:depth] in keys for path in keys for depth in range(1, len(path)))

    def read(self, event: dict[Any, Any], path: FieldPath, index: int) -> Any:  # noqa: ANN401 - any value
        """The value at ``path``, or MISSING; ``event`` is ``records[index]``.

        Raises PreprocessorRuntimeError where the path's name is a key and also leads to a nested field, unless
        collisions are ignored: then the key wins.
        """
        literal = event.get(path.name, MISSING)
        if len(path.keys) == 1 or (literal is not MISSING and self.literal_wins):
            return literal
        nested = nested_value(event, path.keys)
        if literal is MISSING:
            return nested
        if nested is not MISSING:
            raise ambiguous(index, path.name)
        return literal

    def value(self, event: dict[Any, Any], rule: FieldRule, index: int) -> Any:  # noqa: ANN401 - any value
        """What ``rule`` takes from ``event``, or MISSING; raises PreprocessorRuntimeError as ``missing`` says."""
        for path in rule.sources:
            value = self.read(event, path, index)
            if value is not MISSING:
                return value
        if self.missing == "error":
            raise missing_field(index, rule)
        return MISSING

    def refuse_ambiguous(self, flat: dict[str, Any], twice: list[str], index: int) -> None:
        """Raise PreprocessorRuntimeError where a name that several leaves of ``records[index]`` share is read."""
        for rule in self.rules:
            for path in rule.sources:
                if path.name in twice:
                    raise ambiguous(index, path.name)
                if path.name in flat:
                    break

    def selected(self, event: dict[Any, Any], index: int) -> dict[Any, Any]:
        """A new record with the fields of ``rules`` alone."""
        record: dict[Any, Any] = {}
        for rule in self._placed:
            value = self.value(event, rule, index)
            if value is not MISSING:
                place(record, rule.target, value, index)
            elif self.missing == "null":
                place(record, rule.target, None, None)
        return record

    def renamed(self, event: dict[Any, Any], index: int) -> dict[Any, Any]:
        """A new record with all fields of ``event``, the renamed ones under their new names and after the others."""
        found = {old: self.read(event, old, index) for old, _ in self.renames}
        record = dict(event)
        for old, value in found.items():
            if value is not MISSING:
                _remove(record, old)
        for rule in self._placed:
            sources = (found[path] if path in found else self.read(event, path, index) for path in rule.sources)
            value = next((value for value in sources if value is not MISSING), MISSING)
            if value is not MISSING:
                place(record, rule.target, value, index)
            elif self.missing == "error":
                raise missing_field(index, rule)
            elif self.missing == "null":
                place(record, rule.target, None, None)
        return record


def nested_value(event: dict[Any, Any], keys: tuple[str, ...]) -> Any:  # noqa: ANN401 - any value
    """The value that ``keys`` lead to, one object inside another; MISSING when a key or an object is not there."""
    value: Any = event
    for key in keys:
        if not isinstance(value, dict):
            return MISSING
        value = value.get(key, MISSING)
    return value


def place(record: dict[Any, Any], path: FieldPath, value: object, index: int | None) -> None:
    """Set the value at ``path``, making objects on the way and copying those that may belong to the event.

    Raises PreprocessorRuntimeError where something else than an object is in the way; with no ``index``, when
    ``value`` only fills a gap, what is in the way stays.
    """
    changes: list[tuple[dict[Any, Any], str, object]] = []
    inside = record
    for key in path.keys[:-1]:
        child = inside.get(key, MISSING)
        if child is not MISSING and not isinstance(child, dict):
            if index is None:
                return
            raise PreprocessorRuntimeError(
                f'records[{index}]: the field "{path.name}" has no place: "{key}" is {shown(child)}, not an object.',
                hint="Rename one of the two to a name of its own in rename_fields.",
            )
        copied: dict[Any, Any] = {} if child is MISSING else dict(child)
        changes.append((inside, key, copied))
        inside = copied
    for owner, key, child in changes:
        owner[key] = child
    inside[path.keys[-1]] = value


def ambiguous(index: int, name: str) -> PreprocessorRuntimeError:
    """The error of a used path that an event holds twice."""
    return PreprocessorRuntimeError(
        f'records[{index}]: the field "{name}" is there twice, as a key and nested.',
        hint="Rename one of them upstream, or set ignore_delimiter_collisions: true to take the key.",
    )


def missing_field(index: int, rule: FieldRule) -> PreprocessorRuntimeError:
    """The error of a field that must be there."""
    wanted = " or ".join(f'"{path.name}"' for path in rule.sources)
    return PreprocessorRuntimeError(
        f"records[{index}]: the field {wanted} is missing.",
        hint="Send it, or set missing: omit or missing: null in backend_config.",
    )


def shown(value: object) -> str:
    """A value in an error: JSON's spelling of what has one of its own, else Python's, shortened."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a value of the caller's own type, whose repr may raise anything
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "…"


def _remove(record: dict[Any, Any], path: FieldPath) -> None:
    """Remove the field that ``path`` reads, copying the objects around it; one that is gone already is no error."""
    if path.name in record:
        del record[path.name]
        return
    inside = record
    for key in path.keys[:-1]:
        child = inside.get(key)
        if not isinstance(child, dict):
            return
        copied = dict(child)
        inside[key] = copied
        inside = copied
    inside.pop(path.keys[-1], None)


def _wholes_before_parts(rules: list[FieldRule]) -> list[FieldRule]:
    """The rules in an order that never lets a whole (``a``) overwrite a part of it (``a.b``)."""
    by_keys = {rule.target.keys: rule for rule in rules}
    ordered: dict[tuple[str, ...], FieldRule] = {}
    for rule in rules:
        keys = rule.target.keys
        for depth in range(1, len(keys) + 1):
            if keys[:depth] in by_keys:
                ordered.setdefault(keys[:depth], by_keys[keys[:depth]])
    return list(ordered.values())
