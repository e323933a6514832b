"""The table, a line at a time as they come, for a terminal or for Markdown; and everything as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.cases import Line

_COLUMNS = (
    ("work", 50),
    ("against", 15),
    ("bare", 9),
    ("0.4.1", 9),
    ("ours", 9),
    ("0.4.1/bare", 10),
    ("ours/bare", 9),
    ("faster", 7),
    ("goal", 24),
    ("met", 4),
)
_LEFT = 2  # columns of text, aligned to the left
NOTHING = "–"


class Table:
    """Writes lines under a heading."""

    def __init__(self, *, markdown: bool) -> None:
        self._markdown = markdown

    def heading(self, about: dict[str, str]) -> str:
        """What was measured with, and the names of the columns."""
        versions = ", ".join(f"{name} {version}" for name, version in about.items())
        names = self._joined([name for name, _ in _COLUMNS])
        if not self._markdown:
            return f"{versions}\n{names}"
        rule = "|".join("---" if index < _LEFT else "--:" for index in range(len(_COLUMNS)))
        return f"{versions}\n\n{names}\n|{rule}|"

    def line(self, line: Line) -> str:
        """One row."""
        cells = (
            line.name,
            line.against,
            time_told(line.bare),
            time_told(line.peer),
            time_told(line.ours),
            _ratio(line.peer_ratio),
            _ratio(line.ratio),
            _ratio(line.faster),
            goal_told(line),
            {True: "yes", False: "NO", None: NOTHING}[line.met],
        )
        return self._joined(cells)

    def _joined(self, cells: tuple[str, ...] | list[str]) -> str:
        if self._markdown:
            return f"| {' | '.join(cell.strip() for cell in cells)} |"
        aligned = (
            f"{cell:{width}}" if index < _LEFT else f"{cell:>{width}}"
            for index, (cell, (_, width)) in enumerate(zip(cells, _COLUMNS, strict=True))
        )
        return "  ".join(aligned).rstrip()


def summary(lines: list[Line]) -> str:
    """How many goals are met, and which are not."""
    judged = [line for line in lines if line.met is not None]
    missed = [line for line in judged if not line.met]
    told = f"{len(judged) - len(missed)} of {len(judged)} goals met"
    return f"{told}; missed: {'; '.join(line.name.strip() for line in missed)}" if missed else f"{told}."


def write_json(path: Path, about: dict[str, str], lines: list[Line]) -> None:
    """Everything in seconds, with the verdicts."""
    rows: list[dict[str, Any]] = [
        {
            "work": line.name.strip(),
            "against": line.against,
            "bare_seconds": line.bare,
            "peer_seconds": line.peer,
            "seconds": line.ours,
            "peer_ratio": line.peer_ratio,
            "ratio": line.ratio,
            "faster": line.faster,
            "goal": vars(line.goal),
            "met": line.met,
        }
        for line in lines
    ]
    path.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


def time_told(seconds: float | None) -> str:
    """Seconds in the unit that reads best."""
    if seconds is None:
        return NOTHING
    for unit, size in (("ms", 1e-3), ("µs", 1e-6)):
        if abs(seconds) >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds / size:,.0f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def goal_told(line: Line) -> str:
    """What is aimed at, in a few characters."""
    goal = line.goal
    parts = [
        f"≤ {goal.ratio:g}×" if goal.ratio is not None else "",
        f"≤ +{goal.extra * 1e3:g} ms" if goal.extra is not None else "",
        f"≥ {goal.faster:g}× faster" if goal.faster is not None else "",
    ]
    return ", ".join(part for part in parts if part) or NOTHING


def _ratio(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.2f}×" if value < 10 else f"{value:.0f}×"
