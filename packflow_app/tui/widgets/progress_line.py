"""How far a job is: what it does now, a bar, the count, the rate, and the time left."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.content import Content
from textual.widgets import Static

from packflow_app.wording import ENVIRONMENT_STEPS, counted, sized, visible

if TYPE_CHECKING:
    from packflow_app.tui.jobs import Job

_BAR = 24
_LEAST_BAR = 6
_EIGHTHS = " ▏▎▍▌▋▊▉"
_NEWS_SECONDS = 0.25
_IN_BYTES = {"reading", "writing", "building again", "verifying"}
"""Phases that are counted in bytes, not in events."""


class ProgressLine(Static):
    """Shows a job while it runs; hidden otherwise."""

    DEFAULT_CSS = "ProgressLine { height: 1; padding: 0 1; text-wrap: nowrap; }"

    def __init__(self, **arguments: object) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self.display = False
        self._job: Job | None = None
        self._pace = Pace()

    def show(self, job: Job | None) -> None:
        """Follow this job."""
        if job is not self._job:
            self._pace = Pace()
        self._job = job
        self.display = job is not None and job.state == "running"
        if self.display:
            self._draw()

    def on_mount(self) -> None:
        self.set_interval(_NEWS_SECONDS, self._draw)  # the seconds go on where the job is silent

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._job is not None and self.display:
            width = self.content_size.width
            if width:  # else it has no place yet, and is drawn when it gets one
                self.update(self._pace.line(self._job, width))


class Pace:
    """Works out rate and time left from the counts of the phase that a job is in."""

    def __init__(self) -> None:
        self._phase = ""
        self._began = 0.0
        self._first = 0

    def line(self, job: Job, width: int) -> Content:
        """One line; what does not fit is left out from its end."""
        phase, done, total, words = described(job.progress)
        if phase != self._phase:
            self._phase, self._began, self._first = phase, job.seconds, done
        elapsed = job.seconds - self._began
        rate = (done - self._first) / elapsed if elapsed > 0.2 else 0.0
        name = Content.styled(f"◐ {phase or job.call.title.lower()}", "bold $primary")
        parts = [Content(words)] if words else []
        if rate >= 1 and total:
            shown = f"{sized(int(rate))}/s" if phase in _IN_BYTES else f"{rate:,.0f}/s"
            parts.append(Content.styled(f"{shown}  {left_text((total - done) / rate)} left", "$muted"))
        else:
            parts.append(Content.styled(f"{job.seconds:.0f} s", "$muted"))
        stop = Content.assemble(("esc", "bold $key"), (" stop", "$muted"))
        room = width - sum(part.cell_length + 2 for part in (name, *parts, stop))
        if total and room >= _LEAST_BAR:
            parts.insert(0, Content.styled(bar(done / total, min(_BAR, room)), "$primary"))
        while parts and sum(part.cell_length + 2 for part in (name, *parts, stop)) - 2 > width:
            parts.pop()
        return Content("  ").join([name, *parts, stop])


Described = tuple[str, int, int, str]


def described(progress: Any) -> Described:  # noqa: ANN401 - each action has its own
    """What a job's last news says: the phase, how much of it is done, of how much, and both in words."""
    if isinstance(progress, str):
        return progress, 0, 0, ""
    describe = _DESCRIBED.get(type(progress).__name__)
    if describe is not None:
        return describe(progress)
    return str(getattr(progress, "step", "")), 0, 0, visible(getattr(progress, "text", ""))[:60]


def _mode(progress: Any) -> Described:  # noqa: ANN401
    noun = "probes" if progress.mode == "probes" else "events"
    return progress.mode, progress.done, progress.total, f"{progress.done:,} of {progress.total:,} {noun}"


def _reading(progress: Any) -> Described:  # noqa: ANN401
    events = counted(progress.events, "event")
    if not progress.size:
        return "reading", 0, 0, events
    done = min(progress.done, progress.size)
    return "reading", done, progress.size, f"{events}, {sized(done)} of {sized(progress.size)}"


def _filtering(progress: Any) -> Described:  # noqa: ANN401
    words = f"{progress.found:,} found, {progress.done:,} of {progress.total:,} looked at"
    return "filtering", progress.done, progress.total, words


def _writing(progress: Any) -> Described:  # noqa: ANN401
    verb = "building again" if progress.again else "writing"
    words = f"{progress.done:,} of {progress.total:,} files, {sized(progress.bytes_done)}"
    return verb, progress.bytes_done, progress.bytes_total, words


def _verifying(progress: Any) -> Described:  # noqa: ANN401
    return "verifying", progress.done, progress.total, f"{sized(progress.done)} of {sized(progress.total)}"


def _environment(progress: Any) -> Described:  # noqa: ANN401
    return ENVIRONMENT_STEPS.get(progress.step, progress.step), 0, 0, visible(progress.text.strip())[:60]


def _asked(_progress: Any) -> Described:  # noqa: ANN401
    return "waiting for an answer", 0, 0, ""


def _looking(progress: Any) -> Described:  # noqa: ANN401
    return "looking", progress.done, progress.total, f"{progress.done:,} of {progress.total:,} looked at"


_DESCRIBED: dict[str, Callable[[Any], Described]] = {
    "ModeProgressed": _mode,
    "InspectProgressed": _reading,
    "FilterProgressed": _filtering,
    "ProblemProgressed": _looking,
    "FileWritten": _writing,
    "BytesVerified": _verifying,
    "EnvironmentProgressed": _environment,
    "Asked": _asked,
}
"""By the names of their types, so that no room is imported to draw a line."""


def bar(share: float, width: int) -> str:
    """A bar of ``width`` columns, an eighth of a column at a time."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full = "█" * (eighths // 8)
    part = _EIGHTHS[eighths % 8] if eighths % 8 else ""
    return (full + part).ljust(width, "·")


def left_text(seconds: float) -> str:
    """Minutes and seconds, or hours and minutes."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02} h" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
