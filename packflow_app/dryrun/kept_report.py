"""Make a report of what was kept of one: the same values that the run itself gave."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from typing import TYPE_CHECKING, Any

from packflow_app import runtime
from packflow_app.dryrun import needs_report, probe_report, report, timings
from packflow_app.projects import requirements

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = {
    name: kind
    for module in (requirements, timings, needs_report, probe_report, runtime, report)
    for name, kind in vars(module).items()
}


def report_of(told: Mapping[str, Any]) -> report.DryRunReport | None:
    """The report; None where it was kept by a Packflow that knows other fields, or is none at all."""
    try:
        made: report.DryRunReport = _made(report.DryRunReport, told)
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
    return made


def _made(kind: Any, value: Any) -> Any:  # noqa: ANN401 - any annotation, any JSON value
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if value is None or kind is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _made(next(part for part in arguments if part is not type(None)), value)
    if dataclasses.is_dataclass(kind):
        return _made_fields(kind, value)
    if origin is list:
        return [_made(arguments[0], one) for one in value]
    if origin is dict:
        return {name: _made(arguments[1], one) for name, one in value.items()}
    return float(value) if kind is float else value  # an infinity is spelled as text


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - as below
    return typing.get_type_hints(kind, _NAMES)


def _made_fields(kind: Any, value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a dataclass, and one of it
    hints = _hints(kind)
    given = {item.name: value[item.name] for item in dataclasses.fields(kind) if item.name in value}
    return kind(**{name: _made(hints[name], one) for name, one in given.items()})
