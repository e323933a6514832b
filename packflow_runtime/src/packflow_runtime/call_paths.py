"""The code that runs a backend's hooks, written for the hooks it has: what is not overridden is not called.

Three functions are made when a backend is built: ``run_one(event)``, ``run_many(records)``, and ``run_batch(records)``,
which also takes times. They run the same steps. One ``try`` stands around all of them; which step failed is read
afterwards from a local variable, so that a call that succeeds pays next to nothing for it.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import InferenceBackendError
from .outputs import KeptFields, checked_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from .jsonlines import Event
    from .preprocessing import Preprocessor

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
    """The compiled calls of one backend, and their source.

    All raise what ``failure(step, error)`` gives for an exception of the step that was running.
    """

    run_one: Callable[[Event], dict[str, Any]]
    run_many: Callable[[list[Event]], list[dict[str, Any]]]
    run_batch: Callable[[list[Event]], tuple[list[dict[str, Any]], StepTimes]]
    source: str


def compile_call_path(
    backend: object,
    hooks: frozenset[str],
    preprocessor: Preprocessor,
    kept_fields: KeptFields,
    failure: Callable[[str, BaseException], InferenceBackendError],
) -> CallPath:
    """Write and compile the calls of ``backend``, which overrides ``hooks``; ``execute`` must be one of them."""
    keeps = bool(kept_fields.paths)
    steps = _steps(hooks, preprocesses=not preprocessor.is_passthrough, keeps=keeps)
    source = "\n".join(
        [
            *_function("run_one", "event", steps, keeps=keeps),
            *_function("run_many", "records", steps, keeps=keeps),
            *_function("run_batch", "records", steps, keeps=keeps, timed=True),
        ]
    )
    names = {
        "backend": backend,
        "preprocess_one": preprocessor.run_one,
        "preprocess_many": preprocessor.run_many,
        "take": kept_fields.take,
        "put": kept_fields.put,
        "checked": checked_outputs,
        "failure": failure,
        "now": perf_counter_ns,
        "times": StepTimes,
        "BackendError": InferenceBackendError,
    }
    exec(compile(source, "<packflow call path>", "exec"), names)  # noqa: S102 - the source is our own
    return CallPath(names["run_one"], names["run_many"], names["run_batch"], source)  # type: ignore[arg-type]


class _Step(NamedTuple):
    """A step that is run: its name, and the expression for its result by way of ``value``, ``event`` and ``count``."""

    name: str
    one: str
    many: str


def _steps(hooks: frozenset[str], *, preprocesses: bool, keeps: bool) -> list[_Step]:
    steps = [_Step("preprocess", "preprocess_one(event)", "preprocess_many(records)")] if preprocesses else []
    for hook in HOOKS:
        if hook in hooks:
            first_one, first_many = ("value", "value") if steps else ("[event]", "records")
            steps.append(_Step(hook, f"backend.{hook}({first_one})", f"backend.{hook}({first_many})"))
    one, many = "checked(value, 1)", "checked(value, count)"
    steps.append(_Step("check_outputs", *((f"put(kept, {one})", f"put(kept, {many})") if keeps else (one, many))))
    return steps


def _function(name: str, argument: str, steps: list[_Step], *, keeps: bool, timed: bool = False) -> list[str]:
    single = argument == "event"
    lines = [f"def {name}({argument}):"]
    if not single:
        lines.append("    count = len(records)  # before a hook may change it")
    lines.append(f"    step = {steps[0].name!r}")
    lines.append("    try:")
    if keeps:
        lines.append(f"        kept = take({'[event]' if single else 'records'})")
    if timed:
        lines.append("        start = now()")
    for number, step in enumerate(steps):
        if number:
            lines.append(f"        step = {step.name!r}")
        lines.append(f"        value = {step.one if single else step.many}")
        if timed:
            lines.append(f"        after_{step.name} = now()")
    lines += [
        "    except BackendError as error:",
        "        error.step = error.step or step",
        "        raise",
        "    except (Exception, SystemExit) as error:",
        "        raise failure(step, error) from error",
        f"    return {'value[0]' if single else 'value' if not timed else _timed_result(steps)}",
        "",
    ]
    return lines


def _timed_result(steps: list[_Step]) -> str:
    run = [step.name for step in steps]
    marks = dict(zip(run, ["start", *(f"after_{name}" for name in run)], strict=False))
    spent = (f"after_{name} - {marks[name]}" if name in marks else "0" for name in StepTimes._fields)
    return f"value, times({', '.join(spent)})"
