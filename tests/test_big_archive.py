"""An archive beyond 4 GiB, which needs ZIP64: it starts by itself from Python 3.13 on, and by the runtime anywhere."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import packflow_runtime
from pythons import Python, supported_pythons
from runtime.archives import archive_of, manifest_of, runnable_files
from sparse_archives import write_sparse_archive

SOURCES = str(Path(packflow_runtime.__file__).parents[1])
SIZE = 5 << 30
EVENT, OUTPUT = b'{"n":2}\n', b'{"n":12}\n'


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """5 GiB of zeros in an artifact, which are a hole in the file."""
    path = tmp_path_factory.mktemp("big") / "big.zip"
    write_sparse_archive(path, runnable_files(), "project/artifacts/weights.bin", SIZE)
    return path


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small, but of more files than a zip without ZIP64 can list."""
    files = runnable_files()
    files |= {f"project/many/{number:06}": b"" for number in range(0x10000)}
    path = tmp_path_factory.mktemp("many") / "many.zip"
    path.write_bytes(archive_of(files, manifest_of(files)))
    return path


def run(python: Python, *words: object, cache: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PACKFLOW"))}
    return subprocess.run(
        [str(python.path), *map(str, words)],
        input=EVENT,
        capture_output=True,
        check=False,
        env={**kept, "PACKFLOW_CACHE": str(cache), **variables},
    )


@pytest.fixture(scope="module")
def cache(big: Path) -> Path:
    return big.parent / "cache"


@pytest.mark.slow
@pytest.mark.parametrize("python", supported_pythons(), ids=lambda python: python.minor)
def test_5_gib_run_by_the_runtime_on_every_python(python: Python, big: Path, cache: Path) -> None:
    """The first one extracts, for all of them, and takes no more room than the file."""
    done = run(python, "-m", "packflow_runtime", "run", big, cache=cache, PYTHONPATH=SOURCES)
    assert (done.returncode, done.stdout) == (0, OUTPUT), done.stderr.decode()
    told = run(python, "-m", "packflow_runtime", "info", big, cache=cache, PYTHONPATH=SOURCES)
    row = f"starts by itself  from Python 3.13 on; before: python -m packflow_runtime run {big}"
    assert row in told.stdout.decode().splitlines()
    weights = next((cache / "archives").glob("*/tree/project/artifacts/weights.bin"))
    assert weights.stat().st_size == SIZE
    assert weights.stat().st_blocks * 512 < 16 << 20


@pytest.mark.slow
@pytest.mark.parametrize("python", supported_pythons(), ids=lambda python: python.minor)
def test_5_gib_started_by_itself(python: Python, big: Path, cache: Path) -> None:
    done = run(python, big, cache=cache)
    if python.version >= (3, 13):
        assert (done.returncode, done.stdout) == (0, OUTPUT), done.stderr.decode()
        return
    # Python gives up before it reads a line of ours: docs/running.md explains this very sentence.
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().rstrip().endswith(f"can't find '__main__' module in '{big}'")


@pytest.mark.slow
def test_65536_files(many: Path, tmp_path: Path) -> None:
    for python in supported_pythons():
        done = run(python, "-m", "packflow_runtime", "info", many, cache=tmp_path / "cache", PYTHONPATH=SOURCES)
        assert b"starts by itself  from Python 3.13 on" in done.stdout, done.stderr.decode()
        direct = run(python, many, "info", cache=tmp_path / "cache")
        assert (direct.returncode == 0) == (python.version >= (3, 13)), direct.stderr.decode()


def test_an_archive_that_needs_none_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "small.zip"
    path.write_bytes(archive_of(runnable_files()))
    for python in supported_pythons():
        done = run(python, path, "info", cache=tmp_path / "cache")
        assert done.returncode == 0
        assert b"starts by itself" not in done.stdout
