"""``cache``: what the cache holds, and making it smaller."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..envelope import envelope  # at once: `clean` may remove the very copy that this runs from
from ..errors import ExitCode, PackflowError
from ..reporting import printable
from ..stdio import require_output

if TYPE_CHECKING:
    from ..cache_contents import CacheContents, Cleaned
    from ..target import Target

NEEDS_COPY = False
TAKES_PROJECT = False
DESCRIPTION = "Lists or removes what is kept of all archives: extracted copies, and the environments of `install`."


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``cache``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|clean")
    shown = actions.add_parser("list", help="show sizes, names and last use", allow_abbrev=False)
    shown.add_argument("--json", action="store_true", help="print one JSON object")
    clean = actions.add_parser(
        "clean",
        help="remove what is of no use, or what is named",
        description="Removes what killed processes left and copies that were changed; and what is asked for besides. "
        "What a process uses stays.",
        allow_abbrev=False,
    )
    clean.add_argument("names", nargs="*", metavar="NAME", help="a model, NAME-VERSION, or 8 digits of a digest")
    clean.add_argument("--all", action="store_true", help="remove everything")
    clean.add_argument("--older-than", type=_days, metavar="DAYS", help="remove what was not used for so many days")
    clean.add_argument("--json", action="store_true", help="print one JSON object")


add_options_outside = add_options


def answer(target: Target | None, options: argparse.Namespace) -> int:
    """List or clean."""
    del target  # the cache is that of all archives
    from ..cache_contents import cache_contents, clean  # noqa: PLC0415 - not needed to say how
    from ..cached_copies import cache_root  # noqa: PLC0415 - as above

    require_output("Run it again with standard output open.")
    if options.action == "list":
        contents = cache_contents(cache_root())
        _show("cache", {"action": "list", **contents_data(contents)}, contents_lines(contents), as_json=options.json)
        return ExitCode.OK
    if sum((options.all, bool(options.names), options.older_than is not None)) > 1:
        raise PackflowError(
            "--all, --older-than and names do not go together.",
            code="usage",
            exit_code=ExitCode.USAGE,
            hint="Give one of the three; run it again for another.",
        )
    done = clean(cache_root(), everything=options.all, names=tuple(options.names), older_than=options.older_than)
    _show("cache", {"action": "clean", **asdict(done)}, cleaned_lines(done), as_json=options.json)
    return ExitCode.OK


def contents_data(contents: CacheContents) -> dict[str, Any]:
    """The contents as JSON."""
    return {**asdict(contents), "size": contents.size}


def contents_lines(contents: CacheContents) -> list[str]:
    """The contents for people: a line each, with the sizes on the left."""
    lines = [f"{contents.root}: {shown_size(contents.size)}"]
    for one in contents.archives:
        state = "" if one.is_whole else "  CHANGED: the next start makes it again"
        lines.append(
            f"{shown_size(one.size):>10}  {shown_age(one.last_used):>12}  {one.name} {one.version}  "
            f"{one.digest[:12]}{state}"
        )
    for environment in contents.environments:
        state = "" if environment.is_finished else "  not finished"
        models = ", ".join(environment.models) or "archives that are not here"
        lines.append(
            f"{shown_size(environment.size):>10}  {shown_age(environment.last_used):>12}  environment of Python "
            f"{environment.python}, {environment.packages} packages, for {models}{state}"
        )
    if contents.abandoned:
        lines.append(f"{shown_size(contents.abandoned):>10}  {'':>12}  at work, or left by processes that were killed")
    return lines


def cleaned_lines(done: Cleaned) -> list[str]:
    """What was removed, for people."""
    lines = [f"removed {name}" for name in done.archives]
    lines += [f"removed the environment {name}" for name in done.environments]
    lines += [f"in use, so it stays: {name}" for name in done.in_use]
    return [*lines, f"{shown_size(done.size)} are free again"]


def shown_size(size: int) -> str:
    """Bytes as people read them."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def shown_age(moment: float) -> str:
    """How long ago, in one unit."""
    seconds = max(0.0, time.time() - moment)
    for unit, length in (("day", 24 * 3600), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now"


def _show(command: str, data: dict[str, Any], lines: list[str], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(envelope(command, data))
        return
    for line in lines:
        print(printable(line))  # noqa: T201


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1.0
    if not 0 <= days <= 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 0 up")
    return days
