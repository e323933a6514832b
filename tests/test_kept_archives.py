"""Archives of earlier versions: today's runtime accepts each, and runs it to the bytes that it gave on its day."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from packflow_app.runtime import open_archive, runtime_import_path, verify_archive
from pythons import Python, supported_pythons
from runtime.second_reader import read

KEPT = Path(__file__).parent / "data" / "kept"
ARCHIVES = sorted(KEPT.glob("*.zip.gz"))


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name.removesuffix(".zip.gz"))
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, bytes, bytes]:
    """The archive, the events and the outcomes."""
    packed: Path = request.param
    archive = tmp_path / packed.name.removesuffix(".gz")
    archive.write_bytes(gzip.decompress(packed.read_bytes()))
    stem = packed.name.removesuffix(".zip.gz")
    return archive, *((KEPT / f"{stem}.{part}.ndjson").read_bytes() for part in ("events", "outcomes"))


def run(python: Path, words: list[object], events: bytes, tmp_path: Path) -> bytes:
    done = subprocess.run(
        [str(python), "-S", *map(str, words), "--codec", "stdlib"],
        input=events,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PACKFLOW_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(runtime_import_path())},
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_there_is_one_to_keep() -> None:
    assert ARCHIVES


def test_both_readers_accept_it(kept: tuple[Path, bytes, bytes]) -> None:
    archive, _, _ = kept
    found = verify_archive(archive)
    assert found.passed, found.faults
    assert found.manifest is not None
    assert read(archive.read_bytes())["version"] == found.manifest.version
    with open_archive(archive) as opened:
        assert opened.manifest.format == 1


def test_todays_runtime_runs_it_to_the_same_bytes(kept: tuple[Path, bytes, bytes], tmp_path: Path) -> None:
    archive, events, outcomes = kept
    command: list[object] = ["-m", "packflow_runtime", "run", archive]
    assert run(Path(sys.executable), command, events, tmp_path) == outcomes
    assert run(Path(sys.executable), [*command, "--batch-size", "1"], events, tmp_path) == outcomes


def test_its_golden_events_still_give_their_outputs(kept: tuple[Path, bytes, bytes], tmp_path: Path) -> None:
    with open_archive(kept[0]) as opened:
        inputs, outputs = (opened.read(f"packflow-info/golden/{part}.ndjson") for part in ("inputs", "outputs"))
    assert inputs
    assert run(Path(sys.executable), ["-m", "packflow_runtime", "run", kept[0]], inputs, tmp_path) == outputs


@pytest.mark.slow
@pytest.mark.parametrize("python", supported_pythons(), ids=lambda python: python.minor)
def test_the_runtime_inside_runs_it_everywhere(kept: tuple[Path, bytes, bytes], python: Python, tmp_path: Path) -> None:
    archive, events, outcomes = kept
    assert run(python.path, [archive, "run"], events, tmp_path) == outcomes
    assert run(python.path, [archive, "run"], events, tmp_path) == outcomes  # warm
