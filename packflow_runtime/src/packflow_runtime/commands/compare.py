"""``compare``: how another model differs on the same events."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..environment_start import add_environment_option
from ..errors import ExitCode, PackflowError
from ..reporting import print_notice, printable
from ..stdio import require_output
from .replay import add_timeout_option

if TYPE_CHECKING:
    from ..model_comparison import FieldChange, ModelComparison
    from ..target import Target

NEEDS_COPY = True
TAKES_PROJECT = True
DESCRIPTION = """\
Runs this model and another one on the same events, each in a process and an environment of its own, and shows by field
how their outputs differ. Exits 0 where they are equal, 1 where they differ."""
_MOST_EVENTS = 10_000
_SHOWN = 20
_LONGEST = 24


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``compare``."""
    parser.add_argument("other", type=Path, metavar="OTHER", help="the other archive or project, taken for the newer")
    parser.add_argument("events", type=Path, metavar="EVENTS", help="a file of JSON lines, also packed")
    parser.add_argument(
        "--limit", type=_count, default=_MOST_EVENTS, metavar="N", help="the first N events (default: %(default)s)"
    )
    parser.add_argument("--rtol", type=_tolerance, metavar="X", help="relative tolerance (default: by their width)")
    parser.add_argument("--atol", type=_tolerance, default=0.0, metavar="X", help="absolute tolerance (default: 0)")
    parser.add_argument("--ignore", action="append", default=[], metavar="PATH", help="leave an output field out")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_timeout_option(parser)
    add_environment_option(parser)


def answer(target: Target, options: argparse.Namespace) -> int:
    """Run both, and show where they part."""
    require_output("Run it again with standard output open.")
    from ..comparing import compare_targets, first_events  # noqa: PLC0415 - not needed to say how
    from ..equality import Rule  # noqa: PLC0415 - as above
    from ..opening import opened_target  # noqa: PLC0415 - as above

    rule = Rule(options.rtol, options.atol, tuple(options.ignore))
    sampled = first_events(options.events, options.limit)
    if not sampled.events:
        raise PackflowError(
            f"{options.events} holds no event.",
            code="events-empty",
            exit_code=ExitCode.NOT_FOUND,
            hint="Name a file of JSON lines, one event a line.",
        )
    if sampled.invalid:
        print_notice(f"{sampled.invalid:,} lines are no events and are left out")
    if not sampled.is_all:
        print_notice(f"comparing on the first {len(sampled.events):,} events; --limit takes more")
    found = compare_targets(
        target,
        opened_target(options.other),
        sampled.events,
        rule,
        timeout=options.timeout,
        environments=not options.no_environment,
    )
    code = ExitCode.OK if found.equal else ExitCode.CHECK_FAILED
    if options.json:
        from ..envelope import envelope, problem  # noqa: PLC0415 - only with --json

        errors = [] if found.equal else [problem("outputs-differ", _verdict(found))]
        sys.stdout.buffer.write(envelope("compare", found.as_json(), errors, ok=found.equal))
        return code
    for line in _lines(found):
        print(printable(line))  # noqa: T201
    return code


def _lines(found: ModelComparison) -> list[str]:
    lines = [_verdict(found)]
    if found.old_failed or found.new_failed:
        lines.append(f"  failed events: {found.old_failed:,} before, {found.new_failed:,} now")
    rows = [("field", "events", "largest |Δ|", "for example"), *map(_row, found.fields[:_SHOWN])]
    if len(rows) > 1:
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines += ["  " + "  ".join((*map(str.ljust, row, widths), row[3])) for row in rows]
    if len(found.fields) > _SHOWN:
        lines.append(f"  and {len(found.fields) - _SHOWN:,} further fields: --json has all")
    return lines


def _verdict(found: ModelComparison) -> str:
    if found.equal:
        ties = f", {found.ties:,} ties" if found.ties else ""
        return f"{found.old} = {found.new} on {found.events:,} events{ties}"
    return f"{found.old} and {found.new} differ on {found.differing:,} of {found.events:,} events"


def _row(field: FieldChange) -> tuple[str, str, str, str]:
    first = field.first
    left, right = _short(first.left), _short(first.right)
    example = {"missing": f"{left} is gone", "extra": f"{right} is new"}.get(first.kind, f"{left} → {right}")
    from ..model_comparison import size_text  # noqa: PLC0415 - not needed to say how

    return (
        field.path or "(the whole output)",
        f"{field.events:,}",
        size_text(field.largest),
        f"event {first.event}: {example}",
    )


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 12 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a tolerance")
    return value
