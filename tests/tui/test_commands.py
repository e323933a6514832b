"""The command that an action shows does what the action does: executed, it gives the same JSON."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions.dry_run import DryRunOptions
from packflow_app.actions.environment import LockOptions, SyncOptions
from packflow_app.actions.export import ExportOptions
from packflow_app.actions.inspect import InspectOptions
from packflow_app.actions.validate import ValidateOptions
from packflow_app.cli.dry_run import _data as dry_run_data
from packflow_app.cli.inspect import _data as inspect_data
from packflow_app.cli.validate import _data as validate_data
from packflow_app.dryrun.client import WorkerLimits
from packflow_app.tui.commands import dry_run_words, export_words, inspect_words, run_words, validate_words
from packflow_app.tui.registry import ACTIONS, Call
from packflow_app.tui.screens.validate.fixes import mend_call, plan_call
from projects import backend, run_dry, write_project


def done(call: Call) -> Any:
    return call.run(lambda _progress: None, threading.Event())


def executed(call: Call, *, ok: bool = True) -> dict[str, Any]:
    """The data that the shown command gives with --json; not ``ok``: there are findings."""
    words = shlex.split(call.command)
    assert words[0] == "packflow"
    command = [sys.executable, "-m", "packflow_app", *words[1:], "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    envelope = json.loads(ran.stdout)
    assert envelope["ok"] or not ok, envelope["errors"]
    data: dict[str, Any] = envelope["data"]
    return data


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def test_inspect(project: Path) -> None:
    options = InspectOptions(project / "samples" / "events.ndjson", filter="n > 30 and plan = 'pro'")
    call = ACTIONS["inspect"].call(options)
    assert executed(call) == plain(inspect_data(done(call)))


def test_save(project: Path, work: Path) -> None:
    options = InspectOptions(project / "samples/events.ndjson", save=work / "one.ndjson", masks=["user.id"], force=True)
    call = ACTIONS["save"].call(options)
    value = done(call)
    first = (work / "one.ndjson").read_text().splitlines()
    assert executed(call)["saved"] == value.saved == 60
    second = (work / "one.ndjson").read_text().splitlines()  # with other masks: each run has a secret of its own
    assert [json.loads(line)["n"] for line in first] == [json.loads(line)["n"] for line in second]


def test_validate(project: Path) -> None:
    call = ACTIONS["validate"].call(ValidateOptions(project))
    assert executed(call) == plain(validate_data(done(call), done(call).findings))


def test_fixes(work: Path) -> None:
    """The plan that is shown, and what is done: of two projects alike, one by the app and one by its command."""
    source = backend("open(self.project_dir / 'rules.txt').close()\nreturn [{'n': e['n']} for e in inputs]")
    one, two = (
        write_project(work / parent / "raw", source, files={".gitignore": "rules.txt\n", "rules.txt": "x"})
        for parent in ("one", "two")
    )
    for project in (one, two):
        (project / "requirements.txt").unlink()
        run_dry(project, probes=True)
    plan = plan_call(one)
    assert plain(validate_data(done(plan), done(plan).findings)) == executed(plan, ok=False)
    for only in (("artifact-ignored",), ()):
        value, data = done(mend_call(one, *only)), executed(mend_call(two, *only), ok=not only)
        assert data["fixed"] == plain([asdict(fix) for fix in value.fixed])
        assert len(value.fixed) == 1
        assert [finding["check"] for finding in data["findings"]] == [finding.check for finding in value.findings]
        for name in (".packflowignore", "requirements.txt"):
            assert (one / name).is_file() == (two / name).is_file()
            assert not (one / name).is_file() or (one / name).read_bytes() == (two / name).read_bytes()


def without_measurements(data: Any) -> Any:
    """A report without what differs from run to run: times, rates, memory, and the file they were kept in."""
    measured = {"load_seconds", "initialize_seconds", "peak_memory", "best_batch_size"}
    modes = [
        {name: mode[name] for name in ("name", "batch_size", "events", "failed", "failed_batches")}
        for mode in data["modes"]
    ]
    return {**{name: value for name, value in data.items() if name not in measured}, "modes": modes}


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"batch_sizes": [4], "limit": 20, "probes": False},
        {"single": False, "batch_sizes": [4, 16], "rtol": 1e-05, "atol": 0.25, "probes": False},
        {"batch_sizes": [], "limits": WorkerLimits(12.5), "ignore": ["double"], "probes": False},
        {"python": sys.executable, "trust_pickles": ["a.b", "c.d"], "probes": False},
        {"limits": WorkerLimits(20.0, 50.0, 1 << 30), "probes": False},
    ],
    ids=["nothing", "sizes", "tolerances", "single", "python", "limits"],
)
def test_dry_run(project: Path, work: Path, said: dict[str, Any]) -> None:
    more = work / "more events.ndjson"
    more.write_bytes((project / "samples" / "events.ndjson").read_bytes() + b"no event\n")
    options = DryRunOptions(project=project, events=more if said else None, **said)
    call = ACTIONS["dry-run"].call(options)
    value = plain(dry_run_data(done(call)))
    assert value["events_invalid"] == bool(said)
    data = executed(call)
    assert without_measurements(data) == without_measurements(value)


def test_export(project: Path, work: Path) -> None:
    call = ACTIONS["export"].call(ExportOptions(project, work / "out", 5, force=True))
    value, data = done(call).exported, executed(call)
    assert (data["path"], data["sha256"], data["size"]) == (str(value.path), value.sha256, value.size)
    assert data["excluded"] == value.excluded
    assert data["unchanged"]


def test_what_an_archive_is_run_with(project: Path, work: Path) -> None:
    archive = work / "dist" / "churn_scorer-0.1.0.zip"
    command = run_words(archive, project / "samples" / "events.ndjson").replace("python3", sys.executable)
    ran = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert len(ran.stdout.splitlines()) == 60


def test_the_seam_of_verify_shows_a_command_that_there_is(work: Path) -> None:
    command = ACTIONS["verify"].call(work / "dist" / "churn_scorer-0.1.0.zip").command
    program = command.replace("python3", sys.executable).replace("packflow ", f"{sys.executable} -m packflow_app ")
    ran = subprocess.run(program, shell=True, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "churn-scorer" in ran.stdout


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            inspect_words(InspectOptions(Path("a b.ndjson"), limit=5, full=True)),
            "packflow inspect 'a b.ndjson' --limit 5 --full",
        ),
        (
            dry_run_words(DryRunOptions(sync=True, write_requirements=True)),
            "packflow dry-run --sync --write-requirements",
        ),
        (
            dry_run_words(DryRunOptions(against=Path("old one.zip"), html=Path("page.html"), single=False)),
            "packflow dry-run --mode batch --against 'old one.zip' --report page.html",
        ),
        (validate_words(ValidateOptions(Path("m"), run=False)), "packflow validate m --no-run"),
        (
            validate_words(ValidateOptions(fix=True, only=("artifact-ignored", "requirement-missing"), plan=True)),
            "packflow validate --fix --only artifact-ignored --only requirement-missing --plan",
        ),
        (ACTIONS["lock"].call(LockOptions(Path("/p"))).words, "packflow -C /p env lock"),
        (export_words(ExportOptions(golden=0)), "packflow export --golden 0"),
        (ACTIONS["sync"].call(SyncOptions(Path("/p q"))).words, "packflow -C '/p q' env sync"),
    ],
)
def test_words_are_quoted_as_a_shell_takes_them(words: list[str], shown: str) -> None:
    assert shlex.join(words) == shown
