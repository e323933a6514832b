"""What the templates of a skeleton are filled with; docs/skeletons.md lists it for their authors."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from packflow_app.errors import UsageError
from packflow_app.locations import SAMPLE_EVENTS
from packflow_app.models.event_fields import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from packflow_app.actions.init_choices import Chosen
    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.events.numbers import NumericField
    from packflow_app.events.survey import EventsSurvey
    from packflow_app.models.description import ModelDescription
    from packflow_app.models.features import FeatureMatch
    from packflow_app.models.model_file import ModelFile
    from packflow_app.projects.skeletons import Skeleton

_CHUNK = 1 << 20
_SHOWN_FEATURES = 20
_SHOWN_CLASSES = 10
# ONNX's types of numbers as numpy spells them.
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
}


@dataclass(frozen=True)
class TemplateModel:
    """The model as templates see it; ``file`` is its name in the project, ``summary`` and ``origin`` are sentences.

    ``dtype`` is the type of number that an ONNX model takes, ``fixed_batch`` says that it takes one row at a time.
    """

    file: str
    format: str
    loader: str
    type: str
    methods: tuple[str, ...]
    classes: tuple[Any, ...] | None
    objective: str | None
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    layers: tuple[dict[str, Any], ...]
    dtype: str
    fixed_batch: bool
    summary: str
    origin: str


def artifact_name(file: ModelFile) -> str:
    """Where a project keeps its model: the same name in every project, with the file's own ending."""
    suffix = file.path.suffix.lower()
    return f"artifacts/model{suffix if suffix in file.format.suffixes else file.format.suffixes[0]}"


def needed_packages(
    skeleton: Skeleton, file: ModelFile | None, asked: Sequence[str], own: Collection[str] = ()
) -> list[str]:
    """The requirements of a model file, with the versions it was saved with, and those of the skeleton's own code.

    ``asked`` are requirements that the user names: they stand for what is there of the same name; ``own`` are modules
    that the project has itself. Raises UsageError.
    """
    packages = {name: version for name, version in file.packages.items() if name not in own} if file is not None else {}
    lines = {name: f"{name}=={version}" if version else name for name, version in packages.items()}
    lines |= {name: name for name in skeleton.requirements if name not in lines}
    for text in asked:
        try:
            lines[canonicalize_name(Requirement(text).name)] = text
        except InvalidRequirement as error:
            raise UsageError(
                f"--require {text!r} is no requirement: {str(error).splitlines()[0]}.",
                code="requirement-invalid",
                hint="Write for example --require torch==2.13.0.",
            ) from None
    builds = {name.removesuffix(end) for name in lines for end in ("-cpu", "-gpu") if name.endswith(end)}
    return [line for name, line in lines.items() if name not in builds]  # which bring the same modules


def more_packages(skeleton: Skeleton, features: FeatureMatch | None) -> list[str]:
    """What the way that features reach the model needs beside."""
    if features is None:
        return []
    return list(skeleton.with_names if features.named else skeleton.without_names)


def check_suitable(file: ModelFile, model: ModelDescription, skeleton: Skeleton) -> None:
    """Raise UsageError for a model that its skeleton could not run."""
    if file.format.key == "onnx" and skeleton.inputs != "events":
        if any(port.name == "input_ids" for port in model.inputs):
            raise UsageError(
                f"{file.path.name} takes tokens of a text, not numbers of events.",
                code="model-unsuitable",
                hint="Use --kind text, with the tokenizer that it was trained with: --set tokenizer=tokenizer.json",
            )
        kinds = {port.type for port in model.inputs}
        sizes = {port.shape[0] for port in model.inputs if port.shape}
        if len(kinds) != 1 or not kinds <= {*_DTYPES}:
            raise _unsuitable(file, f"takes {', '.join(sorted(kinds))}, not numbers of one type")
        if any(size not in (None, 1) for size in sizes):
            raise _unsuitable(file, f"was exported for batches of exactly {max(size or 0 for size in sizes)} events")
        if model.feature_names is None and len(model.inputs) > 1:
            raise _unsuitable(file, f"has {len(model.inputs)} inputs that are not one feature each")
    if file.format.key in ("torch-state", "safetensors") and not model.layers:
        raise UsageError(
            f"{file.path.name} holds the weights of a network that only its own code knows.",
            code="model-unsuitable",
            hint="Save it as a program that needs none: torch.jit.trace(network.eval(), example).save('model.pt')",
        )


def made_up_features(model: ModelDescription) -> list[str]:
    """The fields of events that are made up for a model: its own names, else numbered ones; raises UsageError."""
    if model.feature_names is not None:
        return [f"{name}={name}" for name in model.feature_names]
    if model.feature_count is None:
        raise UsageError(
            "The model does not tell how many features it takes, so no events can be made up for it.",
            code="features-unnamed",
            hint="Pass example events with --events FILE, and their fields in the model's order with --features a,b,c",
        )
    return [f"feature_{number}" for number in range(1, model.feature_count + 1)]


def template_values(
    chosen: Chosen,
    skeleton: Skeleton,
    survey: EventsSurvey,
    description: str | None,
    model: ModelDescription | None,
    features: FeatureMatch | None,
    python: Interpreter | None,
    pins: Sequence[str],
) -> dict[str, Any]:
    """Everything that a template may use."""
    numbers = baseline_fields(survey)
    template_model = _model(chosen, model) if chosen.file is not None and model is not None else None
    return {
        "name": chosen.name,
        "archive": f"{chosen.name.replace('-', '_')}-0.1.0.zip",
        "description": description or _description(chosen, skeleton),
        "maintainers": list(chosen.maintainers),
        "holder": ", ".join(one.partition(" <")[0] for one in chosen.maintainers) or f"the authors of {chosen.name}",
        "year": datetime.now(tz=timezone.utc).year,
        "sample_events": SAMPLE_EVENTS,
        "events_seen": survey.events,
        "field_count": len(numbers),
        "baseline": _baseline(survey, numbers),
        "settings": chosen.settings,
        "model": template_model,
        "features": features,
        "feature_sentence": _feature_sentence(features),
        "python_requires": f">={python.version[0]}.{python.version[1]}" if python is not None else ">=3.10",
        "requirements": list(pins),
    }


def baseline_fields(survey: EventsSurvey) -> list[NumericField]:
    """The numeric fields that a baseline is made of: none that is named as an answer is."""
    return [one for one in survey.numeric_fields if one.path[-1].lower() not in ANSWERS]


def _baseline(survey: EventsSurvey, numbers: list[NumericField]) -> str:
    content = {"events": survey.events, "fields": [asdict(one) for one in numbers]}
    return json.dumps(content, ensure_ascii=False, indent=2)


def _description(chosen: Chosen, skeleton: Skeleton) -> str:
    if skeleton.name == "python":
        return f"Scores events by how unusual their numbers are ({chosen.name})."
    return f"{skeleton.title} ({chosen.name})."


def _model(chosen: Chosen, model: ModelDescription) -> TemplateModel:
    file = chosen.file
    assert file is not None  # noqa: S101 - the caller has looked
    first = model.inputs[0] if model.inputs else None
    return TemplateModel(
        file=artifact_name(file),
        format=file.format.key,
        loader=file.format.loader,
        type=model.type,
        methods=model.methods,
        classes=model.classes,
        objective=model.objective,
        inputs=model.inputs,
        outputs=model.outputs,
        layers=model.layers,
        dtype=_DTYPES.get(first.type, "float32") if first is not None else "float32",
        fixed_batch=first is not None and bool(first.shape) and first.shape[0] == 1,
        summary=_summary(file, model),
        origin=_origin(chosen, file),
    )


def _summary(file: ModelFile, model: ModelDescription) -> str:
    version = ", ".join(f"{name} {number}" for name, number in file.packages.items() if number)
    of = f" of {version}" if version else ""
    if model.classes:
        shown = ", ".join(map(str, model.classes[:_SHOWN_CLASSES]))
        more = " …" if len(model.classes) > _SHOWN_CLASSES else ""
        return f"A classifier ({model.type}{of}) with the classes {shown}{more}."
    objective = f", trained for {model.objective}" if model.objective else ""
    return f"{file.format.title.capitalize()} ({model.type}{of}){objective}."


def _origin(chosen: Chosen, file: ModelFile) -> str:
    if chosen.is_example:
        return "An example model that comes with Packflow, trained on made-up events: replace it."
    digest = hashlib.sha256()
    with file.path.open("rb") as source:
        while piece := source.read(_CHUNK):
            digest.update(piece)
    return origin_sentence(file, digest.hexdigest())


def origin_sentence(file: ModelFile, digest: str) -> str:
    """How a model card says which file it is about."""
    return f"The file {file.path.name} of {file.size:,} bytes, SHA-256 {digest}."


def _feature_sentence(features: FeatureMatch | None) -> str:
    return "Whole events." if features is None else feature_sentence([one.field for one in features.features])


def feature_sentence(names: Sequence[str]) -> str:
    """How a model card says which fields the model takes."""
    shown = ", ".join(names[:_SHOWN_FEATURES]) + (" …" if len(names) > _SHOWN_FEATURES else "")
    return f"{len(names)} features of each event, in this order: {shown}."


def _unsuitable(file: ModelFile, what: str) -> UsageError:
    return UsageError(
        f"{file.path.name} {what}.",
        code="model-unsuitable",
        hint="Export it with a free first dimension and numbers as its input, or run it in a backend of your own: "
        "--kind python",
    )
