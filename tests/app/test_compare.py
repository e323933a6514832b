"""Two models on the same events: an archive against an archive, a project against an archive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import packflow, told
from packflow_app.actions.export import ExportOptions, export
from packflow_app.cli.terminal import Terminal
from packflow_app.result import Result
from projects import backend, write_project

EVENTS = [{"n": n, "x": n * 0.5} for n in range(40)]
OLD = "return [{'score': e['x'] * 2, 'label': 'high' if e['x'] > 10 else 'low', 'old': 1} for e in inputs]"
NEW = (
    "if any(e['n'] == 7 for e in inputs): raise ValueError('seven')\n"
    "return [{'score': e['x'] * 2 + (0.25 if e['n'] > 30 else 0), 'label': 'high' if e['x'] > 12 else 'low'}"
    " for e in inputs]"
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """An old archive, a new project, and events."""
    folder = tmp_path_factory.mktemp("models")
    old = write_project(folder / "model", backend(OLD), EVENTS)
    archive = export(ExportOptions(project=old, output=folder)).exported.path
    new = write_project(folder / "new" / "model", backend(NEW), EVENTS, config="version: 0.2.0\n")
    return archive, new, old / "samples" / "events.ndjson"


def test_differences_are_told_by_field_and_size(models: tuple[Path, Path, Path]) -> None:
    found = told("compare", *models, code=1)
    data = found["data"]
    assert found["schema"] == "packflow.compare/1"
    assert (data["old"], data["new"]) == ("model 0.1.0", "model 0.2.0")
    assert (data["events"], data["differing"], data["old_failed"], data["new_failed"]) == (40, 40, 0, 1)
    fields = {field["path"]: field for field in data["fields"]}
    assert list(fields) == ["old", "score", "label", ""]
    assert fields["old"]["events"] == 39
    assert fields["old"]["first"]["kind"] == "missing"
    assert (fields["score"]["events"], fields["score"]["largest"]) == (9, 0.25)
    assert fields["score"]["first"]["event"] == 32
    assert fields["label"]["events"] == 4
    assert fields[""]["first"]["event"] == 8
    assert [error["code"] for error in found["errors"]] == ["outputs-differ"]


def test_the_table(models: tuple[Path, Path, Path]) -> None:
    done = packflow("compare", *models, code=1)
    assert "✗ model 0.1.0 and model 0.2.0 differ on 40 of 40 events" in done.stdout
    assert "failed events: 0 before, 1 now" in done.stdout
    assert "event 32: 31.0 → 31.25" in done.stdout
    assert "event 1: 1 is gone" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_difference_that_no_float_holds(tmp_path: Path) -> None:
    one, other = (write_project(tmp_path / name, backend(f"return [{{'x': {x}}} for e in inputs]"), EVENTS[:2])
                  for name, x in (("one", "1.7e308"), ("other", "-1.7e308")))  # fmt: skip
    events = one / "samples" / "events.ndjson"
    done = packflow("compare", one, other, events, "--json", code=1)
    data = json.loads(done.stdout, parse_constant=pytest.fail)["data"]
    assert data["fields"][0]["largest"] == data["fields"][0]["first"]["difference"] == "Infinity"
    assert "beyond a float" in packflow("compare", one, other, events, code=1).stdout


def test_a_dry_run_with_a_difference_that_no_float_holds(tmp_path: Path) -> None:
    parts = "return [{'x': 1.7e308 if len(inputs) == 1 else -1.7e308} for e in inputs]"
    project = write_project(tmp_path / "parts", backend(parts), EVENTS[:3])
    report = tmp_path / "report.html"
    done = packflow("dry-run", "--report", report, code=1, cwd=project)
    assert "(|Δ| beyond a float)" in done.stdout + done.stderr
    answer = told("dry-run", code=1, cwd=project)
    assert answer["data"]["parity"]["first_difference"]["difference"] == "Infinity"


def test_no_command_can_print_what_is_no_json() -> None:
    terminal = Terminal(quiet=False, as_json=True, command=["packflow", "demo"])
    with pytest.raises(ValueError, match="not JSON compliant"):
        terminal.emit(Result({"x": float("inf")}))


def test_a_model_equals_itself(models: tuple[Path, Path, Path]) -> None:
    archive, _, events = models
    done = packflow("compare", archive, archive, events, code=0)
    assert done.stdout == "✓ model 0.1.0 = model 0.1.0 on 40 events\n"


def test_what_may_differ_is_left_out(models: tuple[Path, Path, Path]) -> None:
    archive, _, events = models
    project = archive.parent / "model"
    assert packflow("compare", archive, project, events, "--ignore", "score", code=0)


def test_a_dry_run_against_an_archive(models: tuple[Path, Path, Path], tmp_path: Path) -> None:
    archive, _, _ = models
    close = OLD.replace("* 2,", "* 2.5,")
    project = write_project(tmp_path / "model", backend(close), EVENTS)
    found = told("dry-run", "--against", archive, code=0, cwd=project)
    against = found["data"]["against"]
    assert [field["path"] for field in against["fields"]] == ["score"]
    assert against["differing"] == 39
    done = packflow("dry-run", "--against", archive, code=0, cwd=project)
    assert "✗ model 0.1.0 and model 0.1.0 differ on 39 of 40 events" in done.stdout


def test_what_is_no_model(models: tuple[Path, Path, Path], tmp_path: Path) -> None:
    archive, _, events = models
    broken = tmp_path / "broken.zip"
    broken.write_bytes(archive.read_bytes()[:-5])
    assert told("compare", broken, archive, events, code=1)["errors"]
    assert told("compare", archive, tmp_path / "none.zip", events, code=3)["errors"]
    assert told("compare", archive, archive, tmp_path / "none.ndjson", code=3)["errors"]
