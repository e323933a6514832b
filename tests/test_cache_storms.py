"""Many first starts at once, and kills at any point: one whole copy in the cache, and nothing that stays in the way."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from packflow_runtime.cache_contents import cache_contents, clean
from packflow_runtime.cached_copies import find_tree
from runtime.archives import archive_of, manifest_of, runnable_files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals: run it on a POSIX system"),
]

STARTS = 24
EVENT, OUTPUT = b'{"n":1}\n', b'{"n":11}\n'


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive whose extraction takes a moment, so that kills hit it in every state."""
    files = runnable_files()
    files["project/artifacts/weights.bin"] = random.Random(1).randbytes(24 << 20)
    files |= {f"project/more/{number}.txt": b"x" * number for number in range(400)}
    path = tmp_path_factory.mktemp("storm") / "tiny.zip"
    path.write_bytes(archive_of(files, manifest_of(files)))
    return path


def start(archive: Path, cache: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-S", str(archive), "run", "--codec", "stdlib"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PACKFLOW_CACHE": str(cache)},
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(EVENT)
    process.stdin.close()
    process.stdin = None
    return process


def the_one_entry(archive: Path, cache: Path) -> str:
    """The digest of the one copy, each byte of which is looked at; beside it may be the empty file of a lock."""
    import zipfile

    with zipfile.ZipFile(archive) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    digest = hashlib.sha256(contents["packflow-info/manifest.json"]).hexdigest()
    names = sorted(os.listdir(cache / "archives"))
    assert [name for name in names if name != f".extracting-{digest}.lock"] == [digest]
    tree = find_tree(str(cache), digest)
    assert tree is not None
    found = {path.relative_to(tree).as_posix(): path.read_bytes() for path in Path(tree).rglob("*") if path.is_file()}
    assert found == contents
    return digest


def test_24_first_starts_at_once(archive: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    processes = [start(archive, cache) for _ in range(STARTS)]
    for process in processes:
        out, said = process.communicate(timeout=300)
        assert (process.returncode, out) == (0, OUTPUT), said.decode()
        assert b"was changed" not in said
        assert b"cannot be used" not in said
    the_one_entry(archive, cache)
    assert cache_contents(str(cache)).abandoned == 0


@pytest.mark.parametrize("seed", range(6))
def test_kills_at_random_points(archive: Path, tmp_path: Path, seed: int) -> None:
    """All but a few of them are killed while they start, wait or extract; the survivors answer as if alone."""
    chance = random.Random(seed)
    cache = tmp_path / "cache"
    processes = [start(archive, cache) for _ in range(STARTS)]
    victims = chance.sample(processes, STARTS - 4)
    started = time.monotonic()
    for victim, moment in zip(victims, sorted(chance.uniform(0.0, 4.0) for _ in victims), strict=True):
        time.sleep(max(0.0, started + moment - time.monotonic()))
        if victim.poll() is None:
            os.killpg(victim.pid, signal.SIGKILL)
    for process in processes:
        out, said = process.communicate(timeout=300)
        if process not in victims or process.returncode != -signal.SIGKILL:
            assert (process.returncode, out) == (0, OUTPUT), said.decode()
    the_one_entry(archive, cache)
    assert cache_contents(str(cache)).abandoned == 0
    clean(str(cache))
    assert len(os.listdir(cache / "archives")) == 1


@pytest.mark.parametrize("seed", range(4))
def test_one_after_the_other_killed_until_one_is_through(archive: Path, tmp_path: Path, seed: int) -> None:
    """Each is alone, so that nobody cleans up behind it but the next one."""
    chance = random.Random(100 + seed)
    cache = tmp_path / "cache"
    for _ in range(8):
        process = start(archive, cache)
        time.sleep(chance.uniform(0.05, 0.9))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if (cache / "archives").is_dir():  # never more than one piece of work, whoever was killed before
            left = [name for name in os.listdir(cache / "archives") if not name.endswith(".lock")]
            assert len(left) <= 1, left
    out, said = start(archive, cache).communicate(timeout=300)
    assert out == OUTPUT, said.decode()
    the_one_entry(archive, cache)
    assert cache_contents(str(cache)).abandoned == 0


def test_a_copy_that_is_changed_while_many_start(archive: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    start(archive, cache).communicate(timeout=300)
    digest = the_one_entry(archive, cache)
    changed = cache / "archives" / digest / "tree" / "project" / "steps.py"
    changed.chmod(0o644)
    changed.write_bytes(b"def add(n, offset):\n    return 0\n")
    processes = [start(archive, cache) for _ in range(8)]
    told = 0
    for process in processes:
        out, said = process.communicate(timeout=300)
        assert (process.returncode, out) == (0, OUTPUT), said.decode()
        told += b"was changed; it is made again" in said
    assert told == 1, "one process discards it, and says so"
    the_one_entry(archive, cache)
