"""``packflow verify``: many archives, a line for each, what is wrong named with check, file and next step."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from commands import packflow
from packflow_app.actions.export import ExportOptions, export
from packflow_app.actions.verify import VerifyOptions, verify
from packflow_app.errors import CancelledError
from packflow_app.packaging.private_keys import write_key_pair
from packflow_app.runtime import DEMANDS, read_public_key
from projects import HONEST, write_project

LOADING = """
    import pickle

    from packflow_runtime import InferenceBackend


    class Backend(InferenceBackend):
        def initialize(self):
            with open(self.project_dir / "model.pkl", "rb") as file:
                self.factor = pickle.load(file)["factor"]

        def execute(self, inputs):
            return [{"double": event["n"] * self.factor} for event in inputs]
"""


def told(done: subprocess.CompletedProcess[str]) -> Any:
    answer = json.loads(done.stdout)
    assert (answer["schema"], answer["ok"]) == ("packflow.verify/1", done.returncode == 0)
    assert done.stderr == ""
    return answer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good and bad archives, really exported."""
    place = tmp_path_factory.mktemp("archives")
    old = write_project(place / "one", HONEST)
    export(ExportOptions(project=old, output=place, golden=5))
    model = write_project(place / "two", LOADING, files={"model.pkl": pickle.dumps({"factor": 2, "b": b"c"}, 2)})
    export(ExportOptions(project=model, output=place, golden=0))
    good = (place / "one-0.1.0.zip").read_bytes()
    changed = good.replace(b'event["n"] * 2', b'event["n"] * 3')
    assert changed != good
    (place / "changed.zip").write_bytes(changed)
    (place / "cut.zip").write_bytes(good[:-1000])
    return place


def test_a_line_for_each_good_archive(folder: Path) -> None:
    done = packflow("verify", "one-0.1.0.zip", "two-0.1.0.zip", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    sha256 = hashlib.sha256((folder / "one-0.1.0.zip").read_bytes()).hexdigest()
    assert first.startswith("✓ one-0.1.0.zip  one 0.1.0  ")
    assert first.endswith(f"sha256 {sha256}, not signed")
    assert second.startswith("✓ two-0.1.0.zip  two 0.1.0  ")


def test_what_is_wrong_is_named_with_check_file_and_next_step(folder: Path) -> None:
    done = packflow("verify", "changed.zip", "one-0.1.0.zip", "cut.zip", "none.zip", cwd=folder)
    assert done.returncode == 1
    assert [line[:15].rstrip() for line in done.stdout.splitlines()] == [
        "✗ changed.zip",
        "✓ one-0.1.0.zip",
        "✗ cut.zip  stru",
        "✗ none.zip  not",
    ]
    assert done.stderr.splitlines()[:3] == [
        "error: The content of 'project/inference.py' is not what was written: its checksum differs. "
        "Found by the check of contents.",
        "  at changed.zip: project/inference.py",
        "  next: Copy the archive again from where it was made, or export it again; nothing may change its bytes.",
    ]
    assert "error: The archive is cut short: its end record is missing. Found by the check of structure." in done.stderr


def test_an_archive_that_cannot_be_opened(folder: Path) -> None:
    assert packflow("verify", "none.zip", "one-0.1.0.zip", cwd=folder).returncode == 3
    assert packflow("verify", ".", cwd=folder).returncode == 3
    assert packflow("verify", cwd=folder).returncode == 2


def test_checked_and_claimed_are_two_blocks(folder: Path) -> None:
    shown = packflow("verify", "-v", "two-0.1.0.zip", cwd=folder).stdout
    checked, _, claimed = shown.partition("Claimed by its builder, and not checked")
    assert "Checked here" in checked
    assert "1 file with pickles, which ask for 1 global" in " ".join(checked.split())
    assert "is byte for byte the one that checks here" in " ".join(checked.split())
    assert "parity" not in checked
    assert "parity" in claimed
    shown = packflow("verify", "-v", "changed.zip", cwd=folder).stdout
    assert "Claimed" not in shown


def test_demands(folder: Path) -> None:
    done = packflow("verify", "one-0.1.0.zip", "--require", "parity,golden,lock,no-pickle,known-runtime", cwd=folder)
    assert done.returncode == 0, done.stderr
    done = packflow("verify", "two-0.1.0.zip", "--require", "golden,no-pickle,reviewed-pickle,signed", cwd=folder)
    assert done.returncode == 1
    assert done.stdout == "✗ two-0.1.0.zip  require golden, require no-pickle, require signed\n"
    assert "error: project/model.pkl holds 1 pickle. Demanded by --require no-pickle.\n" in done.stderr
    assert "error: It is not signed. Demanded by --require signed, or by a key.\n" in done.stderr
    done = packflow("verify", "one-0.1.0.zip", "--require", "parity,faith", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"next: Choose from {', '.join(DEMANDS)}." in done.stderr


def test_signatures(folder: Path, tmp_path: Path) -> None:
    for name in ("one-0.1.0.zip", "two-0.1.0.zip"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    for key in ("mine", "other"):
        write_key_pair(tmp_path / f"{key}.key", None)
        (tmp_path / f"{key}.key").rename(tmp_path / f"private-{key}.key")
    assert packflow("sign", "one-0.1.0.zip", "--key", "private-mine.key", cwd=tmp_path).returncode == 0
    mine = read_public_key(tmp_path / "mine.pub").fingerprint
    done = packflow("verify", "one-0.1.0.zip", "--key", "mine.pub", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f", signed by mine.pub {mine}\n")
    assert packflow("verify", "one-0.1.0.zip", "--keys", ".", cwd=tmp_path).stdout == done.stdout
    assert packflow("verify", "one-0.1.0.zip", cwd=tmp_path).stdout.endswith(", signature not checked\n")

    shown = packflow("verify", "one-0.1.0.zip", "-v", "--key", "mine.pub", cwd=tmp_path).stdout
    assert "signature ✓ ok It is the file that was signed." in " ".join(shown.split())

    def refused(*words: str) -> tuple[str, str]:
        (error,) = told(packflow("verify", *words, "--json", cwd=tmp_path))["errors"]
        return error["code"], error["message"]

    assert refused("two-0.1.0.zip", "--key", "mine.pub")[0] == "signature-missing"
    assert refused("one-0.1.0.zip", "--require", "signed")[0] == "signature-unchecked"
    code, message = refused("one-0.1.0.zip", "--key", "other.pub")
    assert code == "signature-invalid"
    assert "was made with the key" in message
    swapped = ("two-0.1.0.zip", "--key", "mine.pub", "--signature", "one-0.1.0.zip.sig")
    assert "signature of another file: of one-0.1.0.zip" in refused(*swapped)[1]
    (tmp_path / "one-0.1.0.zip").write_bytes((tmp_path / "two-0.1.0.zip").read_bytes())
    assert "one-0.1.0.zip changed after it was signed" in refused("one-0.1.0.zip", "--key", "mine.pub")[1]
    assert refused("one-0.1.0.zip", "--key", "private-mine.key")[0] == "key-private"
    assert refused("one-0.1.0.zip", "two-0.1.0.zip", "--signature", "one-0.1.0.zip.sig")[0] == "usage"


def test_json(folder: Path) -> None:
    answer = told(packflow("verify", "one-0.1.0.zip", "changed.zip", "none.zip", "--json", cwd=folder))
    good, changed, missing = answer["data"]["archives"]
    assert (good["ok"], changed["ok"], missing["ok"]) == (True, False, False)
    assert good["claimed"]["parity"]["equal"] is True
    assert changed["claimed"] == {}
    assert [fault["entry"] for fault in changed["faults"]] == ["project/inference.py"]
    assert [error["code"] for error in answer["errors"]] == ["archive-invalid", "archive-not-found"]


def test_the_runtime_says_the_same(folder: Path) -> None:
    from packflow_app.runtime import runtime_import_path

    done = subprocess.run(
        [sys.executable, "-S", "-m", "packflow_runtime", "verify", "--json", "one-0.1.0.zip", "changed.zip"],
        cwd=folder,
        env={"PYTHONPATH": str(runtime_import_path())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ours = told(packflow("verify", "--json", "one-0.1.0.zip", "changed.zip", cwd=folder))
    theirs = told(done)
    assert theirs["data"] == ours["data"]
    assert [error["code"] for error in theirs["errors"]] == [error["code"] for error in ours["errors"]]


def test_nothing_is_written(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    packflow("verify", "-v", *sorted(folder.glob("*.zip")), cwd=folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_replay_runs_what_passed_and_tells_what_it_gave(tmp_path: Path) -> None:
    write_project(tmp_path / "p", HONEST)
    good = export(ExportOptions(tmp_path / "p", tmp_path, golden=2)).exported.path
    told = packflow("verify", good, "--replay", cwd=tmp_path)
    assert (told.returncode, told.stdout.count("2 of 2 golden events equal")) == (0, 1), told.stderr
    bare = export(ExportOptions(tmp_path / "p", tmp_path / "bare", golden=0)).exported.path
    told = packflow("verify", good, bare, "--replay", "--json", cwd=tmp_path)
    answer = json.loads(told.stdout)
    assert (told.returncode, [one["ok"] for one in answer["data"]["archives"]]) == (3, [True, False])
    assert [error["code"] for error in answer["errors"]] == ["golden-missing"]
    assert [bool(one["replay"]) for one in answer["data"]["archives"]] == [True, False]


def test_an_archive_that_failed_is_not_replayed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK")
    told = packflow("verify", broken, "--replay", "--json", cwd=tmp_path)
    assert (told.returncode, json.loads(told.stdout)["data"]["archives"][0]["replay"]) == (1, None)
    told = packflow("verify", broken, "--wheelhouse", tmp_path, cwd=tmp_path)
    assert (told.returncode, "Add --replay" in told.stderr) == (2, True)


def test_it_can_be_stopped(folder: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError, match="was stopped"):
        verify(VerifyOptions([folder / "one-0.1.0.zip"]), cancel=cancel)
