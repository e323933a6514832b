"""One pass over a file of events: how many, which are not events, the representative few, the numeric fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError
from packflow_app.events.numbers import NumericField, NumericSurvey
from packflow_app.events.reading import RawEvent, read_blocks
from packflow_app.events.sample import SAMPLE_BYTES, SAMPLE_EVENTS, representative

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packflow_app.events.profile import InvalidLine

_INVALID_KEPT = 20


@dataclass(frozen=True)
class EventsSurvey:
    """What a file of events holds; ``invalid`` are the first of ``invalid_count`` lines that are no events."""

    events: int
    invalid_count: int
    invalid: list[InvalidLine]
    sample: list[RawEvent]
    numeric_fields: list[NumericField]


def survey_events(
    path: Path, limit: int = SAMPLE_EVENTS, max_bytes: int = SAMPLE_BYTES, *, numeric: bool = True
) -> EventsSurvey:
    """Read the file once; raises NotFoundError when it cannot be read or holds no event at all.

    ``numeric`` False leaves the numeric fields out, which saves their time.
    """
    numbers = NumericSurvey()
    invalid: list[InvalidLine] = []
    counts = {"events": 0, "invalid": 0}

    def valid_events() -> Iterator[RawEvent]:
        for block in read_blocks(path):
            counts["events"] += len(block.events)
            counts["invalid"] += len(block.invalid)
            invalid.extend(block.invalid[: _INVALID_KEPT - len(invalid)])
            for event in block.events if numeric else ():
                numbers.add(event)
            yield from map(RawEvent, block.positions, block.raws, block.events)

    sample = representative(valid_events(), limit, max_bytes)
    if not sample:
        first = f"; line {invalid[0].position}: {invalid[0].message}" if invalid else ""
        raise NotFoundError(
            f"{path} holds no events{first}."
            if not counts["events"]
            else f"{path} holds only events over {max_bytes:,} bytes.",
            code="events-empty",
            hint="Name a file of JSON objects, CSV rows or Parquet; packflow inspect FILE tells what a file holds.",
        )
    return EventsSurvey(counts["events"], counts["invalid"], invalid, sample, numbers.fields())
