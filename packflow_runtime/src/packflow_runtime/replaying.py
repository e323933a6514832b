"""The golden events again, here: whether this machine, with these libraries, gives the outputs that the builder got."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .equality import Rule, compare
from .errors import ExitCode, InferenceBackendError, PackflowError
from .jsonlines import decode_event
from .machine import Library, Machine, recorded_libraries
from .manifest import LOCK_NAME, ManifestError
from .model_comparison import comparison_data
from .outputs import ERROR_KEY
from .supervised import ChildDiedError, ModelChild, ModelSource
from .target_children import explained_for, model_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .differences import Comparison
    from .target import Target


@dataclass(frozen=True)
class Replay:
    """The outputs here beside the recorded ones; ``failed`` counts events that fail here, ``first_error`` is of one."""

    comparison: Comparison
    failed: int
    first_error: dict[str, Any] | None
    machine: Machine
    libraries: list[Library]
    is_locked: bool

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            **comparison_data(self.comparison),
            "failed": self.failed,
            "first_error": self.first_error,
            "machine": asdict(self.machine),
            "locked": self.is_locked,
            "libraries": [{**asdict(one), "same": one.is_same} for one in self.libraries],
        }


def replay(target: Target, *, timeout: float) -> Replay:
    """Run the golden events one by one, in their order, in a process of their own, and compare.

    Raises PackflowError: there are none, the model does not load, or its process dies.
    """
    golden = target.golden()
    if golden is None or not golden.inputs:
        raise PackflowError(
            "There are no golden events, so nothing can be replayed.",
            code="golden-missing",
            exit_code=ExitCode.NOT_FOUND,
            hint="The builder ships some with: packflow export --golden 20",
        )
    found = run_one_by_one(target, model_source(target), golden.inputs, timeout=timeout)
    recorded = [decode_event(line) for line in golden.outputs]
    lock = target.read(LOCK_NAME)
    requirements = target.manifest.requirements if target.manifest is not None else []
    pins = lock.decode("utf-8", "replace") if lock is not None else "\n".join(requirements)
    errors = [outcome[ERROR_KEY] for outcome in found if ERROR_KEY in outcome]
    return Replay(
        compare(recorded, found, rule_of(target)),
        len(errors),
        errors[0] if errors else None,
        Machine.here(),
        recorded_libraries(pins),
        lock is not None,
    )


def rule_of(target: Target) -> Rule:
    """The equality rule in force for a target: what its builder's dry run went by. Raises ManifestError."""
    if target.manifest is None:
        from .project import read_project_config  # noqa: PLC0415 - an archive has a manifest

        written = read_project_config(target.tree).dry_run
        return Rule(written.rtol, written.atol, tuple(written.ignore))
    if target.manifest.parity is None:
        written = target.manifest.project_config.dry_run
        return Rule(written.rtol, written.atol, tuple(written.ignore))
    rule = target.manifest.parity.rule
    paths = [rule.get("ignore", []), rule.get("narrow", [])]
    numbers = [rule.get("rtol"), rule.get("atol", 0.0)]
    if not all(isinstance(one, list) and all(isinstance(path, str) for path in one) for one in paths) or not all(
        one is None or (isinstance(one, (int, float)) and not isinstance(one, bool)) for one in numbers
    ):
        raise ManifestError(
            "The archive's manifest is not valid: parity.rule is no equality rule.",
            hint="Get the archive again from its source.",
        )
    return Rule(numbers[0], numbers[1] or 0.0, tuple(paths[0]), frozenset(paths[1]))


def run_one_by_one(
    target: Target, source: ModelSource, events: Sequence[bytes], *, timeout: float
) -> list[dict[str, Any]]:
    """The decoded outcomes of the target's model on encoded events, from a process of its own; raises PackflowError."""
    child = ModelChild(source, timeout=timeout)
    try:
        try:
            child.start()
        except PackflowError as error:
            if error.code.startswith("model-"):  # it died or hung
                error.hint = "Its last words, if any, stand above."
            raise explained_for(target, error) from error
        found = []
        for number, event in enumerate(events, 1):
            try:
                found.append(decode_event(child.run([number], [event]).encoded[0]))
            except ChildDiedError as death:
                raise InferenceBackendError(
                    f"The model's process ended on event {number}: {death}.",
                    code=death.code,
                    hint="Its last words, if any, stand above. `run --supervise` would lose that event alone.",
                ) from None
        return found
    finally:
        child.stop()
