"""What a dry run lacks: events where the project names none, and what its Python does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.questions.dry_run_values import read_batch_sizes
from packflow_app.questions.events_interview import EventsInterview
from packflow_app.questions.question import YES, Form, Question, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packflow_app.runtime import PackflowError


class DryRunInterview(EventsInterview):
    """Asks for events and, where ``sizes`` are those of the defaults, for batch sizes: ``batch_sizes``."""

    flags = ("EVENTS", "--batch-size")

    def __init__(self, sizes: Sequence[int] | None) -> None:
        super().__init__()
        self.batch_sizes: list[int] | None = None
        self._sizes = sizes

    def steps(self) -> Iterator[Step]:
        """The questions."""
        yield from super().steps()
        if self._sizes is not None:
            told = ("A batch is several events in one call. Each must get the answer that it gets alone.",)
            ready = ",".join(map(str, self._sizes))
            question = Question("--batch-size", "Batch sizes to try", Form.TEXT, ready, told=told, hint="N,N,…")
            yield Step(question, self._take_sizes)

    def _take_sizes(self, answer: str) -> tuple[str, ...]:
        self.batch_sizes = read_batch_sizes(answer)
        return ()


class InstallInterview:
    """Asks whether to install what the project requires and its Python lacks: ``agreed``."""

    flags = ("--sync",)

    def __init__(self, lacking: PackflowError) -> None:
        self.agreed = False
        self._lacking = lacking

    def look(self) -> None:
        """Nothing is to be looked at."""

    def steps(self) -> Iterator[Step]:
        """The one question."""
        told = (self._lacking.title,)
        yield Step(Question("--sync", "Install it into the project's .venv?", Form.YES_NO, YES, told=told), self._take)

    def _take(self, answer: str) -> tuple[str, ...]:
        self.agreed = answer == YES
        return ()
