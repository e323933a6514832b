"""Fixtures for the tests of a project: its backend and its sample events. Loaded by pytest where both are installed.

A test's project is the nearest folder above its file that has a ``packflow.yaml``, so that tests run from anywhere and
several projects in one run keep apart.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

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
        f"No {_CONFIG_FILE} in a folder above {request.path}: Packflow's fixtures are for the tests of a project.\n"
        f"next: Move the test below the folder of the project, or create one with `packflow init DIR`.",
        pytrace=False,
    )


@pytest.fixture(scope="session")
def _packflow_backends() -> Iterator[_Backends]:
    """The backends that tests of this run share."""
    backends = _Backends()
    with backends.closing:
        yield backends


@pytest.fixture
def backend(
    packflow_project: Path, _packflow_backends: _Backends, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InferenceBackend]:
    """The project's backend: one for the whole run, or a fresh one for each test where it is stateful.

    The environment variables that ``packflow.yaml`` sets hold for this test, so that other projects have their own.
    """
    from .errors import PackflowError  # noqa: PLC0415 - a run without such a test pays for nothing
    from .project import read_project_config  # noqa: PLC0415

    try:
        for name, value in read_project_config(packflow_project).env.items():
            monkeypatch.setenv(name, value)
        found = _packflow_backends.get(packflow_project)
    except PackflowError as error:
        raise _failed(error) from None
    yield found
    if found.stateful:
        found.close()


@pytest.fixture
def sample_events(packflow_project: Path) -> list[dict[str, Any]]:
    """The project's sample events, decoded anew for each test, which may change them."""
    from .errors import PackflowError  # noqa: PLC0415
    from .sample_events import read_sample_events  # noqa: PLC0415

    try:
        return read_sample_events(packflow_project)
    except PackflowError as error:
        raise _failed(error) from None


class _Backends:
    """The stateless backends that were loaded in this run, by project, and why others could not be.

    A model is slow to load, and as slow to fail: neither is tried again for the next test.
    """

    def __init__(self) -> None:
        self.closing = ExitStack()  # closes every backend, even where the close of another raises
        self._known: dict[Path, InferenceBackend] = {}
        self._failures: dict[Path, PackflowError] = {}

    def get(self, folder: Path) -> InferenceBackend:
        """The backend of the project; a new one where it is stateful. Raises PackflowError."""
        from .errors import PackflowError  # noqa: PLC0415
        from .loading import load_project  # noqa: PLC0415

        if folder in self._failures:
            raise self._failures[folder]
        if folder in self._known:
            return self._known[folder]
        try:
            loaded = load_project(folder)
        except PackflowError as error:
            self._failures[folder] = error
            raise
        if not loaded.stateful:
            self._known[folder] = loaded
            self.closing.callback(loaded.close)
        return loaded


def _failed(error: PackflowError) -> BaseException:
    """What fails a test with the error's own words alone, without frames and without what it was raised from."""
    where = f"\nat {error.where}" if error.where else ""
    hint = f"\nnext: {error.hint}" if error.hint else ""
    return pytest.fail.Exception(f"{error.title}{where}{hint}", pytrace=False)
