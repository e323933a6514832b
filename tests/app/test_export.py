"""An archive holds what it should and nothing else; the same project always gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions.dry_run import DryRunOptions, dry_run
from packflow_app.actions.export import ExportDone, ExportOptions, export
from packflow_app.errors import CheckFailedError, ModelFailedError, NotWritableError, UsageError
from packflow_app.runtime import ProjectConfigError, open_archive, runtime_wheel
from projects import HONEST, backend, write_project
from repositories import git


def exported(project: Path, output: Path, **options: Any) -> ExportDone:
    return export(ExportOptions(project=project, output=output, **options))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "model-one", HONEST, config="golden: 5\n")


def test_the_archive_holds_exactly_these_files(project: Path, tmp_path: Path) -> None:
    (project / "artifacts").mkdir()
    (project / "artifacts" / "weights.bin").write_bytes(b"\0" * 10)
    for name in (".env", ".DS_Store", "__pycache__/x.pyc", ".git/config", "node_modules/x.js", "model_one-0.0.9.zip"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("x")
    done = exported(project, tmp_path / "out")
    with zipfile.ZipFile(runtime_wheel()) as wheel:
        runtime = {name for name in wheel.namelist() if name.startswith("packflow_runtime/")}
    assert done.exported.path == tmp_path / "out" / "model_one-0.1.0.zip"
    with zipfile.ZipFile(done.exported.path) as archive:
        assert set(archive.namelist()) == runtime | {
            "__main__.py",
            "packflow-info/manifest.json",
            "packflow-info/dry-run.json",
            "packflow-info/sbom.cdx.json",
            "packflow-info/input.schema.json",
            "packflow-info/output.schema.json",
            "packflow-info/golden/inputs.ndjson",
            "packflow-info/golden/outputs.ndjson",
            "project/packflow.yaml",
            "project/inference.py",
            "project/requirements.txt",
            "project/artifacts/weights.bin",
        }
        assert archive.testzip() is None
    assert tree(tmp_path / "out") == {"model_one-0.1.0.zip"}


def test_the_manifest_tells_the_truth(project: Path, tmp_path: Path) -> None:
    done = exported(project, tmp_path)
    with open_archive(done.exported.path) as archive:
        archive.verify_contents()
        manifest = archive.manifest
        golden = archive.read("packflow-info/golden/outputs.ndjson").splitlines()
    assert (manifest.name, manifest.version, manifest.format) == ("model-one", "0.1.0", 1)
    assert manifest.python_requires == ">=3.10"
    assert manifest.parity is not None
    assert (manifest.parity.equal, manifest.parity.events) == (True, 40)
    assert manifest.golden_events == len(golden) == 5
    assert manifest.config["name"] == "model-one"
    assert manifest.provenance.commit is None
    assert manifest.created is None
    assert done.exported.sha256 == digest(done.exported.path)
    assert done.exported.size == done.exported.path.stat().st_size


def test_no_time_host_or_path_is_in_the_archive(project: Path, tmp_path: Path) -> None:
    import socket

    content = exported(project, tmp_path / "out").exported.path.read_bytes()
    secrets = [str(tmp_path), sys.prefix, str(Path.home()) + "/"]
    if len(socket.gethostname()) >= 8:  # a short name may well stand in some word
        secrets.append(socket.gethostname())
    for secret in secrets:
        assert secret.encode() not in content


def test_python_requires_defaults_to_the_minor_version_of_the_dry_run(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST)
    text = (project / "packflow.yaml").read_text().replace("python_requires: '>=3.10'\n", "")
    (project / "packflow.yaml").write_text(text)
    manifest = exported(project, tmp_path).exported.manifest
    assert manifest.python_requires == f">=3.{sys.version_info.minor}"


def test_a_stale_dry_run_is_run_again_and_a_fresh_one_is_not(project: Path, tmp_path: Path) -> None:
    dry_run(DryRunOptions(project=project))
    assert not exported(project, tmp_path).ran_dry_run
    assert not exported(project, tmp_path).ran_dry_run
    (project / "inference.py").write_text((project / "inference.py").read_text() + "\n# changed\n")
    assert exported(project, tmp_path, force=True).ran_dry_run


def test_a_dry_run_that_compared_nothing_is_run_again(project: Path, tmp_path: Path) -> None:
    dry_run(DryRunOptions(project=project, batch_sizes=[], probes=False))
    done = exported(project, tmp_path)
    assert done.ran_dry_run
    assert done.exported.manifest.parity is not None


def test_golden_events_guard_behaviour(project: Path, tmp_path: Path) -> None:
    first = exported(project, tmp_path)
    assert first.golden_recorded
    assert not exported(project, tmp_path).golden_recorded
    source = (project / "inference.py").read_text()
    (project / "inference.py").write_text(source.replace("* 2", "* 3"))
    with pytest.raises(CheckFailedError) as caught:
        exported(project, tmp_path)
    assert caught.value.code == "golden-changed"
    assert "packflow export --golden" in caught.value.hint
    assert exported(project, tmp_path, golden=3, force=True).exported.manifest.golden_events == 3
    assert not exported(project, tmp_path).golden_recorded


def test_a_refused_export_leaves_the_golden_events_as_they_were(project: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(NotWritableError):
        exported(project, blocked / "out")
    assert not (project / "golden").exists()
    exported(project, tmp_path)
    before = {path.name: path.read_bytes() for path in (project / "golden").iterdir()}
    with pytest.raises(NotWritableError):
        exported(project, blocked / "out", golden=2)
    assert {path.name: path.read_bytes() for path in (project / "golden").iterdir()} == before


def test_golden_can_be_left_out(project: Path, tmp_path: Path) -> None:
    manifest = exported(project, tmp_path, golden=0).exported.manifest
    assert manifest.golden_events == 0
    assert not any("/golden/" in name for name in manifest.files)
    assert not (project / "golden").exists()


def test_the_same_bytes_again_are_said_and_other_bytes_are_never_replaced(project: Path, tmp_path: Path) -> None:
    first = exported(project, tmp_path).exported
    assert not first.unchanged
    assert exported(project, tmp_path).exported.unchanged
    (project / "requirements.txt").write_text("# more\n")
    before = digest(first.path)
    with pytest.raises(UsageError) as caught:
        exported(project, tmp_path)
    assert caught.value.exit_code == 2
    assert digest(first.path) == before
    assert exported(project, tmp_path, force=True).exported.sha256 != before
    assert not [name for name in tree(tmp_path) if name.endswith(".partial")]


@pytest.mark.parametrize(
    ("execute", "error"),
    [
        ("m = len(inputs)\nreturn [{'x': m} for e in inputs]", CheckFailedError),
        ("return [{'x': 1 // e['n']} for e in inputs]", ModelFailedError),
        ("os._exit(1)", ModelFailedError),
    ],
)
def test_a_bad_verdict_exports_nothing(tmp_path: Path, execute: str, error: type[Exception]) -> None:
    project = write_project(tmp_path / "model", backend(execute))
    with pytest.raises(error):
        exported(project, tmp_path / "out" / "deep")
    assert not (tmp_path / "out").exists()
    assert not (project / "golden").exists()


@pytest.mark.parametrize("version", ["1.0", "v1", "2026.1rc1", "1.0+local.1"])
def test_versions_are_normalised(tmp_path: Path, version: str) -> None:
    project = write_project(tmp_path / "model", HONEST, config=f"version: {version}\n")
    name = exported(project, tmp_path).exported.path.name
    expected = {"1.0": "1.0", "v1": "1", "2026.1rc1": "2026.1rc1", "1.0+local.1": "1.0_local.1"}
    assert name == f"model-{expected[version]}.zip"


def test_what_is_no_version_is_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST, config="version: latest\n")
    with pytest.raises(UsageError) as caught:
        exported(project, tmp_path)
    assert caught.value.code == "version-invalid"


def test_a_broken_configuration_is_placed(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST, config="golden: many\n")
    with pytest.raises(ProjectConfigError) as caught:
        exported(project, tmp_path)
    assert caught.value.where.endswith("packflow.yaml:5")


def test_an_output_that_cannot_be_written_leaves_nothing(project: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(NotWritableError) as caught:
        exported(project, blocked / "out")
    assert caught.value.exit_code == 5
    with pytest.raises(NotWritableError):
        exported(project, Path("/proc/nowhere"))


def test_a_full_disk_leaves_nothing(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exported(project, tmp_path / "warm")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritableError) as caught:
        exported(project, tmp_path / "new" / "out")
    assert "No space left" in caught.value.title
    assert not (tmp_path / "new").exists()


def test_a_project_that_changes_meanwhile_is_not_exported(project: Path, tmp_path: Path) -> None:
    dry_run(DryRunOptions(project=project))

    def change(event: object) -> None:
        if getattr(event, "name", "") == "packflow-info/dry-run.json":
            (project / "inference.py").write_bytes((project / "inference.py").read_bytes().replace(b"2", b"3"))

    with pytest.raises(CheckFailedError) as caught:
        export(ExportOptions(project=project, output=tmp_path / "out"), report=change)
    assert caught.value.code == "project-changed"
    assert not (tmp_path / "out").exists()


def test_names_that_break_elsewhere_are_refused(project: Path, tmp_path: Path) -> None:
    (project / "aux.txt").write_text("x")
    with pytest.raises(Exception, match="Windows takes for a device"):
        exported(project, tmp_path / "out")
    assert not (tmp_path / "out").exists()


EXPORT = """
import os, sys, time
os.umask(int(sys.argv[3], 8))
time.tzset()
import os as _os
if sys.argv[4] == "reversed":
    real = _os.scandir
    class Reversed(list):
        __enter__ = lambda self: self
        __exit__ = lambda self, *error: None
    _os.scandir = lambda path: Reversed(sorted(real(path), key=lambda entry: entry.name, reverse=True))
from pathlib import Path
from packflow_app.actions.export import ExportOptions, export
print(export(ExportOptions(project=Path(sys.argv[1]), output=Path(sys.argv[2]))).exported.sha256)
"""


def test_umask_time_zone_locale_file_order_and_times_do_not_matter(tmp_path: Path) -> None:
    hashes = set()
    conditions = [
        ("077", "sorted", {"TZ": "Pacific/Kiritimati", "LC_ALL": "C"}, 0),
        ("000", "reversed", {"TZ": "America/Los_Angeles", "LC_ALL": "C.UTF-8"}, 2_000_000_000),
        ("022", "sorted", {"TZ": "UTC", "PYTHONHASHSEED": "1"}, 400_000_000),
    ]
    for number, (mask, order, variables, time) in enumerate(conditions):
        project = write_project(
            tmp_path / str(number) / "model", HONEST, files={"données/é.txt": "1", "B.txt": "2", "a.txt": "3"}
        )
        for path in project.rglob("*"):
            os.utime(path, (time, time))
        environment = {**os.environ, **variables}
        command = [sys.executable, "-c", EXPORT, str(project), str(tmp_path / str(number)), mask, order]
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        hashes.add(answer.stdout)
    assert len(hashes) == 1


def test_two_clean_checkouts_give_equal_bytes(tmp_path: Path) -> None:
    origin = write_project(tmp_path / "origin", HONEST, files={".gitignore": ".packflow/\n"})
    exported(origin, tmp_path / "first")  # records the golden events, which are committed
    git(origin, "init", "-q")
    git(origin, "add", ".")
    git(origin, "commit", "-qm", "one")
    found = []
    for name in ("left", "right"):
        git(tmp_path, "clone", "-q", str(origin), str(tmp_path / name / "project"))
        done = exported(tmp_path / name / "project", tmp_path / name / "out")
        assert done.ran_dry_run
        found.append(done.exported)
    assert found[0].sha256 == found[1].sha256
    manifest = found[0].manifest
    assert manifest.provenance.clean is True
    assert manifest.provenance.commit is not None
    assert len(manifest.provenance.commit) == 40
    assert manifest.created is not None


def test_source_date_epoch_sets_created(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert exported(project, tmp_path).exported.manifest.created == "1970-01-02T00:00:00Z"


def test_json_of_export_is_complete(project: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "packflow_app", "export", str(project), "-o", str(tmp_path), "--json"]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert answer["ok"] is True
    assert answer["schema"] == "packflow.export/1"
    assert set(answer["data"]) == {
        "path",
        "size",
        "sha256",
        "unchanged",
        "needs_zip64",
        "rebuilt",
        "files",
        "excluded",
        "rules",
        "golden_events",
        "golden_recorded",
        "signature",
        "wheel",
        "kit",
        "ran_dry_run",
    }
    assert {"path": "project/requirements.txt", "size": 0, "sha256": hashlib.sha256(b"").hexdigest()} in answer["data"][
        "files"
    ]
