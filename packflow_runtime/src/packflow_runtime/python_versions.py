"""Whether a Python satisfies ``python_requires``: the comparisons of PEP 440 that make sense for release numbers."""

from __future__ import annotations

import re

_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|~=|>|<)\s*([0-9]+(?:\.[0-9]+)*)(\.\*)?\s*\Z")


def satisfies(version: tuple[int, ...], requirement: str) -> bool:
    """Whether ``version``, such as (3, 11, 7), meets every comma-separated clause; raises ValueError on a bad one."""
    verdicts = [_meets(version, clause) for clause in requirement.split(",") if clause.strip()]
    return all(verdicts)


def _meets(version: tuple[int, ...], clause: str) -> bool:
    match = _CLAUSE.match(clause)
    if match is None or (match[3] and match[1] not in ("==", "!=")):
        raise ValueError(f"{clause.strip()!r} is not a version clause such as >=3.10")
    operator, wanted = match[1], tuple(int(part) for part in match[2].split("."))
    if operator == "~=" and len(wanted) == 1:
        raise ValueError(f"{clause.strip()!r} needs a second number, such as ~=3.10")
    width = max(len(version), len(wanted))
    left, right = (tuple(parts) + (0,) * (width - len(parts)) for parts in (version, wanted))
    if operator == "~=":
        return left >= right and left[: len(wanted) - 1] == wanted[:-1]
    if match[3]:
        return (left[: len(wanted)] == wanted) == (operator == "==")
    return {
        ">=": left >= right,
        "<=": left <= right,
        ">": left > right,
        "<": left < right,
        "==": left == right,
        "!=": left != right,
    }[operator]
