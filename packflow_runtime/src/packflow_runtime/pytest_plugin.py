"""Fixtures for the tests of a project: its backend and its sample events. Loaded by pytest where both are installed.

A test's project is the nearest folder above its file that has a ``packflow.yaml``, so that tests run from anywhere and
several projects in one run keep apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .backend import InferenceBackend
    from .errors import PackflowError

_CONFIG_FILE = "packflow.yaml"


@pytest.fixture
def packflow_project(request: pytest.FixtureRequest) -> Path:
    """The folder of the project that the test belongs to."""
    for folder in request.path.parents:
        if (folder / _CONFIG_FILE).is_file():
            return folder
    return pytest.fail(
        f"No {_CONFIG_FILE} in a folder above {request.path}: Packflow's fixtures are for the tests of a project.",
        pytrace=False,
    )


@pytest.fixture(scope="session")
def _packflow_backends() -> Iterator[dict[Path, InferenceBackend]]:
    """The stateless backends that were loaded in this run, by project."""
    backends: dict[Path, InferenceBackend] = {}
    yield backends
    for backend in backends.values():
        backend.close()


@pytest.fixture
def backend(packflow_project: Path, _packflow_backends: dict[Path, InferenceBackend]) -> Iterator[InferenceBackend]:
    """The project's backend: one for the whole run, or a fresh one for each test where it is stateful."""
    known = _packflow_backends.get(packflow_project)
    if known is not None:
        yield known
        return
    loaded = _load(packflow_project)
    if loaded.stateful:
        yield loaded
        loaded.close()
    else:
        _packflow_backends[packflow_project] = loaded
        yield loaded


@pytest.fixture
def sample_events(packflow_project: Path) -> list[dict[str, Any]]:
    """The project's sample events, decoded anew for each test, which may change them."""
    from .errors import PackflowError  # noqa: PLC0415 - a run without such a test pays for nothing
    from .sample_events import read_sample_events  # noqa: PLC0415

    try:
        return read_sample_events(packflow_project)
    except PackflowError as error:
        _failed(error)


def _load(folder: Path) -> InferenceBackend:
    from .errors import PackflowError  # noqa: PLC0415
    from .loading import load_project  # noqa: PLC0415

    try:
        return load_project(folder)
    except PackflowError as error:
        _failed(error)


def _failed(error: PackflowError) -> NoReturn:
    where = f"\nat {error.where}" if error.where else ""
    hint = f"\nnext: {error.hint}" if error.hint else ""
    pytest.fail(f"{error.title}{where}{hint}", pytrace=False)
