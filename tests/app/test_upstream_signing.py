"""Signatures made here are accepted by OpenSSF model-signing from PyPI, and those that it makes are accepted here."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from packflow_app.actions.sign import SigningKey, SignOptions, sign
from packflow_app.environments.installers import find_uv
from packflow_app.packaging.private_keys import WrittenKeys, write_key_pair
from packflow_app.runtime import SignatureCheck, check_signature, read_public_key
from runtime.archives import archive_of, tiny_files

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def model_signing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of upstream's tool, in an environment of its own; pyOpenSSL lets it work offline."""
    folder = tmp_path_factory.mktemp("upstream") / "environment"
    uv = find_uv()
    assert uv is not None
    subprocess.run([uv, "venv", "-q", str(folder), "--python", sys.executable], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([uv, "pip", "install", "-q", "--python", str(python), "model-signing", "pyOpenSSL"], check=True)
    return python.with_name("model_signing")


@pytest.fixture
def keys(tmp_path: Path) -> WrittenKeys:
    """Without a passphrase: upstream 1.1.1 cannot open a key that has one."""
    return write_key_pair(tmp_path / "mine.key", None)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "tiny-1.0.zip"
    path.write_bytes(archive_of(tiny_files()))
    return path


def upstream(command: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(command), *map(str, words)], capture_output=True, text=True, timeout=120)


def upstream_verifies(command: Path, archive: Path, signature: Path, public: Path) -> bool:
    ran = upstream(command, "verify", "key", archive, "--signature", signature, "--public_key", public)
    assert "Traceback" not in ran.stderr
    return ran.returncode == 0


def upstream_signs(command: Path, model: Path, signature: Path, private: Path) -> None:
    ran = upstream(command, "sign", "key", model, "--signature", signature, "--private_key", private)
    assert ran.returncode == 0, ran.stderr


def checked(archive: Path, signature: Path, public: Path) -> SignatureCheck:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return check_signature(archive.name, digest, signature.read_bytes(), [read_public_key(public)])


def test_what_is_signed_here_is_accepted_there(model_signing: Path, keys: WrittenKeys, archive: Path) -> None:
    signature = sign(SignOptions(archive, SigningKey(keys.private))).path
    assert upstream_verifies(model_signing, archive, signature, keys.public)
    renamed = archive.with_name("renamed.zip")
    shutil.copy(archive, renamed)
    assert upstream_verifies(model_signing, renamed, signature, keys.public)
    other = write_key_pair(archive.with_name("other.key"), None)
    assert not upstream_verifies(model_signing, archive, signature, other.public)
    archive.write_bytes(archive.read_bytes() + b"\0")
    assert not upstream_verifies(model_signing, archive, signature, keys.public)


def test_what_is_signed_there_is_accepted_here(model_signing: Path, keys: WrittenKeys, archive: Path) -> None:
    signature = archive.with_name("theirs.sig")
    upstream_signs(model_signing, archive, signature, keys.private)
    assert checked(archive, signature, keys.public).state == "valid"
    other = write_key_pair(archive.with_name("other.key"), None)
    assert checked(archive, signature, other.public).reason == "other-key"
    swapped = archive.with_name("swapped.zip")
    swapped.write_bytes(archive_of({**tiny_files(), "project/y.txt": b"y"}))
    assert checked(swapped, signature, keys.public).reason == "other-file"
    archive.write_bytes(archive.read_bytes() + b"\0")
    assert checked(archive, signature, keys.public).reason == "file-changed"


def test_a_folder_that_is_signed_there_is_no_file_here(model_signing: Path, keys: WrittenKeys, archive: Path) -> None:
    folder = archive.with_name("folder")
    folder.mkdir()
    shutil.copy(archive, folder / archive.name)
    signature = archive.with_name("folder.sig")
    upstream_signs(model_signing, folder, signature, keys.private)
    assert checked(archive, signature, keys.public).reason == "resources"
