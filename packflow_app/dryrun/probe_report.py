"""What probes found: how a model takes events that are not as its samples were."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

HANDLED = "handled"
CLEAN_ERROR = "clean-error"
BATCH_LOST = "batch-lost"
HANG = "hang"
CRASH = "crash"
VERDICTS = (HANDLED, CLEAN_ERROR, BATCH_LOST, HANG, CRASH)
"""From harmless to grave: an output; an error for this event alone; other events suffered; no end; the process died."""
GRAVE = VERDICTS[2:]


@dataclass(frozen=True)
class ProbeResult:
    """One probe and what became of it.

    ``kind``, ``path`` and ``value`` say what was wrong with the event; ``event`` is its line in the file of probes that
    is kept beside the report. ``detail`` says what happened where it was not handled, with the step and the place in
    the project where they are known.
    """

    kind: str
    path: str
    value: str
    event: int
    verdict: str
    detail: str = ""
    step: str | None = None
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class ProbesReport:
    """All probes that were run; ``not_run`` more were left out, and ``notes`` say why.

    ``in_batches``: each stood among sample events, otherwise alone. ``fields`` paths were probed; those whose change
    changed the outcome are ``fields_used``. ``verdicts`` counts by kind and verdict.
    """

    results: list[ProbeResult]
    in_batches: bool
    fields: int
    fields_used: list[str]
    not_run: int = 0
    notes: list[str] = field(default_factory=list)
    verdicts: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def grave(self) -> list[ProbeResult]:
        """Those that hurt more than themselves, the gravest first."""
        found = [result for result in self.results if result.verdict in GRAVE]
        return sorted(found, key=lambda result: -VERDICTS.index(result.verdict))

    @property
    def by_verdict(self) -> dict[str, int]:
        """How many got each verdict that any got, the harmless first."""
        counts = Counter(result.verdict for result in self.results)
        return {verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]}


def counted(results: list[ProbeResult]) -> dict[str, dict[str, int]]:
    """How many of each kind got each verdict; kinds in the order of the probes."""
    found: dict[str, dict[str, int]] = {}
    for result in results:
        of_kind = found.setdefault(result.kind, {})
        of_kind[result.verdict] = of_kind.get(result.verdict, 0) + 1
    return found
