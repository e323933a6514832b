"""Run an archive or a project on events: by the runtime's own command line, in the model's own Python."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from packflow_app.environments.interpreters import Interpreter, find_interpreter, fits
from packflow_app.errors import NotFoundError
from packflow_app.projects.project import open_project
from packflow_app.runtime import (
    COMMAND_VARIABLE,
    MANIFEST_NAME,
    is_archive,
    open_archive,
    parse_manifest,
    runtime_start,
)


@dataclass(frozen=True)
class RunOptions:
    """What is run: an archive or a project, and all arguments for the runtime's ``command``, which hold it too.

    ``words`` are what the user typed, for the JSON object.
    """

    target: Path
    arguments: list[str]
    words: list[str]
    python: str | None = None
    command: str = "run"


@dataclass(frozen=True)
class PreparedRun:
    """A program to start in the place of this one, and the variables to start it with."""

    command: list[str]
    environment: dict[str, str]
    interpreter: Interpreter


def prepare_run(options: RunOptions) -> PreparedRun:
    """Find the Python and put the command together; nothing of the model is touched.

    Raises NotFoundError for a target or a Python that is not there, and what an archive that is not to be trusted or a
    project's configuration raises.
    """
    interpreter = _interpreter(options.target, options.python)
    command = [str(interpreter.path), "-X", "utf8", *runtime_start(), options.command, *options.arguments]
    # Its own Python must not be led elsewhere by what leads ours; what the user set for the model stays.
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "__PYVENV_LAUNCHER__")}
    return PreparedRun(command, {**kept, COMMAND_VARIABLE: json.dumps(options.words)}, interpreter)


def _interpreter(target: Path, chosen: str | None) -> Interpreter:
    if is_archive(target) or (target / MANIFEST_NAME).is_file():
        requires = _python_requires(target)
        # An archive's own environment, where `install` made one, is found by the runtime from any Python.
        found = find_interpreter(Path(), chosen, requires)
        if chosen is None and not fits(found, requires):  # the .venv of the current folder, which is for something else
            return find_interpreter(Path(), None, requires, for_new=True)
        return found
    if not target.is_dir():
        what = "is neither an archive nor a project's folder" if target.exists() else "does not exist"
        raise NotFoundError(
            f"{target} {what}.",
            code="archive-not-found",
            hint="Name a .zip that `packflow export` wrote, or a folder with packflow.yaml.",
        )
    project = open_project(target)
    return find_interpreter(project.folder, chosen, project.config.python_requires)


def _python_requires(target: Path) -> str:
    """What an archive says of its Python, also unzipped."""
    if target.is_dir():
        return parse_manifest((target / MANIFEST_NAME).read_bytes()).python_requires
    with open_archive(target) as archive:
        return archive.manifest.python_requires
