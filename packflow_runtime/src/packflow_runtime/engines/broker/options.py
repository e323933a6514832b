"""The options of ``serve``: those of ``run`` that make sense between brokers, and addresses."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ...run_options import (
    add_batch_options,
    add_config_options,
    add_error_options,
    add_limits,
    add_report_options,
    add_supervision,
)
from .addresses import Address, parse_sink, parse_source

if TYPE_CHECKING:
    from collections.abc import Callable


def add_serve_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``serve`` takes to its parser; everything is checked while it is parsed."""
    parser.add_argument(
        "--source", type=_address(parse_source), required=True, metavar="ADDRESS", help="where events come from"
    )
    parser.add_argument(
        "--sink", type=_address(parse_sink), required=True, metavar="ADDRESS", help="where outcomes go to"
    )
    add_batch_options(parser)
    _add_client_options(parser)
    group = parser.add_argument_group("events that fail")
    group.add_argument(
        "--dead-letters",
        type=_address(parse_sink),
        metavar="ADDRESS",
        help="publish failed events there, as they were, with their errors in headers; the sink then has outputs only",
    )
    add_error_options(group)
    add_supervision(parser.add_argument_group("the model in a process of its own"), "--supervise")
    add_report_options(parser)
    add_config_options(parser)
    add_limits(parser)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object at the end (not where the sink is stdout:)"
    )
    parser.set_defaults(workers=1)  # several processes with one group share the events


def _add_client_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "the brokers' clients", "Files of name=value lines: users, passwords, certificates, never on the command line."
    )
    for name, what in (
        ("source", "the source"),
        ("sink", "the sink"),
        ("dead-letters", "where dead letters go (default: those of the sink, where that is of the same kind)"),
    ):
        group.add_argument(f"--{name}-properties", type=Path, metavar="FILE", help=f"client properties for {what}")


def _address(parse: Callable[[str], Address]) -> Callable[[str], Address]:
    def parsed(text: str) -> Address:
        try:
            return parse(text)
        except ValueError as error:
            # Not the whole text: it may hold what does not belong there.
            raise argparse.ArgumentTypeError(f"{error}; for example kafka://broker:9092/events?group=scoring") from None

    return parsed
