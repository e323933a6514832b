"""The contract between a user's model and everything that runs it."""

from __future__ import annotations

import contextvars
import logging
import traceback
from itertools import pairwise
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, overload

from .config import BackendConfig
from .errors import (
    InferenceBackendError,
    InferenceBackendInitializationError,
    InferenceBackendRuntimeError,
    message_of,
)
from .outputs import KeptFields, checked_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from .jsonlines import Event

current_project: contextvars.ContextVar[Path | None] = contextvars.ContextVar("packflow_project", default=None)
"""The project a backend is being loaded from; set by the loader around import and construction."""


class StepTimes(NamedTuple):
    """Nanoseconds that one call spent in each step."""

    transform_inputs: int
    execute: int
    transform_outputs: int
    check_outputs: int


class InferenceBackend:
    """Base class of the user's model: implement ``execute``, and whichever other hook is needed.

    ``backend(event)`` takes one event (a dict) and returns one output (a dict); ``backend([event, ...])`` takes records
    and returns a list as long as they are, in the same order. Both run the same code.

    Class attributes: ``backend_config_model`` is the configuration class; ``stateful = True`` declares that an output
    depends on earlier events, so that Packflow never runs an event twice and gives one event a call.
    """

    backend_config_model: ClassVar[type[BackendConfig]] = BackendConfig
    stateful: ClassVar[bool] = False
    kept_fields = KeptFields()

    def __init__(self, /, **config: object) -> None:
        self.project_dir = current_project.get() or Path.cwd()
        self.logger = logging.getLogger(f"packflow.{type(self).__name__}")
        self.config: Any = self.backend_config_model(**config)
        started = perf_counter_ns()
        try:
            self.initialize()
        except (Exception, SystemExit) as error:
            raise wrapped_error("initialize", error, self.project_dir) from error
        self.initialize_ns = perf_counter_ns() - started

    def initialize(self) -> None:
        """Load the model and whatever is needed once; ``self.config`` and ``self.project_dir`` are set."""

    def transform_inputs(self, records: list[Event]) -> Any:  # noqa: ANN401 - whatever execute takes
        """Turn records into what ``execute`` takes; by default they pass unchanged."""
        return records

    def execute(self, inputs: Any) -> Any:  # noqa: ANN401 - the model's own types
        """Run the model on the whole batch. Must be implemented."""
        raise NotImplementedError("execute is not implemented")

    def transform_outputs(self, outputs: Any) -> Any:  # noqa: ANN401 - whatever execute gave
        """Turn what ``execute`` gave into one dict per event; by default it passes unchanged."""
        return outputs

    def ready(self) -> bool:
        """Whether the backend can take events; asked by health checks."""
        return True

    def close(self) -> None:
        """Release what ``initialize`` opened."""

    @overload
    def __call__(self, events: Event) -> dict[str, Any]: ...
    @overload
    def __call__(self, events: list[Event]) -> list[dict[str, Any]]: ...
    def __call__(self, events: Any) -> dict[str, Any] | list[dict[str, Any]]:
        """Run the model on one event or on records; the output has the input's shape.

        Raises InferenceBackendRuntimeError when a hook raises, InferenceBackendValidationError when the outputs break
        the contract, TypeError when ``events`` is neither a dict nor a list of dicts.
        """
        if isinstance(events, dict):
            return self.run_batch([events])[0][0]
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            raise TypeError("a backend takes one event (a dict) or records (a list of dicts)")
        return self.run_batch(events)[0] if events else []

    def run_batch(self, records: list[Event]) -> tuple[list[dict[str, Any]], StepTimes]:
        """Run every step on a non-empty batch and return native outputs with the time each step took."""
        kept = self.kept_fields.take(records)
        marks = [perf_counter_ns()]
        value: Any = records
        step: Callable[[Any], Any]
        for name, step in (
            ("transform_inputs", self.transform_inputs),
            ("execute", self.execute),
            ("transform_outputs", self.transform_outputs),
            (
                "check_outputs",
                lambda outputs: self.kept_fields.put(kept, checked_outputs(outputs, len(kept))),
            ),
        ):
            try:
                value = step(value)
            except InferenceBackendError as error:
                error.step = error.step or name
                raise
            except (Exception, SystemExit) as error:
                raise wrapped_error(name, error, self.project_dir) from error
            marks.append(perf_counter_ns())
        return value, StepTimes(*(after - before for before, after in pairwise(marks)))


def error_place(error: BaseException, project_dir: Path) -> tuple[str | None, int | None]:
    """File (relative to the project) and line of the innermost frame in the user's own code, if any."""
    place: tuple[str | None, int | None] = (None, None)
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(project_dir):
            place = (str(path.relative_to(project_dir)), frame.lineno)
    return place


def wrapped_error(step: str, error: BaseException, project_dir: Path) -> InferenceBackendError:
    """What the user's code raised in ``step``, with its place in the project."""
    kind = InferenceBackendInitializationError if step == "initialize" else InferenceBackendRuntimeError
    file, line = error_place(error, project_dir)
    wrapped = kind(f"{step} raised {type(error).__name__}: {message_of(error)}", file=file, line=line)
    wrapped.step, wrapped.original = step, error
    return wrapped
