"""Look at files of events: profile, schema, suggestions, what a second file changed; keep a sample, masked if asked."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from packflow_app.errors import CancelledError, NotFoundError, UsageError, not_writable
from packflow_app.events.comparison import FieldChange, compare_profiles
from packflow_app.events.masking import Masker
from packflow_app.events.profile import EventBlock, EventsProfile, Sampling
from packflow_app.events.profiling import Profiler
from packflow_app.events.query import EventFilter
from packflow_app.events.reading import RawEvent, open_events
from packflow_app.events.sample import representative
from packflow_app.events.sampling import SampledLines, open_sample
from packflow_app.events.schema import EventSchema, schema_of
from packflow_app.events.suggestions import Suggestions, suggest
from packflow_app.placing import sibling

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from packflow_app.events.profile import PathProfile
    from packflow_app.events.reading import EventReader

_FEW = 4 << 20
"""Bytes at the start, at the end and between that tell the fields which a filter may name, and their types."""


@dataclass(frozen=True)
class InspectOptions:
    """What ``packflow inspect`` may be told.

    ``source`` is a file, or an open binary stream such as standard input; ``other`` a second file to compare with.
    ``format`` overrides what the content tells, ``limit`` ends after so many events, ``full`` reads all of a huge file.
    ``filter`` is an SQL expression over the fields. ``save`` is a file that the representative sample is written to,
    with the values at the paths ``masks`` replaced; it is overwritten only with ``force``. Where ``invalid_only`` is
    asked for, a file that holds no event is no error.
    """

    source: Path | BinaryIO
    other: Path | None = None
    format: str | None = None
    limit: int | None = None
    full: bool = False
    filter: str | None = None
    masks: list[str] = field(default_factory=list)
    save: Path | None = None
    force: bool = False
    invalid_only: bool = False


@dataclass(frozen=True)
class InspectProgressed:
    """How far a file was read: ``done`` of ``size`` bytes (0: unknown) of what is to be read, and events so far."""

    done: int
    size: int
    events: int


@dataclass(frozen=True)
class Inspected:
    """What was found; ``saved`` counts the events that were written."""

    profile: EventsProfile
    schema: EventSchema
    suggestions: Suggestions
    other: EventsProfile | None = None
    changes: tuple[FieldChange, ...] = ()
    saved: int | None = None


def inspect(
    options: InspectOptions,
    *,
    report: Callable[[InspectProgressed], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> Inspected:
    """Read the file once and tell what it holds.

    Raises NotFoundError where it cannot be read or holds nothing, UsageError for options that do not go together, for a
    filter or a mask that is none, NotWritableError, and CancelledError once ``cancel`` is set.
    """
    _check(options)
    reading = _Reading(options, report, cancel)
    profile, sample = reading.profile(options.source)
    if not profile.events and not (options.invalid_only and profile.invalid_count):
        raise _nothing(options, profile, events_read=reading.events_read)
    saved = None
    if options.save is not None:
        saved = _save(options.save, [event.raw for event in sample], _masker(options.masks, profile))
    other = reading.profile(options.other)[0] if options.other is not None else None
    return Inspected(
        profile,
        schema_of(profile),
        suggest(profile),
        other,
        compare_profiles(profile, other) if other is not None else (),
        saved,
    )


def _check(options: InspectOptions) -> None:
    if options.masks and options.save is None:
        raise UsageError("--mask changes what --save writes, and --save is not given.", hint="Add --save FILE.")
    if options.other is not None and options.save is not None:
        raise UsageError(
            "--save keeps a sample of one file, and two are named.", hint="Name only the file to be sampled."
        )
    if options.save is not None and options.save.exists() and not options.force:
        raise UsageError(
            f"{options.save} is there already.", code="file-exists", hint="Choose another name, or add --force."
        )


def _nothing(options: InspectOptions, profile: EventsProfile, events_read: int) -> NotFoundError:
    name = options.source if isinstance(options.source, Path) else "standard input"
    if events_read:
        return NotFoundError(
            f"No event of {name} is one that --filter chooses.", code="events-empty", hint="Loosen the expression."
        )
    first = f"; line {profile.invalid[0].position:,}: {profile.invalid[0].message}" if profile.invalid else ""
    return NotFoundError(
        f"{name} holds no events{first}.",
        code="events-empty",
        hint="Name a file of events (JSON, CSV or Parquet); --invalid-only lists what is wrong with this one.",
    )


class _Reading:
    """Reads files into profiles, telling how far it is; ``events_read`` counts those that a filter was asked about."""

    def __init__(
        self, options: InspectOptions, report: Callable[[InspectProgressed], None], cancel: threading.Event | None
    ) -> None:
        self._options = options
        self._report = report
        self._cancel = cancel
        self.events_read = 0

    def profile(self, source: Path | BinaryIO) -> tuple[EventsProfile, list[RawEvent]]:
        """The profile of a file, and its representative sample where one is to be saved."""
        profiler = Profiler()
        with ExitStack() as stack:
            events, sampling = self._opened(stack, source)
            chosen = self._blocks(events, source, sampling, profiler)
            sample: list[RawEvent] = []
            if self._options.save is not None:
                sample = representative(event for block in chosen for event in _raw_events(block))
            else:
                for _ in chosen:
                    pass
            name = f"{events.format}, compressed" if events.is_packed else events.format
            return profiler.profile(name, _size_of(source), sampling=sampling), sample

    def _opened(self, stack: ExitStack, source: Path | BinaryIO) -> tuple[EventReader | SampledLines, Sampling | None]:
        if isinstance(source, Path) and not self._options.full and self._options.limit is None:
            sample = stack.enter_context(open_sample(source, format=self._options.format))
            if sample is not None:
                return sample, sample.sampling
        return stack.enter_context(open_events(source, format=self._options.format)), None

    def _blocks(
        self, events: Iterable[EventBlock], source: Path | BinaryIO, sampling: Sampling | None, profiler: Profiler
    ) -> Iterator[EventBlock]:
        """The blocks as they are chosen and cut off, once they are profiled."""
        options = self._options
        size = sum(stop - start for start, stop in sampling.ranges) if sampling is not None else _size_of(source)
        for block in self._filtered(events, source) if options.filter is not None else events:
            if self._cancel is not None and self._cancel.is_set():
                raise CancelledError("Reading the events was stopped.")
            kept = block
            if options.limit is not None and profiler.events + len(block.events) > options.limit:
                kept = _part(block, range(options.limit - profiler.events))
            profiler.add(kept)
            self._report(InspectProgressed(_done(block.offset, sampling), size, profiler.events))
            yield kept
            if options.limit is not None and profiler.events >= options.limit:
                return

    def _filtered(self, events: Iterable[EventBlock], source: Path | BinaryIO) -> Iterator[EventBlock]:
        """The events that the filter chooses; findings stay."""
        assert self._options.filter is not None  # noqa: S101 - the caller looked
        iterator = iter(events)
        first: list[EventBlock] = []
        if isinstance(source, Path) and source.is_file():
            with ExitStack() as stack:
                few = stack.enter_context(
                    open_sample(source, format=self._options.format, head=_FEW, spread=_FEW, tail=_FEW)
                )
                whole = few or stack.enter_context(open_events(source, format=self._options.format))
                known, _ = _known(whole)
        else:
            known, first = _known(iterator)
        chosen = EventFilter(known, self._options.filter)
        for block in chain(first, iterator):
            self.events_read += len(block.events)
            yield _part(block, chosen.matching(block.raws))


def _known(events: Iterable[EventBlock]) -> tuple[tuple[PathProfile, ...], list[EventBlock]]:
    """The paths of as many events as tell what a filter may name, and the blocks that were read for it."""
    profiler = Profiler()
    read: list[EventBlock] = []
    size = 0
    for block in events:
        read.append(block)
        profiler.add(block)
        size += sum(map(len, block.raws))
        if size >= 3 * _FEW:
            break
    return profiler.profile("", 0).paths, read


def _part(block: EventBlock, chosen: Sequence[int]) -> EventBlock:
    """Some of the events of a block, and what stands between them."""
    if len(chosen) == len(block.events):
        return block
    return EventBlock(
        [block.positions[index] for index in chosen],
        [block.raws[index] for index in chosen],
        [block.events[index] for index in chosen],
        block.invalid,
        block.offset,
    )


def _raw_events(block: EventBlock) -> Iterator[RawEvent]:
    return map(RawEvent, block.positions, block.raws, block.events)


def _size_of(source: Path | BinaryIO) -> int:
    return source.stat().st_size if isinstance(source, Path) and source.is_file() else 0


def _done(offset: int, sampling: Sampling | None) -> int:
    """How much of what is to be read was read, at this place in the file."""
    if sampling is None:
        return offset
    return sum(min(stop, offset) - start for start, stop in sampling.ranges if start < offset)


def _masker(masks: list[str], profile: EventsProfile) -> Masker | None:
    known = {path.path: path.keys for path in profile.paths}
    for mask in masks:
        if mask not in known:
            near = get_close_matches(mask, known, 3) or list(known)[:3]
            raise UsageError(
                f"--mask {mask}: the events have no such field.",
                code="field-unknown",
                hint=f"There is: {', '.join(near)}. The profile lists all, spelled as --mask takes them.",
            )
    return Masker(known[mask] for mask in masks) if masks else None


def _save(target: Path, raws: list[bytes], masker: Masker | None) -> int:
    """Write events as JSON lines, all or nothing."""
    lines = [(masker.masked(raw) if masker is not None else raw).rstrip() + b"\n" for raw in raws]
    work = sibling(target)
    try:
        work.write_bytes(b"".join(lines))
        work.replace(target)
    except BaseException as error:
        work.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise not_writable(target, error) from error
        raise
    return len(lines)
