"""What commands share that have the model work on events for long: loading it, telling of it, and closing it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from .backend import InferenceBackend, wrapped_error
from .errors import ExitCode, PackflowError
from .reporting import print_error, print_notice

if TYPE_CHECKING:
    import argparse

    from .http_status import HttpStatus
    from .input_schema import InputSchema
    from .metrics import Metrics
    from .stream import StreamSummary
    from .stream_metrics import StreamMetrics
    from .supervised import ChildModels
    from .target import Target


class ModelCommand:
    """One command at work; what it opens is closed with ``resources``, the last one first."""

    def __init__(self, target: Target, options: argparse.Namespace, resources: ExitStack) -> None:
        self.target = target
        self.options = options
        self.resources = resources
        self.errors: list[PackflowError] = []

    def fail(self, error: PackflowError) -> int:
        """Show an error; returns its exit code."""
        self.errors.append(error)
        return print_error(error)

    def load(self, overrides: dict[str, Any]) -> InferenceBackend | ChildModels:
        """The model; raises PackflowError, which tells of the operator's own words where they are at fault."""
        try:
            return self.loaded(overrides)
        except PackflowError as error:
            if error.code == "config-invalid" and overrides:
                from .config_overrides import of_operator  # noqa: PLC0415 - only for errors

                raise of_operator(error, self.options.assignments, overrides) from error
            raise

    def loaded(self, overrides: dict[str, Any]) -> InferenceBackend | ChildModels:
        """The model, in children where that is asked for; raises PackflowError."""
        if self.options.supervise or (self.options.workers or 1) > 1:
            from .target_children import load_children  # noqa: PLC0415 - only where it is asked for

            return load_children(self.target, overrides, self.options)
        return self.target.load(overrides)

    def schema(self) -> InputSchema | None:
        """What ``--strict-input`` goes by; raises PackflowError."""
        if not self.options.strict_input:
            return None
        from .input_schema import InputSchema, shipped_schema  # noqa: PLC0415 - only with --strict-input

        return InputSchema(shipped_schema(self.target))

    def overridden(self) -> dict[str, Any]:
        """The operator's configuration; raises PackflowError."""
        from .config_overrides import read_overrides  # noqa: PLC0415 - needs the user's code

        return read_overrides(self.options.config, self.options.assignments, os.environ, print_notice)

    def stream_metrics(self) -> StreamMetrics | None:
        """Counts, where someone looks."""
        if not (self.options.progress or self.options.metrics_every or self.options.http):
            return None
        from .stream_metrics import StreamMetrics  # noqa: PLC0415 - only where someone looks

        return StreamMetrics()

    def http_status(self, metrics: StreamMetrics | None) -> HttpStatus | None:
        """Serve what ``--http`` asks for; raises PackflowError."""
        if self.options.http is None or metrics is None:
            return None
        from .http_status import HttpStatus  # noqa: PLC0415 - http.server is slow to import

        http = self.resources.enter_context(HttpStatus(self.options.http, metrics))
        print_notice(f"{http.url} serves /healthz, /readyz and /metrics")
        return http

    def reports(self, metrics: StreamMetrics | None, model: Metrics | None) -> ExitStack:
        """What tells of a stream on standard error while it is entered."""
        reports = ExitStack()
        if metrics is not None:
            from .live_reports import metrics_report, progress_report  # noqa: PLC0415 - only where someone looks

            if self.options.progress:
                reports.enter_context(progress_report(metrics))
            if self.options.metrics_every:
                reports.enter_context(metrics_report(metrics, self.options.metrics_every, model))
        return reports

    def tell_configuration(self, backend: InferenceBackend | ChildModels) -> None:
        """Say which configuration is in force."""
        from .config_overrides import describe_config  # noqa: PLC0415 - needs the user's code

        configuration = describe_config(backend) if isinstance(backend, InferenceBackend) else None
        if configuration is not None:
            print_notice(configuration)

    def too_many_errors(self, summary: StreamSummary) -> PackflowError:
        """The error for a stream that went beyond ``--max-errors``."""
        where = "" if summary.complete else "The run stopped there; all outcomes so far are written."
        return PackflowError(
            f"{summary.failed:,} of {summary.events:,} events failed, more than --max-errors "
            f"{self.options.max_errors.text} allows.",
            detail=where,
            code="too-many-errors",
            exit_code=ExitCode.CHECK_FAILED,
            hint="Look at the failed events, for example with --dead-letters FILE.",
        )

    def close(self, backend: InferenceBackend | ChildModels) -> int:
        """Close the backend; what it raises is shown and gives an exit code."""
        if not isinstance(backend, InferenceBackend):
            backend.close()
            return ExitCode.OK
        try:
            backend.close()
        except KeyboardInterrupt:
            print_notice("interrupted")
            return ExitCode.INTERRUPTED
        except BaseException as error:  # noqa: BLE001 - the user's code, which may raise anything
            return self.fail(wrapped_error("close", error, backend.project_dir))
        return ExitCode.OK
