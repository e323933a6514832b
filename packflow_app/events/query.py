"""Choose events by an SQL expression over their fields: ``dst.port = 443 and service like 'd%'``.

DuckDB evaluates it, block by block. The fields have the types that a profile saw: integers, numbers, booleans, strings,
lists, and structs for objects; a field of several types is text. What does not fit its type is null, so that one odd
event never stops a query.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from packflow_app.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packflow_app.events.profile import PathProfile

_SCALARS = {"boolean": "BOOLEAN", "integer": "BIGINT", "number": "DOUBLE", "string": "VARCHAR"}
_LARGEST = 2**63
_LARGEST_HUGE = 2**127
_SQL = (
    "SELECT packflow_row FROM (SELECT packflow_row, unnest(json_transform(packflow_raw, ?)) FROM "
    "(SELECT unnest(?::VARCHAR[]) AS packflow_raw, unnest(range(?)) AS packflow_row)) WHERE ({expression}\n)"
)


class EventFilter:
    """An expression, ready for events with these paths; raises UsageError where it is none or names no such field."""

    def __init__(self, paths: Iterable[PathProfile], expression: str) -> None:
        import duckdb  # noqa: PLC0415 - 0.1 s, and only where something is asked for

        self.expression = expression
        self._structure = json.dumps(_structure(_tree(paths)))
        self._sql = _SQL.format(expression=expression)
        self._errors = duckdb.Error
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET threads = 1")
        if not expression.strip():
            raise UsageError("--filter has no expression.", code="filter-invalid", hint=_HINT)
        self.matching([])

    def matching(self, raws: Sequence[bytes]) -> list[int]:
        """The indices of the events for which the expression is true; null, as in SQL, is not."""
        texts = [raw.decode("utf-8", "replace") for raw in raws]
        try:
            rows = self._connection.execute(self._sql, [self._structure, texts, len(texts)]).fetchall()
        except self._errors as error:
            raise _invalid(self.expression, error) from None
        return sorted(index for (index,) in rows)


_HINT = "Write for example --filter 'dst.port = 443'; a key with dots is quoted: --filter '\"id.resp_p\" = 443'"


def _invalid(expression: str, error: Exception) -> UsageError:
    """DuckDB's first line says what is wrong, the next what there is instead."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next(
        (line.partition(":")[2] for line in lines if line.startswith(("Candidate bindings", "Candidate Entries"))), ""
    )
    fields = [field.strip() for field in said.split(",") if field.strip() and "packflow_" not in field]
    return UsageError(
        f"--filter {expression!r} cannot be evaluated: {_reason(lines[0] if lines else type(error).__name__)}.",
        code="filter-invalid",
        hint=f"There is: {', '.join(fields)}; packflow inspect FILE lists all." if fields else _HINT,
    )


def _reason(said: str) -> str:
    """What DuckDB says, without its kinds of errors and the query that the expression was put into."""
    said = re.sub(r"^[A-Z][a-zA-Z ]* Error: ", "", said).rstrip(".!")
    unknown = re.fullmatch(r'Referenced (?:column|table) ("[^"]*") not found.*', said)
    if unknown is not None:
        return f"the events have no field {unknown[1]}"
    unknown = re.fullmatch(r'Could not find key ("[^"]*") in struct', said)
    if unknown is not None:
        return f"that field has no key {unknown[1]}"
    if re.fullmatch(r'syntax error at or near "\)"', said):  # the one that stands behind the expression
        return "it ends too early, or a parenthesis too much closes it"
    return said


def _tree(paths: Iterable[PathProfile]) -> dict[str, Any]:
    """The paths as nested nodes: ``{"types": set, "large": the largest integer, "members": {key: node}}``."""
    root: dict[str, Any] = _node({"object"})
    for path in paths:
        node = root
        for key in path.keys:
            node = node["members"].setdefault(key, _node(set()))
        node["types"] = {seen.name for seen in path.types} - {"null"}
        if path.numbers is not None:
            node["large"] = max(abs(path.numbers.least), abs(path.numbers.greatest))
    return root


def _node(types: set[str]) -> dict[str, Any]:
    return {"types": types, "large": 0, "members": {}}


def _structure(node: dict[str, Any]) -> Any:  # noqa: ANN401 - what DuckDB's json_transform takes
    types: set[str] = node["types"]
    if types == {"object"} and node["members"] and "*" not in node["members"]:
        members: dict[str, Any] = {}
        known: set[str] = set()
        for key, member in node["members"].items():
            if key and key.casefold() not in known:  # SQL knows no upper and lower case
                known.add(key.casefold())
                members[key] = _structure(member)
        return members or "VARCHAR"
    if types == {"array"}:
        items = node["members"].get("[]")
        return [_structure(items) if items is not None else "VARCHAR"]
    if types == {"integer", "number"}:
        return "DOUBLE"
    if types == {"integer"} and node["large"] >= _LARGEST:
        return "HUGEINT" if node["large"] < _LARGEST_HUGE else "DOUBLE"
    return _SCALARS[next(iter(types))] if len(types) == 1 and types <= _SCALARS.keys() else "VARCHAR"


__all__ = ["EventFilter"]
