"""What an MLflow model needs to run without MLflow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from pathlib import Path

_MLFLOW = re.compile(r"mlflow(?:-.*)?\Z")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_PYTHON = re.compile(r"python\s*={1,2}\s*([0-9][0-9.]*)\Z")
_CLOUDPICKLE = "cloudpickle"


@dataclass(frozen=True)
class MlflowRequirements:
    """Requirements as they are written, without MLflow's own, and the file that lists them.

    With the Python they were made for, and notes about what was left out.
    """

    lines: tuple[str, ...] = ()
    python_version: str | None = None
    notes: tuple[str, ...] = ()
    file: str | None = None


def read_mlflow_requirements(folder: Path, flavor: str, written_as: str | None) -> MlflowRequirements:
    """From requirements.txt, else conda.yaml; ``written_as`` is how the model's file was written."""
    conda = _conda(folder / "conda.yaml")
    python_env = _yaml(folder / "python_env.yaml")
    python = python_env.get("python") if isinstance(python_env, dict) else None
    python = python if isinstance(python, str) else next((m[1] for one in conda if (m := _PYTHON.match(one))), None)
    listed, file = _lines(folder / "requirements.txt"), "requirements.txt"
    if listed is None:
        file = "conda.yaml"
        listed = [one for one in conda if not _PYTHON.match(one)]
    lines, notes = [], []
    for line in listed:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            notes.append(f"The requirement {line!r} names a place or an option, and is left out.")
            continue
        name = canonicalize_name(requirement.name)
        if requirement.url is not None and requirement.url.startswith("file:"):
            notes.append(f"{name} was installed from a file that is elsewhere, and is left out.")
        elif not _only_for_mlflow(name, flavor, written_as):
            lines.append(line)
    names = {canonicalize_name(Requirement(line).name) for line in lines}
    if flavor == "onnx" and not any(name.startswith("onnxruntime") for name in names):
        lines.append("onnxruntime")
    if not listed:
        notes.append("The folder says nothing of requirements.")
    return MlflowRequirements(tuple(lines), python, tuple(notes), file if listed else None)


def _only_for_mlflow(name: str, flavor: str, written_as: str | None) -> bool:
    """Whether MLflow alone needs it: to save and check the model, not to run it."""
    if _MLFLOW.match(name):
        return True
    if name == _CLOUDPICKLE:
        return written_as != _CLOUDPICKLE and flavor != "pytorch"
    return name == "onnx" and flavor == "onnx"


def _lines(path: Path) -> list[str] | None:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return None
    bare = (_COMMENT.sub("", line).strip() for line in text.splitlines())
    return [line for line in bare if line]


def _conda(path: Path) -> list[str]:
    """The Python of a conda environment, and what pip installs into it."""
    found = _yaml(path)
    items = found.get("dependencies") if isinstance(found, dict) else None
    requirements: list[str] = []
    for item in items if isinstance(items, list) else []:
        if isinstance(item, str) and _PYTHON.match(item):
            requirements.append(item)
        elif isinstance(item, dict) and isinstance(item.get("pip"), list):
            requirements += [one for one in item["pip"] if isinstance(one, str)]
    return requirements


def _yaml(path: Path) -> Any:  # noqa: ANN401 - text, lists and mappings
    """What a YAML file holds, every scalar as text; None where it cannot be read: it is not needed."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - takes a tenth of a second
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - as above

    try:
        return YAML(typ="base", pure=True).load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, YAMLError, RecursionError, TypeError):
        return None
