"""Validating whole projects: what is run, how often, and what 0.4.1 got wrong."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions import validate as action
from packflow_app.actions.validate import Validated, ValidateOptions, validate
from packflow_app.checks.check import Severity
from packflow_app.checks.verdict import Freshness
from packflow_app.dryrun.client import Worker
from packflow_app.errors import CancelledError, NotFoundError, NotWritableError
from packflow_app.runtime import ProjectConfigError
from projects import HONEST, backend, run_dry, write_project

WARNINGS = {"description-empty", "maintainers-empty", "document-missing"}
"""What is found in every project that ``write_project`` makes."""


def validated(folder: Path, *, run: bool = True) -> Validated:
    return validate(ValidateOptions(folder, run))


def found_in(done: Validated) -> set[str]:
    return {finding.check for finding in done.findings} - WARNINGS


# When the model is run.


def test_the_model_is_run_once_and_again_after_a_change(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model")
    first = validated(folder)
    assert (first.ran_dry_run, first.verdict.freshness, found_in(first)) == (True, Freshness.FRESH, set())
    assert json.loads((folder / ".packflow/dry-run/report.json").read_text())["parity"]["equal"] is True
    second = validated(folder)
    assert (second.ran_dry_run, second.verdict.freshness, found_in(second)) == (False, Freshness.FRESH, set())
    (folder / "inference.py").write_text((folder / "inference.py").read_text() + "\n# changed\n")
    assert validated(folder).ran_dry_run
    assert not validated(folder).ran_dry_run


def test_without_a_run_it_goes_by_what_is_there(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model")
    assert found_in(validated(folder, run=False)) == {"dry-run-missing"}
    assert not (folder / ".packflow").exists()
    run_dry(folder)
    assert found_in(validated(folder, run=False)) == set()
    (folder / "inference.py").write_text("raise ValueError\n")
    done = validated(folder, run=False)
    assert (found_in(done), done.ran_dry_run) == ({"dry-run-stale"}, False)


def test_a_dry_run_that_compared_nothing_is_made_up_for(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model")
    run_dry(folder, batch_sizes=[])
    assert found_in(validated(folder, run=False)) == {"parity-unknown"}
    done = validated(folder)
    assert (found_in(done), done.ran_dry_run) == (set(), True)


def test_a_project_that_never_compares_is_told_so_once_it_ran(tmp_path: Path) -> None:
    done = validated(write_project(tmp_path / "model", config="  batch_sizes: [1]\n"))
    assert (found_in(done), done.ran_dry_run) == ({"parity-unknown"}, True)
    assert [finding.line for finding in done.findings if finding.check == "parity-unknown"] == [5]


def test_events_from_elsewhere_will_do(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model")
    events = (folder / "samples/events.ndjson").rename(tmp_path / "events.ndjson")
    assert found_in(validated(folder)) == {"sample-events-missing", "dry-run-held-back"}
    run_dry(folder, events=events)
    assert found_in(validated(folder)) == set()


def test_a_model_that_writes_into_the_project_keeps_its_verdict(tmp_path: Path) -> None:
    writes = '(self.project_dir / "seen.txt").write_text("x")\nreturn [{} for _ in inputs]'
    done = validated(write_project(tmp_path / "model", backend(writes)))
    assert (found_in(done), done.verdict.freshness) == ({"project-written"}, Freshness.FRESH)


def test_it_reports_progress_and_can_be_stopped(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model")
    told: list[Any] = []
    validate(ValidateOptions(folder), report=told.append)
    assert {"single", "batch 8", "second process"} <= {progress.mode for progress in told}
    (folder / "new.py").write_text("")
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        validate(ValidateOptions(folder), cancel=cancel)


# What is no project.


@pytest.mark.parametrize("name", ["nowhere", "x" * 300, "file"])
def test_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotFoundError, match=r"There is no folder|is a file; a project is a folder") as caught:
        validated(tmp_path / name)
    assert caught.value.code == "project-not-found"


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectConfigError, match=r"it has no packflow\.yaml") as caught:
        validated(tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("project-not-found", 3)


def test_a_report_that_cannot_be_kept_ends_it(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model")
    (folder / ".packflow/dry-run/inputs.ndjson").mkdir(parents=True)
    with pytest.raises(NotWritableError):
        validated(folder)


# What 0.4.1 got wrong.


def test_siblings_and_dotted_backends_load(tmp_path: Path) -> None:
    source = """
        from packflow_runtime import InferenceBackend

        from scoring.numbers import double
        from .near import ONE


        class Backend(InferenceBackend):
            def execute(self, inputs):
                return [{"double": double(event["n"]), "one": ONE} for event in inputs]
    """
    folder = write_project(
        tmp_path / "model",
        source,
        config="inference_backend: scoring.inference:Backend\n",
        files={
            "scoring/__init__.py": "",
            "scoring/numbers.py": "def double(n):\n    return 2 * n\n",
            "scoring/near.py": "ONE = 1\n",
        },
    )
    (folder / "inference.py").rename(folder / "scoring/inference.py")
    assert found_in(validated(folder)) == set()


def test_a_module_runs_once_in_a_process_and_never_in_ours(tmp_path: Path) -> None:
    log = tmp_path / "imported"
    noted = f"import os\nwith open({str(log)!r}, 'a') as file:\n    print(os.getpid(), file=file)\n"
    folder = write_project(tmp_path / "model", noted + backend("return [{} for _ in inputs]"))
    before = set(sys.modules)
    assert found_in(validated(folder)) == set()
    processes = Counter(log.read_text().split())
    assert set(processes.values()) == {1}
    assert len(processes) == 3  # the second one has another hash seed, the third is for probes
    assert validated(folder).findings
    assert Counter(log.read_text().split()) == processes
    assert "inference" not in set(sys.modules) - before


def test_a_template_that_raises_not_implemented_is_caught(tmp_path: Path) -> None:
    done = validated(write_project(tmp_path / "model", backend("raise NotImplementedError('write me')")))
    (error,) = done.of(Severity.ERROR)
    assert (error.check, error.file, done.exit_code()) == ("events-failed", "inference.py", 4)
    assert "NotImplementedError: write me" in error.message


def test_a_backend_without_execute_is_caught(tmp_path: Path) -> None:
    source = "from packflow_runtime import InferenceBackend\n\n\nclass Backend(InferenceBackend):\n    pass\n"
    done = validated(write_project(tmp_path / "model", source))
    (error,) = done.of(Severity.ERROR)
    assert (error.check, done.exit_code()) == ("events-failed", 4)
    assert "execute" in error.message


def test_a_comment_is_no_requirement(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model", files={"requirements.txt": "# packflow-runtime==1\n\n   # numpy==99\n"})
    assert found_in(validated(folder)) == set()


def test_requirements_are_read_as_pip_reads_them(tmp_path: Path) -> None:
    lines = (
        'packaging[nothing]~=1.0 ; python_version >= "3"\n'
        "-r more.txt\n"
        'colour-of-magic==1 ; sys_platform == "no-such"\n'
        "packaging @ https://example.org/packaging-1.0.zip\n"
    )
    folder = write_project(tmp_path / "model", files={"requirements.txt": lines, "more.txt": "rincewind-x>=1,<2\n"})
    done = validate(ValidateOptions(folder, python=sys.executable))
    places = {finding.where for finding in done.findings if finding.check == "environment-incomplete"}
    assert places == {"requirements.txt:1", "more.txt:1"}
    assert {finding.safe_fix for finding in done.of(Severity.ERROR)} == {"packflow env sync"}
    assert done.exit_code() == 3


def test_an_empty_configuration_is_one_clear_error(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model")
    (folder / "packflow.yaml").write_bytes(b"")
    done = validated(folder)
    (error,) = done.of(Severity.ERROR)
    assert (error.where, error.message) == ("packflow.yaml:1", "packflow.yaml is empty.")
    assert "name:" in error.fix
    assert (done.config, done.exit_code()) == (None, 3)


def test_a_readme_that_is_not_utf8_is_a_finding(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model", files={"README.md": "résumé".encode("utf-16")})
    assert found_in(validated(folder)) == {"document-encoding"}


def test_a_relative_model_path_is_caught_wherever_it_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = 'def initialize(self):\n    self.table = open("artifacts/table.json").read()'
    folder = write_project(
        tmp_path / "model", backend("return [{} for _ in inputs]", loads), files={"artifacts/table.json": "{}"}
    )
    for place in (tmp_path, folder):
        monkeypatch.chdir(place)
        done = validated(folder)
        assert (found_in(done), done.exit_code()) == ({"backend-fails", "path-relative"}, 4)
        assert {finding.where for finding in done.findings if finding.check in found_in(done)} == {"inference.py:10"}
        assert all("self.project_dir" in finding.fix for finding in done.findings if finding.check in found_in(done))


# What a dry run finds.


def test_a_batch_mean_is_an_error_that_explains_itself(tmp_path: Path) -> None:
    mean = "mean = sum(e['n'] for e in inputs) / len(inputs)\nreturn [{'score': e['n'] - mean} for e in inputs]"
    done = validated(write_project(tmp_path / "model", backend(mean)))
    (error,) = done.of(Severity.ERROR)
    assert (error.check, done.exit_code()) == ("parity-differs", 1)
    assert error.message.startswith("One by one and batch 8 differ, first on event 1, field score. ")
    assert "other events" in error.message
    assert validated(done.folder).findings == done.findings  # from the kept report now


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_module\n", "no_such_module"),
        ("def (:\n", "syntax"),
        ("class Other: pass\n", "Backend"),
        (backend("os._exit(3)"), "exit code 3 at event 1"),
        (backend("ctypes.string_at(0)"), "SIGSEGV"),
    ],
    ids=["imports nothing there", "does not parse", "has no such class", "exits", "crashes"],
)
def test_a_model_that_does_not_run_is_an_error(tmp_path: Path, source: str, message: str) -> None:
    folder = write_project(tmp_path / "model", source)
    done = validated(folder)
    (error,) = done.of(Severity.ERROR)
    assert error.check == "backend-fails"
    assert message.lower() in error.message.lower()
    assert error.file is None or not Path(error.file).is_absolute()
    assert done.exit_code() in (3, 4)
    assert "dry-run-missing" not in found_in(done)


def test_the_worst_code_wins(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model", backend("raise ValueError"))
    (folder / "requirements.txt").unlink()
    done = validated(folder)
    assert {finding.exit_code for finding in done.of(Severity.ERROR)} == {1, 4}
    assert done.exit_code() == done.exit_code(strict=True) == 4


def test_a_stateful_model_should_say_why(tmp_path: Path) -> None:
    source = HONEST.replace("        def execute", "        stateful = True\n\n        def execute")
    assert found_in(validated(write_project(tmp_path / "model", source))) == {"stateful-unexplained"}
    explained = write_project(tmp_path / "other", source, config="  reason: It counts.\n")
    assert found_in(validated(explained)) == set()


def test_it_never_starts_a_worker_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the action runs the model, so that there is one way to run it."""
    folder = write_project(tmp_path / "model")
    calls: list[Any] = []
    monkeypatch.setattr(action, "dry_run", lambda options, **_: calls.append(options))
    monkeypatch.setattr(Worker, "__enter__", lambda _self: pytest.fail("a worker was started"))
    assert found_in(validated(folder)) == {"dry-run-missing"}
    assert [call.project for call in calls] == [folder]
