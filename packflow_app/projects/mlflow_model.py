"""Read an MLflow model folder without MLflow: which model it is, what it takes and gives, and what it needs.

Nothing of the model is opened or run. ``MLmodel`` is read as text, lists and mappings alone: its tags mean nothing.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from packflow_app.errors import NotFoundError, UsageError
from packflow_app.projects.mlflow_examples import read_examples
from packflow_app.projects.mlflow_requirements import read_mlflow_requirements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DESCRIPTION = "MLmodel"
_MOST_BYTES = 16 << 20
_POINTER = b"version https://git-lfs.github.com/spec/"
_NULLS = ("", "~", "null", "Null", "NULL")
_FILE_KEYS = {
    "sklearn": "pickled_model",
    "xgboost": "data",
    "lightgbm": "data",
    "onnx": "data",
    "pytorch": "model_data",
}
_VERSION_KEYS = {"sklearn": "sklearn_version", "xgboost": "xgb_version", "lightgbm": "lgb_version"}
_VERSION_KEYS |= {"onnx": "onnx_version", "pytorch": "pytorch_version"}
_IN_A_FOLDER = {"pytorch": ("model.pth", "model.pt2"), "onnx": ("model.onnx",)}
_CUSTOM = ("mlflow.pyfunc.model", "mlflow.pyfunc.loaders.code_model")


@dataclass(frozen=True)
class MlflowField:
    """One input or output: ``type`` in MLflow's words, ``name`` None for an array, whose ``shape`` is given then."""

    name: str | None
    type: str
    required: bool = True
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class MlflowModel:
    """What an MLflow model folder says of its model.

    ``flavor`` is one of sklearn, xgboost, lightgbm, onnx and pytorch, ``framework_version`` that of its library,
    ``format`` how the file was written and ``model_class`` of which class it is, where MLflow noted them. ``inputs``
    are in the order that the model takes them. ``events_file`` and ``requirements_file`` name where those were found.
    ``notes`` say in sentences what cannot be carried over.
    """

    folder: Path
    flavor: str
    model_file: Path
    framework_version: str | None = None
    format: str | None = None
    model_class: str | None = None
    python_version: str | None = None
    mlflow_version: str | None = None
    requirements: tuple[str, ...] = ()
    inputs: tuple[MlflowField, ...] = ()
    outputs: tuple[MlflowField, ...] = ()
    events: tuple[dict[str, Any], ...] = ()
    events_file: str | None = None
    requirements_file: str | None = None
    trusted_types: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the inputs in order; empty where the model takes an array without names."""
        names = tuple(one.name for one in self.inputs if one.name is not None)
        return names if len(names) == len(self.inputs) else ()

    @property
    def feature_count(self) -> int | None:
        """How many features the model takes, where the signature tells."""
        if self.feature_names:
            return len(self.feature_names)
        shapes = [one.shape for one in self.inputs if one.shape is not None]
        return shapes[0][-1] if len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][-1] > 0 else None


def read_mlflow_model(folder: Path, names: Sequence[str] = ()) -> MlflowModel:
    """Read the folder; ``names`` are given to the columns of an example that has none of its own.

    Raises NotFoundError where it is no MLflow model or a file of it is missing, UsageError for a model that cannot be
    run without MLflow, and for a Git LFS pointer in a file's stead.
    """
    described = _described(folder)
    flavors = described.get("flavors")
    if not isinstance(flavors, dict) or not flavors:
        raise _invalid("names no flavors", None)
    flavor = next((name for name in _FILE_KEYS if isinstance(flavors.get(name), dict)), None)
    if flavor is None:
        raise _unsupported(flavors)
    own: dict[str, Any] = flavors[flavor]
    function = flavors.get("python_function")
    function = function if isinstance(function, dict) else {}
    model_file = _model_file(folder, flavor, own)
    notes: list[str] = []
    inputs, outputs = _signature(described.get("signature"), notes)
    written_as = _written_as(flavor, own)
    requirements = read_mlflow_requirements(folder, flavor, written_as)
    own_names = [one.name for one in inputs if one.name is not None]
    examples = read_examples(folder, described, own_names or list(names))
    notes += [*_carried(folder, flavor, own, function, model_file), *requirements.notes, *examples.notes]
    return MlflowModel(
        folder=folder,
        flavor=flavor,
        model_file=model_file,
        framework_version=_text(own.get(_VERSION_KEYS[flavor])),
        format=written_as,
        model_class=_text(own.get("model_class")),
        python_version=_text(function.get("python_version")) or requirements.python_version,
        mlflow_version=_text(described.get("mlflow_version")),
        requirements=requirements.lines,
        inputs=inputs,
        outputs=outputs,
        events=examples.events,
        events_file=examples.file,
        requirements_file=requirements.file,
        trusted_types=_texts(own.get("skops_trusted_types")),
        notes=tuple(notes),
    )


def _described(folder: Path) -> dict[str, Any]:
    """What MLmodel says, every scalar as text."""
    path = folder / DESCRIPTION
    try:
        content = path.read_bytes() if path.stat().st_size <= _MOST_BYTES else b""
    except OSError as error:
        if folder.is_dir() and isinstance(error, FileNotFoundError):
            raise _no_model(folder) from None
        reason = "there is no such folder" if not folder.exists() else error.strerror or "it cannot be read"
        raise NotFoundError(
            f"{folder} is no MLflow model: {reason.lower()}.",
            code="mlflow-not-found",
            hint=f"Name the folder that holds the file {DESCRIPTION}; a model in a registry is downloaded first, with "
            "`mlflow artifacts download`.",
        ) from None
    if not content:
        raise _invalid("is empty, or larger than any such file", None)
    if content.startswith(_POINTER):
        raise _lfs_pointer(path)
    return _parsed(content)


def _parsed(content: bytes) -> dict[str, Any]:
    from ruamel.yaml import YAML  # noqa: PLC0415 - takes a tenth of a second
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - as above

    yaml = YAML(typ="base", pure=True)  # builds text, lists and mappings, whatever the tags say
    yaml.allow_duplicate_keys = True  # as MLflow reads it
    try:
        found = yaml.load(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _invalid("is not UTF-8 text", content[: error.start].count(b"\n") + 1) from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or "it cannot be read").strip()
        raise _invalid(f"is not valid YAML: {problem}", mark.line + 1 if mark is not None else None) from None
    except (RecursionError, TypeError, ValueError):  # collections without end, or as keys
        raise _invalid("is not valid YAML", None) from None
    if not isinstance(found, dict):
        raise _invalid("is no mapping of keys to values", 1)
    return found


def _no_model(folder: Path) -> NotFoundError:
    inside = sorted(path.parent for path in folder.glob(f"*/{DESCRIPTION}")) + sorted(
        path.parent for path in folder.glob(f"*/*/{DESCRIPTION}")
    )
    return NotFoundError(
        f"{folder} is no MLflow model: it has no file {DESCRIPTION}.",
        code="mlflow-not-found",
        hint=f"Name {inside[0]}, which has one." if inside else f"Name the folder that holds the file {DESCRIPTION}.",
    )


def _unsupported(flavors: dict[str, Any]) -> UsageError:
    function = flavors.get("python_function")
    loader = _text(function.get("loader_module")) if isinstance(function, dict) else None
    others = [name for name in flavors if name != "python_function"]
    if not others and (loader is None or loader in _CUSTOM):
        return UsageError(
            "The model is Python code of its own (MLflow's python_function), which only MLflow can load.",
            code="flavor-unsupported",
            file=DESCRIPTION,
            hint="Make a project with `packflow init DIR --events FILE`, and move what predict() does into execute().",
        )
    names = ", ".join(others) or str(loader)
    return UsageError(
        f"The model's flavor is not supported: {names}. Supported are {', '.join(_FILE_KEYS)}.",
        code="flavor-unsupported",
        file=DESCRIPTION,
        hint="Export the model as ONNX, and name that file: packflow init DIR --model model.onnx --events FILE",
    )


def _model_file(folder: Path, flavor: str, own: dict[str, Any]) -> Path:
    """The file that holds the model itself, within the folder."""
    name = _text(own.get(_FILE_KEYS[flavor]))
    if name is None:
        raise _invalid(f"names no file for the flavor {flavor}", None)
    pure = PurePosixPath(name.replace("\\", "/"))
    path = folder.joinpath(*pure.parts)
    if pure.is_absolute() or ".." in pure.parts or not path.resolve().is_relative_to(folder.resolve()):
        raise _invalid(f"names a file outside the folder: {name}", None)
    if path.is_dir():
        names = _IN_A_FOLDER.get(flavor, ())
        path = next((path / one for one in names if (path / one).is_file()), path / (names[0] if names else "model"))
    if not path.is_file():
        raise NotFoundError(
            f"The model's file is missing: {path.relative_to(folder).as_posix()}, which {DESCRIPTION} names.",
            code="model-not-found",
            file=str(path),
            hint="Download the whole folder again, artifacts included.",
        )
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise _lfs_pointer(path)
    return path


def _written_as(flavor: str, own: dict[str, Any]) -> str | None:
    """How the model's file was written; a Booster of LightGBM has one format, whatever else is noted."""
    if flavor == "lightgbm" and (_text(own.get("model_class")) or "").endswith(".Booster"):
        return None
    return _text(own.get("serialization_format")) or _text(own.get("model_format"))


def _signature(told: Any, notes: list[str]) -> tuple[tuple[MlflowField, ...], tuple[MlflowField, ...]]:  # noqa: ANN401
    """Inputs and outputs, each a list as JSON in the description's text."""
    if not isinstance(told, dict):
        notes.append("The model was saved without a signature: its features are not named.")
        return (), ()
    found = []
    for side in ("inputs", "outputs"):
        text = _text(told.get(side))
        try:
            items = json.loads(text) if text is not None else []
            found.append(tuple(_field(item) for item in items))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            notes.append(f"The signature's {side} cannot be read, so they are left out.")
            found.append(())
    params = _text(told.get("params"))
    if params is not None and params != "[]":
        notes.append("The model takes params beside its inputs: give them as backend_config.")
    return found[0], found[1]


def _field(item: dict[str, Any]) -> MlflowField:
    name = item.get("name")
    if item["type"] == "tensor":
        spec = item["tensor-spec"]
        return MlflowField(name, str(spec["dtype"]), shape=tuple(int(size) for size in spec["shape"]))
    required = bool(item.get("required", not item.get("optional", False)))
    return MlflowField(name, str(item["type"]), required)


def _carried(folder: Path, flavor: str, own: dict[str, Any], function: dict[str, Any], model_file: Path) -> list[str]:
    """What MLflow does around the model, and a project has to do itself."""
    notes = []
    code = _text(own.get("code")) or _text(function.get("code"))
    if code is not None and (folder / code).is_dir():
        notes.append(f"The folder {code}/ holds modules that the model needs: copy them into the project.")
    predict = _text(function.get("predict_fn"))
    if predict not in (None, "predict"):
        notes.append(f"MLflow calls {predict} of this model, not predict.")
    pickled = (folder / "data" / "pickle_module_info.txt").is_file()  # written for programs too
    if flavor == "pytorch" and pickled and not _is_program(model_file):
        notes.append("The whole module was pickled: its class must be importable where it is loaded.")
    return notes


def _is_program(path: Path) -> bool:
    """Whether it is TorchScript, whose own code is in the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _text(value: object) -> str | None:
    """A scalar of the description; None for null and for what is none."""
    return value if isinstance(value, str) and value not in _NULLS else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _invalid(what: str, line: int | None) -> NotFoundError:
    return NotFoundError(
        f"{DESCRIPTION} {what}.",
        code="mlflow-invalid",
        file=DESCRIPTION,
        line=line,
        hint="Save the model again with MLflow, or download the folder again.",
    )


def _lfs_pointer(path: Path) -> UsageError:
    return UsageError(
        f"{path} is a Git LFS pointer, not the file itself.",
        code="lfs-pointer",
        file=str(path),
        hint="Fetch the files with: git lfs pull",
    )
