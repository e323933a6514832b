"""``packflow keygen`` and ``packflow sign``: what they show, their JSON, and who is asked for a passphrase."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from commands import packflow, told
from packflow_app.packaging.private_keys import write_key_pair
from projects import HONEST, write_project
from runtime.archives import archive_of, tiny_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny-1.0.zip").write_bytes(archive_of(tiny_files()))
    return tmp_path


def test_the_whole_way(folder: Path) -> None:
    made = packflow("keygen", cwd=folder, PACKFLOW_KEY_PASSPHRASE="word")
    assert (made.returncode, made.stderr) == (0, "")
    assert "wrote packflow.key  the private key, encrypted with the passphrase" in made.stdout
    assert "packflow sign ARCHIVE --key packflow.key" in made.stdout
    signed = packflow("sign", "tiny-1.0.zip", "--key", "packflow.key", cwd=folder, PACKFLOW_KEY_PASSPHRASE="word")
    assert (signed.returncode, signed.stderr) == (0, "")
    assert signed.stdout.startswith("wrote tiny-1.0.zip.sig\n  signed by key ")


def test_the_same_for_a_program(folder: Path) -> None:
    made = told("keygen", "-o", "a.pem", "--no-passphrase", cwd=folder)
    assert made["schema"] == "packflow.keygen/1"
    assert made["data"] == {
        "private_key": str(folder / "a.pem"),
        "public_key": str(folder / "a.pub"),
        "fingerprint": made["data"]["fingerprint"],
        "encrypted": False,
    }
    assert [warning["code"] for warning in made["warnings"]] == ["key-unencrypted"]
    signed = told("sign", "tiny-1.0.zip", "--key", "a.pem", cwd=folder)
    assert signed["schema"] == "packflow.sign/1"
    assert signed["data"] == {
        "path": str(folder / "tiny-1.0.zip.sig"),
        "archive": str(folder / "tiny-1.0.zip"),
        "sha256": signed["data"]["sha256"],
        "fingerprint": made["data"]["fingerprint"],
        "unchanged": False,
    }
    assert told("sign", "tiny-1.0.zip", "--key", "a.pem", cwd=folder)["data"]["unchanged"]


def test_an_export_that_is_signed(tmp_path: Path) -> None:
    write_project(tmp_path / "project", HONEST, config="golden: 5\n")
    write_key_pair(tmp_path / "a.key", "word")
    missing = told("export", "project", "--sign", "a.key", cwd=tmp_path, code=2)
    assert missing["errors"][0]["code"] == "key-encrypted"
    assert not (tmp_path / "project" / ".packflow").exists()  # said before the model was run
    done = told("export", "project", "--sign", "a.key", cwd=tmp_path, PACKFLOW_KEY_PASSPHRASE="word")["data"]
    assert done["signature"]["path"] == str(tmp_path / "project-0.1.0.zip.sig")
    assert told("verify", "project-0.1.0.zip", "--key", "a.pub", cwd=tmp_path)["ok"]
    again = told("export", "project", "--sign", "a.key", cwd=tmp_path, PACKFLOW_KEY_PASSPHRASE="word")["data"]
    assert (again["unchanged"], again["signature"]["unchanged"]) == (True, True)

    (tmp_path / "project" / "README.md").write_text("more")
    left = told("export", "project", "--force", cwd=tmp_path)
    assert "signature-stale" in [warning["code"] for warning in left["warnings"]]
    refused = told("verify", "project-0.1.0.zip", "--key", "a.pub", cwd=tmp_path, code=1)
    assert "changed after it was signed" in refused["errors"][0]["message"]
    blocked = told("export", "project", "--sign", "a.key", cwd=tmp_path, code=2, PACKFLOW_KEY_PASSPHRASE="word")
    assert blocked["errors"][0]["code"] == "target-exists"
    signed = packflow("export", "project", "--sign", "a.key", "--force", cwd=tmp_path, PACKFLOW_KEY_PASSPHRASE="word")
    assert f"signed by key {done['signature']['fingerprint']}, in project-0.1.0.zip.sig" in signed.stdout
    assert told("verify", "project-0.1.0.zip", "--key", "a.pub", cwd=tmp_path)["ok"]


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["keygen"], 2, "passphrase-missing"),
        (["keygen", "--no-input"], 2, "passphrase-missing"),
        (["keygen", "--no-passphrase", "-o", "there.key"], 2, "target-exists"),
        (["sign", "tiny-1.0.zip"], 2, "key-missing"),
        (["sign", "tiny-1.0.zip", "--key", "there.key"], 2, "key-encrypted"),
        (["sign", "tiny-1.0.zip", "--key", "there.pub"], 2, "key-invalid"),
        (["sign", "tiny-1.0.zip", "--key", "none.key"], 3, "key-not-found"),
        (["sign", "none.zip", "--sign-command", "cat", "--public-key", "there.pub"], 3, "archive-not-found"),
        (["sign", "there.pub", "--sign-command", "cat", "--public-key", "there.pub"], 1, "archive-invalid"),
        (["sign", "tiny-1.0.zip", "--sign-command", "cat"], 2, "public-key-missing"),
        (["sign", "tiny-1.0.zip", "--sign-command", "cat", "--public-key", "there.pub"], 1, "sign-command-failed"),
    ],
)
def test_bad_input(folder: Path, words: list[str], code: int, error: str) -> None:
    write_key_pair(folder / "there.key", "word")
    before = sorted(folder.iterdir())
    answer = told(*words, cwd=folder, code=code)
    (problem,) = answer["errors"]
    assert problem["code"] == error
    assert problem["hint"]
    assert sorted(folder.iterdir()) == before


def test_a_wrong_passphrase(folder: Path) -> None:
    write_key_pair(folder / "a.key", "word")
    answer = told("sign", "tiny-1.0.zip", "--key", "a.key", cwd=folder, code=2, PACKFLOW_KEY_PASSPHRASE="other")
    assert answer["errors"][0]["code"] == "key-passphrase-wrong"


def test_no_passphrase_is_taken_from_the_command_line(folder: Path) -> None:
    ran = packflow("keygen", "--passphrase", "word", cwd=folder)
    assert ran.returncode == 2
    assert "word" not in ran.stderr.replace("--passphrase", "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal: run on POSIX")
class TestOnATerminal:
    def typed(self, folder: Path, *words: str, answers: list[str]) -> tuple[int, str]:
        """Run a command on a terminal, type ``answers`` as it asks; its exit code and what the terminal showed."""
        import pty

        child, terminal = pty.fork()
        if child == 0:
            os.chdir(folder)
            os.execv(sys.executable, [sys.executable, "-m", "packflow_app", *words])
        shown, deadline = b"", time.monotonic() + 30
        try:
            while time.monotonic() < deadline:
                try:
                    piece = os.read(terminal, 4096)
                except OSError:  # Linux says so where the other side is gone
                    break
                if not piece:
                    break
                shown += piece
                if answers and shown.rstrip().endswith(b":"):
                    time.sleep(0.1)  # the prompt is shown a moment before what is typed stops being shown
                    os.write(terminal, answers.pop(0).encode() + b"\n")
        finally:
            os.close(terminal)
            _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status), shown.decode()

    def test_it_is_asked_for_and_not_shown(self, folder: Path) -> None:
        code, shown = self.typed(folder, "keygen", answers=["sesame", "sesame"])
        assert code == 0, shown
        assert "sesame" not in shown
        code, shown = self.typed(folder, "sign", "tiny-1.0.zip", "--key", "packflow.key", answers=["sesame"])
        assert code == 0, shown
        assert (folder / "tiny-1.0.zip.sig").is_file()

    def test_two_that_differ(self, folder: Path) -> None:
        code, shown = self.typed(folder, "keygen", answers=["sesame", "sesam"])
        assert (code, "The two passphrases differ" in shown) == (2, True)
        assert not (folder / "packflow.key").exists()

    def test_none_is_asked_for_where_none_is_needed(self, folder: Path) -> None:
        write_key_pair(folder / "a.key", None)
        code, shown = self.typed(folder, "sign", "tiny-1.0.zip", "--key", "a.key", answers=[])
        assert (code, "Passphrase" in shown) == (0, False)
