"""``packflow kit`` and ``packflow export --kit``: what they show, their JSON, and what they refuse early."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from commands import packflow, told
from packflow_app.packaging.private_keys import write_key_pair
from packflow_app.packaging.targets import this_machine
from packflow_app.packaging.verifier import verifier
from projects import HONEST, write_project
from runtime.archives import archive_of, tiny_files

HERE = this_machine(sys.version_info[:2]).name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny-1.0.zip").write_bytes(archive_of(tiny_files()))
    return tmp_path


def test_what_is_shown(folder: Path) -> None:
    done = packflow("kit", "tiny-1.0.zip", "-o", "kit", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "wrote kit"
    assert f"  for {HERE}: 0 wheels" in lines
    assert "  not signed" in lines
    assert f"  sha256 of verify.py {hashlib.sha256(verifier()).hexdigest()}" in lines
    assert "On the other side  python3 -I verify.py" in lines


def test_the_same_for_a_program(folder: Path) -> None:
    keys = write_key_pair(folder / "a.key", None)
    words = ["kit", "tiny-1.0.zip", "-o", "kit", "--sign", "a.key", "--target", "windows-amd64-cp312"]
    answer = told(*words, cwd=folder)
    assert answer["schema"] == "packflow.kit/1"
    data = answer["data"]
    assert set(data) == {
        *("path", "archive", "signature", "signed_by", "targets", "wheels", "files", "verifier_sha256", "size"),
    }
    assert (data["path"], data["archive"]) == (str(folder / "kit"), "tiny-1.0.zip")
    assert (data["signature"], data["signed_by"]) == ("tiny-1.0.zip.sig", keys.key.fingerprint)
    assert (data["targets"], data["wheels"]) == (["windows-amd64-cp312"], [])
    names = {one["path"] for one in data["files"]}
    assert {"README.txt", "tiny-1.0.zip", "tiny-1.0.zip.sig", "verify.py"} < names
    assert not (folder / "tiny-1.0.zip.sig").exists()  # what was given stays as it was


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["kit", "tiny-1.0.zip"], 2, "usage"),
        (["kit", "none.zip", "-o", "kit"], 3, "archive-not-found"),
        (["kit", "a.pub", "-o", "kit"], 1, "archive-invalid"),
        (["kit", "tiny-1.0.zip", "-o", "kit", "--target", "pdp11"], 2, "target-unknown"),
        (["kit", "tiny-1.0.zip", "-o", "."], 2, "target-exists"),
        (["kit", "tiny-1.0.zip", "-o", "kit", "--sign", "a.key"], 2, "key-encrypted"),
        (["kit", "tiny-1.0.zip", "-o", "kit", "--wheelhouse", "none"], 3, "wheelhouse-not-found"),
    ],
)
def test_bad_input(folder: Path, words: list[str], code: int, error: str) -> None:
    write_key_pair(folder / "a.key", "word")
    before = sorted(folder.iterdir())
    (problem,) = told(*words, cwd=folder, code=code)["errors"]
    assert problem["code"] == error
    assert problem["hint"]
    assert sorted(folder.iterdir()) == before


def test_an_export_with_its_kit(tmp_path: Path) -> None:
    write_project(tmp_path / "project", HONEST, config="golden: 5\n")
    write_key_pair(tmp_path / "a.key", None)
    for words, error in (
        (["--target", HERE], "usage"),
        (["--kit", "kit", "--target", "pdp11"], "target-unknown"),
        (["--kit", "project"], "target-exists"),
    ):
        refused = told("export", "project", *words, cwd=tmp_path, code=2)
        assert refused["errors"][0]["code"] == error
        assert not (tmp_path / "project" / ".packflow").exists()  # said before the model was run
    done = told("export", "project", "-o", "dist", "--kit", "kit", "--sign", "a.key", cwd=tmp_path)["data"]
    assert done["kit"]["path"] == str(tmp_path / "kit")
    assert done["kit"]["signed_by"] == done["signature"]["fingerprint"]
    command = [sys.executable, "-I", str(tmp_path / "kit" / "verify.py"), "--key", str(tmp_path / "a.pub")]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    shown = packflow("export", "project", "-o", "dist", "--kit", "other", "--target", HERE, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "wrote other\n" in shown.stdout
