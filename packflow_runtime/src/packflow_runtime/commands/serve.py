"""``serve``: the model between two brokers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..environment_start import add_environment_option, enter_environment

if TYPE_CHECKING:
    import argparse

    from ..target import Target

NEEDS_COPY = True
TAKES_PROJECT = True
DESCRIPTION = """\
Takes events from a broker, runs the model on them, publishes the outcomes to another, and acknowledges each event once
its outcome is confirmed. Events are JSON objects. Runs until SIGINT or SIGTERM, which lose nothing. Addresses:
kafka://HOST:PORT/TOPIC, redis://HOST:PORT/STREAM (rediss: with TLS), nats://HOST:PORT/SUBJECT; a source needs
?group=NAME, and processes with the same group share the events; also stdin: as a source, stdout: and file:PATH as
sinks."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``serve``."""
    from ..engines.broker.options import add_serve_options  # noqa: PLC0415 - every start lists the commands

    add_serve_options(parser)
    add_environment_option(parser)


def answer(target: Target, options: argparse.Namespace) -> int:
    """Serve in the environment that ``install`` made, where there is one."""
    enter_environment(target, options)
    from ..engines.broker.command import serve_command  # noqa: PLC0415 - not needed to say how to serve

    target.check_python()
    return serve_command(target, options)
