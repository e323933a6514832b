"""What becomes of unusual events: each kind of harm is found and named, and a robust model is not accused."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from packflow_app.dryrun import session
from packflow_app.dryrun.probe_report import BATCH_LOST, CLEAN_ERROR, CRASH, HANDLED, HANG, ProbeResult, ProbesReport
from packflow_app.dryrun.report import kept_dry_run
from packflow_app.dryrun.trials import Trials
from projects import HONEST, backend, run_dry, write_project

EVENTS = [{"n": n, "name": f"a{n}", "tags": ["x"] * (n % 3)} for n in range(30)]
ROBUST = """
n = [e.get("n") if type(e.get("n")) is int else 0 for e in inputs]
return [{"n": min(max(v, -1000), 1000), "named": isinstance(e.get("name"), str)} for v, e in zip(n, inputs)]
"""


def probed(folder: Path, execute: str, extra: str = "", **options: Any) -> ProbesReport:
    project = write_project(folder / "model", backend(execute, extra), EVENTS)
    report = run_dry(project, probes=True, **options).report.probes
    assert report is not None
    lines = (project / ".packflow" / "dry-run" / "probes.ndjson").read_bytes().splitlines()
    assert [result.event for result in report.results] == list(range(1, len(lines) + 1))
    return report


def found(report: ProbesReport, kind: str, path: str = "") -> ProbeResult:
    return next(result for result in report.results if (result.kind, result.path) == (kind, path))


def test_a_robust_model_handles_everything(tmp_path: Path) -> None:
    report = probed(tmp_path, ROBUST)
    assert report.by_verdict == {HANDLED: len(report.results)}
    assert len(report.results) == 26
    assert (report.not_run, report.notes, report.grave, report.in_batches) == (0, [], [], True)
    assert (report.fields, report.fields_used) == (4, ["n", "name"])
    assert report.verdicts["missing"] == {HANDLED: 4}


def test_an_error_for_one_event_alone_is_clean(tmp_path: Path) -> None:
    report = probed(tmp_path, "return [{'y': e['n'] + 1} for e in inputs]")
    assert report.grave == []
    missing = found(report, "missing", "n")
    assert (missing.verdict, missing.detail, missing.step) == (CLEAN_ERROR, "KeyError: 'n'", "execute")
    assert (missing.file, missing.line) == ("inference.py", 7)
    assert found(report, "missing", "name").verdict == HANDLED
    assert found(report, "extreme", "n").verdict == HANDLED
    assert report.fields_used == ["n"]


def test_a_segfault_and_a_hang_are_found_and_the_others_still_run(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(session, "_PROBE_SECONDS", 0.5)
    report = probed(
        tmp_path,
        "for e in inputs:\n"
        "    if e.get('name', '') is None: ctypes.string_at(0)\n"
        "    while e.get('name') == '': pass\n" + ROBUST,
    )
    crash = found(report, "null", "name")
    assert crash.verdict == CRASH
    assert crash.detail == "The model's process was killed by SIGSEGV (a crash in native code)"
    assert (crash.file, crash.line) == ("inference.py", 8)
    hang = found(report, "empty", "name")
    assert (hang.verdict, hang.detail) == (HANG, "The model did not answer within 0.5 s")
    assert [result.verdict for result in report.grave] == [CRASH, CRASH, HANG]  # all-null has a null name too
    assert report.by_verdict == {HANDLED: len(report.results) - 3, HANG: 1, CRASH: 2}
    assert len(report.results) == 26


def test_a_poison_event_that_changes_its_neighbours_is_found(tmp_path: Path) -> None:
    """As numpy does: one text in the batch turns every number into a text."""
    report = probed(
        tmp_path,
        "n = [e.get('n') for e in inputs]\n"
        "texts = any(isinstance(v, str) for v in n)\n"
        "return [{'n': str(v) if texts else v} for v in n]",
    )
    lost = found(report, "number-as-text", "n")
    assert (lost.verdict, lost.detail) == (BATCH_LOST, "other events of the batch were answered otherwise")
    assert [(result.kind, result.path) for result in report.grave] == [("wrong-type", "n"), ("number-as-text", "n")]


def test_what_one_event_leaves_behind_is_laid_at_its_door_alone(tmp_path: Path) -> None:
    report = probed(
        tmp_path,
        "self.odd = getattr(self, 'odd', False) or any('packflow_probe' in e for e in inputs)\n"
        "return [{'n': e.get('n'), 'odd': self.odd} for e in inputs]",
    )
    assert [result.kind for result in report.grave] == ["extra-field", "deep-nesting"]
    assert {result.verdict for result in report.grave} == {BATCH_LOST}


def test_a_stateful_model_gets_each_probe_alone(tmp_path: Path) -> None:
    report = probed(
        tmp_path,
        "out = []\nfor e in inputs:\n    self.seen += 1\n    out.append({'seen': self.seen, 'n': e['n']})\nreturn out",
        "stateful = True\ndef initialize(self): self.seen = 0",
    )
    assert not report.in_batches
    assert report.notes == ["The model is stateful, so each probe was run alone."]
    assert found(report, "missing", "n").verdict == CLEAN_ERROR


def test_a_model_whose_batches_differ_anyway_is_not_accused_again(tmp_path: Path) -> None:
    report = probed(tmp_path, "return [{'n': e.get('n'), 'size': len(inputs)} for e in inputs]")
    assert report.grave == []
    assert report.notes == ["Batches do not give what one by one gives, so each probe was run alone."]


def test_a_model_that_fails_on_every_sample_gets_none(tmp_path: Path) -> None:
    report = probed(tmp_path, "raise ValueError('no')")
    assert (report.results, report.not_run) == ([], 0)
    assert report.notes == ["The model failed on every sample event, so there was none to change."]


def test_many_and_large_events_are_a_bounded_work(tmp_path: Path) -> None:
    events = [{"n": n, "text": "x" * (300_000 if n % 2 else 10)} for n in range(50)]
    project = write_project(tmp_path / "model", backend("return [{'n': e.get('n')} for e in inputs]"), events)
    report = run_dry(project, probes=True, limit=50).report.probes
    assert report is not None
    assert len(report.results) == 17
    assert (project / ".packflow" / "dry-run" / "probes.ndjson").stat().st_size < 50_000
    for event in events:
        event["text"] = "x" * 300_000
    large = run_dry(write_project(tmp_path / "large", HONEST, events[:5]), probes=True).report.probes
    assert large is not None
    assert large.notes == ["Sample events over 256 KiB are not made into probes."]


def test_deaths_are_bounded_and_what_was_left_out_is_said(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(session, "Trials", partial(Trials, most_deaths=2))
    sound = "sound = all(type(e.get('n')) is int for e in inputs) or os._exit(3)\n"
    report = probed(tmp_path, sound + ROBUST)
    assert report.by_verdict[CRASH] == 2
    assert report.not_run == 26 - len(report.results) > 0
    assert report.notes == ["Probes were stopped, since so many ended the model's process."]
    assert found(report, "empty-event").detail == "The model's process ended itself with exit code 3"


def test_time_is_bounded(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(session, "Trials", partial(Trials, most_seconds=0.0))
    report = probed(tmp_path, ROBUST)
    assert report.not_run > 0
    assert report.notes[-1] == "Probes were stopped after 0 s."


def test_a_death_in_close_after_the_probes_is_no_verdict(tmp_path: Path) -> None:
    extra = "def close(self):\n    if getattr(self, 'odd', False): os._exit(9)"
    report = probed(
        tmp_path, "self.odd = getattr(self, 'odd', False) or any(e == {} for e in inputs)\n" + ROBUST.strip(), extra
    )
    assert report.by_verdict == {HANDLED: len(report.results)}


def test_the_command_tells_and_keeps_the_exit_code(tmp_path: Path) -> None:
    project = write_project(
        tmp_path / "model",
        backend("for e in inputs:\n    if e.get('n', 0) is None: os.abort()\n" + ROBUST),
        EVENTS,
    )
    command = [sys.executable, "-m", "packflow_app", "dry-run", "--python", sys.executable]
    page = tmp_path / "page.html"
    done = subprocess.run(
        [*command, "--report", str(page)], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "24 handled, 2 crash" in done.stdout
    assert "probe null at n: crash: The model's process was killed by SIGABRT" in done.stdout
    assert "fields in use     2 of 4: n, name" in done.stdout
    assert "An unusual event ends the model's process (all null:" in done.stderr
    assert "Line 2 of .packflow/dry-run/probes.ndjson" in done.stderr
    assert "Events that are not as the samples are" in page.read_text("utf-8")
    kept = kept_dry_run(project)
    assert kept is not None
    assert kept.report["probes"]["verdicts"]["null"] == {HANDLED: 3, CRASH: 1}

    again = [*command, ".packflow/dry-run/probes.ndjson", "--no-probes", "--json"]
    done = subprocess.run(again, cwd=project, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 4
    assert "at event 2." in json.loads(done.stdout)["errors"][0]["message"]


@pytest.mark.parametrize("events", [[{}], [{"a": 1}], [{"a": 1}, {"a": 2}]])
def test_few_and_empty_samples_do(tmp_path: Path, events: list[dict[str, int]]) -> None:
    project = write_project(tmp_path / "model", backend("return [{'n': len(e)} for e in inputs]"), events)
    report = run_dry(project, probes=True).report.probes
    assert report is not None
    assert report.grave == []
    assert len(report.results) >= 3
