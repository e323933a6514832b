"""What an export ships and refuses to drop, what it asks, and what keeps it from exporting."""

from __future__ import annotations

import json
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from commands import packflow, told
from packflow_app.actions.dry_run import DryRunOptions, dry_run
from packflow_app.actions.export import ExportDone, ExportOptions, export
from packflow_app.actions.export_gates import ExportBlockedError
from packflow_app.actions.golden_events import GoldenOffer
from packflow_app.actions.validate import ValidateOptions, validate
from packflow_app.environments.lock import write_lock
from packflow_app.errors import CancelledError, CheckFailedError, ModelFailedError, NotFoundError, UsageError
from packflow_app.packaging.provenance import read_provenance
from packflow_app.packaging.writing import FileWritten, write_archive
from packflow_app.projects.project import open_project
from packflow_app.runtime import open_archive
from projects import HONEST, backend, write_project
from repositories import git

OPENS = backend(
    "return [{'x': self.weight} for _ in inputs]",
    "def initialize(self):\n    self.weight = int((self.project_dir / 'weights' / 'w.txt').read_text())",
)
READ = "open(os.path.join(str(self.project_dir), *'weights w.txt'.split())).read()"  # no path that the source shows
HIDDEN = backend("return [{'x': self.weight} for _ in inputs]", f"def initialize(self):\n    self.weight = int({READ})")


def exported(project: Path, output: Path, **options: Any) -> ExportDone:
    return export(ExportOptions(project=project, output=output, **options))


def names_in(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as opened:
        return set(opened.namelist())


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Artifacts that .gitignore leaves out.


@pytest.mark.parametrize("source", [OPENS, HIDDEN], ids=["named in code", "seen being read"])
def test_an_ignored_artifact_that_the_model_opens_is_an_error_with_a_fix(tmp_path: Path, source: str) -> None:
    files: dict[str, str | bytes] = {".gitignore": "weights/\n", "weights/w.txt": "7", "weights/old.txt": "6"}
    project = write_project(tmp_path / "model", source, files=files)
    with pytest.raises(ExportBlockedError) as caught:
        exported(project, tmp_path / "out")
    assert caught.value.code == "artifact-ignored"
    assert caught.value.title == "weights/w.txt is left out by .gitignore:1 (weights/). It is read by the model."
    assert (caught.value.file, caught.value.line) == (".gitignore", 1)
    assert not (tmp_path / "out").exists()

    done = validate(ValidateOptions(project, fix=True))
    assert [(fix.check, fix.file, fix.what) for fix in done.fixed] == [
        ("artifact-ignored", ".packflowignore", "weights/w.txt ships")
    ]
    assert (project / ".packflowignore").read_text() == "!/weights/\n/weights/*\n!/weights/w.txt\n"
    assert "artifact-ignored" not in {finding.check for finding in done.findings}
    names = names_in(exported(project, tmp_path / "out").exported.path)
    assert "project/weights/w.txt" in names
    assert "project/weights/old.txt" not in names
    assert validate(ValidateOptions(project, fix=True)).fixed == []


def test_a_fix_adds_to_what_is_there_and_names_odd_files_exactly(tmp_path: Path) -> None:
    name = "w [1]*.txt"
    source = OPENS.replace("'weights' / 'w.txt'", f"'weights' / {name!r}")
    files: dict[str, str | bytes] = {
        ".gitignore": "*.txt\n!requirements.txt\n",
        f"weights/{name}": "7",
        "weights/w 1x.txt": "6",
        ".packflowignore": "# mine",
    }
    project = write_project(tmp_path / "model", source, files=files)
    assert len(validate(ValidateOptions(project, fix=True)).fixed) == 1
    assert (project / ".packflowignore").read_text().startswith("# mine\n!/weights/")
    contents = open_project(project).contents()
    assert f"weights/{name}" in contents.files
    assert "weights/w 1x.txt" in contents.excluded


def test_what_packflowignore_leaves_out_is_not_taken_back(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HIDDEN, files={".packflowignore": "weights/\n", "weights/w.txt": "7"})
    done = validate(ValidateOptions(project, fix=True))
    assert done.fixed == []
    assert "artifact-ignored" in {finding.check for finding in done.findings}


def test_what_only_the_code_names_may_be_left_out_on_purpose(tmp_path: Path) -> None:
    source = OPENS.replace("int((", "1 if os.sep else int((").replace("w.txt", "w.onnx")
    files: dict[str, str | bytes] = {".gitignore": "weights/\n", "weights/w.onnx": "7", "weights/notes.txt": ""}
    project = write_project(tmp_path / "model", source, files=files)
    found = validate(ValidateOptions(project)).findings
    assert [finding.where for finding in found if finding.check == "artifact-ignored"] == [".gitignore:1"]
    (project / ".packflowignore").write_text("weights/\n")
    found = validate(ValidateOptions(project)).findings
    assert [finding.check for finding in found if finding.check.startswith("artifact")] == []
    assert exported(project, tmp_path / "out", golden=0).exported.excluded["weights"] == ".packflowignore:1: weights/"


def test_what_the_model_wrote_itself_is_no_artifact(tmp_path: Path) -> None:
    source = backend(
        "return [{'x': int(self.cache.read_text())} for _ in inputs]",
        "def initialize(self):\n    self.cache = self.project_dir / 'made.txt'\n    self.cache.write_text('1')",
    )
    project = write_project(tmp_path / "model", source, files={".gitignore": "made.*\n"})
    found = {finding.check for finding in validate(ValidateOptions(project)).findings}
    assert "project-written" in found
    assert "artifact-ignored" not in found


def test_fix_lists_requirements(tmp_path: Path) -> None:
    source = "import numpy\n" + backend("return [{'x': float(numpy.float64(e['n']))} for e in inputs]")
    project = write_project(tmp_path / "model", source)
    import numpy as np

    with pytest.raises(ExportBlockedError) as caught:
        exported(project, tmp_path / "out", python=sys.executable)
    assert caught.value.code == "requirement-missing"
    answer = packflow("validate", project, "--fix", "--json", "--python", sys.executable)
    data = json.loads(answer.stdout)["data"]
    assert data["fixed"] == [
        {"check": "requirement-missing", "file": "requirements.txt", "what": f"numpy=={np.__version__} added"}
    ]
    assert (project / "requirements.txt").read_text() == f"numpy=={np.__version__}\n"
    assert exported(project, tmp_path / "out", python=sys.executable).exported.manifest.requirements == [
        f"numpy=={np.__version__}"
    ]
    (project / "requirements.txt").unlink()
    (project / "inference.py").write_text("from packflow_runtime import InferenceBackend\n" + backend("return inputs"))
    assert "mended requirements.txt: created" in packflow("validate", project, "--fix").stdout
    assert (project / "requirements.txt").read_bytes() == b""


# What checks keep from being exported.


def test_every_error_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    token = "ghp_" + "a1" * 18
    project = write_project(tmp_path / "model", HONEST, files={"notes.txt": token, "aux.txt": ""})
    answer = packflow("export", project, "-o", tmp_path / "out", "--json")
    envelope = json.loads(answer.stdout)
    assert (answer.returncode, envelope["ok"], envelope["data"]) == (1, False, {})
    assert [error["code"] for error in envelope["errors"]] == ["name-not-portable", "secret"]
    assert token not in answer.stdout + answer.stderr
    assert not (project / ".packflow").exists()  # said before the model is run
    assert not (tmp_path / "out").exists()


def test_strict_lets_warnings_block(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST)
    with pytest.raises(ExportBlockedError) as caught:
        exported(project, tmp_path / "out", strict=True)
    assert {finding.severity.value for finding in caught.value.findings} == {"warning"}
    assert exported(project, tmp_path / "out").findings == caught.value.findings


def test_no_run_refuses_a_missing_and_a_stale_verdict(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST)
    with pytest.raises(CheckFailedError) as caught:
        exported(project, tmp_path / "out", run=False)
    assert caught.value.code == "dry-run-missing"
    dry_run(DryRunOptions(project=project))
    assert not exported(project, tmp_path / "out", run=False).ran_dry_run
    (project / "inference.py").write_text((project / "inference.py").read_text() + "\n")
    with pytest.raises(CheckFailedError) as caught:
        exported(project, tmp_path / "out", run=False)
    assert caught.value.code == "dry-run-stale"


def test_dry_run_is_no_option_of_export(tmp_path: Path) -> None:
    answer = packflow("export", write_project(tmp_path / "model"), "--dry-run")
    assert answer.returncode == 2
    assert "--plan" in answer.stderr


# The plan.


def test_the_plan_is_a_tree_with_sizes_and_reasons_and_writes_nothing(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        ".gitignore": "*.log\n",
        "a.log": "x",
        "artifacts/deep/w.bin": b"\0" * 1500,
        ".env": "",
    }
    project = write_project(tmp_path / "model", HONEST, files=files)
    before = everything(tmp_path)
    answer = packflow("export", project, "--plan", "-o", tmp_path / "out")
    assert answer.returncode == 0
    assert everything(tmp_path) == before
    lines = [line.rstrip() for line in answer.stdout.splitlines()]
    assert "  artifacts/" in lines
    assert "    deep/" in lines
    assert any(line.split() == ["w.bin", "1.5", "kB"] for line in lines)
    assert any(line.split() == ["a.log", ".gitignore:1:", "*.log"] for line in lines)
    assert any(line.split() == [".env", "may", "hold", "secrets"] for line in lines)
    data = told("export", project, "--plan")["data"]
    assert {"path": "artifacts/deep/w.bin", "size": 1500} in data["files"]
    assert data["rules"] == {"a.log": {"file": ".gitignore", "line": 1, "pattern": "*.log"}}
    assert (data["dry_run"], data["lock"], data["golden_events"]) == ("missing", "missing", None)
    assert everything(tmp_path) == before


# Golden events.


def test_somebody_is_asked_before_real_events_ship_and_once_only(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST, events=[{"n": n, "ip": "8.8.8.8"} for n in range(40)])
    offers: list[GoldenOffer] = []

    def answer(count: int) -> Any:
        return lambda offer: offers.append(offer) or count

    done = export(ExportOptions(project, tmp_path / "a"), ask=answer(0))
    assert (done.exported.manifest.golden_events, done.golden_recorded) == (0, False)
    assert not (project / "golden").exists()
    assert export(ExportOptions(project, tmp_path / "b"), ask=answer(3)).exported.manifest.golden_events == 3
    assert export(ExportOptions(project, tmp_path / "b"), ask=answer(0)).exported.manifest.golden_events == 3
    assert [(offer.count, offer.personal) for offer in offers] == [(40, ["public IP addresses in ip"])] * 2


def test_without_input_the_flag_is_named_and_yes_takes_the_default(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST)
    answer = packflow("export", project, "-o", tmp_path / "out", "--no-input")
    assert answer.returncode == 2
    assert "--golden 20" in answer.stderr
    assert not (project / "golden").exists()
    for options in (["--no-input", "--golden", "2"], ["--no-input"], ["-y", "--force"]):
        answer = packflow("export", project, "-o", tmp_path / "out", *options)
        assert (answer.returncode, "2 example events" in answer.stdout) == (0, True), answer.stderr


def test_a_script_without_a_terminal_goes_on(tmp_path: Path) -> None:
    answer = packflow("export", write_project(tmp_path / "model"), "-o", tmp_path / "out")
    assert answer.returncode == 0
    assert "recorded 40 example events" in answer.stdout


def test_golden_events_may_come_from_a_file(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST)
    events = tmp_path / "events.ndjson"
    events.write_text('{"n": 100}\n{"n": 200}\n')
    answer = packflow("export", project, "-o", tmp_path / "out", "--golden", events)
    assert answer.returncode == 0, answer.stderr
    assert (project / "golden/outputs.ndjson").read_text() == '{"double":200}\n{"double":400}\n'
    with open_archive(tmp_path / "out" / "model-0.1.0.zip") as archive:
        assert archive.read("packflow-info/golden/inputs.ndjson") == b'{"n": 100}\n{"n": 200}\n'
    assert not exported(project, tmp_path / "out").golden_recorded


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ('{"n": "x"}\n{"m": 1}\n', ModelFailedError),
        ("", NotFoundError),
        (f'{{"n": 1, "t": "ghp_{"a1" * 18}"}}\n', CheckFailedError),
    ],
)
def test_golden_events_that_cannot_ship_change_nothing(tmp_path: Path, content: str, error: type[Exception]) -> None:
    project = write_project(tmp_path / "model", HONEST, config="golden: 3\n")
    exported(project, tmp_path / "out")
    before = everything(project / "golden")
    events = tmp_path / "events.ndjson"
    events.write_text(content)
    with pytest.raises(error) as caught:
        exported(project, tmp_path / "new", golden=events)
    if isinstance(caught.value, ModelFailedError):
        assert caught.value.code == "golden-failed"
    assert everything(project / "golden") == before
    assert not (tmp_path / "new").exists()


def test_a_secret_in_a_sample_event_never_becomes_golden(tmp_path: Path) -> None:
    token = "ghp_" + "a1" * 18
    project = write_project(tmp_path / "model", HONEST, events=[{"n": 1, "t": token}])
    with pytest.raises(CheckFailedError) as caught:
        exported(project, tmp_path / "out")
    assert (caught.value.code, token in str(vars(caught.value))) == ("secret", False)
    assert not (project / "golden").exists()
    assert exported(project, tmp_path / "out", golden=0).exported.manifest.golden_events == 0


@pytest.mark.parametrize("value", ["51", "some", "-1"])
def test_a_golden_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    answer = packflow("export", write_project(tmp_path / "model"), f"--golden={value}")
    assert answer.returncode == 2
    assert "--golden" in answer.stderr


# The lock, the schemas, the manifest.


def test_the_lock_ships_beside_the_project_and_must_match(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST, config="golden: none\n")
    opened = open_project(project)
    from packflow_app.environments.guard import working_on
    from packflow_app.environments.interpreters import find_interpreter

    with working_on(project, lambda _progress: None, threading.Event()) as tools:
        write_lock(opened, find_interpreter(project, sys.executable, ""), tools)
    lock = (project / "requirements.lock").read_bytes()
    done = exported(project, tmp_path / "out")
    with open_archive(done.exported.path) as archive:
        assert archive.read("packflow-info/requirements.lock") == lock
        archive.verify_contents()
    assert "project/requirements.lock" not in done.exported.manifest.files
    (project / "requirements.txt").write_text("packaging\n")
    with pytest.raises(CheckFailedError) as caught:
        exported(project, tmp_path / "new")
    assert (caught.value.code, "packflow env lock" in caught.value.hint) == ("lock-stale", True)
    assert not (tmp_path / "new").exists()


def test_a_missing_lock_is_said(tmp_path: Path) -> None:
    import packaging

    project = write_project(tmp_path / "model", "import packaging\n" + backend("return [{} for _ in inputs]"))
    (project / "requirements.txt").write_text(f"packaging=={packaging.__version__}\n")
    answer = packflow("export", project, "-o", tmp_path / "out", "--golden", "none", "--python", sys.executable)
    assert answer.returncode == 0, answer.stderr
    assert "packflow env lock" in answer.stderr


def test_the_schema_of_outputs_holds_types_alone(tmp_path: Path) -> None:
    source = backend("return [{'score': e['n'] / 2, 'who': 'secret-name'} for e in inputs]")
    with open_archive(exported(write_project(tmp_path / "model", source), tmp_path, golden=0).exported.path) as archive:
        schema = archive.read("packflow-info/output.schema.json")
    assert json.loads(schema)["properties"] == {"score": {"type": "number"}, "who": {"type": "string"}}
    assert b"secret-name" not in schema


def test_a_stateful_model_ships_its_reason(tmp_path: Path) -> None:
    source = backend(
        "self.n = getattr(self, 'n', 0) + len(inputs)\nreturn [{} for e in inputs]",
        "stateful = True\ndef snapshot(self):\n    return 0\ndef restore(self, value):\n    pass",
    )
    project = write_project(tmp_path / "model", source, config="  reason: It counts events.\n")
    manifest = exported(project, tmp_path).exported.manifest
    assert (manifest.stateful, manifest.stateful_reason) == (True, "It counts events.")


def test_what_ships_and_is_in_no_commit_is_not_clean(tmp_path: Path) -> None:
    project = write_project(
        tmp_path / "model", HONEST, files={".gitignore": "*.bin\n", ".packflowignore": "!w.bin\n", "w.bin": "1"}
    )

    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    assert read_provenance(project)[0].clean is True
    manifest = exported(project, tmp_path, golden=0).exported.manifest
    assert "project/w.bin" in manifest.files
    assert manifest.provenance.clean is False
    assert manifest.created is None
    git(project, "add", "-f", "w.bin")
    git(project, "commit", "-qm", "two")
    assert exported(project, tmp_path, golden=0, force=True).exported.manifest.provenance.clean is True


# While it is being written.


@pytest.mark.parametrize("size", [10, (1 << 20) + 10, 5 << 20])
@pytest.mark.parametrize("change", ["grows", "shrinks", "vanishes", "other bytes"])
def test_a_file_that_changes_meanwhile_leaves_nothing(tmp_path: Path, size: int, change: str) -> None:
    project = write_project(tmp_path / "model", HONEST, files={"w.bin": b"1" * size}, config="golden: none\n")
    dry_run(DryRunOptions(project=project, probes=False))
    path = project / "w.bin"

    def report(event: object) -> None:
        if isinstance(event, FileWritten) and event.name == "packflow-info/manifest.json":
            if change == "vanishes":
                path.unlink()
            else:
                lengths = {"grows": size + 1, "shrinks": size - 1, "other bytes": size}
                path.write_bytes(b"2" * lengths[change])

    with pytest.raises((CheckFailedError, NotFoundError, Exception), match=r"changed|cannot be read") as caught:
        export(ExportOptions(project, tmp_path / "out"), report=report)
    expected = {"vanishes": "file-not-readable", "other bytes": "project-changed"}.get(change, "source-changed")
    assert caught.value.code == expected  # type: ignore[attr-defined]
    assert not (tmp_path / "out").exists()


def test_progress_tells_files_and_bytes(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST, files={"w.bin": b"1" * (3 << 20)}, config="golden: none\n")
    told: list[FileWritten] = []
    export(
        ExportOptions(project, tmp_path),
        report=lambda event: told.append(event) if isinstance(event, FileWritten) else None,
    )
    again = [event for event in told if event.again]
    told = [event for event in told if not event.again]
    assert [(event.name, event.bytes_done) for event in again] == [(event.name, event.bytes_done) for event in told]
    assert [event.done for event in told] == sorted(event.done for event in told)
    assert told[-1].done == told[-1].total
    assert told[-1].bytes_done == told[-1].bytes_total
    assert len([event for event in told if event.name == "project/w.bin"]) == 4  # three pieces, and the whole


# Built twice.


@pytest.mark.parametrize(("rebuild", "twice"), [(None, True), (False, False), (True, True)])
def test_an_archive_is_built_twice_where_that_is_wanted(tmp_path: Path, rebuild: bool | None, twice: bool) -> None:
    project = write_project(tmp_path / "model", HONEST, config="golden: none\n")
    seen: set[bool] = set()
    options = ExportOptions(project, tmp_path / "out", rebuild=rebuild)
    done = export(options, report=lambda event: seen.add(getattr(event, "again", False)))
    assert done.exported.rebuilt is twice
    assert (True in seen) is twice
    assert [path.name for path in (tmp_path / "out").iterdir()] == [done.exported.path.name]


def test_a_large_archive_is_built_twice_when_told_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packflow_app.actions.export.REBUILD_BELOW", 1000)
    project = write_project(tmp_path / "model", HONEST, config="golden: none\n")
    assert not exported(project, tmp_path / "out").exported.rebuilt
    assert exported(project, tmp_path / "out", rebuild=True).exported.rebuilt


def test_a_second_build_with_other_bytes_leaves_nothing(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST, config="golden: none\n")

    def report(event: object) -> None:
        if isinstance(event, FileWritten) and event.name.startswith("project/") and not event.again:
            (project / "notes.txt").write_text("written meanwhile")

    with pytest.raises(CheckFailedError, match=r"built twice, and the bytes differ: project/notes\.txt") as caught:
        export(ExportOptions(project, tmp_path / "out"), report=report)
    assert caught.value.code == "rebuild-differs"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("again", [False, True])
def test_an_export_that_is_stopped_while_it_writes_leaves_nothing(tmp_path: Path, again: bool) -> None:
    project = write_project(tmp_path / "model", HONEST, config="golden: none\n")
    cancel = threading.Event()

    def report(event: object) -> None:
        if isinstance(event, FileWritten) and event.again == again:
            cancel.set()

    with pytest.raises(CancelledError):
        export(ExportOptions(project, tmp_path / "out"), report=report, cancel=cancel)
    assert not (tmp_path / "out").exists()


def test_what_is_in_the_way_is_planned(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST)
    (project / "requirements.txt").unlink()
    data = told("export", project, "--plan")["data"]
    assert "requirements-file-missing" in {one["check"] for one in data["blocking"]}
    assert "in the way  " in packflow("export", project, "--plan").stdout
    strict = json.loads(packflow("export", project, "--plan", "--strict", "--json").stdout)["data"]
    assert len(strict["blocking"]) == len(data["blocking"]) + len(data["warnings"])
    assert strict["warnings"] == []
    assert not data["exists"]


def test_what_needs_zip64_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """65,536 entries need it; thousands of empty files would take long to make, so the writer is given their names."""
    from packflow_app.runtime import Manifest

    def manifest(files: Any) -> Manifest:
        return Manifest("m", "1", "a:B", ">=3.10", "0", {}, files)

    few = write_archive(tmp_path / "few", {f"f{n:05}": b"" for n in range(65_534)}, manifest, lambda _event: None)
    many = write_archive(tmp_path / "many", {f"f{n:05}": b"" for n in range(65_535)}, manifest, lambda _event: None)
    assert (few.needs_zip64, many.needs_zip64) == (False, True)


def test_a_used_version_with_other_bytes_is_refused_before_it_is_replaced(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST, config="golden: none\n")
    path = exported(project, tmp_path / "out").exported.path
    path.write_bytes(path.read_bytes()[:-1] + b"x")  # of the same size
    before = path.read_bytes()
    with pytest.raises(UsageError):
        exported(project, tmp_path / "out")
    assert path.read_bytes() == before
