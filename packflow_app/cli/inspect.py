"""``packflow inspect``."""

from __future__ import annotations

import gc
import json
import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packflow_app.actions.inspect import Inspected, InspectOptions, InspectProgressed, inspect
from packflow_app.cli.asking import answered
from packflow_app.cli.inspect_view import show_changes, show_invalid, show_profile, show_suggestions
from packflow_app.cli.options import JsonOption, NoInputOption, YesOption, terminal_of
from packflow_app.cli.terminal import Terminal, bar
from packflow_app.cli.wording import counted
from packflow_app.errors import UsageError
from packflow_app.questions.events_interview import EventsInterview
from packflow_app.result import Problem, Result

if TYPE_CHECKING:
    from packflow_app.events.profile import EventsProfile

STANDARD_INPUT = "-"
_BAR_WIDTH = 20


def command(
    context: typer.Context,
    events: Annotated[
        str | None,
        typer.Argument(metavar="EVENTS", help="A file of events: JSON, CSV or Parquet; - is standard input."),
    ] = None,
    other: Annotated[
        Path | None, typer.Argument(metavar="OTHER", help="A second file: show what it has changed.")
    ] = None,
    *,
    format: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option(metavar="NAME", help="ndjson, json, csv, tsv or parquet (default: told by content)."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after so many events.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read all of a huge file, not a sample of it.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the events' JSON Schema, and nothing else.")] = False,
    invalid_only: Annotated[
        bool, typer.Option("--invalid-only", help="Show what is no event: line, column and reason.")
    ] = False,
    filter: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option(metavar="SQL", help="Look only at events for which this is true: 'dst.port = 443'.")
    ] = None,
    mask: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Replace the values there in what --save writes.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the few events that stand for all, as JSON lines.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --save overwrite a file.")] = False,
    yes: YesOption = False,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    if schema and invalid_only:
        raise UsageError("--schema and --invalid-only each show one thing.", hint="Give one of the two.")
    terminal = terminal_of(context, as_json=as_json)
    events = events or _events(terminal, yes=yes, no_input=no_input)
    clock = _TimeLeft()
    gc.disable()  # events have no cycles, and looking for some takes a quarter of the time
    done = inspect(
        InspectOptions(
            source=sys.stdin.buffer if events == STANDARD_INPUT else Path(events),
            other=other,
            format=format,
            limit=limit,
            full=full,
            filter=filter,
            masks=mask or [],
            save=save,
            force=force,
            invalid_only=invalid_only,
        ),
        report=lambda progress: terminal.progress(clock.describe(progress)),
    )
    if as_json:
        return terminal.emit(Result(_data(done), warnings=_warnings(done)))
    label = "standard input" if events == STANDARD_INPUT else events
    if schema:
        terminal.end_progress()
        terminal.text(json.dumps(done.schema.as_json_schema(), indent=2, ensure_ascii=False))
    elif invalid_only:
        show_invalid(terminal, done.profile)
    else:
        show_profile(terminal, done.profile, label)
        if done.other is not None:
            show_changes(terminal, done.changes, done.other, str(other))
        else:
            show_suggestions(terminal, done.suggestions)
    if done.saved is not None and save is not None:
        terminal.note(f"{counted(done.saved, 'event')} written to {save}")
    return 0


def _events(terminal: Terminal, *, yes: bool, no_input: bool) -> str:
    """The file that nobody named, asked for."""
    interview = EventsInterview()
    if not answered(terminal, interview, yes=yes, no_input=no_input):
        raise UsageError(
            "Missing: EVENTS.", code="input-missing", hint="Name a file: packflow inspect FILE (- is standard input)."
        )
    told = str(interview.events)
    terminal.note(f"$ packflow inspect {shlex.quote(told)}")
    return told


class _TimeLeft:
    """Words progress: how much of the file, how many events, and how long it will still take."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def describe(self, progress: InspectProgressed) -> str:
        events = counted(progress.events, "event")
        if not progress.size or not progress.done:
            return events
        share = min(1.0, progress.done / progress.size)
        left = (time.monotonic() - self._start) * (1 - share) / share
        return f"{bar(share, _BAR_WIDTH):<{_BAR_WIDTH}} {share:4.0%}  {events}, {left:,.0f} s left  "


def _data(done: Inspected) -> dict[str, Any]:
    data: dict[str, Any] = {
        "profile": _profile(done.profile),
        "schema": done.schema.as_json_schema(),
        "suggestions": asdict(done.suggestions),
        "saved": done.saved,
    }
    if done.other is not None:
        data["other"] = _profile(done.other)
        data["changes"] = [{**asdict(change), "is_breaking": change.is_breaking} for change in done.changes]
    return data


def _profile(profile: EventsProfile) -> dict[str, Any]:
    """The profile as it is, with what it works out of itself."""
    told = asdict(profile)
    for path, shown in zip(profile.paths, told["paths"], strict=True):
        shown |= {"nulls": path.nulls, "is_optional": path.is_optional, "is_conflict": bool(path.conflict)}
    return told


def _warnings(done: Inspected) -> list[Problem]:
    """What is odd about the events, for programs: people see it in the profile."""
    profile = done.profile
    found = [
        Problem("field-conflict", f"{path.path} is {' and '.join(seen.name for seen in path.conflict)}.")
        for path in profile.conflicts
    ]
    if profile.invalid_count:
        found.insert(
            0, Problem("events-invalid", f"{profile.invalid_count:,} lines are no events.", line=_first(profile))
        )
    return found


def _first(profile: EventsProfile) -> int:
    return profile.invalid[0].position
