"""The command that an action shows does what the action does: executed, it gives the same JSON."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from commands import packflow
from packflow_app.actions.dry_run import DryRunOptions
from packflow_app.actions.environment import LockOptions, SyncOptions
from packflow_app.actions.export import ExportOptions, export
from packflow_app.actions.inspect import InspectOptions
from packflow_app.actions.show import ShowOptions
from packflow_app.actions.sign import SigningKey, SignOptions, sign
from packflow_app.actions.validate import ValidateOptions
from packflow_app.actions.verify import VerifyOptions
from packflow_app.cli.dry_run import _data as dry_run_data
from packflow_app.cli.export_view import export_data, plan_data
from packflow_app.cli.inspect import _data as inspect_data
from packflow_app.cli.show_view import file_data
from packflow_app.cli.validate import _data as validate_data
from packflow_app.cli.verify import verified_data
from packflow_app.dryrun.client import WorkerLimits
from packflow_app.packaging.private_keys import write_key_pair
from packflow_app.tui.commands import dry_run_words, export_words, inspect_words, run_words, validate_words
from packflow_app.tui.registry import ACTIONS, Call
from packflow_app.tui.screens.validate.fixes import mend_call, plan_call
from projects import backend, run_dry, write_project


def done(call: Call) -> Any:
    return call.run(lambda _progress: None, threading.Event())


def executed(call: Call, *, ok: bool = True) -> dict[str, Any]:
    """The data that the shown command gives with --json, and whether that is well."""
    words = shlex.split(call.command)
    assert words[0] == "packflow"
    envelope = packflow(*words[1:], "--json").answer
    assert envelope["ok"] is ok, envelope["errors"]
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


def test_export_with_everything(project: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed, as a wheel too, in a kit; the passphrase is in no command, which takes it from the environment here."""
    monkeypatch.setenv("PACKFLOW_KEY_PASSPHRASE", "word")
    write_key_pair(work / "my.key", "word")
    key = SigningKey(work / "my.key", "word")
    options = ExportOptions(
        project, work / "out", 5, force=True, signing_key=key, form="wheel", kit=work / "kit", rebuild=True
    )
    call = ACTIONS["export"].call(options)
    assert "word" not in call.words
    first = {**plain(export_data(done(call)))}
    second = executed(call)
    assert second.pop("kit")["signed_by"] == first["signature"]["fingerprint"]
    for data in (first, second):
        assert data["rebuilt"] is True
        for name, told in (("unchanged", data), ("unchanged", data["signature"]), ("unchanged", data["wheel"])):
            told.pop(name)
        data.pop("golden_recorded")
    assert first == second


def test_export_plan(project: Path, work: Path) -> None:
    call = ACTIONS["export-plan"].call(ExportOptions(project, work / "out", strict=True))
    assert executed(call) == plain(plan_data(done(call)))


ARCHIVE = Path("dist") / "churn_scorer-0.1.0.zip"


@pytest.mark.parametrize("kind", ["good", "signed", "unmet", "damaged", "no archive", "missing"])
def test_verify(work: Path, kind: str) -> None:
    options = VerifyOptions([ARCHIVE])
    if kind in ("signed", "unmet"):
        for name in ("mine", "other"):
            write_key_pair(work / f"{name}.key", None)
        sign(SignOptions(ARCHIVE, SigningKey(work / "mine.key")))
        signer = Path("mine.pub" if kind == "signed" else "other.pub")
        options = replace(options, keys=[signer], require="parity,sbom" if kind == "signed" else "lock")
    if kind == "damaged":
        data = bytearray(ARCHIVE.read_bytes())
        data[data.rindex(b"class Backend")] ^= 1
        ARCHIVE.write_bytes(data)
    if kind == "no archive":
        ARCHIVE.write_bytes(b"PK")
    if kind == "missing":
        options = replace(options, archives=[Path("missing.zip")])
    call = ACTIONS["verify"].call(options)
    one = done(call).archives[0]
    assert executed(call, ok=one.is_good)["archives"] == plain([verified_data(one, with_replay=False)])
    assert one.is_good == (kind in ("good", "signed"))


@pytest.mark.slow
def test_replay(work: Path) -> None:
    call = ACTIONS["replay"].call(VerifyOptions([ARCHIVE], replay=True))
    here = plain(verified_data(done(call).archives[0], with_replay=True))
    there = executed(call)["archives"][0]
    for data in (here, there):
        assert data["replay"]["equal"] is True
        data["replay"] = {key: data["replay"][key] for key in ("equal", "events", "differing", "ties", "values")}
    assert here == there


def test_show_and_what_another_archive_changes(project: Path, work: Path) -> None:
    call = ACTIONS["show"].call(ShowOptions(ARCHIVE))
    assert executed(call) == plain(done(call).archive.as_json())
    (project / "packflow.yaml").write_text((project / "packflow.yaml").read_text() + "version: 0.2.0\n")
    export(ExportOptions(project, work / "new"))
    call = ACTIONS["changes"].call(ShowOptions(ARCHIVE, Path("new") / "churn_scorer-0.2.0.zip"))
    value, data = done(call), executed(call)
    assert data["changes"] == plain(value.changes.as_json())
    assert data["other"] == plain(value.other.as_json())


def test_a_file_of_an_archive(work: Path) -> None:
    call = ACTIONS["look"].call(ShowOptions(ARCHIVE, file="project/inference.py"))
    assert executed(call) == plain(file_data(done(call)))


def test_lock(project: Path) -> None:
    """The command writes the same bytes once more where the app's were removed, and leaves them where they are."""
    call = ACTIONS["lock"].call(LockOptions(project))
    value = done(call)
    wanted = {"action": "lock", "path": str(value.path), "packages": value.packages, "python": value.python}
    assert executed(call) == {**wanted, "unchanged": True}
    before = value.path.read_bytes()
    value.path.unlink()
    assert executed(call) == {**wanted, "unchanged": value.unchanged} == {**wanted, "unchanged": False}
    assert value.path.read_bytes() == before


@pytest.mark.slow
def test_sync(project: Path) -> None:
    """A new environment each time; then one that is in order, which both leave as it is."""
    call = ACTIONS["sync"].call(SyncOptions(project))
    first = synced_data(done(call))
    shutil.rmtree(project / ".venv")
    assert executed(call) == first
    assert executed(call) == synced_data(done(call))
    assert first["created"]


def synced_data(value: Any) -> dict[str, Any]:
    """What the command tells of an environment."""
    python = value.interpreter
    changes = [{"name": name, "before": pair[0], "after": pair[1]} for name, pair in value.changes.items()]
    return {
        "action": "sync",
        "environment": str(value.folder),
        "python": {"path": str(python.path), "version": python.version_text, "origin": python.origin},
        "source": value.source,
        "lock": value.lock.value,
        "installer": value.installer,
        "unchanged": value.installer is None,
        "created": value.created,
        "replaced": value.replaced,
        "packages": value.packages,
        "changes": changes,
    }


def test_every_action_is_executed_by_one_of_these_tests() -> None:
    """As a shell would: here, the fixes by their calls, and the wizard among its own tests."""
    here = Path(__file__)
    source = here.read_text("utf-8") + here.with_name("test_new_project.py").read_text("utf-8")
    by_their_calls = {"fix": "mend_call(", "plan-fixes": "plan_call("}
    for action in ACTIONS:
        wanted = by_their_calls.get(action, f'call = ACTIONS["{action}"].call(')
        assert wanted in source, action


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
        (
            export_words(
                ExportOptions(
                    signing_key=SigningKey(command="my signer", public_key=Path("k.pub")),
                    kit=Path("kit"),
                    targets=("linux-x86_64-cp311", "macos-arm64-cp312"),
                    strict=True,
                    run=False,
                    rebuild=False,
                )
            ),
            "packflow export --kit kit --target linux-x86_64-cp311 --target macos-arm64-cp312 "
            "--sign-command 'my signer' --public-key k.pub --no-rebuild --strict --no-run",
        ),
        (
            ACTIONS["replay"]
            .call(
                VerifyOptions(
                    [Path("a b.zip")], "lock", [Path("k.pub")], Path("keys"), Path("s.sig"), True, Path("w"), "3.12"
                )
            )
            .words,
            "packflow verify 'a b.zip' --key k.pub --keys keys --signature s.sig --require lock --replay "
            "--wheelhouse w --python 3.12",
        ),
        (ACTIONS["sync"].call(SyncOptions(Path("/p q"))).words, "packflow -C '/p q' env sync"),
    ],
)
def test_words_are_quoted_as_a_shell_takes_them(words: list[str], shown: str) -> None:
    assert shlex.join(words) == shown
