"""The code that runs a backend's hooks, written for the hooks it has: what is not overridden is not called.

Six functions are made when a backend is built: ``run_one(event)`` and ``run_many(records)``; ``recorded_one`` and
``recorded_many``, which do the same and note the call in the backend's metrics; ``run_batch(records)``, which gives the
times it took; and ``run_encoded(records, encode_plain)``, for streams, which gives the outputs as text where a codec
can write them as they are. They run the same steps. One ``try`` stands around all of them; which step failed is read
afterwards from a local variable, so that a call that succeeds pays next to nothing for it. A seventh, which shows the
value after each step, is made for those who look for a fault.
"""

from __future__ import annotations

from threading import get_ident
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from .errors import InferenceBackendError
from .metrics import FOLD, Metrics
from .outputs import KeptFields, checked_one, checked_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from .jsonlines import Event
    from .native import NanPolicy
    from .pickle_guard import PickleGuard
    from .preprocessing import Preprocessor

RunOne: TypeAlias = "Callable[[Event], dict[str, Any]]"
EncodePlain: TypeAlias = "Callable[[object, int], bytes | None]"
RunMany: TypeAlias = "Callable[[list[Event]], list[dict[str, Any]]]"

HOOKS = ("transform_inputs", "execute", "transform_outputs")
"""The hooks that are run on events, in their order."""


class StepTimes(NamedTuple):
    """Nanoseconds that one call spent in each step; a step that a backend does without takes none."""

    preprocess: int
    transform_inputs: int
    execute: int
    transform_outputs: int
    check_outputs: int


class CallPath(NamedTuple):
    """The compiled calls of one backend, the metrics that the recorded ones add to, and their source.

    All raise what ``failure(step, error)`` gives for an exception of the step that was running.
    """

    run_one: RunOne
    run_many: RunMany
    recorded_one: RunOne
    recorded_many: RunMany
    run_batch: Callable[[list[Event]], tuple[list[dict[str, Any]], StepTimes]]
    run_encoded: Callable[[list[Event], EncodePlain], bytes | list[dict[str, Any]]]
    metrics: Metrics
    source: str

    def guarded(self, guard: PickleGuard) -> CallPath:
        """The same calls, in each of which pickles are held to the guard's allowlist."""
        calls: dict[str, Any] = {name: _guarded(getattr(self, name), guard) for name in CallPath._fields[:-2]}
        return self._replace(**calls)


def _guarded(call: Callable[..., Any], guard: PickleGuard) -> Callable[..., Any]:
    enter, leave = guard.enter, guard.leave

    def guarded(*arguments: Any) -> Any:  # noqa: ANN401 - whatever the call takes and gives
        token = enter()
        try:
            return call(*arguments)
        finally:
            leave(token)

    return guarded


class CallParts(NamedTuple):
    """What calls are made of: ``backend`` overrides ``hooks``, of which ``execute`` must be one."""

    backend: object
    hooks: frozenset[str]
    preprocessor: Preprocessor
    kept_fields: KeptFields
    failure: Callable[[str, BaseException], InferenceBackendError]
    nan: NanPolicy = "error"

    @property
    def keeps(self) -> bool:
        """Whether input fields are copied into the outputs."""
        return bool(self.kept_fields.paths)

    def steps(self) -> list[_Step]:
        """The steps that are run, in their order."""
        return _steps(self.hooks, self.nan, preprocesses=not self.preprocessor.is_passthrough, keeps=self.keeps)

    def names(self) -> dict[str, Any]:
        """What generated code calls by these names."""
        return {
            "backend": self.backend,
            "preprocess_one": self.preprocessor.run_one,
            "preprocess_many": self.preprocessor.run_many,
            "take": self.kept_fields.take,
            "put": self.kept_fields.put,
            "checked": checked_outputs,
            "checked_one": checked_one,
            "failure": self.failure,
            "BackendError": InferenceBackendError,
        }


def compile_call_path(parts: CallParts) -> CallPath:
    """Write and compile the calls of a backend."""
    steps, keeps = parts.steps(), parts.keeps
    source = "\n".join(
        [
            *_function("run_one", "event", steps, keeps=keeps),
            *_function("run_many", "records", steps, keeps=keeps),
            *_function("recorded_one", "event", steps, keeps=keeps, clocked="recorded"),
            *_function("recorded_many", "records", steps, keeps=keeps, clocked="recorded"),
            *_function("run_batch", "records", steps, keeps=keeps, clocked="timed"),
            *_function("run_encoded", "records, encode_plain", _encoded(steps, keeps=keeps), keeps=keeps),
        ]
    )
    metrics = Metrics(tuple(step.name for step in steps))
    names = {
        **parts.names(),
        "now": perf_counter_ns,
        "times": StepTimes,
        "pending": metrics.pending,
        "fold": metrics.fold,
        "count_error": metrics.count_error,
        "this_thread": get_ident,
    }
    exec(compile(source, "<packflow call path>", "exec"), names)  # noqa: S102 - the source is our own
    compiled: dict[str, Any] = {name: names[name] for name in CallPath._fields[:-2]}
    return CallPath(**compiled, metrics=metrics, source=source)


def compile_traced_call(parts: CallParts) -> Callable[[list[Event], Callable[[str, Any], None]], list[dict[str, Any]]]:
    """Write and compile ``run_traced(records, note)``, which calls ``note(step, value)`` after each step."""
    source = "\n".join(_function("run_traced", "records, note", parts.steps(), keeps=parts.keeps, clocked="noted"))
    names = parts.names()
    exec(compile(source, "<packflow traced call>", "exec"), names)  # noqa: S102 - the source is our own
    return names["run_traced"]  # type: ignore[no-any-return]


class _Step(NamedTuple):
    """A step that is run: its name, and the expression for its result by way of ``value``, ``event`` and ``count``."""

    name: str
    one: str
    many: str


def _steps(hooks: frozenset[str], nan: NanPolicy, *, preprocesses: bool, keeps: bool) -> list[_Step]:
    steps = [_Step("preprocess", "preprocess_one(event)", "preprocess_many(records)")] if preprocesses else []
    for hook in HOOKS:
        if hook in hooks:
            first_one, first_many = ("value", "value") if steps else ("[event]", "records")
            steps.append(_Step(hook, f"backend.{hook}({first_one})", f"backend.{hook}({first_many})"))
    policy = "" if nan == "error" else f", {nan!r}"
    one, many = f"checked(value, 1{policy})", f"checked(value, count{policy})"
    if keeps:
        one, many = f"put(kept, {one})", f"put(kept, {many})"
    plain = not keeps and nan == "error"
    steps.append(_Step("check_outputs", "checked_one(value)" if plain else f"{one}[0]", many))
    return steps


def _encoded(steps: list[_Step], *, keeps: bool) -> list[_Step]:
    """The steps of a call whose outputs are written at once; fields to keep are added to native outputs only."""
    if keeps:
        return steps
    check = steps[-1]
    return [*steps[:-1], check._replace(many=f"encode_plain(value, count) or {check.many}")]


def _function(
    name: str,
    argument: str,
    steps: list[_Step],
    *,
    keeps: bool,
    clocked: Literal["", "timed", "recorded", "noted"] = "",
) -> list[str]:
    """The lines of one call; ``timed`` ones return their times too, ``recorded`` ones keep them.

    ``noted`` ones tell of the value after each step.
    """
    single = argument == "event"
    lines = [f"def {name}({argument}):"]
    if not single:
        lines.append("    count = len(records)  # before a hook may change it")
    lines.append(f"    step = {steps[0].name!r}")
    lines.append("    try:")
    if keeps:
        lines.append(f"        kept = take({'[event]' if single else 'records'})")
    with_clock = clocked in ("timed", "recorded")
    if with_clock:
        lines.append("        start = now()")
    for number, step in enumerate(steps):
        if number:
            lines.append(f"        step = {step.name!r}")
        lines.append(f"        value = {step.one if single else step.many}")
        if with_clock:
            lines.append(f"        after_{step.name} = now()")
        elif clocked == "noted":
            lines.append(f"        note({step.name!r}, value)")
    lines += _FAILURES_COUNTED if clocked == "recorded" else _FAILURES
    if clocked == "recorded":
        marks = "".join(f", after_{step.name}" for step in steps)
        lines.append(f"    pending.append((this_thread(), {'1' if single else 'count'}, start{marks}))")
        lines += [f"    if len(pending) >= {FOLD}:", "        fold()"]
    lines += [f"    return {_timed_result(steps) if clocked == 'timed' else 'value'}", ""]
    return lines


_FAILURES = [
    "    except BackendError as error:",
    "        error.step = error.step or step",
    "        raise",
    "    except (Exception, SystemExit) as error:",
    "        raise failure(step, error) from error",
]
_FAILURES_COUNTED = [
    *_FAILURES[:2],
    "        count_error(error.code)",
    *_FAILURES[2:4],
    "        failed = failure(step, error)",
    "        count_error(failed.code)",
    "        raise failed from error",
]


def _timed_result(steps: list[_Step]) -> str:
    run = [step.name for step in steps]
    marks = dict(zip(run, ["start", *(f"after_{name}" for name in run)], strict=False))
    spent = (f"after_{name} - {marks[name]}" if name in marks else "0" for name in StepTimes._fields)
    return f"value, times({', '.join(spent)})"
