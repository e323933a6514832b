"""Kits across a real gap: made for two targets, checked, installed, replayed and run from the folder alone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_wheels import write_wheel
from packflow_app.actions.kit import KitOptions, kit
from packflow_app.actions.sign import SigningKey, SignOptions, sign
from packflow_app.environments.tools import ToolFailedError
from packflow_app.errors import CheckFailedError, NotFoundError, UsageError
from packflow_app.packaging.kit import MadeKit
from packflow_app.packaging.private_keys import WrittenKeys, write_key_pair
from packflow_app.packaging.target_wheels import _missing_in
from packflow_app.packaging.targets import parse_target, this_machine
from packflow_app.packaging.verifier import verifier
from packflow_app.runtime import PackflowError
from pythons import Python, supported_pythons
from runtime.archives import archive_of, manifest_of, runnable_files
from runtime.hostile_archives import hostile_archives

BACKEND = """\
import needed
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"needed": needed.VALUE, "n": event["n"]} for event in inputs]
"""
# Nothing answers at this address, so whatever asks an index fails.
NO_INDEX = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
HERE = this_machine(sys.version_info[:2])
WINDOWS = "windows-amd64-cp312"
pytestmark = pytest.mark.skipif(
    not HERE.place.startswith("linux-"), reason="its wheels are for Linux with glibc: run it there"
)


def alone(**changes: str) -> dict[str, str]:
    """An environment of a process that reaches no index and knows nothing of this checkout."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PACKFLOW", "PIP_", "UV_"))
    }
    return {**kept, **NO_INDEX, **changes}


@pytest.fixture(autouse=True)
def _no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in NO_INDEX.items():
        monkeypatch.setenv(name, value)


class Sender:
    """Whoever makes kits: wheels for Linux and Windows, a lock of them, an archive with it, keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheels = folder / "wheelhouse"
        tag = f"cp3{HERE.minor}-cp3{HERE.minor}-{HERE.platforms[-1]}"
        linux = write_wheel(self.wheels, "needed", "1.0", requires=("pure",), tag=tag)
        windows = write_wheel(self.wheels, "needed", "1.0", requires=("pure",), tag="cp312-cp312-win_amd64")
        pure = write_wheel(self.wheels, "pure", "2.0")
        extra = write_wheel(self.wheels, "only-windows", "3.0")
        self.lock = "\n".join(
            [
                f"needed==1.0 --hash=sha256:{digest(linux)} --hash=sha256:{digest(windows)}",
                f"only-windows==3.0 ; sys_platform == 'win32' \\\n    --hash=sha256:{digest(extra)}",
                f"pure==2.0 \\\n    --hash=sha256:{digest(pure)}",
                "",
            ]
        ).replace(" --hash", " \\\n    --hash")
        self.archive = self.write()
        self.keys: WrittenKeys = write_key_pair(folder / "sender.key", None)

    def write(self, *, lock: str | None = None, requirements: tuple[str, ...] = ("needed==1.0",)) -> Path:
        files = runnable_files(backend=BACKEND)
        golden = {"golden/inputs.ndjson": b'{"n":1}\n', "golden/outputs.ndjson": b'{"needed":"1.0","n":1}\n'}
        files |= {f"packflow-info/{name}": content for name, content in golden.items()}
        if lock != "":
            files["packflow-info/requirements.lock"] = (lock or self.lock).encode()
        path = self.folder / "tiny-1.0.zip"
        path.write_bytes(archive_of(files, manifest_of(files, requirements=[*requirements], golden_events=1)))
        return path

    def kit(self, *targets: str, **options: Any) -> MadeKit:
        given = {"wheelhouse": self.wheels, **options}
        return kit(KitOptions(self.archive, self.folder / "out" / "kit", targets, **given))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    return Sender(tmp_path.resolve())


def checked(kit: Path, *words: object, python: Path | None = None, cwd: Path | None = None) -> Any:
    command = [str(python or sys.executable), "-I", str(kit / "verify.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd or kit, env=alone())


@pytest.mark.slow
def test_from_the_folder_alone(sender: Sender, tmp_path: Path) -> None:
    done = sender.kit(HERE.name, WINDOWS, signing_key=SigningKey(sender.keys.private))
    there = tmp_path / "elsewhere" / "kit"
    shutil.copytree(done.folder, there)
    for gone in (sender.wheels, done.folder):
        shutil.rmtree(gone)
    key = tmp_path / "came-another-way.pub"
    shutil.copy(sender.keys.public, key)
    before = {name: digest(there / name) for name in tree(there)}

    ran = checked(there, "--key", key)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count(f"signed by {key.name} {sender.keys.key.fingerprint}") == 2

    def start(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=there,
            env=alone(PACKFLOW_CACHE=str(tmp_path / "cache")),
            input='{"n":5}\n',
            capture_output=True,
            text=True,
            timeout=120,
        )

    installed = start("tiny-1.0.zip", "install", "--wheelhouse", "wheels")
    assert installed.returncode == 0, installed.stderr
    assert "2 packages" in installed.stdout
    replayed = start("tiny-1.0.zip", "replay")
    assert replayed.returncode == 0, replayed.stderr
    outcome = start("tiny-1.0.zip", "run")
    assert json.loads(outcome.stdout) == {"needed": "1.0", "n": 5}, outcome.stderr

    environment = tmp_path / "own"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "--no-index", "--find-links", "wheels", "packflow-runtime"]
    assert subprocess.run(install, cwd=there, env=alone()).returncode == 0
    verify = [python, "-m", "packflow_runtime", "verify", ".", "--key", key]
    assert subprocess.run(verify, cwd=there, env=alone(), capture_output=True).returncode == 0
    assert {name: digest(there / name) for name in tree(there)} == before


@pytest.mark.slow
def test_the_model_as_a_wheel_from_the_kit(sender: Sender, tmp_path: Path) -> None:
    folder = sender.kit(HERE.name, model_wheel=True).folder
    environment = tmp_path / "host"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "--no-index", "--find-links", "wheels", "tiny", "needed"]
    assert subprocess.run(install, cwd=folder, env=alone()).returncode == 0
    program = (
        "from importlib.metadata import entry_points, requires\n"
        "(found,) = entry_points(group='packflow.backends')\n"
        "assert requires('tiny') == ['packflow-runtime>=0.1.0'], requires('tiny')\n"
        "print(found.name, found.load()()([{'n': 1}, {'n': 2}]))"
    )
    ran = subprocess.run(
        [python, "-c", program], env=alone(PACKFLOW_CACHE=str(tmp_path / "cache")), capture_output=True, text=True
    )
    assert ran.stdout == "tiny [{'needed': '1.0', 'n': 1}, {'needed': '1.0', 'n': 2}]\n", ran.stderr
    check = subprocess.run([python, "-m", "pip", "check"], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout


class TestWhatIsInside:
    def test_these_files_and_no_others(self, sender: Sender) -> None:
        done = sender.kit(HERE.name, WINDOWS)
        runtime = next(name for name in done.files if name.startswith("wheels/packflow_runtime-"))
        linux = f"wheels/needed-1.0-cp3{HERE.minor}-cp3{HERE.minor}-{HERE.platforms[-1]}.whl"
        assert tree(done.folder) == {
            *("README.txt", "SHA256SUMS", "tiny-1.0.zip", "verify.py", runtime, linux),
            *("wheels/needed-1.0-cp312-cp312-win_amd64.whl", "wheels/pure-2.0-py3-none-any.whl"),
            "wheels/only_windows-3.0-py3-none-any.whl",
        }
        assert {wheel.name: wheel.targets for wheel in done.wheels}["pure-2.0-py3-none-any.whl"] == (HERE.name, WINDOWS)
        assert done.files == {name: digest(done.folder / name) for name in sorted(tree(done.folder) - {"SHA256SUMS"})}
        assert [path.name for path in done.folder.parent.iterdir()] == ["kit"]

    def test_the_same_kit_twice(self, sender: Sender) -> None:
        first = sender.kit(HERE.name, WINDOWS, signing_key=SigningKey(sender.keys.private))
        contents = {name: (first.folder / name).read_bytes() for name in tree(first.folder)}
        second = sender.kit(HERE.name, WINDOWS, signing_key=SigningKey(sender.keys.private), force=True)
        assert {name: (second.folder / name).read_bytes() for name in tree(second.folder)} == contents

    def test_an_archive_under_another_name(self, sender: Sender) -> None:
        sign(SignOptions(sender.archive, SigningKey(sender.keys.private)))
        for suffix in ("", ".sig"):
            path = sender.archive.with_name(sender.archive.name + suffix)
            path.rename(path.with_name(f"download (1){suffix}"))
        sender.archive = sender.archive.with_name("download (1)")
        done = sender.kit()
        assert {"tiny-1.0.zip", "tiny-1.0.zip.sig"} <= tree(done.folder)
        assert checked(done.folder, "--key", sender.keys.public).returncode == 0

    def test_this_machine_where_none_is_named(self, sender: Sender) -> None:
        assert [target.name for target in sender.kit().targets] == [HERE.name]

    def test_a_model_that_requires_nothing(self, sender: Sender) -> None:
        sender.write(lock="", requirements=())
        done = sender.kit(WINDOWS)
        assert done.wheels == ()
        assert "requires nothing beside Python" in (done.folder / "README.txt").read_text()

    def test_the_signature_goes_along(self, sender: Sender) -> None:
        signed = sign(SignOptions(sender.archive, SigningKey(sender.keys.private)))
        done = sender.kit()
        assert (done.signature, done.signed_by) == ("tiny-1.0.zip.sig", sender.keys.key.fingerprint)
        assert (done.folder / "tiny-1.0.zip.sig").read_bytes() == signed.path.read_bytes()
        assert sender.keys.key.fingerprint in (done.folder / "README.txt").read_text()
        ran = checked(done.folder, "--key", sender.keys.public)
        assert ran.returncode == 0, ran.stderr

    def test_the_three_commands_of_the_readme(self, sender: Sender) -> None:
        done = sender.kit(signing_key=SigningKey(sender.keys.private))
        lines = (done.folder / "README.txt").read_text().splitlines()
        commands = [line.strip() for line in lines if line.startswith("       python3")]
        assert commands == [
            "python3 -I verify.py --key SENDER.pub",
            "python3 tiny-1.0.zip install --wheelhouse wheels",
            "python3 tiny-1.0.zip run < events.ndjson > outcomes.ndjson",
        ]


class TestRefused:
    def refused(self, sender: Sender, code: str, words: str, *targets: str, **options: Any) -> PackflowError:
        with pytest.raises((CheckFailedError, NotFoundError, UsageError)) as caught:
            sender.kit(*targets, **options)
        assert (caught.value.code, words in caught.value.title) == (code, True), caught.value.title
        assert caught.value.hint
        assert not (sender.folder / "out").exists()
        return caught.value

    def test_a_target_that_lacks_wheels(self, sender: Sender) -> None:
        error = self.refused(
            sender, "target-without-wheel", "needed==1.0 has no wheel for", HERE.name, "macos-arm64-cp312"
        )
        assert "macos-arm64-cp312" in error.title
        lock = f"{sender.lock}absent==9 \\\n    --hash=sha256:{'0' * 64}\n"
        sender.write(lock=lock)
        self.refused(sender, "target-without-wheel", "needed==1.0, absent==9 have no wheel", "macos-arm64-cp312")

    def test_a_wheel_that_is_not_the_locked_one(self, sender: Sender) -> None:
        write_wheel(sender.wheels, "pure", "2.0", value="changed")
        self.refused(sender, "hash-mismatch", f"pure==2.0 for {HERE.name}", HERE.name)

    def test_an_archive_without_a_lock(self, sender: Sender) -> None:
        sender.write(lock="")
        self.refused(sender, "lock-missing", "has no lock")

    def test_an_index_that_does_not_answer(self, sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PIP_RETRIES", "1")  # without one pip does not say what went wrong
        self.refused(sender, "index-unreachable", "cannot be reached", HERE.name, wheelhouse=None)

    def test_other_wishes(self, sender: Sender) -> None:
        self.refused(sender, "target-unknown", "'linux' is no target", "linux")
        self.refused(sender, "target-python", "linux-x86_64-cp39 has Python 3.9", "linux-x86_64-cp39")
        self.refused(sender, "wheelhouse-not-found", "is not a folder", wheelhouse=sender.folder / "none")

    def test_a_signature_of_another_file(self, sender: Sender) -> None:
        signature = sign(SignOptions(sender.archive, SigningKey(sender.keys.private))).path
        sender.write(requirements=("needed==1.0", "pure==2.0"))
        self.refused(
            sender, "signature-other-file", "does not belong to tiny-1.0.zip. It is the signature of other bytes"
        )
        signature.write_bytes(b"gpg")
        self.refused(sender, "signature-other-file", "is not JSON")

    def test_a_folder_that_is_there(self, sender: Sender) -> None:
        folder = sender.folder / "out" / "kit"
        folder.mkdir(parents=True)
        assert sender.kit().folder == folder  # an empty one is as good as none
        with pytest.raises(UsageError, match=r"already exists\.$") as caught:
            sender.kit()
        assert caught.value.hint == "Choose another folder with -o, or replace it with --force."
        (folder / "SHA256SUMS").unlink()
        before = tree(folder)
        for force in (False, True):
            with pytest.raises(UsageError, match=r"already exists and is no kit\.$") as caught:
                sender.kit(force=force)
            assert caught.value.hint == "Choose another folder with -o."
            assert tree(folder) == before


class TestVerifier:
    def test_the_same_bytes_each_time(self) -> None:
        assert verifier() == verifier()

    def test_each_file_of_a_kit_missing_or_changed_is_named(self, sender: Sender) -> None:
        done = sender.kit()
        for name in sorted(set(done.files) - {"verify.py"}):
            path = done.folder / name
            content = path.read_bytes()
            path.write_bytes(content + b"\0")
            changed = checked(done.folder)
            path.unlink()
            missing = checked(done.folder)
            path.write_bytes(content)
            assert (changed.returncode, missing.returncode) == (1, 1)
            assert f"error: {name} is not the file that SHA256SUMS lists" in changed.stderr
            assert f"error: {name} is missing from the kit" in missing.stderr
        assert checked(done.folder).returncode == 0

    def test_it_wants_the_key_that_it_is_given(self, sender: Sender) -> None:
        done = sender.kit(signing_key=SigningKey(sender.keys.private))
        other = write_key_pair(sender.folder / "other.key", None)
        ran = checked(done.folder, "--key", other.public, "--json")
        answer = json.loads(ran.stdout)
        assert ran.returncode == 1
        assert [error["code"] for error in answer["errors"]] == ["kit-signature", "signature-invalid"]
        (done.folder / "SHA256SUMS.sig").unlink()
        (done.folder / "tiny-1.0.zip.sig").unlink()
        assert "is missing from the kit" in checked(done.folder, "--key", sender.keys.public).stderr

    def test_nothing_beside_it_is_imported(self, sender: Sender, tmp_path: Path) -> None:
        done = sender.kit()
        for name in ("json.py", "hashlib.py", "argparse.py", "packflow_runtime.py"):
            (done.folder / name).write_text("raise SystemExit('taken over')")
        command = [sys.executable, str(done.folder / "verify.py"), "tiny-1.0.zip"]  # without -I, from within
        ran = subprocess.run(command, capture_output=True, text=True, cwd=done.folder, env=alone())
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "kit-file-unlisted" in checked(done.folder, "--json").stdout
        assert not list(done.folder.rglob("__pycache__"))

    @pytest.mark.parametrize("python", supported_pythons(), ids=lambda python: python.minor)
    def test_it_refuses_the_whole_hostile_corpus(self, sender: Sender, python: Python, tmp_path: Path) -> None:
        good = sender.archive.read_bytes()
        folder = tmp_path / "hostile"
        folder.mkdir()
        (folder / "verify.py").write_bytes(verifier())
        hostile = list(hostile_archives(good))
        for number, one in enumerate(hostile):
            (folder / f"{number:03}.zip").write_bytes(one.data)
        (folder / "good.zip").write_bytes(good)
        names = [f"{number:03}.zip" for number in range(len(hostile))]
        ran = checked(folder, *names, "good.zip", "--json", "--require", "known-runtime", python=python.path)
        answer = json.loads(ran.stdout)
        assert (ran.returncode, ran.stderr) == (1, "")
        *refused, passed = answer["data"]["archives"]
        assert passed["ok"]
        assert passed["same_runtime"] is True
        found = [(one["ok"], one["faults"][0]["reason"]) for one in refused]
        assert found == [(False, one.reason) for one in hostile]
        assert len(found) > 180


def test_what_pip_says_that_nobody_expected_is_told() -> None:
    with pytest.raises(NotFoundError, match=r"The wheels for linux-x86_64-cp311 could not be fetched\.") as caught:
        _missing_in(ToolFailedError(["one", "ERROR: Disk on fire"], 1), parse_target("linux-x86_64-cp311"), [])
    assert (caught.value.code, caught.value.detail) == ("wheels-not-fetched", "Disk on fire")
