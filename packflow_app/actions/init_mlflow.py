"""What ``packflow init --from-mlflow`` takes from an MLflow model folder, for what no flag says."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.environments.interpreters import find_interpreter
from packflow_app.errors import NotFoundError, UsageError
from packflow_app.models.feature_list import read_features
from packflow_app.projects.mlflow_model import DESCRIPTION, read_mlflow_model
from packflow_app.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.actions.init_options import InitOptions
    from packflow_app.models.description import ModelDescription
    from packflow_app.models.features import FeatureMatch
    from packflow_app.projects.mlflow_model import MlflowModel

SIGNATURE = "signature"
"""How a feature was matched whose place in the order MLflow's signature tells."""
_SHOWN = 12
_LOCAL = re.compile(r"(?<=[\w.])\+[\w.]+")  # of a build (+cpu), which no index has and == accepts anyway
_FIELDS_OF_AN_EXAMPLE = "name example events"  # what a note of the reader says that --events makes untrue


@dataclass(frozen=True)
class TakenFromMlflow:
    """The folder, and for each thing that was taken from it, which of its files told; ``flags`` are what was given.

    ``notes`` say in sentences what cannot be carried over.
    """

    model: MlflowModel
    sources: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def features(self, model: ModelDescription) -> list[str] | None:
        """The signature's columns as a list in the model's order; None where its own names find the fields as well."""
        told = list(self.model.feature_names)
        own = model.feature_names
        if not told or any("=" in name for name in told):
            return None
        if own is None:
            return told if model.feature_count in (None, len(told)) else None
        if sorted(own) == sorted(told):
            return list(own)
        renamed = len(own) == len(told) and not {*own} & {*told} - {a for a, b in zip(own, told, strict=True) if a == b}
        return told if renamed else None


@contextmanager
def with_mlflow(options: InitOptions) -> Iterator[tuple[InitOptions, TakenFromMlflow | None]]:
    """The options with what the folder tells in them; its example events lie in a file as long as the block runs.

    Raises what ``read_mlflow_model`` does, and UsageError where neither the folder nor a flag gives events.
    """
    if options.from_mlflow is None:
        yield options, None
        return
    named = read_features(options.features) if options.features is not None else []
    found = read_mlflow_model(options.from_mlflow, [one for one in named if "=" not in one])
    if options.events is None and not found.events:
        raise _no_events(found)
    with tempfile.TemporaryDirectory(prefix="packflow-init-") as work:
        yield _filled(options, found, Path(work))


def named_by_signature(match: FeatureMatch) -> FeatureMatch:
    """The same match, where it was the signature that listed the features and not a flag."""
    given = (replace(one, how="exact" if one.feature == one.field else SIGNATURE) for one in match.features)
    return replace(match, features=tuple(given))


def _filled(options: InitOptions, found: MlflowModel, work: Path) -> tuple[InitOptions, TakenFromMlflow]:
    sources = {"kind": _source(options.kind, f"{DESCRIPTION}, flavor {found.flavor}")}
    sources["model"] = _source(options.model, found.model_file.relative_to(found.folder).as_posix())
    notes = list(found.notes)
    sources["events"] = _source(options.events, found.events_file or "")
    events = options.events
    if events is None:
        events = work / "events.ndjson"
        lines = (json.dumps(event, ensure_ascii=False) for event in found.events)
        events.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    else:
        notes = [note for note in notes if _FIELDS_OF_AN_EXAMPLE not in note]
    signed = f"{DESCRIPTION}, signature" if found.feature_names else "the model itself"
    sources["features"] = _source(options.features, signed)
    if found.requirements:
        sources["requirements"] = found.requirements_file or ""
    python = options.python
    sources["python"] = _source(python, "Packflow's own choice")
    if python is None and found.python_version is not None:
        python, fits = _python(found.python_version, notes)
        if fits:
            sources["python"] = f"{DESCRIPTION}, Python {found.python_version}"
    filled = replace(
        options,
        model=options.model or found.model_file,
        events=events,
        python=python,
        requirements=(*(_LOCAL.sub("", one) for one in found.requirements), *options.requirements),
    )
    return filled, TakenFromMlflow(found, sources, tuple(notes))


def _source(flag: object, told: str) -> str:
    return "flag" if flag is not None else told


def _python(version: str, notes: list[str]) -> tuple[str | None, bool]:
    """A Python of the minor version that saved the model, and whether there is one; None leaves the usual choice."""
    minor = ".".join(version.split(".")[:2])
    for chosen in (None, minor):
        with suppress(NotFoundError):
            if find_interpreter(Path(), chosen).version_text.startswith(f"{minor}."):
                return chosen, True
    notes.append(f"The model was saved with Python {version}, and there is no Python {minor} here: it runs in another.")
    return None, False


def _no_events(found: MlflowModel) -> UsageError:
    names = ", ".join(found.feature_names[:_SHOWN]) + (" …" if len(found.feature_names) > _SHOWN else "")
    reason = next((note for note in found.notes if _FIELDS_OF_AN_EXAMPLE in note), "")
    if not names and found.feature_count is not None:
        hint = (
            f"Name the {counted(found.feature_count, 'feature')} in the order it was trained on, --features a,b,c: an "
            "example without names then gives the events, else pass --events FILE."
        )
    else:
        fields = f" with the fields {names}" if names else ""
        hint = f"Pass example events{fields}: --events FILE. None are made up: they would prove nothing."
    return UsageError(
        f"{found.folder} holds no example events, and --events names none.",
        detail=reason,
        code="input-missing",
        hint=hint,
    )
