"""What every test of the app has: a memory of its own, and one finished project to copy."""

from __future__ import annotations

import asyncio
import inspect
import shutil
from pathlib import Path

import pytest

from packflow_app.tui.project_watch import ProjectWatch
from screens import finished_project
from stand_ins import make_bench, make_python


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine in a loop of its own; a plugin for it would load into every other pytest here."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's is read, and nothing written to it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("NO_COLOR", "PACKFLOW_THEME", "SSH_CONNECTION", "SSH_TTY", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    finished_project(folder)
    return folder


@pytest.fixture
def work(made_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a finished project and its archive, which the test may change; the current folder."""
    folder = tmp_path / "w"
    shutil.copytree(made_once, folder, copy_function=shutil.copy2)
    journal = folder / "churn-scorer" / ".packflow" / "journal.json"
    journal.write_text(journal.read_text().replace(str(made_once), str(folder)))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))  # so that paths are short, and the same in every run
    monkeypatch.setattr(ProjectWatch, "_python_version", lambda _self, _project: "3.11.7")
    return folder


@pytest.fixture
def project(work: Path) -> Path:
    return work / "churn-scorer"


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_python(tmp_path_factory.mktemp("stand-in") / "env")


@pytest.fixture
def bench(tmp_path: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a model and its events; the Python that has what it needs is the active one."""
    folder = make_bench(tmp_path / "dns-score", stand_in)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("VIRTUAL_ENV", str(stand_in.parent.parent))
    return folder
