"""What ``packflow init`` asks: every question with its flag, and what is chosen where nobody answers."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.actions.init_options import EXAMPLE
from packflow_app.errors import NotFoundError, UsageError
from packflow_app.models.model_file import FORMATS, ModelFile, read_model_file
from packflow_app.placing import absolute
from packflow_app.projects.git import user_of_git
from packflow_app.projects.skeletons import own_skeletons

if TYPE_CHECKING:
    from collections.abc import Callable

    from packflow_app.actions.init_options import InitOptions
    from packflow_app.projects.skeletons import Skeleton, Variable

EVENT_SUFFIXES = (".ndjson", ".jsonl", ".json", ".csv", ".tsv", ".parquet")
_PACKED = (".gz", ".zst")


@dataclass(frozen=True)
class Question:
    """One question: the field of InitOptions that holds its answer, the flag that gives it, and its words.

    ``asked`` is false for what a wizard leaves to the flag; ``default`` says in words what is taken with ``-y``.
    """

    name: str
    flag: str
    text: str
    default: str
    asked: bool = True


QUESTIONS = (
    Question("name", "--name", "Project name", "the folder's name"),
    Question("kind", "--kind", "What is your model?", "what the model file is, else plain Python"),
    Question("python", "--python", "Which Python runs it?", "one that has what the model needs, else a new .venv"),
    Question("model", "--model", "Model file", "the newest of that kind here, else the skeleton's example"),
    Question("trust_model", "--trust-model", "Open the pickle?", "no"),
    Question("events", "--events", "Example events", "the newest file of events here, else the skeleton's example"),
    Question("features", "--features", "Which fields are the features, in which order?", "by the model's own names"),
    Question("yes", "-y", "Create it?", "yes"),
    Question("description", "--description", "One sentence about the model", "made from what it is", asked=False),
    Question("maintainers", "--maintainer", "Who looks after it?", "git's user", asked=False),
    Question("license", "--license", "Under which licence?", "none yet: all rights reserved", asked=False),
)
"""In the order in which a wizard asks them; every one has its flag."""


@dataclass(frozen=True)
class Chosen:
    """What the project is made of, all of it decided; ``assumed`` says what nobody had asked for.

    ``files`` are further files that it gets, each by its name there.
    """

    target: Path
    name: str
    events: Path | None
    file: ModelFile | None
    settings: dict[str, str]
    files: dict[str, Path]
    features: str | None
    is_example: bool
    maintainers: tuple[str, ...]
    assumed: tuple[str, ...] = field(default=())


def default_kind(file: ModelFile | None) -> str:
    """The skeleton for a model file: the first that runs its format; plain Python without one."""
    if file is None:
        return "python"
    return next(skeleton.name for skeleton in own_skeletons() if file.format.key in skeleton.models)


def complete(options: InitOptions, skeleton: Skeleton, file: ModelFile | None) -> Chosen:
    """Decide what was left open; raises UsageError naming every flag that is missing."""
    folder = Path()
    assumed: list[str] = []
    example = options.model == EXAMPLE
    if file is None and skeleton.models and (options.yes or example):
        file, example = _model(skeleton, folder, assumed, example=example)
    check_format(skeleton, file)
    events, generated = options.events, False
    if events == EXAMPLE or (events is None and (example or options.yes)):
        wanted = example or events == EXAMPLE
        events, generated = _events(skeleton, folder, assumed, example=wanted, own=file is not None and not example)
    settings = _settings(options, skeleton, file, example=example or generated)
    _check_missing(options, skeleton, file, settings, has_events=events is not None or generated)
    assert options.target is not None  # noqa: S101 - else it is missing
    features = options.features
    if features is None and example and skeleton.example_features:
        features = ",".join(skeleton.example_features)
        assumed.append(f"features: {features}, those of the example model")
    maintainers = options.maintainers or tuple(filter(None, [user_of_git()]))
    return Chosen(
        absolute(options.target),
        options.name or absolute(options.target).name,
        events,
        file,
        _settled(skeleton, settings),
        _files_of(skeleton, settings, example=example or generated),
        features,
        example,
        maintainers,
        tuple(assumed),
    )


def _model(skeleton: Skeleton, folder: Path, assumed: list[str], *, example: bool) -> tuple[ModelFile | None, bool]:
    """The newest model file here that the skeleton runs, or its example; and whether it is that."""
    for path in () if example else model_files(folder, skeleton):
        try:
            found = read_model_file(path)
        except (NotFoundError, UsageError):  # another kind of file by a name like a model's
            continue
        if found.format.key in skeleton.models:
            assumed.append(f"model: {path}, the newest of its kind here")
            return found, False
    path_of_example = skeleton.example(skeleton.example_model)
    if path_of_example is None:
        return None, False
    assumed.append(f"model: the example that comes with the skeleton {skeleton.name}")
    return read_model_file(path_of_example), True


def _events(
    skeleton: Skeleton, folder: Path, assumed: list[str], *, example: bool, own: bool
) -> tuple[Path | None, bool]:
    """The newest file of events here, or the skeleton's example; (None, True) stands for generated ones.

    ``own``: the model is the user's, whose features no example holds.
    """
    for path in () if example else event_files(folder):
        assumed.append(f"events: {path}, the newest file of events here")
        return path, False
    if own:
        assumed.append("events: made up, a number for each feature of the model")
        return None, True
    own_example = skeleton.example(skeleton.example_events)
    if own_example is not None:
        assumed.append(f"events: the example that comes with the skeleton {skeleton.name}")
    else:
        assumed.append("events: generated firewall logs, an example")
    return own_example, True


def event_files(folder: Path) -> list[Path]:
    """Files that hold events by their names, the newest first."""
    return _newest(folder, _is_of_events)


def model_files(folder: Path, skeleton: Skeleton) -> list[Path]:
    """Files that may hold a model that the skeleton runs, by their names, the newest first."""
    suffixes = {suffix for key in skeleton.models if key in FORMATS for suffix in FORMATS[key].suffixes}
    return _newest(folder, lambda name: Path(name).suffix in suffixes)


def _newest(folder: Path, wanted: Callable[[str], bool]) -> list[Path]:
    found = [Path(entry.path) for entry in os.scandir(folder) if entry.is_file() and wanted(entry.name)]
    return sorted(found, key=lambda path: (-path.stat().st_mtime_ns, path.name))


def _is_of_events(name: str) -> bool:
    path = Path(name)
    return (Path(path.stem) if path.suffix in _PACKED else path).suffix in EVENT_SUFFIXES


def check_format(skeleton: Skeleton, file: ModelFile | None) -> None:
    """Raise UsageError for a model file that the skeleton does not run."""
    if file is None or file.format.key in skeleton.models:
        return
    if not skeleton.models:
        raise UsageError(
            f"The skeleton {skeleton.name} runs no model file.",
            code="kind-unsuitable",
            hint=f"Leave --kind out, which gives {default_kind(file)} for {file.path.name}.",
        )
    titles = ", ".join(FORMATS[key].title for key in skeleton.models if key in FORMATS)
    raise UsageError(
        f"{file.path} is {file.format.title}; the skeleton {skeleton.name} runs {titles}.",
        code="kind-unsuitable",
        hint=f"Use --kind {default_kind(file)}, or name another file.",
    )


def _settings(
    options: InitOptions, skeleton: Skeleton, file: ModelFile | None, *, example: bool
) -> dict[str, str | None]:
    """The answers to the skeleton's own questions; None where one is missing."""
    known = {variable.name: variable for variable in skeleton.variables}
    for name, value in options.settings.items():
        if name not in known:
            raise UsageError(
                f"The skeleton {skeleton.name} has no setting {name}.",
                code="setting-unknown",
                hint=f"It has: {', '.join(known) or 'none'}.",
            )
        if known[name].choices and value not in known[name].choices:
            raise UsageError(
                f"--set {name}={value}: {value!r} is none of its choices.",
                code="setting-invalid",
                hint=f"Choose one of: {', '.join(known[name].choices)}.",
            )
    return {
        name: options.settings.get(name, _answer(variable, file, example=example)) for name, variable in known.items()
    }


def _settled(skeleton: Skeleton, settings: dict[str, str | None]) -> dict[str, str]:
    """The answers as templates see them: a file is known by its name in the project."""
    names = {variable.name: variable.file for variable in skeleton.variables}
    return {name: names[name] or value for name, value in settings.items() if value is not None}


def _files_of(skeleton: Skeleton, settings: dict[str, str | None], *, example: bool) -> dict[str, Path]:
    """The files that answers name; raises NotFoundError for one that is not there."""
    files: dict[str, Path] = {}
    for variable in skeleton.variables:
        answer = settings[variable.name]
        if variable.file is None or not answer:
            continue
        own = skeleton.example(answer) if example and answer == variable.example else None
        files[variable.file] = own or Path(answer)
        if not files[variable.file].is_file():
            raise NotFoundError(
                f"--set {variable.name}={answer}: there is no such file.",
                code="setting-not-found",
                hint=f"Name one that is there: --set {variable.name}=FILE. The question was: {variable.question}",
            )
    return files


def _answer(variable: Variable, file: ModelFile | None, *, example: bool) -> str | None:
    if example and variable.example is not None:
        return variable.example
    if variable.only_for and (file is None or file.format.key not in variable.only_for):
        return ""
    return variable.default


def _check_missing(
    options: InitOptions,
    skeleton: Skeleton,
    file: ModelFile | None,
    settings: dict[str, str | None],
    *,
    has_events: bool,
) -> None:
    missing: list[str] = []
    hint = f"Run for example: packflow init {shlex.quote(str(options.target or 'dns-score'))}"
    if options.target is None:
        missing.append("DIR")
    if file is None and skeleton.models:
        missing.append("--model FILE")
        hint += f" --kind {skeleton.name} --model FILE --events events.ndjson"
        if skeleton.save:
            hint += f"; save the model where it was trained: {skeleton.save}"
    if not has_events:
        missing.append("--events FILE")
        if "--model" not in hint:
            hint += " --events events.ndjson"
    for variable in skeleton.variables:
        if settings[variable.name] is None:
            missing.append(f"--set {variable.name}=VALUE")
            choices = f" ({', '.join(variable.choices)})" if variable.choices else ""
            hint = f"{variable.question}{choices}"
    if missing:
        listed = " and ".join([", ".join(missing[:-1]), missing[-1]] if len(missing) > 1 else missing)
        raise UsageError(f"Missing: {listed}.", code="input-missing", hint=hint)
