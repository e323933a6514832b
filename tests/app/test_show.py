"""``packflow show``: what an archive holds and needs, and what another one changes."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from commands import packflow
from packflow_app.actions.export import ExportOptions, export
from packflow_app.actions.show import ShowOptions, read_file, show
from packflow_app.errors import CancelledError, UsageError
from packflow_app.packaging.archive_changes import ArchiveChange
from packflow_app.packaging.description import SchemaField
from packflow_app.runtime import OUTPUT_SCHEMA_NAME, PackflowError
from projects import HONEST, write_project
from runtime.archives import archive_of, manifest_of, tiny_files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("archives")
    project = write_project(place / "one", HONEST, config="description: Doubles numbers.\nextra: {team: '[red]bits'}\n")
    export(ExportOptions(project=project, output=place, golden=5))
    (project / "inference.py").write_text((project / "inference.py").read_text().replace("* 2", "* 2.5"))
    (project / "packflow.yaml").write_text((project / "packflow.yaml").read_text() + "version: 0.2.0\n")
    (project / "samples" / "events.ndjson").write_text('{"n": 1, "host": "a"}\n{"n": 2.5}\n')
    (project / "notes.txt").write_text("new\n")
    export(ExportOptions(project=project, output=place, golden=0))
    return place


def test_one_archive(folder: Path) -> None:
    done = packflow("show", "one-0.1.0.zip", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    assert text.startswith("one 0.1.0 Doubles numbers. one-0.1.0.zip ")
    for part in (
        "Needs Python >=3.10 requirements nothing beside Python",
        "Input fields 1 n integer",
        "single = batch equal on 40 events",
        '{"team": "[red]bits"}',
        "packflow_runtime/ ",
        "inference.py ",
        "Next packflow verify one-0.1.0.zip",
    ):
        assert part in text
    assert "canonical_zip.py" not in text
    assert "canonical_zip.py" in packflow("show", "-v", "one-0.1.0.zip", cwd=folder).stdout


def test_info_is_another_word_for_it(folder: Path) -> None:
    shown = packflow("info", "one-0.1.0.zip", cwd=folder)
    assert shown.stdout == packflow("show", "one-0.1.0.zip", cwd=folder).stdout
    answer = json.loads(packflow("-C", ".", "info", "one-0.1.0.zip", "--json", cwd=folder).stdout)
    assert (answer["schema"], answer["command"][3]) == ("packflow.show/1", "info")
    assert packflow("env", "info", cwd=folder / "one").returncode == 0  # which is a command of its own


def test_json(folder: Path) -> None:
    answer = json.loads(packflow("show", "one-0.1.0.zip", "--json", cwd=folder).stdout)
    data = answer["data"]
    assert (data["name"], data["python_requires"], data["lock"]) == ("one", ">=3.10", False)
    assert {"path": "n", "types": ["integer"], "required": True} in data["inputs"]
    assert sum(file["size"] for file in data["files"] if file["path"].startswith("project/")) > 0


def test_what_another_archive_changes(folder: Path) -> None:
    done = show(ShowOptions(folder / "one-0.1.0.zip", folder / "one-0.2.0.zip"))
    changes = done.changes
    assert changes is not None
    assert ArchiveChange("version", "0.1.0", "0.2.0") in changes.claims
    assert ArchiveChange("golden_events", 5, 0) in changes.claims
    assert ArchiveChange("version", None, "0.2.0") in changes.configuration
    assert ArchiveChange("n", "integer", "number") in changes.inputs
    assert [change.what for change in changes.inputs if change.kind == "added"] == ["host"]
    files = {change.what: change.kind for change in changes.files}
    assert files["project/notes.txt"] == "added"
    assert files["project/inference.py"] == "changed"
    assert files["packflow-info/golden/inputs.ndjson"] == "removed"
    assert not any(name.startswith("packflow_runtime/") for name in files)
    shown = packflow("show", "one-0.1.0.zip", "one-0.2.0.zip", cwd=folder)
    text = " ".join(shown.stdout.split())
    assert shown.returncode == 0
    assert text.startswith("one 0.1.0 → one 0.2.0 ")
    assert "~ version 0.1.0 → 0.2.0" in text
    assert "+ project/notes.txt 4" in text
    assert "- packflow-info/golden/inputs.ndjson was " in text
    answer = json.loads(packflow("show", "one-0.1.0.zip", "one-0.2.0.zip", "--json", cwd=folder).stdout)
    assert {"kind": "changed", "what": "version", "before": "0.1.0", "after": "0.2.0"} in answer["data"]["changes"][
        "claims"
    ]


def test_an_archive_against_itself(folder: Path) -> None:
    shown = packflow("show", "one-0.1.0.zip", "one-0.1.0.zip", cwd=folder)
    assert "✓ the same archive" in shown.stdout


def forged(path: Path, files: dict[str, bytes] | None = None, **claims: Any) -> Path:
    every = {**tiny_files(), **(files or {})}
    path.write_bytes(archive_of(every, manifest_of(every, **claims)))
    return path


def test_requirements_are_compared_by_name(tmp_path: Path) -> None:
    old = forged(tmp_path / "old.zip", requirements=["NumPy==1.26", "scipy", "./local.whl"])
    new = forged(tmp_path / "new.zip", requirements=["numpy==2.1", "joblib", "./local.whl"])
    changes = show(ShowOptions(old, new)).changes
    assert changes is not None
    assert changes.requirements == (
        ArchiveChange("joblib", None, "joblib"),
        ArchiveChange("numpy", "NumPy==1.26", "numpy==2.1"),
        ArchiveChange("scipy", "scipy", None),
    )


def test_fields_of_a_schema(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {
            "a": {"type": ["object", "null"], "properties": {"b": {"type": "array", "items": {"type": "string"}}}},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
            "odd": True,
        },
    }
    path = forged(tmp_path / "a.zip", {OUTPUT_SCHEMA_NAME: json.dumps(schema).encode()})
    found = show(ShowOptions(path)).archive
    assert found.inputs is None
    assert found.outputs == (
        SchemaField("a", ("object", "null"), required=True),
        SchemaField("a.b", ("array",), required=False),
        SchemaField("a.b[]", ("string",), required=False),
        SchemaField("counts", ("object",), required=False),
        SchemaField("counts.*", ("integer",), required=False),
    )


@pytest.mark.parametrize(
    "schema",
    [b"", b"[]", b"{", b'{"properties": [1], "required": 3, "items": 1}', b'{"properties": {"a": {"type": 3}}}'],
)
def test_a_schema_that_is_none_does_no_harm(tmp_path: Path, schema: bytes) -> None:
    path = forged(tmp_path / "a.zip", {OUTPUT_SCHEMA_NAME: schema})
    assert packflow("show", path, cwd=tmp_path).returncode == 0


def test_words_of_an_archive_do_not_steer_the_terminal(tmp_path: Path) -> None:
    path = forged(tmp_path / "a.zip", requirements=["\x1b[2Jx"], created="\u202e", pickle_allowlist=["[bold]"])
    shown = packflow("show", path, cwd=tmp_path).stdout
    assert "\x1b" not in shown + packflow("show", forged(tmp_path / "b.zip"), path, cwd=tmp_path).stdout
    assert "\\x1b[2Jx" in shown
    assert "[bold]" in shown


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"PK\3\4 no")
    assert packflow("show", "no.zip", cwd=tmp_path).returncode == 1
    assert packflow("show", "none.zip", cwd=tmp_path).returncode == 3
    with pytest.raises(PackflowError):
        show(ShowOptions(forged(tmp_path / "a.zip"), tmp_path / "none.zip"))


def test_a_file_that_is_not_there(folder: Path) -> None:
    (folder / "my one.zip").write_bytes((folder / "one-0.1.0.zip").read_bytes())
    done = packflow("show", "my one.zip", "--file", "project/none.py", cwd=folder, code=3)
    assert done.stderr == (
        "error: my one.zip has no file 'project/none.py'.\n  next: packflow show 'my one.zip' lists all.\n"
    )
    done = packflow("show", "my one.zip", "--file", "project/none.py", "--json", cwd=folder, code=3)
    assert done.answer["errors"][0]["code"] == "entry-not-found"
    one = folder / "one-0.1.0.zip"
    with pytest.raises(UsageError, match="two archives are named"):
        read_file(ShowOptions(one, other=one, file="project/inference.py"))
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError, match="was stopped"):
        read_file(ShowOptions(one, file="project/inference.py"), cancel=cancel)
