"""Environments are made whole or not at all, brought up to date without resolving twice, and locked with hashes.

Packages are wheels made here, so no test needs a network.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions.environment import LockOptions, SyncOptions, info, lock, remove, sync
from packflow_app.environments import existing, installers, managed, removal, runtime_wheel
from packflow_app.environments import sync as sync_module
from packflow_app.environments.folders import read_mark, write_mark
from packflow_app.environments.installed import Installed
from packflow_app.environments.interpreters import _PROBE, find_interpreter
from packflow_app.environments.lock import LockState, lock_state, oldest_python
from packflow_app.environments.provision import Provision, check_can_make
from packflow_app.environments.runtime_wheel import carried_wheel
from packflow_app.environments.sync import Synced
from packflow_app.environments.tools import EnvironmentProgressed, Toolbox
from packflow_app.errors import CancelledError, NotFoundError, UsageError
from packflow_app.projects.project import open_project
from packflow_app.runtime import PackflowError, runtime_version
from projects import write_project

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills process groups: run the tests on a POSIX system")
BOTH = ["uv", pytest.param("pip", marks=pytest.mark.slow)]
# A build that tells who it is and waits for a word, with nothing to install first.
SLOW_BACKEND = """\
import os, pathlib, time
here = pathlib.Path(os.environ["SLOW_BUILD"])
def wait(*_, **__):
    (here / "started").write_text(str(os.getpid()))
    while not (here / "go").exists():
        time.sleep(0.02)
    raise SystemExit("no wheel")
build_wheel = prepare_metadata_for_build_wheel = get_requires_for_build_wheel = wait
"""


def write_wheel(folder: Path, name: str, version: str, requires: str = "") -> Path:
    """A wheel of one module that knows its version."""
    folder.mkdir(parents=True, exist_ok=True)
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    info_dir = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"__version__ = {version!r}\n",
        f"{info_dir}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info_dir}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for path, text in files.items()}
    record = "".join(f"{path},sha256={digest.decode().rstrip('=')},\n" for path, digest in digests.items())
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name_inside, text in {**files, f"{info_dir}/RECORD": f"{record}{info_dir}/RECORD,,\n"}.items():
            wheel.writestr(zipfile.ZipInfo(name_inside), text)
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project beside a folder of wheels: alpha 1.0 and 2.0, the latter needing beta."""
    wheels = tmp_path / "wheels"
    write_wheel(wheels, "alpha", "1.0")
    write_wheel(wheels, "alpha", "2.0", "beta>=1")
    write_wheel(wheels, "beta", "1.5")
    folder = write_project(tmp_path / "project")
    (folder / "requirements.txt").write_text("alpha==1.0\n")
    monkeypatch.setenv("VIRTUAL_ENV", "")
    wheel = carried_wheel()  # the same throughout a test, whoever edits the runtime meanwhile
    for module in (runtime_wheel, sync_module):
        monkeypatch.setattr(module, "carried_wheel", lambda: wheel)
    return folder


def synced(project: Path, **options: Any) -> Synced:
    return sync(SyncOptions(project, wheelhouse=project.parent / "wheels", **options))


def failure(project: Path, **options: Any) -> PackflowError:
    with pytest.raises(PackflowError) as caught:
        synced(project, **options)
    assert caught.value.hint
    return caught.value


def versions(project: Path) -> dict[str, str]:
    program = "import alpha, packflow_runtime as p; print(alpha.__version__, p.__version__, p.__file__)"
    ran = subprocess.run(
        [project / ".venv/bin/python", "-I", "-c", program], capture_output=True, text=True, check=True
    )
    alpha, runtime, where = ran.stdout.split()
    assert Path(where).is_relative_to(project / ".venv")
    return {"alpha": alpha, "runtime": runtime}


def left(project: Path) -> set[str]:
    return {path.name for path in (project / ".packflow").iterdir()}


@pytest.mark.parametrize("installer", BOTH)
def test_an_environment_is_made_brought_up_to_date_and_then_left_alone(project: Path, installer: Any) -> None:
    done = synced(project, installer=installer)
    assert (done.created, done.replaced, done.installer, done.source) == (True, False, installer, "requirements.txt")
    assert done.changes["alpha"] == (None, "1.0")
    assert versions(project) == {"alpha": "1.0", "runtime": runtime_version}
    assert find_interpreter(project).path == project / ".venv/bin/python"
    assert (project / ".venv/.gitignore").read_text().split()[-1] == "*"
    assert left(project) == {"environment.lock"}

    seen: list[EnvironmentProgressed] = []
    started = time.monotonic()
    again = sync(SyncOptions(project), report=seen.append)  # no index is asked, no tool is run
    assert time.monotonic() - started < 5
    assert (again.installer, again.changes, again.created, seen) == (None, {}, False, [])

    (project / "requirements.txt").write_text("alpha>=2\n")
    updated = synced(project, installer=installer)
    assert updated.changes == {"alpha": ("1.0", "2.0"), "beta": (None, "1.5")}
    assert not updated.created


def test_what_was_installed_by_hand_stays_and_what_was_removed_comes_back(project: Path) -> None:
    synced(project)
    uv = installers.find_uv()
    assert uv is not None
    python = str(project / ".venv/bin/python")
    beta = str(project.parent / "wheels/beta-1.5-py3-none-any.whl")
    subprocess.run([uv, "pip", "install", "-q", "--offline", "--python", python, beta], check=True)
    assert synced(project).installer is None
    subprocess.run([uv, "pip", "uninstall", "-q", "--python", python, "alpha"], check=True)
    assert not info(project).in_sync
    assert synced(project).changes == {"alpha": (None, "1.0")}
    assert info(project).installed["beta"] == "1.5"


def test_upgrade_takes_the_newest(project: Path) -> None:
    synced(project)
    (project / "requirements.txt").write_text("alpha\n")
    assert synced(project).changes == {}
    assert synced(project, upgrade=True).changes == {"alpha": ("1.0", "2.0"), "beta": (None, "1.5")}


def test_the_index_that_pip_is_configured_for_is_where_uv_looks(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in os.environ:
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    page = tmp_path / "simple" / "alpha" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(
        '<html><body><a href="../../wheels/alpha-1.0-py3-none-any.whl">alpha-1.0-py3-none-any.whl</a></body></html>'
    )
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = file://{tmp_path}/simple\n")
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert sync(SyncOptions(project, installer="uv")).changes["alpha"] == (None, "1.0")


def test_progress_tells_the_steps_and_the_tools_words(project: Path) -> None:
    seen: list[EnvironmentProgressed] = []
    sync(SyncOptions(project, wheelhouse=project.parent / "wheels", installer="uv"), report=seen.append)
    assert list(dict.fromkeys(event.step for event in seen)) == ["create", "install", "runtime"]
    assert any("alpha==1.0" in event.text for event in seen)


def test_a_failure_while_making_leaves_nothing(project: Path) -> None:
    (project / "requirements.txt").write_text("# one\nalpha==1.0\nabsent_thing==9\n")
    error = failure(project)
    assert (error.code, error.exit_code) == ("requirements-unsatisfiable", 3)
    assert (error.file, error.line) == ("requirements.txt", 3)
    assert not (project / ".venv").exists()
    assert left(project) == {"environment.lock"}


def test_a_failure_while_updating_leaves_the_environment_as_it_was(project: Path) -> None:
    synced(project)
    mark = read_mark(project / ".venv")
    (project / "requirements.txt").write_text("alpha==3.0\n")
    assert failure(project).line == 1
    assert read_mark(project / ".venv") == mark
    assert versions(project)["alpha"] == "1.0"


def test_a_failure_while_making_anew_brings_the_older_one_back(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced(project)
    mark = read_mark(project / ".venv")
    (project / "requirements.txt").write_text("alpha==3.0\n")
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to("gone")
    failure(project)
    assert read_mark(project / ".venv") == mark
    (project / "requirements.txt").write_text("alpha==2.0\n")
    done = synced(project)
    assert (done.created, done.replaced, versions(project)["alpha"]) == (True, True, "2.0")
    assert left(project) == {"environment.lock"}


def test_somebody_elses_environment_is_used_and_never_replaced(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    assert synced(project).changes["alpha"] == (None, "1.0")
    assert versions(project)["alpha"] == "1.0"
    with pytest.raises(UsageError, match=r"was not made by Packflow"):
        remove(project)
    (project / ".venv/bin/python").unlink()
    assert failure(project).code == "python-broken"
    (project / ".venv/bin/python").symlink_to("gone")
    assert remove(project, force=True) == project / ".venv"
    assert not (project / ".venv").exists()


def test_the_python_that_is_asked_for(project: Path, tmp_path: Path) -> None:
    synced(project)
    assert synced(project, python=sys.executable).installer is None  # of the same base
    (project / "packflow.yaml").write_text("name: project\npython_requires: '>=3.99'\n")
    assert failure(project, python=sys.executable).code == "python-chosen-unfit"
    assert failure(project).code == "python-not-found"
    assert (project / ".venv/bin/python").exists()
    error = failure(project, python="3.98")
    assert (error.code, "--download-python" in error.hint) == ("python-not-found", True)
    with pytest.raises(UsageError, match="needs to know which"):
        sync(SyncOptions(project, download_python=True))


def test_an_environment_of_another_python_is_not_taken_for_the_one_asked_for(project: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    other = tmp_path / "other python"
    answer = subprocess.run([sys.executable, "-I", "-c", _PROBE], capture_output=True, text=True, check=True).stdout
    (major, minor, _), *rest = json.loads(answer)
    other.write_text(f"#!/bin/sh\necho '{json.dumps([[major, minor, 99], *rest])}'\n")
    other.chmod(0o755)
    error = failure(project, python=str(other))
    assert error.code == "python-unfit"
    assert error.title.endswith("and Packflow did not make it.")
    assert error.hint.endswith(f"packflow env sync --python '{other}'")


def test_packflows_own_environment_is_neither_replaced_nor_removed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced(project)
    base = existing.base_interpreter(open_project(project), None)
    for module in (existing, removal):
        monkeypatch.setattr(module, "is_apps_own", lambda folder: folder == project / ".venv")
    with (
        pytest.raises(UsageError, match="that Packflow itself runs in, and cannot be made anew"),
        existing.new_environment(project, base),
    ):
        pass
    with pytest.raises(UsageError, match="is the environment that Packflow itself runs in"):
        remove(project, force=True)
    assert (project / ".venv/bin/python").exists()


def test_a_python_that_uv_cannot_fetch(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'error: no download of https://me:secret@x for 3.98' >&2\nexit 2\n")
    uv.chmod(0o755)
    monkeypatch.setattr(managed, "find_uv", lambda: str(uv))
    error = failure(project, python="3.98", download_python=True)
    assert (error.code, error.title) == ("python-not-found", "Python 3.98 could not be fetched.")
    assert error.detail == "error: no download of https://***@x for 3.98"


def test_an_installer_that_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="none could not be started: No such file or directory") as caught:
        Toolbox(tmp_path).run("install", [str(tmp_path / "none")])
    assert caught.value.code == "installer-broken"


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_what_is_no_environment_is_left_alone(project: Path, make: Any) -> None:
    venv = project / ".venv"
    make(venv)
    if venv.is_dir():
        (venv / "mine").write_text("mine")
    for force in (False, True):
        with pytest.raises(UsageError, match="is not a Python environment"):
            remove(project, force=force)
    assert failure(project).code == "target-exists"
    assert venv.is_file() or (venv / "mine").read_text() == "mine"


def test_removing(project: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no environment"):
        remove(project)
    synced(project)
    (project / "elsewhere").symlink_to(project / ".venv")
    assert remove(project) == project / ".venv"
    assert not (project / ".venv").exists()
    assert left(project) == {"environment.lock"}
    (project / ".venv").symlink_to("gone")
    assert failure(project).code == "environment-broken"
    remove(project, force=True)
    assert not (project / ".venv").is_symlink()


# Stopping and dying.


def slow(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the project need a build that does not end; returns the file that tells its process."""
    folder = project / "slow"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "slow_backend"\nbackend-path = ["."]\n'
        '[project]\nname = "slow"\nversion = "1"\n'
    )
    (folder / "slow_backend.py").write_text(SLOW_BACKEND)
    (project / "requirements.txt").write_text("./slow\n")
    monkeypatch.setenv("SLOW_BUILD", str(project.parent))
    return project.parent / "started"


def wait_for(path: Path) -> int:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(path.read_text())


def alive(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("installer", BOTH)
def test_cancelling_takes_under_a_second_and_leaves_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, installer: Any
) -> None:
    started = slow(project, monkeypatch)
    cancel = threading.Event()
    at: list[float] = []

    def stop() -> None:
        wait_for(started)
        at.append(time.monotonic())
        cancel.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(CancelledError):
        sync(SyncOptions(project, installer=installer, offline=True), cancel=cancel)
    assert time.monotonic() - at[0] < 1.5
    stopper.join()
    time.sleep(0.1)
    assert not alive(wait_for(started))
    assert not (project / ".venv").exists()
    assert left(project) == {"environment.lock"}


def test_a_kill_leaves_what_never_passes_for_whole_and_the_next_sync_mends_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = slow(project, monkeypatch)
    command = [sys.executable, "-m", "packflow_app", "env", "sync", str(project), "--offline"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(started)
    process.kill()
    process.wait()
    with pytest.raises(NotFoundError, match="is half-made"):
        find_interpreter(project)
    seen = info(project)
    assert (seen.unfinished, seen.in_sync, seen.chosen) == (True, False, None)

    (project / "requirements.txt").write_text("alpha==1.0\n")
    events: list[EnvironmentProgressed] = []

    def report(event: EnvironmentProgressed) -> None:
        events.append(event)
        if event.step == "wait":  # for the tool that outlived its master
            (project.parent / "go").touch()

    done = sync(SyncOptions(project, wheelhouse=project.parent / "wheels"), report=report)
    assert events[0].step == "wait"
    assert done.created
    assert versions(project)["alpha"] == "1.0"
    assert left(project) == {"environment.lock"}


def test_ctrl_c_leaves_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = slow(project, monkeypatch)
    command = [sys.executable, "-m", "packflow_app", "env", "sync", str(project), "--offline"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    build = wait_for(started)
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=20)
    assert (process.returncode, out, told.splitlines()[-1]) == (130, b"", b"stopped")
    assert not alive(build)
    assert not (project / ".venv").exists()


@pytest.mark.slow
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_killed_at_any_point_it_is_whole_or_known_not_to_be(project: Path, installer: str) -> None:
    chance = random.Random(13)
    (project / "requirements.txt").write_text("alpha==2.0\n")
    command = [sys.executable, "-m", "packflow_app", "env", "sync", str(project), "--installer", installer]
    for _ in range(12):
        process = subprocess.Popen(
            [*command, "--wheelhouse", str(project.parent / "wheels")], stdout=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0.2, 6.0 if installer == "pip" else 1.5))
        process.kill()
        process.wait()
        mark = read_mark(project / ".venv")
        if mark is not None and mark.finished:
            assert versions(project)["alpha"] == "2.0"
            remove(project)
        elif (project / ".venv").exists():
            with pytest.raises(NotFoundError, match="is half-made"):
                find_interpreter(project)
    assert synced(project, installer=installer).packages >= 3
    assert left(project) == {"environment.lock"}


def test_an_update_that_was_killed_is_finished_by_the_next(project: Path) -> None:
    synced(project)
    mark = read_mark(project / ".venv")
    assert mark is not None
    write_mark(project / ".venv", type(mark)(**{**vars(mark), "finished": False}))
    done = synced(project)
    assert (done.created, done.installer) == (False, "uv")
    assert find_interpreter(project).origin == "the project's .venv"


# The lock.


@pytest.fixture
def lockable(project: Path) -> Path:
    """The project with its index in requirements.txt: the folder of wheels."""
    (project / "requirements.txt").write_text(f"--no-index\n--find-links {project.parent / 'wheels'}\nalpha\n")
    return project


def test_a_lock_pins_and_hashes_all(lockable: Path) -> None:
    opened = open_project(lockable)
    assert lock_state(opened) is LockState.MISSING
    done = lock(LockOptions(lockable))
    assert (done.packages, done.python, done.unchanged) == (2, "3.10", False)
    assert lock_state(opened) is LockState.FRESH
    text = done.path.read_text()
    for wheel in ("alpha-2.0", "beta-1.5"):
        content = (lockable.parent / "wheels" / f"{wheel}-py3-none-any.whl").read_bytes()
        assert f"{wheel.replace('-', '==')} \\\n    --hash=sha256:{hashlib.sha256(content).hexdigest()}\n" in text
    assert text.splitlines()[0].startswith("# packflow lock 1: requirements sha256:")
    assert text.splitlines()[1:3] == (lockable / "requirements.txt").read_text().splitlines()[:2]
    assert "packflow-runtime" not in text


@pytest.mark.parametrize("installer", BOTH)
def test_a_lock_is_what_is_installed_and_no_other_bytes(lockable: Path, installer: Any) -> None:
    text = lock(LockOptions(lockable)).path.read_text()
    made = sync(SyncOptions(lockable, installer=installer))
    assert (made.source, made.lock, made.changes["alpha"]) == ("requirements.lock", "fresh", (None, "2.0"))
    with pytest.raises(UsageError, match="--upgrade cannot change"):
        sync(SyncOptions(lockable, upgrade=True))
    remove(lockable)
    pin = text.index("--hash=sha256:") + len("--hash=sha256:")
    (lockable / "requirements.lock").write_text(text[:pin] + "0" * 64 + text[pin + 64 :])
    assert lock_state(open_project(lockable)) is LockState.FRESH
    error = failure(lockable, installer=installer)
    assert (error.code, error.exit_code) == ("hash-mismatch", 1)
    assert not (lockable / ".venv").exists()


def test_the_same_requirements_give_the_same_bytes_and_pins_stay(lockable: Path) -> None:
    (lockable / "requirements.txt").write_text((lockable / "requirements.txt").read_text() + "alpha==1.0\n")
    first = lock(LockOptions(lockable)).path.read_bytes()
    assert lock(LockOptions(lockable)).unchanged
    (lockable / "requirements.lock").unlink()
    assert lock(LockOptions(lockable)).path.read_bytes() == first
    before = (lockable / "requirements.txt").read_text()
    (lockable / "requirements.txt").write_text("# a note\n" + before)
    assert lock_state(open_project(lockable)) is LockState.FRESH
    (lockable / "requirements.txt").write_text(before.replace("alpha==1.0\n", ""))
    assert lock_state(open_project(lockable)) is LockState.STALE
    assert b"alpha==1.0 " in lock(LockOptions(lockable)).path.read_bytes()
    assert b"alpha==2.0 " in lock(LockOptions(lockable, upgrade=True)).path.read_bytes()


def test_a_stale_lock_is_not_installed(lockable: Path) -> None:
    lock(LockOptions(lockable))
    (lockable / "packflow.yaml").write_text("name: project\npython_requires: '>=3.10,<4'\n")
    assert lock_state(open_project(lockable)) is LockState.STALE
    done = sync(SyncOptions(lockable))
    assert (done.source, done.lock) == ("requirements.txt", LockState.STALE)
    (lockable / "requirements.lock").write_text("alpha==1.0\n")
    assert lock_state(open_project(lockable)) is LockState.STALE
    (lockable / "requirements.lock").unlink()
    (lockable / "requirements.lock").mkdir()
    with pytest.raises(NotFoundError, match=r"requirements\.lock cannot be read: Is a directory"):
        sync(SyncOptions(lockable))


def test_a_lock_that_cannot_be_made_leaves_the_one_before(lockable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lock(LockOptions(lockable)).path.read_bytes()
    (lockable / "requirements.txt").write_text((lockable / "requirements.txt").read_text() + "absent==1\n")
    with pytest.raises(NotFoundError) as caught:
        lock(LockOptions(lockable))
    assert (caught.value.code, caught.value.line) == ("requirements-unsatisfiable", 4)
    monkeypatch.setitem(sys.modules, "uv", None)
    with pytest.raises(NotFoundError, match="A lock needs uv") as caught:
        lock(LockOptions(lockable))
    assert (caught.value.code, "pipx inject packflow uv" in caught.value.hint) == ("uv-not-found", True)
    assert (lockable / "requirements.lock").read_bytes() == before
    assert left(lockable) == {"environment.lock"}


def test_an_empty_lock_and_no_requirements(project: Path) -> None:
    (project / "requirements.txt").write_text("# nothing\n")
    assert lock(LockOptions(project)).packages == 0
    assert synced(project).packages == 1
    (project / "requirements.txt").unlink()
    for run in (lambda: lock(LockOptions(project)), lambda: sync(SyncOptions(project))):
        with pytest.raises(NotFoundError, match=r"The project has no requirements\.txt"):
            run()


@pytest.mark.parametrize(
    ("requires", "oldest"),
    [(">=3.11", (3, 11)), (">=3.8,<3.13", (3, 10)), ("~=3.12.1", (3, 12)), ("==3.13.*", (3, 13)), ("<4", (3, 10))],
)
def test_the_oldest_python_that_a_lock_is_for(requires: str, oldest: tuple[int, int]) -> None:
    assert oldest_python(requires) == oldest
    assert oldest_python(None) is None


def test_one_at_a_time(project: Path) -> None:
    done: list[bool] = []
    workers = [threading.Thread(target=lambda: done.append(synced(project).created)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(done) == [False, False, True]
    assert json.loads((project / ".venv/packflow.json").read_text())["finished"] is True
    assert os.access(project / ".venv/bin/python", os.X_OK)


def test_init_takes_the_environment_that_has_all_without_being_told(project: Path) -> None:
    synced(project)
    found = find_interpreter(project, None)
    whole = Provision(found, Installed({}, {}))
    with pytest.raises(UsageError, match="is there already and has what the model needs") as caught:
        check_can_make(project, whole, anew=True)
    assert caught.value.code == "environment-exists"
