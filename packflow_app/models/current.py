"""Which file of a project is its model."""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError, UsageError
from packflow_app.models.model_file import FORMATS, ModelFile, read_model_file
from packflow_app.runtime import PackflowError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SUFFIXES = {suffix for one in FORMATS.values() for suffix in one.suffixes}
_ARTIFACTS = "artifacts/"
_SHOWN = 8


def current_model(folder: Path, files: Sequence[str], chosen: str | None) -> tuple[str, ModelFile]:
    """The model among a project's ``files``, by its name there: ``chosen``, else the only one, in artifacts/ first.

    Raises NotFoundError where there is none, UsageError where there are several, both naming ``--replace``.
    """
    if chosen is not None:
        name = PurePosixPath(chosen.replace("\\", "/")).as_posix()
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute() or not (folder / name).is_file():
            raise NotFoundError(
                f"--replace {chosen}: the project has no such file.",
                code="model-not-found",
                hint="Name it as it is called in the project, such as --replace artifacts/model.joblib.",
            )
        return name, read_model_file(folder / name)
    found = _models(folder, files)
    inside = [one for one in found if one[0].startswith(_ARTIFACTS)]
    several = inside or found
    if not several:
        raise NotFoundError(
            "The project has no model file that is known here.",
            code="model-not-found",
            hint="Name the file that the new model takes the place of: --replace artifacts/NAME",
        )
    if len(several) > 1:
        names = ", ".join(name for name, _ in several[:_SHOWN])
        raise UsageError(
            f"The project has {len(several)} model files: {names}.",
            code="model-ambiguous",
            hint=f"Say which one the new model takes the place of: --replace {shlex.quote(several[0][0])}",
        )
    return several[0]


def _models(folder: Path, files: Sequence[str]) -> list[tuple[str, ModelFile]]:
    found = []
    for name in files:
        if PurePosixPath(name).suffix.lower() in _SUFFIXES:
            try:
                found.append((name, read_model_file(folder / name)))
            except PackflowError:  # another kind of file by a name like a model's
                continue
    return found
