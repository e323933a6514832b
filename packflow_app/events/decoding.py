"""From the bytes of events to blocks of them: decoded together, with a finding for each that is none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packflow_app.events.profile import EventBlock, InvalidLine
from packflow_app.runtime import DEFAULT_LIMITS, BadLineError, choose_codec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packflow_app.runtime import Event, Limits

_PLACE = re.compile(r"\b(?:column|byte) (\d+)")


class BlockDecoder:
    """Decodes by the fastest codec there is; all accept the same language and give equal values."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._codec = choose_codec("auto", limits)

    def decode(self, raws: list[bytes]) -> tuple[list[Event], dict[int, BadLineError]]:
        """The events among ``raws``, and for each other one, by its index, why it is none."""
        return self._codec.decode(raws)

    def block(
        self, positions: Sequence[int], raws: list[bytes], offset: int, known: Mapping[int, BadLineError] | None = None
    ) -> EventBlock:
        """Decode ``raws`` into a block; ``known`` are faults by position that the bytes no longer show."""
        events, faults = self.decode(raws)
        return assembled(positions, raws, events, faults, offset, known or {})


def assembled(
    positions: Sequence[int],
    raws: list[bytes],
    events: list[Event],
    faults: Mapping[int, BadLineError],
    offset: int,
    known: Mapping[int, BadLineError],
) -> EventBlock:
    """The block of what was decoded; ``faults`` are by index, and those by position in ``known`` say more."""
    if not faults:
        return EventBlock(list(positions), raws, events, [], offset)
    invalid = [finding(positions[index], known.get(positions[index], fault)) for index, fault in faults.items()]
    numbers, kept = list(positions), list(raws)
    for index in sorted(faults, reverse=True):
        del numbers[index], kept[index]
    return EventBlock(numbers, kept, events, invalid, offset)


def finding(position: int, fault: BadLineError) -> InvalidLine:
    """A fault as the profile tells it; its column is the one that its message names."""
    place = _PLACE.search(str(fault))
    return InvalidLine(position, fault.code, str(fault), int(place[1]) if place else None)
