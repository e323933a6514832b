"""The options of ``run``, the same for an archive, a project and ``python -m packflow_runtime``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .error_limit import ErrorLimit
from .jsonlines import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable

RUN_HELP = """\
Reads events as JSON lines and writes one outcome a line, in order: the model's output, or
{"packflow_error": {"line", "code", "step", "type", "message"}} for an event that failed."""

MOST_WORKERS = 256
"""More processes than this take pipes and memory that no machine has for them."""

_DEEPEST = 500  # Python's own limit on recursion is near, and raising it is not safe before 3.12


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``run`` takes to its parser; everything is checked while it is parsed."""
    parser.add_argument(
        "events",
        nargs="?",
        type=Path,
        metavar="EVENTS",
        help="a file of JSON lines, also compressed with gzip or zstd (default: standard input)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="write to OUT, which is replaced once the run is complete"
    )
    add_batch_options(parser)
    _add_failure_options(parser)
    _add_resume_options(parser)
    _add_process_options(parser)
    add_report_options(parser)
    add_config_options(parser)
    add_limits(parser)
    _add_json_option(parser)


def add_batch_options(parser: argparse.ArgumentParser) -> None:
    """How many events a call gets, and what reads them."""
    parser.add_argument(
        "--batch-size",
        type=checked(positive, "a whole number from 1 up"),
        default=64,
        metavar="N",
        help="at most N events a call (default: %(default)s)",
    )
    parser.add_argument(
        "--codec",
        choices=("auto", "stdlib", "orjson"),
        default="auto",
        help="the JSON codec: `auto` is orjson where it is installed; `stdlib` gives the same bytes on every Python",
    )


def _add_failure_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("events that fail")
    group.add_argument(
        "--dead-letters",
        type=Path,
        metavar="FILE",
        help="append failed events with their errors to FILE; standard output then has outputs only",
    )
    add_error_options(group)


def add_error_options(group: argparse._ArgumentGroup) -> None:
    """Which events fail, and how many may."""
    group.add_argument(
        "--strict-input",
        action="store_true",
        help="events that break the archive's schema fail, with code input-schema, before the model sees them",
    )
    limit = group.add_mutually_exclusive_group()
    limit.add_argument(
        "--max-errors",
        type=checked(ErrorLimit.parse, "a whole number or a percentage from 0% to 100%"),
        metavar="N|P%",
        help="stop, and exit 1, when more events fail; a percentage is judged from the 100th event on",
    )
    limit.add_argument(
        "--strict",
        dest="max_errors",
        action="store_const",
        const=ErrorLimit.parse("0"),
        help="the same as --max-errors 0",
    )


def _add_json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="with -o: print one JSON object about the run on standard output"
    )


def _add_resume_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("going on after a kill")
    group.add_argument(
        "--resume",
        action="store_true",
        help="keep a checkpoint beside OUT, and go on from the one that is there (needs EVENTS and -o OUT)",
    )
    group.add_argument(
        "--checkpoint-every",
        type=checked(_seconds_or_zero, "a number of seconds from 0 up"),
        default=1.0,
        metavar="SECONDS",
        help="with --resume: at most so much work is done again; 0 is after each batch (default: 1)",
    )


def _seconds_or_zero(text: str) -> float:
    return 0.0 if text.strip() == "0" else _seconds(text)


def _add_process_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the model in processes of its own")
    add_supervision(group, "--supervise, --workers or --engine ray")
    group.add_argument(
        "--workers",
        type=checked(_workers, f"a whole number from 1 to {MOST_WORKERS}: each is a process with the model in it"),
        metavar="N",
        help="so many supervised processes at once, or with --engine actors or parts of a job; the order of the "
        "outcomes is kept (default: 1; with --engine what it has CPUs for)",
    )
    group.add_argument(
        "--engine",
        choices=("local", "spark", "ray"),
        default="local",
        help="where the model runs: on this machine (default), or an archive's in the processes of Spark or Ray, which "
        "this Python must have",
    )
    group.add_argument(
        "--engine-address",
        metavar="ADDRESS",
        help="a Spark master or a Ray cluster to join (default: the engine is started on this machine)",
    )


def add_supervision(group: argparse._ArgumentGroup, asked_by: str) -> None:
    """The model in a child; ``asked_by`` names the options that ask for it."""
    group.add_argument(
        "--supervise",
        action="store_true",
        help="a crash or a hang of the model costs the one event, not the stream: the model is started again",
    )
    group.add_argument(
        "--timeout",
        type=seconds_option,
        default=30.0,
        metavar="SECONDS",
        help=f"with {asked_by}: the longest a call of the model may take (default: 30)",
    )


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """What is told while it runs."""
    group = parser.add_argument_group("watching a run")
    group.add_argument("--progress", action="store_true", help="say once a second how far the run is")
    group.add_argument(
        "--metrics-every",
        type=checked(_seconds, "a number of seconds above 0"),
        metavar="SECONDS",
        help="write a line of JSON to standard error at this interval: counts, rate, latencies",
    )
    group.add_argument(
        "--http",
        type=checked(_address, "HOST:PORT or a port number"),
        metavar="[HOST:]PORT",
        help="serve /healthz, /readyz and /metrics (default host: 127.0.0.1; port 0: a free one, which is printed)",
    )


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """The operator's configuration of the model."""
    group = parser.add_argument_group(
        "the model's configuration", "The last one wins: packflow.yaml, $PACKFLOW_CONFIG (a file), --config, --set."
    )
    group.add_argument("--config", type=Path, metavar="FILE", help="a JSON object of configuration keys")
    group.add_argument(
        "--set",
        dest="assignments",
        type=checked(_assignment, "KEY=VALUE"),
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set one key; dots lead into nested ones; can be repeated",
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """The limits on one event."""
    group = parser.add_argument_group("limits on an event")
    group.add_argument(
        "--max-line-bytes",
        type=checked(positive, "a whole number from 1 up"),
        default=DEFAULT_LIMITS.max_line_bytes,
        metavar="N",
        help="the longest line (default: %(default)s)",
    )
    group.add_argument(
        "--max-depth",
        type=checked(_depth, f"a whole number from 1 to {_DEEPEST}"),
        default=DEFAULT_LIMITS.max_depth,
        metavar="N",
        help="the deepest nesting of arrays and objects (default: %(default)s)",
    )


def checked(parse: Callable[[str], Any], expected: str) -> Callable[[str], Any]:
    """Make a parser of values whose ValueError says what was expected."""

    def parsed(text: str) -> Any:  # noqa: ANN401 - whatever the option holds
        try:
            return parse(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {expected}") from None

    return parsed


def positive(text: str) -> int:
    """Read a whole number from 1 up; raises ValueError."""
    if not text.isascii() or not text.isdecimal() or len(text) > 18 or int(text) < 1:
        raise ValueError(text)
    return int(text)


def _workers(text: str) -> int:
    if positive(text) > MOST_WORKERS:
        raise ValueError(text)
    return int(text)


def _depth(text: str) -> int:
    if positive(text) > _DEEPEST:
        raise ValueError(text)
    return int(text)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 1e6:
        raise ValueError(text)
    return seconds


seconds_option = checked(_seconds, "a number of seconds above 0")
"""Parses a time to wait."""


def _address(text: str) -> tuple[str, int]:
    from .http_status import parse_address  # noqa: PLC0415 - http.server is slow to import

    return parse_address(text)


def _assignment(text: str) -> tuple[str, str]:
    from .config_overrides import parse_assignment  # noqa: PLC0415 - only with --set

    return parse_assignment(text)
