"""Open a model file in a worker, in the Python that is to run it, and tell what it takes and gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.dryrun.client import Worker, WorkerLimits
from packflow_app.dryrun.models import Model
from packflow_app.errors import NotFoundError
from packflow_app.models.description import ModelDescription

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable
    from pathlib import Path

    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.models.model_file import ModelFile


def describe_model(
    file: ModelFile, interpreter: Interpreter, folder: Path, trusted: Iterable[str], cancel: threading.Event
) -> ModelDescription:
    """Open the file under the dry run's guard; ``folder`` is one whose own classes its pickles may name.

    Raises NotFoundError where a package is absent, ModelFailedError where it cannot be opened or its process dies,
    CancelledError once ``cancel`` is set.
    """
    model = Model(folder, file.path.name)
    with Worker(interpreter, model, WorkerLimits(), cancel, trusted=frozenset(trusted)) as worker:
        found = worker.look(file.path.absolute(), file.format.loader)
    if "missing" in found:
        name = found["missing"]
        raise NotFoundError(
            f"{file.path.name} needs the module {name}, which {interpreter.path} does not have.",
            code="package-missing",
            hint=f"Install what brings it into a Python and name that one: PYTHON -m pip install {name}, then "
            "--python PYTHON",
        )
    return ModelDescription.from_json(found)
