"""The command ``serve``: from its options to a service and an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from ...backend import InferenceBackend
from ...codec import choose_codec
from ...errors import ExitCode, PackflowError
from ...jsonlines import Limits
from ...model_command import ModelCommand
from ...outcomes import EventRunner
from ...reporting import print_notice
from ...stdio import require_input, require_output, take_standard_streams, write_all
from ...stop_signals import StopSignals
from ...stream import ends_on_failure
from .addresses import Pipe, address_error, open_sink, open_source, read_properties
from .serving import Service, ServiceSettings

if TYPE_CHECKING:
    import argparse

    from ...codec import Codec
    from ...http_status import HttpStatus
    from ...input_schema import InputSchema
    from ...pipeline import Runner
    from ...stream_metrics import StreamMetrics
    from ...supervised import ChildModels
    from ...target import Target
    from .addresses import Address
    from .links import Link
    from .serving import ServiceSummary


def serve_command(target: Target, options: argparse.Namespace) -> int:
    """Run the target's model between the brokers that ``options`` name; returns the exit code."""
    resources = ExitStack()
    command = _Command(target, options, resources)
    try:
        with resources:
            code = command.run()
    except PackflowError as error:
        code = command.fail(error)
    except KeyboardInterrupt:  # while the model was loaded: a service ends by itself
        print_notice("interrupted")
        code = ExitCode.INTERRUPTED
    if options.json:
        command.tell(code)
    return code


class _Command(ModelCommand):
    """One service."""

    def __init__(self, target: Target, options: argparse.Namespace, resources: ExitStack) -> None:
        super().__init__(target, options, resources)
        self.summary: ServiceSummary | None = None
        self.descriptors: tuple[int, int] | None = None

    def run(self) -> int:
        """Everything that can fail without a broker is done before one is asked for anything."""
        options = self.options
        codec = choose_codec(options.codec, Limits(options.max_line_bytes, options.max_depth))
        overrides, schema = self.overridden(), self.schema()
        self._check_streams()
        self._check_circle()
        properties = self._properties()
        self.descriptors = read_from, write_to = take_standard_streams()
        signals = StopSignals()
        pipe = Pipe(read_from, signals.interruptible(lambda size: os.read(read_from, size)), options.max_line_bytes)
        source = open_source(options.source, properties[0], pipe)
        sink = open_sink(options.sink, properties[1], write_to)
        letters = open_sink(options.dead_letters, properties[2], write_to) if options.dead_letters else None
        metrics = self.stream_metrics()
        http = self.http_status(metrics)
        backend = self.load(overrides)
        try:
            runner = _runner(backend, codec, metrics, schema)
            settings = ServiceSettings(options.batch_size, options.max_errors, metrics, ends_on_failure(backend))
            service = Service(runner, source, sink, letters, signals, settings)
            code = self._serve(backend, service, http)
        except PackflowError as error:
            code = self.fail(error)
        except KeyboardInterrupt:  # raised by the model itself
            print_notice("interrupted")
            code = ExitCode.INTERRUPTED
        finally:
            closed = self.close(backend)
        return code or closed

    def tell(self, code: int) -> None:
        """Tell a program how it went: one object on the standard output, which the service has not used."""
        from ...envelope import envelope, problem_of  # noqa: PLC0415 - only with --json

        data = {**self.summary.as_json(), "unacknowledged": self.summary.left} if self.summary is not None else {}
        text = envelope("serve", data, [problem_of(error) for error in self.errors], ok=code == ExitCode.OK)
        if self.descriptors is not None or sys.stdout is not None:
            with suppress(BrokenPipeError):
                write_all(1 if self.descriptors is None else self.descriptors[1], text)

    def _serve(self, backend: InferenceBackend | ChildModels, service: Service, http: HttpStatus | None) -> int:
        self.tell_configuration(backend)
        if isinstance(backend, InferenceBackend) and backend.stateful:
            print_notice(
                "the model is stateful: what it remembers begins anew at each start, and events may come twice"
            )
        self.summary = service.summary
        if http is not None:
            http.problem = lambda: next((link.problem for link in service.links if link.problem), "")
            http.more_metrics = lambda: _link_metrics(service.links)
            http.backend = backend
        model_metrics = backend.call_metrics if isinstance(backend, InferenceBackend) else None
        print_notice(f"serving {self.options.source} to {self.options.sink}")
        try:
            with service.signals, self.reports(service.settings.metrics, model_metrics):
                summary = service.run()
        finally:
            if http is not None:
                http.ending = True
        print_notice(summary.describe())
        if summary.too_many_errors:
            self.fail(self.too_many_errors(summary))
        return summary.exit_code

    def _check_streams(self) -> None:
        options = self.options
        if options.source.scheme == "stdin":
            require_input()
        to_stdout = [
            name
            for name in ("sink", "dead_letters")
            if getattr(options, name) and getattr(options, name).scheme == "stdout"
        ]
        if to_stdout:
            require_output("Redirect it, or choose another sink.")
        if len(to_stdout) + options.json > 1:
            raise address_error(
                "Two things would be written to standard output.",
                "Give one of --sink, --dead-letters and --json another place.",
            )

    def _check_circle(self) -> None:
        """Refuse a sink that is the source: every outcome would be an event, without end."""
        source = self.options.source
        for option, sink in (("--sink", self.options.sink), ("--dead-letters", self.options.dead_letters)):
            if sink is not None and sink.leads_back_to(source):
                raise address_error(
                    f"What is published to {sink} would come from the source {source} again, without end.",
                    f"Give {option} another place.",
                )

    def _properties(self) -> list[dict[str, str]]:
        """Those of source, sink and dead letters; raises PackflowError."""
        options = self.options
        letters = options.dead_letters_properties
        if letters is None and options.dead_letters and _kind(options.dead_letters) == _kind(options.sink):
            letters = options.sink_properties
        return [read_properties(path) for path in (options.source_properties, options.sink_properties, letters)]


def _kind(address: Address) -> str:
    return "redis" if address.scheme == "rediss" else address.scheme


def _runner(
    backend: InferenceBackend | ChildModels, codec: Codec, metrics: StreamMetrics | None, schema: InputSchema | None
) -> Runner:
    if isinstance(backend, InferenceBackend):
        return EventRunner(backend, codec, recorded=metrics is not None, schema=schema)
    return backend.runners[0]


def _link_metrics(links: list[Link]) -> str:
    """How the ends are, in Prometheus's text format."""
    up = [f'packflow_broker_up{{end="{link.role}"}} {int(not link.problem)}' for link in links]
    failures = [f'packflow_broker_failures_total{{end="{link.role}"}} {link.failures}' for link in links]
    rows = [
        "# HELP packflow_broker_up Whether the broker at this end answers, as far as is known.",
        "# TYPE packflow_broker_up gauge",
        *up,
        "# HELP packflow_broker_failures_total Attempts to reach the broker at this end that failed.",
        "# TYPE packflow_broker_failures_total counter",
        *failures,
    ]
    return "\n".join(rows) + "\n"
