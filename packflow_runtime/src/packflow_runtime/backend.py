"""The contract between a user's model and everything that runs it."""

from __future__ import annotations

import contextvars
from functools import cached_property
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, ClassVar, overload

from .call_paths import (
    HOOKS,
    CallParts,
    CallPath,
    EncodePlain,
    RunMany,
    RunOne,
    StepTimes,
    compile_call_path,
    compile_traced_call,
)
from .config import BackendConfig
from .errors import (
    InferenceBackendError,
    InferenceBackendInitializationError,
    InferenceBackendRuntimeError,
    InvalidInputError,
    message_of,
)
from .native import NON_FINITE, name_of
from .outputs import KeptFields
from .preprocessing import compile_preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .drift import DriftCounters
    from .jsonlines import Event
    from .logger import BackendLogger
    from .metrics import ExecutionMetrics, Metrics
    from .pickle_guard import PickleGuard

__all__ = ["InferenceBackend", "StepTimes", "current_project", "error_place", "wrapped_error"]

current_project: contextvars.ContextVar[Path | None] = contextvars.ContextVar("packflow_project", default=None)
"""The project a backend is being loaded from; set by the loader around import and construction."""


class InferenceBackend:
    """Base class of the user's model: implement ``execute``, and whichever other hook is needed.

    ``backend(event)`` takes one event (a dict) and returns one output (a dict); ``backend([event, ...])`` takes records
    and returns a list as long as they are, in the same order. Both run the same steps: what the configuration says of
    preprocessing, the hooks, and a check of the outputs. Which hooks there are is looked at once, when the backend is
    built; ``explain()`` shows the code that came of it.

    ``run_one(event)`` and ``run_many(records)``, the latter for at least one event, are what a call comes down to, for
    callers that know what they hand over; ``recorded_many`` is ``run_many`` with metrics, ``run_encoded`` for streams.

    Class attributes: ``backend_config_model`` is the configuration class. ``stateful = True`` declares that an output
    depends on earlier events, so that Packflow never runs an event twice: it gives one event a call, or batches where
    ``snapshot()`` gives the state as a JSON value and ``restore(value)`` takes it back. ``metrics_on = False`` spares
    calls of ``backend(...)`` the time to note how long each step took.
    """

    backend_config_model: ClassVar[type[BackendConfig]] = BackendConfig
    stateful: ClassVar[bool] = False
    metrics_on: ClassVar[bool] = True
    _guard: PickleGuard | None = None
    run_one: RunOne
    run_many: RunMany
    recorded_many: RunMany
    run_encoded: Callable[[list[Event], EncodePlain], bytes | list[dict[str, Any]]]

    def __init__(self, /, **config: object) -> None:
        self.project_dir = current_project.get() or _current_dir()
        model: Any = self.backend_config_model
        self.config: Any = (model if isinstance(model, type) else type(model))(**config)
        self._kept_fields = KeptFields()
        self._drift: DriftCounters | None = None
        self._compile()
        started = perf_counter_ns()
        try:
            self.initialize()
        except (Exception, SystemExit) as error:
            raise wrapped_error("initialize", error, self.project_dir) from error
        self.initialize_ns = perf_counter_ns() - started
        if not vars(self).keys().isdisjoint(_CHOICES):  # initialize gave this instance hooks of its own
            self._choose_call_path()

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
    def __call__(self, inputs: Event) -> dict[str, Any]: ...
    @overload
    def __call__(self, inputs: list[Event]) -> list[dict[str, Any]]: ...
    def __call__(self, inputs: Any) -> dict[str, Any] | list[dict[str, Any]]:
        """Run the model on one event or on records; the output has the input's shape.

        Raises InferenceBackendRuntimeError when a hook raises (PreprocessorRuntimeError when an event does not fit the
        configured preprocessing), InferenceBackendValidationError when the outputs break the contract, and
        InvalidInputError when ``inputs`` is neither a dict nor a list of dicts.
        """
        if isinstance(inputs, dict):
            return self._call_one(inputs)
        if not isinstance(inputs, list) or not _are_dicts(inputs):
            raise InvalidInputError(
                f"A backend takes one event (a dict) or records (a list of dicts), not {_told(inputs)}.",
                hint="Decode JSON text first; an array or a data frame becomes records with its own to_dict.",
            )
        return self._call_many(inputs) if inputs else []

    def run_batch(self, records: list[Event]) -> tuple[list[dict[str, Any]], StepTimes]:
        """Run every step on a non-empty batch and return native outputs with the time each step took."""
        return self._calls.run_batch(records)

    def get_metrics(self) -> ExecutionMetrics:
        """How long the last call of ``backend(...)`` took, of this thread where it made one; zeros before the first.

        ``call_metrics`` knows about all calls: ``snapshot()`` has their counts, sums and percentiles, ``prometheus()``
        the same as text.
        """
        return self.call_metrics.last_call()

    @property
    def call_metrics(self) -> Metrics:
        """Times, batch sizes and errors of all recorded calls, and how events drift from the model's schema."""
        return self._calls.metrics

    @property
    def work_dir(self) -> Path:
        """A folder of this backend's own to write to, made when it is first asked for and removed at the end.

        It is made in the folder that ``PACKFLOW_WORK_DIR`` names, else where temporary files go.
        """
        if "_work_dir" not in vars(self):
            from .work_dir import make_work_dir  # noqa: PLC0415 - few backends write

            self._work_dir = make_work_dir(self)
        return self._work_dir

    def run_traced(self, records: list[Event], note: Callable[[str, Any], None]) -> list[dict[str, Any]]:
        """Run every step on a non-empty batch, and call ``note(step, value)`` with what each step gave."""
        return compile_traced_call(self._parts)(records, note)

    def check_io(self, inputs: Any) -> Any:  # noqa: ANN401 - an event or records, and outputs of the same shape
        """Run the backend on an event or records and return its outputs when they keep the contract.

        Raises InferenceBackendValidationError for outputs that do not, that depend on the batch, or for events that
        were changed; what the backend itself raises comes through.
        """
        from .checking import check_io  # noqa: PLC0415 - only those who check pay for it

        return check_io(self, inputs)

    def validate(self, inputs: Any) -> Any:  # noqa: ANN401
        """The same as ``check_io``, under its older name."""
        return self.check_io(inputs)

    def explain(self) -> str:
        """The Python source that was generated for this backend: its preprocessing, then the calls of its hooks."""
        return f"{self._preprocessor.source}\n# calls\n{self._calls.source}"

    @cached_property
    def logger(self) -> BackendLogger:
        """The logger ``packflow.CLASS``, of the standard library; it is also called as loguru's is."""
        from .logger import get_logger  # noqa: PLC0415 - logging is slow to import

        return get_logger(type(self).__name__)

    @property
    def drift(self) -> DriftCounters | None:
        """Counts how the events of ``backend(...)`` differ from a schema, where the model was shipped with one."""
        return self._drift

    @drift.setter
    def drift(self, drift: DriftCounters | None) -> None:
        changes = drift is not self._drift
        self._drift = drift
        if changes:
            self._choose_call_path()

    @property
    def guard(self) -> PickleGuard | None:
        """What holds the pickles that a call opens to an allowlist; ``load`` sets it for the model of an archive."""
        return self._guard

    @guard.setter
    def guard(self, guard: PickleGuard | None) -> None:
        self._guard = guard
        self._choose_call_path()

    @property
    def kept_fields(self) -> KeptFields:
        """The input fields that are copied into the outputs; the loader sets them."""
        return self._kept_fields

    @kept_fields.setter
    def kept_fields(self, kept: KeptFields) -> None:
        changes = bool(kept.paths or self._kept_fields.paths)
        self._kept_fields = kept
        if changes:
            self._choose_call_path()

    def _compile(self) -> None:
        self._preprocessor = compile_preprocessing(self.config)
        self._choose_call_path()

    def _choose_call_path(self) -> None:
        kind = type(self)
        given = (hook for hook in HOOKS if getattr(kind, hook) is not getattr(InferenceBackend, hook))
        hooks = frozenset([*given, *(vars(self).keys() & HOOKS), "execute"])
        nan: Any = getattr(self.config, "nan", "error")
        if nan not in NON_FINITE:  # a configuration may give the name another meaning
            nan = "error"
        self._parts = CallParts(self, hooks, self._preprocessor, self._kept_fields, self._failure, nan)
        calls = compile_call_path(self._parts)
        calls.metrics.drift = self._drift
        if self._guard is not None:
            calls = calls.guarded(self._guard)
        self._calls: CallPath = calls
        self.run_one, self.run_many, self.recorded_many = calls.run_one, calls.run_many, calls.recorded_many
        self.run_encoded = calls.run_encoded
        direct = (calls.recorded_one, calls.recorded_many) if self.metrics_on else (calls.run_one, calls.run_many)
        self._call_one, self._call_many = self._followed(*direct)

    def _followed(self, run_one: RunOne, run_many: RunMany) -> tuple[RunOne, RunMany]:
        """The calls of ``backend(...)``, with what is to be done beside them."""
        drift, verbose = self._drift, getattr(self.config, "verbose", False) is True and self.metrics_on
        if drift is None and not verbose:
            return run_one, run_many

        def follow(events: list[Event], call: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the call gives
            if drift is not None:
                drift.observe_all(events)
            outputs = call()
            if verbose:
                self.logger.debug(repr(self.get_metrics()))
            return outputs

        return (
            lambda event: follow([event], lambda: run_one(event)),
            lambda records: follow(records, lambda: run_many(records)),
        )

    def _failure(self, step: str, error: BaseException) -> InferenceBackendError:
        return wrapped_error(step, error, self.project_dir)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _COMPILED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _drift=None)
        self._compile()


_COMPILED = frozenset(
    {"logger", "run_one", "run_many", "recorded_many", "run_encoded", "_call_one", "_call_many"}
    | {"_preprocessor", "_parts", "_calls", "_drift", "_work_dir"}
)
"""What cannot be pickled or copied, and is made anew."""
_CHOICES = frozenset({*HOOKS, "metrics_on"})
"""What decides how a backend is called, and may be set in ``initialize``."""


def _current_dir() -> Path:
    from pathlib import Path  # noqa: PLC0415 - milliseconds, for those who only import the class

    return Path.cwd()


def _told(inputs: object) -> str:
    """What was given instead of events, in an error."""
    if isinstance(inputs, list):
        index, item = next((index, item) for index, item in enumerate(inputs) if not isinstance(item, dict))
        return f"a list whose item {index + 1} is {name_of(item)}"
    return name_of(inputs)


def _are_dicts(events: list[Any]) -> bool:
    return set(map(type, events)) <= {dict} or all(isinstance(event, dict) for event in events)


def error_place(error: BaseException, project_dir: Path) -> tuple[str | None, int | None]:
    """File (relative to the project) and line of the innermost frame in the user's own code, if any."""
    import traceback  # noqa: PLC0415 - slow to import, and only for errors
    from pathlib import Path  # noqa: PLC0415 - as below

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
