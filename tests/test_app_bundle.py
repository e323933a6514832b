"""``packflow doctor --bundle``: Packflow installed from one folder with no index, and going on from there."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from local_wheels import write_wheel
from packflow_app.environments import runtime_wheel
from packflow_app.environments.tools import Toolbox, ToolFailedError
from packflow_app.errors import CheckFailedError, NotFoundError
from packflow_app.packaging import app_bundle, own_wheel, targets
from packflow_app.packaging.targets import this_machine

HERE = this_machine(sys.version_info[:2])
# Nothing answers at this address, so whatever asks an index fails.
NO_INDEX = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_RETRIES": "0",
    "PIP_CONFIG_FILE": os.devnull,
    "UV_OFFLINE": "1",
}


def started(
    *words: str, cwd: Path, program: tuple[str, ...] = (sys.executable, "-m", "packflow_app"), **changes: str
) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PACKFLOW"))}
    return subprocess.run(
        [*program, *words],
        cwd=cwd,
        env={**kept, **changes},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )


def answer_of(ran: subprocess.CompletedProcess[str], code: int = 0) -> dict[str, Any]:
    assert ran.returncode == code, ran.stdout + ran.stderr
    return dict(json.loads(ran.stdout))


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["--bundle", "b", "--target", "pdp11"], 2, "target-unknown"),
        (["--bundle", "b", "--target", "linux-x86_64-cp39"], 1, "target-python"),
        (["--bundle", "b", "--wheelhouse", "none"], 3, "wheelhouse-not-found"),
        (["--bundle", "."], 2, "target-exists"),
        (["--bundle", "b", "--strict"], 2, "usage"),
        (["--target", "linux-x86_64-cp312"], 2, "usage"),
        (["--force"], 2, "usage"),
    ],
)
def test_what_cannot_be_made_is_said_at_once(tmp_path: Path, words: list[str], code: int, error: str) -> None:
    (tmp_path / "note").touch()
    (problem,) = answer_of(started("doctor", *words, "--json", cwd=tmp_path), code)["errors"]
    assert problem["code"] == error
    assert problem["hint"]
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_each_kind_of_machine_has_its_name_for_uv() -> None:
    assert list(app_bundle._PLATFORMS) == list(targets._PLATFORMS)


def stand_ins(folder: Path, *, without: str = "") -> Path:
    """A small wheel of each library that Packflow needs, of a version that will do; one of them for Linux only."""
    for text in metadata.requires("packflow") or ():
        one = Requirement(text)
        version = next(str(Version(spec.version)) for spec in one.specifier if spec.operator in (">=", "=="))
        tag = f"cp3{HERE.minor}-cp3{HERE.minor}-{HERE.platforms[-1]}" if one.name == without else "py3-none-any"
        write_wheel(folder, one.name, version, tag=tag)
    return folder


def test_what_uv_says_is_told_in_a_sentence() -> None:
    said = "error: No solution found when resolving dependencies:\n  cause: Because a is not here\n  and you want a"
    error = app_bundle._not_resolved(said, HERE)
    assert error.detail == ("No solution found when resolving dependencies: Because a is not here and you want a.")
    assert error.code == "bundle-not-resolved"


def test_a_wheel_that_its_lock_does_not_name_is_told_without_a_projects_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> None:
        raise CheckFailedError("Its hash differs.", code="hash-mismatch", hint="packflow env lock")

    monkeypatch.setattr(app_bundle, "_locked", lambda *_given: b"")
    monkeypatch.setattr(app_bundle, "collect_wheels", refuse)
    with pytest.raises(CheckFailedError, match=r"Its hash differs\.") as caught:
        app_bundle._wheels(tmp_path, [], [HERE], Toolbox(tmp_path), None)
    assert (caught.value.code, "packflow env lock" in caught.value.hint) == ("hash-mismatch", False)


def test_an_installation_that_cannot_be_given_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> None:
        raise metadata.PackageNotFoundError

    def fail(*_given: object, **_named: object) -> None:
        raise ToolFailedError(["No module named hatchling"], 1)

    with pytest.raises(NotFoundError, match=r"^There is no wheel of Packflow to give on\. The installation does not"):
        own_wheel._repacked(SimpleNamespace(files=[]), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Toolbox, "run", fail)
        with pytest.raises(NotFoundError, match=r"The wheel of this checkout could not be built\.") as caught:
            own_wheel._built(tmp_path, Toolbox(tmp_path))
    assert (caught.value.code, caught.value.detail) == ("own-wheel-not-built", "No module named hatchling")
    monkeypatch.setattr(own_wheel, "is_checkout", lambda: False)
    monkeypatch.setattr(own_wheel.metadata, "distribution", absent)
    with pytest.raises(NotFoundError, match=r"runs from files that no installer put there\.") as caught:
        own_wheel.write_own_wheel(tmp_path, Toolbox(tmp_path))
    assert caught.value.code == "own-wheel-not-found"


def test_an_installation_without_its_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> Path:
        raise FileNotFoundError("no wheel of packflow-runtime")

    monkeypatch.setattr(runtime_wheel, "runtime_wheel", absent)
    with pytest.raises(NotFoundError, match=r"runtime is not there: no wheel of packflow-runtime\.$") as caught:
        runtime_wheel.carried_wheel()
    assert caught.value.code == "runtime-not-found"


@pytest.mark.slow
@pytest.mark.skipif(not HERE.place.startswith("linux-"), reason="its wheels are for Linux with glibc: run it there")
def test_a_target_without_a_wheel_is_named_and_nothing_stays(tmp_path: Path) -> None:
    stand_ins(tmp_path / "wheels", without="duckdb")
    words = ["doctor", "--bundle", "made", "--wheelhouse", "wheels", "--json", "--extra", "sign"]
    ran = started(*words, "--target", HERE.name, "--target", "windows-amd64-cp312", cwd=tmp_path, **NO_INDEX)
    (problem,) = answer_of(ran, 1)["errors"]
    assert problem["code"] == "target-without-wheel"
    assert problem["message"].startswith("duckdb==")
    assert "windows-amd64-cp312" in problem["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["wheels"]
    data = answer_of(started(*words, cwd=tmp_path, **NO_INDEX))["data"]
    assert (data["action"], data["targets"], data["extras"]) == ("bundle", [HERE.name], ["sign"])
    assert any(wheel["name"].startswith("cryptography-") for wheel in data["wheels"])
    wrong = started("doctor", "--bundle", "b", "--extra", "magic", "--json", cwd=tmp_path)
    assert answer_of(wrong, 2)["errors"][0]["code"] == "extra-unknown"


@pytest.mark.slow
def test_installed_from_the_folder_alone_it_works_and_can_be_given_on(tmp_path: Path) -> None:
    """Needs an index that has Packflow's libraries, once."""
    data = answer_of(started("doctor", "--bundle", "bundle", "--json", cwd=tmp_path))["data"]
    bundle = tmp_path / "bundle"
    listed = {one["path"]: one["sha256"] for one in data["files"]}
    for name, sha256 in listed.items():
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == sha256
    assert {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()} == {
        *listed,
        "SHA256SUMS",
    }
    check = subprocess.run([sys.executable, "-I", "verify.py"], cwd=bundle, capture_output=True, encoding="utf-8")
    assert (check.returncode, check.stdout.count("ok ")) == (0, 1), check.stdout + check.stderr
    (bundle / "README.txt").write_bytes(b"changed")
    assert subprocess.run([sys.executable, "-I", "verify.py"], cwd=bundle, capture_output=True).returncode == 1

    subprocess.run([sys.executable, "-m", "venv", "env"], cwd=tmp_path, check=True)
    python = str(tmp_path / "env" / "bin" / "python")
    install = ["-m", "pip", "install", "--quiet", "--no-index", "--find-links", "bundle/wheels", "packflow"]
    subprocess.run([python, *install], cwd=tmp_path, check=True, env={**os.environ, **NO_INDEX, "PIP_FIND_LINKS": ""})
    program = (str(tmp_path / "env" / "bin" / "packflow"),)
    assert started("--version", cwd=tmp_path, program=program).stdout.startswith("packflow ")
    for words in (
        ["init", "model", "--events", "example"],
        ["-C", "model", "dry-run"],
        ["export", "model", "-o", "dist"],
    ):
        ran = started(*words, cwd=tmp_path, program=program, **NO_INDEX)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    healthy = answer_of(started("doctor", "--json", cwd=tmp_path, program=program))
    assert not {"installation-damaged", "runtime-not-found"} & {one["code"] for one in healthy["errors"]}

    # From there to the next machine, with no index anywhere.
    words = ["doctor", "--bundle", "next", "--wheelhouse", "bundle/wheels", "--json"]
    given_on = answer_of(started(*words, cwd=tmp_path, program=program, **NO_INDEX))["data"]
    assert {wheel["name"] for wheel in given_on["wheels"]} == {wheel["name"] for wheel in data["wheels"]}
    subprocess.run([sys.executable, "-m", "venv", "other"], cwd=tmp_path, check=True)
    install[-2:] = ["next/wheels", "packflow"]
    other = str(tmp_path / "other" / "bin" / "python")
    subprocess.run([other, *install], cwd=tmp_path, check=True, env={**os.environ, **NO_INDEX, "PIP_FIND_LINKS": ""})
    shown = started("--help", cwd=tmp_path, program=(str(tmp_path / "other" / "bin" / "packflow"),))
    assert shown.returncode == 0

    # What somebody changed in an installation is not given on.
    (changed,) = (tmp_path / "env").glob("lib/python3*/site-packages/packflow_app/wording.py")
    changed.write_text(changed.read_text() + "\n# changed\n")
    refused = answer_of(started(*words, "--force", cwd=tmp_path, program=program, **NO_INDEX), 1)
    assert refused["errors"][0]["code"] == "installation-damaged"
    assert (tmp_path / "next" / "SHA256SUMS").is_file()
