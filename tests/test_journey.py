"""The whole journey with the real command: events to project to dry run to archive to outcomes, on every Python."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from commands import packflow, told
from projects import HONEST, write_project
from pythons import Python, old_pythons, supported_pythons

ROOT = Path(__file__).resolve().parent.parent
GENERATED = ROOT / "tests" / "data"
REAL = Path(os.environ.get("PACKFLOW_EVENTS_DIR", ROOT.parent / "shared" / "events"))


def strict(line: bytes) -> Any:
    """Parse as a parser would that knows no NaN."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    return json.loads(line.decode("utf-8"), parse_constant=refuse)


def run_archive(
    python: Path, archive: Path, *arguments: str, stdin: bytes = b"", **variables: str
) -> tuple[bytes, str]:
    done = subprocess.run(
        [str(python), str(archive), *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout, done.stderr.decode()


def event_lines(path: Path) -> bytes:
    """The file's events as lines."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if path.suffix == ".json":
        return b"".join(json.dumps(event).encode() + b"\n" for event in json.loads(data))
    return data


@dataclass(frozen=True)
class Journey:
    archive: Path
    events: bytes


def travel(folder: Path, events: Path) -> Journey:
    """init, dry-run and export, each as the user types it."""
    project = folder / "d" / "dns-score"
    made = packflow("init", project, "--no-input", "--kind", "python", "--events", events, code=0)
    assert "dry-run" in made.stdout
    answer = told("-C", project, "dry-run")
    assert answer["ok"] is True
    assert answer["data"]["parity"]["equal"] is True
    assert answer["data"]["parity"]["events"] > 0
    for mode in answer["data"]["modes"]:
        assert mode["events_per_second"] > 0
        assert 0 < mode["latency_ms"]["p50"] <= mode["latency_ms"]["p95"]
    assert [mode["batch_size"] for mode in answer["data"]["modes"]] == [1, 8, 64]
    data = told("export", project, "-o", folder / "d")["data"]
    archive = Path(data["path"])
    assert archive.name == "dns_score-0.1.0.zip"
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == data["sha256"]
    assert {file["path"] for file in data["files"]} >= {"__main__.py", "project/inference.py"}
    return Journey(archive, event_lines(events))


def generated_files() -> list[Path]:
    return [GENERATED / name for name in ("dotted_dns.ndjson.gz", "deep_audit.ndjson", "flows.json")]


REAL_FILES = [
    "zeek_dns.ndjson.gz",
    "cloudtrail_invictus.ndjson.gz",
    "nginxplus.ndjson.gz",
    "windows_sysmon.ndjson.gz",
    "suricata_alerts.json",
]


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Journey:
    return travel(tmp_path_factory.mktemp("journey"), GENERATED / "dotted_dns.ndjson.gz")


@pytest.mark.parametrize("events", generated_files(), ids=lambda path: path.name)
def test_generated_events_travel(events: Path, tmp_path: Path) -> None:
    outcome(travel(tmp_path, events), tmp_path)


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_events_travel(name: str, tmp_path: Path) -> None:
    if not (REAL / name).is_file():
        pytest.skip(f"{name} is not there; set PACKFLOW_EVENTS_DIR to a folder of real events")
    outcome(travel(tmp_path, REAL / name), tmp_path)


def outcome(journey: Journey, tmp_path: Path) -> None:
    """The archive gives one strict JSON object for each event."""
    cache = {"PACKFLOW_CACHE": str(tmp_path / "cache")}
    out, log = run_archive(Path(sys.executable), journey.archive, "run", stdin=journey.events, **cache)
    lines = out.split(b"\n")
    assert lines.pop() == b""
    expected = sum(1 for line in journey.events.split(b"\n") if line.strip())
    assert len(lines) == expected
    assert all(set(strict(line)) == {"score", "unusual", "field", "fields"} for line in lines)
    assert f"{expected:,} events, {expected:,} outputs, 0 failed" in log


def test_every_python_gives_the_same_bytes(journey: Journey, tmp_path: Path) -> None:
    hashes = {}
    for python in supported_pythons():
        cache = {"PACKFLOW_CACHE": str(tmp_path / "cache")}  # shared: one copy serves all
        arguments = ("run", "--codec", "stdlib")
        out, _ = run_archive(python.path, journey.archive, *arguments, stdin=journey.events, **cache)
        hashes[python.minor] = hashlib.sha256(out).hexdigest()
    assert len(set(hashes.values())) == 1, hashes
    assert len(list((tmp_path / "cache" / "archives").iterdir())) == 1


def test_bad_lines_give_the_same_bytes_on_every_python(journey: Journey, tmp_path: Path) -> None:
    lines = [b'{"a":1,}', b"{", b"[1]", b"nul", b'{"a":NaN}', b"\xff", b'{"a":"\\ud800"}', b'{"a":1} 2', b'{"a":"\t"}']
    lines += [b'{"a":1e999}', b'{"a":' + b"9" * 5000 + b"}", b"[" * 300, b'{"a" 1}', b'{"a":"', b'{"a":\\u00e9}', b""]
    stdin = b"\n".join([*lines, b'{"rtt":1}'])
    found = {
        python.minor: run_archive(python.path, journey.archive, stdin=stdin, PACKFLOW_CACHE=str(tmp_path))[0]
        for python in supported_pythons()
    }
    assert len(set(found.values())) == 1, found
    outcomes = [strict(line) for line in next(iter(found.values())).splitlines()]
    assert len(outcomes) == len(lines) - 1 + 1
    assert [set(outcome) for outcome in outcomes[:-1]] == [{"packflow_error"}] * (len(lines) - 1)
    assert [outcome["packflow_error"]["line"] for outcome in outcomes[:-1]] == list(range(1, len(lines)))


def test_nothing_installed_is_needed(journey: Journey, tmp_path: Path) -> None:
    for python in supported_pythons():
        done = subprocess.run(
            [str(python.path), "-I", "-S", str(journey.archive)],
            input=b'{"id.orig_p": 1}\n',
            capture_output=True,
            check=True,
            env={"PACKFLOW_CACHE": str(tmp_path), "PATH": "/nowhere"},
            cwd="/",
        )
        assert strict(done.stdout)["fields"] == 1


def test_unzipped_it_runs_too_and_a_changed_file_is_found(journey: Journey, tmp_path: Path) -> None:
    folder = tmp_path / "unzipped"
    with zipfile.ZipFile(journey.archive) as archive:
        archive.extractall(folder)
    for setting in ("", "", "1"):  # whether Python may keep what it compiles, also of the folder's __main__.py
        out, _ = run_archive(Path(sys.executable), folder, stdin=b'{"id.orig_p": 1}\n', PYTHONDONTWRITEBYTECODE=setting)
        assert strict(out)["fields"] == 1
        assert not list(folder.rglob("__pycache__"))
    (folder / "project" / "inference.py").write_text("# changed\n")
    done = subprocess.run([sys.executable, str(folder)], input=b"{}\n", capture_output=True, check=False)
    assert done.returncode == 1
    assert b"project/inference.py is not the file that the manifest lists" in done.stderr
    assert done.stdout == b""


def test_old_pythons_say_what_is_needed(journey: Journey) -> None:
    if not old_pythons():
        pytest.skip("no Python older than 3.10 here; install one, or name it in PACKFLOW_TEST_PYTHONS")
    for python in old_pythons():
        done = subprocess.run([str(python.path), str(journey.archive), "info"], capture_output=True, check=False)
        assert done.returncode == 3
        assert b"This archive needs Python 3.10 or later; this is Python " in done.stderr
        assert b"Traceback" not in done.stderr


def test_info_tells_what_it_is(journey: Journey) -> None:
    out, _ = run_archive(Path(sys.executable), journey.archive, "info")
    text = out.decode()
    assert "dns-score 0.1.0" in text
    assert "equal on " in text
    assert "the builder's claim" in text


def test_names_that_shadow_the_standard_library_harm_nothing(tmp_path: Path) -> None:
    broken = "raise ImportError('shadowed')\n"
    names = ["json.py", "runpy.py", "__main__.py", "zipimport.py", "hashlib.py", "packflow_runtime.py"]
    project = write_project(tmp_path / "model", HONEST, files=dict.fromkeys(names, broken))
    archive = Path(told("export", project, "-o", tmp_path)["data"]["path"])
    for python in supported_pythons():
        for where in (tmp_path, project, Path("/")):
            done = subprocess.run(
                [str(python.path), str(archive)],
                input=b'{"n":21}\n',
                capture_output=True,
                check=True,
                cwd=where,
                env={**os.environ, "PACKFLOW_CACHE": str(tmp_path / "cache")},
            )
            assert done.stdout == b'{"double":42}\n'


def test_demo_tells_the_whole_journey(tmp_path: Path) -> None:
    done = packflow("demo", "-o", tmp_path / "demo", code=0)
    last = done.stdout.strip().splitlines()
    command = next(line for line in last if "$ python3 " in line).partition("$ ")[2]
    assert (tmp_path / "demo" / "demo-0.1.0.zip").is_file()
    assert last[-1].strip().startswith("packflow: 2,000 events, 2,000 outputs, 0 failed")
    again = subprocess.run(command, shell=True, capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert "2,000 events, 2,000 outputs, 0 failed" in again.stderr


@pytest.mark.slow
@pytest.mark.parametrize("python", supported_pythons(), ids=lambda python: python.minor)
def test_info_of_a_sparse_3_5_gib_artifact(python: Python, big_archive: Path) -> None:
    cache = big_archive.parent / "cache"
    out, _ = run_archive(python.path, big_archive, "info", PACKFLOW_CACHE=str(cache))
    assert "big-model 0.1.0" in out.decode()
    assert re.search(r"files +[0-9]+, 3,75[89],", out.decode())
    assert not cache.exists(), "only `run` extracts"


@pytest.fixture(scope="module")
def big_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("big")
    project = write_project(folder / "big-model", HONEST)
    (project / "artifacts").mkdir()
    with (project / "artifacts" / "weights.bin").open("wb") as file:
        file.truncate(3584 << 20)
    return Path(told("export", project, "-o", folder, timeout=900)["data"]["path"])
