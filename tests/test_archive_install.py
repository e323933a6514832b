"""``install`` with real venvs and pip: from a wheelhouse, with hashes, under concurrency and kills."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from local_wheels import lock_of, write_wheel
from packflow_runtime.environments import MARK
from pythons import supported_pythons
from runtime.archives import archive_of, manifest_of, runnable_files

BACKEND = """\
import sys
import needed_here
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"needed": needed_here.VALUE, "prefix": sys.prefix} for event in inputs]
"""
# Nothing answers at this address, so whatever asks an index fails.
NO_INDEX = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}


class Place:
    """An archive that requires two small wheels, a wheelhouse with them, and a cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        deeper = write_wheel(self.wheels, "deeper", "2.0")
        needed = write_wheel(self.wheels, "needed-here", "1.0", requires=("deeper",))
        self.lock = lock_of(deeper, needed)
        self.cache = folder / "cache"
        self.archive = self.write()

    def write(self, *, lock: bytes | None = None, locked: bool = True, **changes: Any) -> Path:
        files = runnable_files(backend=BACKEND)
        files["project/requirements.txt"] = b"-r base.txt\n"
        files["project/base.txt"] = b"needed-here==1.0\n"
        if locked:
            files["packflow-info/requirements.lock"] = lock or self.lock
        path = self.folder / "tiny.zip"
        requirements = {"requirements": ["needed-here==1.0"], **changes}
        path.write_bytes(archive_of(files, manifest_of(files, **requirements)))
        return path

    def command(self, *words: object, python: Path | None = None) -> list[str]:
        return [str(python or sys.executable), str(self.archive), *map(str, words)]

    def environment(self, **changes: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PACKFLOW", "PIP_"))}
        return {**kept, "PACKFLOW_CACHE": str(self.cache), **NO_INDEX, **changes}

    def start(self, *words: object, python: Path | None = None, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words, python=python),
            input='{"n":1}\n',
            capture_output=True,
            text=True,
            check=False,
            env=self.environment(**changes),
            cwd=self.folder,
        )

    def environments(self) -> list[str]:
        folder = self.cache / "environments"
        return sorted(name for name in os.listdir(folder) if not name.endswith(".lock")) if folder.is_dir() else []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path.resolve())


@pytest.mark.slow
@pytest.mark.parametrize("python", supported_pythons(), ids=lambda python: python.minor)
def test_from_a_wheelhouse_on_every_python(place: Place, python: Any) -> None:
    done = place.start("install", "--wheelhouse", "wheels", python=python.path)
    assert done.returncode == 0, done.stderr
    told, following = done.stdout.splitlines()
    (name,) = place.environments()
    folder = place.cache / "environments" / name
    version = ".".join(map(str, python.version))
    assert told == f"the environment is ready: Python {version}, 2 packages, in {folder}"
    assert following == f"  next: {python.path} {place.archive} run < events.ndjson"
    ran = place.start("run", python=python.path)
    assert json.loads(ran.stdout) == {"needed": "1.0", "prefix": str(folder)}, ran.stderr
    again = place.start("install", "--wheelhouse", "wheels", python=python.path)
    assert again.stdout.startswith("the environment is there already: "), again.stderr


@pytest.mark.slow
def test_the_json_object_and_another_python(place: Place) -> None:
    other = supported_pythons()[0]
    done = place.start("install", "--wheelhouse", place.wheels, "--python", other.path, "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)["data"]
    assert (data["packages"], data["locked"], data["unchanged"]) == (2, True, False)
    assert data["version"] == ".".join(map(str, other.version))
    ran = json.loads(place.start("run").stdout)
    assert ran["prefix"] == data["environment"], "found from whatever Python starts the archive"


@pytest.mark.slow
def test_into_a_folder_of_its_own(place: Place) -> None:
    done = place.start("install", "--wheelhouse", "wheels", "--into", "env")
    assert done.returncode == 0, done.stderr
    python = place.folder / "env" / "bin" / "python"
    assert f"  next: {python} {place.archive} run" in done.stdout
    assert place.environments() == []
    assert json.loads(place.start("run", python=python).stdout)["needed"] == "1.0"
    again = place.start("install", "--wheelhouse", "wheels", "--into", "env")
    assert (again.returncode, again.stdout) == (2, "")
    assert "is there and is not an empty folder" in again.stderr


@pytest.mark.slow
def test_a_changed_wheel_is_refused_and_nothing_stays(place: Place) -> None:
    write_wheel(place.wheels, "deeper", "2.0", value="'changed'")
    done = place.start("install", "--wheelhouse", "wheels")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is no file that the lock names: its hash differs." in done.stderr
    assert place.environments() == []
    assert place.start("run").returncode == 3


@pytest.mark.slow
def test_a_wheelhouse_is_the_only_source(place: Place, tmp_path: Path) -> None:
    """Also where pip is configured for other folders; its path may hold blanks."""
    elsewhere = place.wheels.rename(place.folder / "else where")
    place.wheels.mkdir()
    done = place.start("install", "--wheelhouse", "wheels", PIP_FIND_LINKS=elsewhere.as_uri())
    assert done.returncode == 3, done.stderr
    done = place.start("install", "--wheelhouse", "else where")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_what_is_missing_is_named(place: Place) -> None:
    next(place.wheels.glob("deeper*")).unlink()
    done = place.start("install", "--wheelhouse", "wheels", "--json")
    assert done.returncode == 3
    (error,) = json.loads(done.stdout)["errors"]
    assert error["code"] == "requirements-not-installed"
    assert "deeper==2.0" in error["message"]
    assert "pip download" in error["hint"]
    offline = place.start("install", PIP_NO_INDEX="1")
    assert offline.returncode == 3
    assert "next: Mend the connection to the package index, or install from a folder of wheels" in offline.stderr
    assert place.environments() == []


@pytest.mark.slow
def test_without_a_lock_it_says_what_that_means(place: Place) -> None:
    place.write(locked=False)
    assert "none: `install` takes what the index has" in place.start("info").stdout
    for _ in range(2):  # from the zip, and from its extracted copy
        done = place.start("install", "--wheelhouse", "wheels")
        assert done.returncode == 0, done.stderr
        assert "warning: the archive has no lock." in done.stderr
        assert json.loads(place.start("run").stdout)["needed"] == "1.0"
        place.start("cache", "clean", "--older-than", "0")
        place.start("run")


@pytest.mark.slow
def test_indexes_are_those_that_pip_is_configured_for(place: Place, tmp_path: Path) -> None:
    configuration = tmp_path / "pip.conf"
    configuration.write_text(f"[global]\nno-index = true\nfind-links = {place.wheels}\n")
    done = place.start("install", PIP_CONFIG_FILE=str(configuration))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_an_archive_that_requires_nothing(place: Place) -> None:
    place.write(locked=False, requirements=[])
    done = place.start("install")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "tiny requires nothing beside Python: there is nothing to install.\n"
    done = place.start("install", "--into", "env")
    assert done.returncode == 0, done.stderr
    assert (place.folder / "env" / "bin" / "python").exists()


def test_what_cannot_be_done_as_given(place: Place) -> None:
    place.write(python_requires=">=3.99")
    for words, code, said in (
        (("--wheelhouse", "nowhere"), 3, "tiny needs Python >=3.99"),
        (("--python", "nothing-here"), 3, "nothing-here is no Python that answers"),
        (("--python", place.folder), 3, "is no Python that answers"),
    ):
        done = place.start("install", *words)
        assert (done.returncode, done.stdout) == (code, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    place.write()
    assert "is not a folder" in place.start("install", "--wheelhouse", "nowhere").stderr
    assert place.environments() == []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals: run it on a POSIX system")
def test_several_installs_at_once_make_one_environment(place: Place) -> None:
    processes = [
        subprocess.Popen(
            place.command("install", "--wheelhouse", "wheels"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=place.environment(),
            cwd=place.folder,
        )
        for _ in range(6)
    ]
    told = [process.communicate(timeout=600) for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, told
    states = sorted(out.split(":")[0] for out, _ in told)
    assert states == sorted(["the environment is ready", *["the environment is there already"] * 5])
    assert len(place.environments()) == 1
    assert json.loads(place.start("run").stdout)["needed"] == "1.0"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals: run it on a POSIX system")
def test_kills_at_random_points(place: Place) -> None:
    """After each kill `run` says what is missing, and the install that is let through makes it whole."""
    chance = random.Random(7)
    for _ in range(6):
        process = subprocess.Popen(
            place.command("install", "--wheelhouse", "wheels"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=place.environment(),
            cwd=place.folder,
        )
        time.sleep(chance.uniform(0.1, 4.0))
        process.send_signal(signal.SIGKILL)  # what it had started, such as pip, goes on for a while
        process.wait()
        if not any((place.cache / "environments" / name / MARK).exists() for name in place.environments()):
            assert place.start("run").returncode == 3
    done = place.start("install", "--wheelhouse", "wheels")
    assert done.returncode == 0, done.stderr
    assert len(place.environments()) == 1
    assert json.loads(place.start("run").stdout)["needed"] == "1.0"
    assert place.start("cache", "clean", "--all").returncode == 0
    assert place.environments() == []
