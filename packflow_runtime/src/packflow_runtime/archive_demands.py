"""What a receiver may demand of an archive beyond its being whole: ``verify --require parity,lock``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import ExitCode, PackflowError
from .manifest import LOCK_NAME, SBOM_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from .manifest import Manifest
    from .verification import Verification

DEMANDS = {
    "parity": "the builder's dry run found single = batch",
    "golden": "it ships golden events, so that a receiver can replay them",
    "lock": "its requirements, if any, are pinned and hashed in a lock",
    "provenance": "it names the clean git commit that it was exported from",
    "no-pickle": "no file of the project holds a pickle",
    "reviewed-pickle": "it unpickles only reviewed, own or listed globals",
    "known-runtime": "its runtime is byte for byte the one that checks it",
    "sbom": "it ships a software bill of materials",
    "signed": "the signature beside it is by a key that was given",
}
"""Every word that ``--require`` takes, and what it demands."""


@dataclass(frozen=True)
class Unmet:
    """A demand that an archive does not meet, why, and what to do; ``code`` is stable."""

    demand: str
    reason: str
    hint: str
    code: str = "demand-unmet"


_UNSIGNED = {"none": "signature-missing", "unchecked": "signature-unchecked", "invalid": "signature-invalid"}


def parse_demands(words: str) -> tuple[str, ...]:
    """The demands in a list with commas, each once; raises PackflowError (usage) for an unknown word."""
    found = tuple(dict.fromkeys(word.strip() for word in words.split(",") if word.strip()))
    unknown = [word for word in found if word not in DEMANDS]
    if unknown or not found:
        raise PackflowError(
            f"--require does not know {unknown[0]!r}." if unknown else "--require is given nothing.",
            code="usage",
            exit_code=ExitCode.USAGE,
            hint=f"Choose from {', '.join(DEMANDS)}.",
        )
    return found


def demands_of(words: str | None, *, with_key: bool) -> tuple[str, ...]:
    """The demands that ``--require`` names; whoever gives a key demands a signature by it, too.

    Otherwise an archive would pass whose signature was taken away.
    """
    demands = parse_demands(words) if words is not None else ()
    return (*demands, "signed") if with_key and "signed" not in demands else demands


def unmet_demands(verification: Verification, demands: tuple[str, ...]) -> tuple[Unmet, ...]:
    """Those of ``demands`` that an archive which passed does not meet."""
    manifest = verification.manifest
    if manifest is None:
        return ()
    answers = ((demand, _ANSWERS[demand](verification, manifest)) for demand in demands)
    return tuple(Unmet(demand, *answer) for demand, answer in answers if answer is not None)


_Answer = tuple[str, str] | tuple[str, str, str] | None


def _parity(_verification: Verification, manifest: Manifest) -> _Answer:
    if manifest.parity is None:
        return "Its builder did not compare one by one with batches.", "Run `packflow dry-run`, and export it again."
    if not manifest.parity.equal:
        return "Its builder found that one by one and batches differ.", "Mend the model, and export it again."
    return None


def _golden(_verification: Verification, manifest: Manifest) -> _Answer:
    if manifest.golden_events:
        return None
    return "It ships no golden events.", "Export it with `packflow export --golden 20`."


def _lock(_verification: Verification, manifest: Manifest) -> _Answer:
    if LOCK_NAME in manifest.files or not manifest.requirements:
        return None
    return "It has requirements and no lock.", "Run `packflow env lock` in its project, and export it again."


def _provenance(_verification: Verification, manifest: Manifest) -> _Answer:
    commit = manifest.provenance.commit
    hint = "Commit the project, and export it again."
    if commit is None:
        return "It does not say from which git commit it was exported.", hint
    if not manifest.provenance.clean:
        return f"Its project had changes that were not in git commit {commit[:12]}.", hint
    return None


def _no_pickle(verification: Verification, _manifest: Manifest) -> _Answer:
    for pickle in verification.pickles:
        hint = "Save the model in a format without code, such as ONNX or safetensors."
        if pickle.pickles:
            return f"{pickle.path} holds {pickle.pickles:,} pickle{'s' * (pickle.pickles > 1)}.", hint
        return f"{pickle.path} may hold pickles: {pickle.problems[0]}.", hint
    return None


def _reviewed_pickle(verification: Verification, _manifest: Manifest) -> _Answer:
    for pickle in verification.pickles:
        hint = "Ask its builder why the file needs that; `packflow verify -v` lists all."
        if pickle.dangerous:
            return f"{pickle.path} asks for {pickle.dangerous[0]}, which runs code or reaches out.", hint
        if pickle.unreviewed:
            return f"{pickle.path} asks for {pickle.unreviewed[0]}, which nobody has reviewed.", hint
        if pickle.unlisted:
            return f"{pickle.path} asks for {pickle.unlisted[0]}, which the archive's allowlist lacks.", hint
        if pickle.problems:
            return f"{pickle.path} cannot be looked into: {pickle.problems[0]}.", hint
    return None


def _known_runtime(verification: Verification, manifest: Manifest) -> _Answer:
    if verification.same_runtime:
        return None
    version = manifest.runtime_version
    hint = f"Check it with a packflow-runtime {version} that you have from its publisher."
    if verification.same_runtime is None:
        return f"It carries runtime {version}, which cannot be compared with the one that checks.", hint
    return f"The runtime {version} inside has other files than the one that checks.", hint


def _sbom(_verification: Verification, manifest: Manifest) -> _Answer:
    if SBOM_NAME in manifest.files:
        return None
    return "It ships no software bill of materials.", "Ask its builder for one."


def _signed(verification: Verification, _manifest: Manifest) -> _Answer:
    found = verification.signature
    assert found is not None  # noqa: S101 - it is looked at in every archive that passed
    return None if found.state == "valid" else (found.message, found.hint, _UNSIGNED[found.state])


_ANSWERS: dict[str, Callable[[Verification, Manifest], _Answer]] = {
    "parity": _parity,
    "golden": _golden,
    "lock": _lock,
    "provenance": _provenance,
    "no-pickle": _no_pickle,
    "reviewed-pickle": _reviewed_pickle,
    "known-runtime": _known_runtime,
    "sbom": _sbom,
    "signed": _signed,
}
