"""What a running stream says on standard error: ``--progress`` and ``--metrics-every``."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from .jsonlines import encode
from .reporting import print_changing, print_line, print_notice
from .stream_metrics import Snapshot, StreamMetrics, as_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from .metrics import Metrics


class PeriodicReport:
    """Calls ``emit`` every ``seconds`` in a thread of its own, and once more at the end."""

    def __init__(self, seconds: float, emit: Callable[[], None]) -> None:
        self._seconds = seconds
        self._emit = emit
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="packflow-report", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()
        self._emit()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            self._emit()


def metrics_report(metrics: StreamMetrics, seconds: float, model: Metrics | None = None) -> PeriodicReport:
    """A line of JSON every ``seconds``, as ``stream_metrics.as_json`` describes it."""
    earlier = metrics.started

    def emit() -> None:
        nonlocal earlier
        now = metrics.snapshot()
        told = model.snapshot() if model is not None else None
        print_line(encode(as_json(now, earlier, metrics.started, told)).decode())
        earlier = now

    return PeriodicReport(seconds, emit)


def progress_report(metrics: StreamMetrics) -> PeriodicReport:
    """A line a second that says how far the stream is; on a terminal one line that changes."""
    earlier = metrics.started
    changing = sys.stderr is not None and sys.stderr.isatty()

    def emit() -> None:
        nonlocal earlier
        now = metrics.snapshot()
        text = _progress_text(now, earlier)
        if changing:
            print_changing(text)
        else:
            print_notice(text)
        earlier = now

    return PeriodicReport(1.0, emit)


def _progress_text(now: Snapshot, earlier: Snapshot) -> str:
    failed = sum(now.errors.values())
    return f"{now.events:,} events, {failed:,} failed, {now.events_per_second(earlier):,.0f} events/s"
