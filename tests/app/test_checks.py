"""Every check: what it finds in a project that has this one fault, where, and that it finds nothing in a good one."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions.validate import ValidateOptions, validate
from packflow_app.checks.check import Severity
from packflow_app.checks.context import look_at
from packflow_app.checks.registry import CHECKS, findings_in
from packflow_app.locations import skeletons_dir
from packflow_app.projects.rendering import render_skeleton
from packflow_app.projects.skeletons import read_skeleton
from packflow_app.runtime import ExitCode, GoldenEvents
from projects import HONEST, backend, run_dry, write_project
from skeleton_values import skeleton_values

DOCUMENTS = {
    "README.md": "# Doubles\n\nGive it n, get 2 n.\n",
    "MODEL_CARD.md": "# Model card\n\nIt doubles. Made from nothing.\n",
    "LICENSE.txt": "MIT\n",
}
CONFIG = """\
name: good
description: Doubles.
version: 1.0.0
maintainers: [Ada <ada@example.org>]
inference_backend: inference:Backend
python_requires: ">=3.10"
dry_run:
  events: samples/events.ndjson
"""
GOLDEN = {"golden/inputs.ndjson": b'{"n":1}\n'}
FAILURE = {"event": 3, "step": "execute", "type": "KeyError", "message": "'n'", "file": "inference.py", "line": 7}
DIFFERENCE = {"mode": "batch 8", "event": 4, "path": "score", "step": "execute"}
PARITY = {
    "equal": False,
    "first_difference": DIFFERENCE,
    "cause": {"kind": "batch", "explanation": "It is a mean.", "hint": "Keep the mean of training."},
}
OPENS = """\
import json
from packflow_runtime import InferenceBackend


class Backend(InferenceBackend):
    def initialize(self):
        self.table = json.load(open("artifacts/table.json"))

    def execute(self, inputs):
        return [{} for _ in inputs]
"""
LONG = f"{'d' * 80}/{'s' * 60}/{'n' * 22}.json"
PYTHON = read_skeleton(skeletons_dir() / "python")
TEMPLATE = render_skeleton(PYTHON, skeleton_values(PYTHON))["README.md"]
NAMES = """\
from packflow_runtime import InferenceBackend


class Backend(InferenceBackend):
    def initialize(self):
        # opened by compiled code
        self.path = self.project_dir / "w.onnx"

    def execute(self, inputs):
        return [{} for _ in inputs]
"""
PERSONAL = b'{"from":"a@example.org","user":{"name":"ann"},"user_name":"ann","ip":"8.8.8.8"}'
MISSING = {
    "name": "numpy",
    "version": "2.1.0+cpu",
    "modules": ["numpy"],
    "places": [],
    "globals": [],
    "alternatives": [],
}


@dataclass(frozen=True)
class Fault:
    """What is changed in a good project, and what exactly one check must say of it.

    ``files`` are written over (None: removed), ``links`` are made, ``config`` replaces the line of the same key or
    comes last, ``report`` goes into the kept dry run, which with ``fresh`` is made to be about the files as they then
    are. ``run`` and ``python`` are options. ``also`` are the other checks that find something, all others must not.
    """

    check: str
    message: str  # a regular expression that the whole message matches
    where: str = ""
    exit_code: int = 0
    files: dict[str, bytes | None] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    config: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    fresh: bool = True
    run: bool = False
    python: str | None = None
    fix: str = ".+"
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.check}-{self.where}" if self.where else self.check


FAULTS = [
    # packflow.yaml.
    Fault("config-invalid", r"packflow\.yaml is empty\.", "packflow.yaml:1", 3, {"packflow.yaml": b""}),
    Fault(
        "config-invalid", r"packflow\.yaml: colour is not a known key; .+", "packflow.yaml:9", 3, config="colour: red"
    ),
    Fault("config-invalid", r".*tab.*", "packflow.yaml:2", 3, {"packflow.yaml": b"name: x\n\tversion: 1\n"}),
    Fault(
        "backend-file-missing",
        r"inference:Backend stands in inference\.py, which does not exist\.",
        "packflow.yaml:5",
        3,
        {"inference.py": None},
    ),
    Fault(
        "contents-invalid",
        r"link is a symbolic link, which an archive cannot hold\.",
        "link",
        1,
        links={"link": "inference.py"},
        run=True,
        also=("dry-run-held-back",),
    ),
    Fault("version-invalid", r"'latest' is not a version\.", "packflow.yaml:3", 1, config="version: latest"),
    Fault("description-empty", r"description is empty\.", "packflow.yaml:2", config='description: " "'),
    Fault("maintainers-empty", r"maintainers is empty\.", "packflow.yaml:4", config="maintainers: []"),
    Fault("stateful-unexplained", r"The model is stateful; .+", "packflow.yaml:9", config="stateful: true"),
    Fault("stateful-unexplained", r"The model is stateful; .+", "packflow.yaml", report={"stateful": True}),
    Fault("tolerance-unexplained", r"dry_run\.rtol is set; .+", "packflow.yaml:9", config="  rtol: 0.1"),
    Fault("tolerance-unexplained", r"dry_run\.ignore is set; .+", "packflow.yaml:9", config="  ignore: [time]"),
    # Documents.
    Fault("document-missing", r"README\.md does not exist; .+", "README.md", files={"README.md": None}),
    Fault("document-missing", r"LICENSE\.txt does not exist; .+", "LICENSE.txt", files={"LICENSE.txt": None}),
    Fault("document-empty", r"MODEL_CARD\.md is empty; .+", "MODEL_CARD.md", files={"MODEL_CARD.md": b"\n \t"}),
    Fault("document-empty", r"README\.md is empty; .+", "README.md", files={"README.md": b"\xef\xbb\xbf\r\n"}),
    Fault(
        "document-encoding",
        r"README\.md is not UTF-8: byte 0xe9\.",
        "README.md:2",
        files={"README.md": b"# R\nr\xe9sum\xe9\n"},
    ),
    Fault("document-template", r"README\.md is as the template made it\.", "README.md", files={"README.md": TEMPLATE}),
    Fault("name-long", r"The path has 169 characters: d{40}…n{15}\.json", LONG, files={LONG: b"{}"}),
    # requirements.txt.
    Fault(
        "requirements-file-missing",
        r"requirements\.txt does not exist\.",
        "requirements.txt",
        1,
        {"requirements.txt": None},
    ),
    Fault(
        "requirement-invalid",
        r"'numpy=' is not a requirement: .+",
        "requirements.txt:2",
        3,
        {"requirements.txt": b"# one\nnumpy=\n"},
    ),
    Fault(
        "requirement-invalid",
        r"more\.txt does not exist\.",
        "requirements.txt:1",
        3,
        {"requirements.txt": b"-r more.txt\n"},
    ),
    Fault(
        "requirement-unclear",
        r"pytest is listed twice, .+",
        "requirements.txt:2",
        files={"requirements.txt": b"pytest\nPYTEST>1\n"},
        python=sys.executable,  # it has pytest
        also=("lock-missing",),
    ),
    Fault(
        "requirement-invalid",
        r"The line is not UTF-8 text, so it names nothing\.",
        "requirements.txt:2",
        3,
        {"requirements.txt": b"# r\xc3\xa9sum\xc3\xa9\n\x93\xfe\x00q\n"},
    ),
    Fault(
        "requirement-unclear",
        r"A comment is not UTF-8 text\.",
        "requirements.txt:1",
        files={"requirements.txt": b"# r\xe9sum\xe9\n"},
    ),
    Fault(
        "requirement-editable",
        r"-e \. cannot be installed from an archive\.",
        "requirements.txt:1",
        1,
        {"requirements.txt": b"-e .\n"},
        also=("lock-missing",),
    ),
    Fault(
        "requirement-transitive",
        r"The model uses numpy 2\.1\.0\+cpu, which only scikit-learn asks for\.",
        "requirements.txt",
        report={"needs": {"missing": [{**MISSING, "brought_by": "scikit-learn"}]}},
        fix=r"Add numpy==2\.1\.0 to requirements\.txt; .+",
    ),
    Fault(
        "runtime-listed",
        r"packflow-runtime is listed\.",
        "requirements.txt:1",
        3,
        {"requirements.txt": b"packflow_runtime==1.0\n"},
    ),
    Fault(
        "requirement-mismatch",
        r"packflow-no-such\[x\]~=1\.0 is asked for; .+ does not have it\.",
        "requirements.txt:1",
        files={"requirements.txt": b"packflow-no-such[x]~=1.0\n"},
        also=("lock-missing",),
    ),
    Fault(
        "environment-incomplete",
        r"packflow-no-such\[x\]~=1\.0 is asked for; .+ does not have it\.",
        "requirements.txt:1",
        3,
        {"requirements.txt": b"packflow-no-such[x]~=1.0\n"},
        fresh=False,
        run=True,
        also=("dry-run-held-back", "lock-missing"),
    ),
    # What the model needs.
    Fault(
        "requirement-missing",
        r"The model uses numpy 2\.1\.0\+cpu, which requirements\.txt does not list\.",
        "inference.py:3",
        1,
        report={"needs": {"missing": [{**MISSING, "places": [{"file": "inference.py", "line": 3}]}]}},
        fix=r"Add numpy==2\.1\.0 to .+",
    ),
    Fault(
        "requirement-missing",
        r"The model uses cv \(or cv-headless, .+\) .+|The model uses cv 1 \(or cv-headless, .+\), which .+",
        "requirements.txt",
        1,
        report={"needs": {"missing": [{**MISSING, "name": "cv", "version": "1", "alternatives": ["cv-headless"]}]}},
    ),
    Fault(
        "requirement-marker",
        r"The model uses numpy here; its line is only for os_name == 'nt'\.",
        "requirements.txt:2",
        1,
        report={
            "needs": {
                "wrong_marker": [{"name": "numpy", "file": "requirements.txt", "line": 2, "marker": "os_name == 'nt'"}]
            }
        },
    ),
    Fault(
        "requirement-unknown",
        r"Nothing that is installed owns mine\.",
        "inference.py:4",
        report={
            "needs": {"unknown": [{"module": "mine", "places": [{"file": "inference.py", "line": 4}], "globals": []}]}
        },
    ),
    Fault(
        "requirement-unpinned",
        r"numpy>=1 leaves the version open; it ran with 2\.1\.0\.",
        "requirements.txt:1",
        report={
            "needs": {
                "unpinned": [
                    {"name": "numpy", "file": "requirements.txt", "line": 1, "wanted": "numpy>=1", "installed": "2.1.0"}
                ]
            }
        },
    ),
    Fault(
        "requirement-unused",
        r"rich was not seen in use\.",
        "requirements.txt:2",
        report={
            "needs": {
                "unused": [
                    {"name": "scikit-learn", "file": "requirements.txt", "line": 1, "loaded": True, "unseen": []},
                    {"name": "rich", "file": "requirements.txt", "line": 2, "loaded": False, "unseen": []},
                ]
            }
        },
    ),
    Fault(
        "lock-missing",
        r"requirements\.lock does not exist; .+",
        "requirements.lock",
        files={"requirements.txt": b"pytest\n"},
        python=sys.executable,
        fix="packflow env lock",
    ),
    Fault(
        "lock-stale",
        r"requirements\.lock does not fit requirements\.txt .+",
        "requirements.lock",
        1,
        {"requirements.lock": b"numpy==2.1.0\n"},
    ),
    # Names.
    Fault(
        "name-not-portable", r"The name 'notes/aux\.txt' has a component .+", "notes/aux.txt", 1, {"notes/aux.txt": b""}
    ),
    Fault("name-clash", r"The names 'A\.txt' and 'a\.txt' are one file .+", "", 1, {"A.txt": b"", "a.txt": b""}),
    # Artifacts.
    Fault(
        "artifact-ignored",
        r"weights/w\.txt is left out by \.gitignore:1 \(weights/\)\. It is read by the model\.",
        ".gitignore:1",
        1,
        {".gitignore": b"weights/\n", "weights/w.txt": b"1"},
        report={"opened_files": ["weights/w.txt", "inference.py"]},
        fix=r".+, one a line: `!/weights/` and `/weights/\*` and `!/weights/w\.txt`",
    ),
    Fault(
        "artifact-ignored",
        r"w\.onnx is left out by \.gitignore:2 \(\*\.onnx\)\. It is named in inference\.py:7\.",
        ".gitignore:2",
        1,
        {".gitignore": b"# weights\n*.onnx\n", "w.onnx": b"1", "inference.py": NAMES.encode()},
    ),
    Fault(
        "artifact-left-out",
        r"The model reads samples/events\.ndjson, which does not ship: .+",
        "samples/events.ndjson",
        1,
        report={"opened_files": ["samples/events.ndjson"]},
    ),
    Fault(
        "artifact-doubtful",
        r"old/w\.pkl is left out by \.gitignore:1 \(old/\)\.",
        ".gitignore:1",
        files={".gitignore": b"old/\n", "old/w.pkl": b"1", "old/notes.txt": b""},
    ),
    Fault(
        "artifact-doubtful",
        r"The model reads \.env, which does not ship, since it may hold secrets\.",
        ".env",
        files={".env": b""},
        report={"opened_files": [".env"]},
    ),
    # Secrets.
    Fault(
        "secret",
        r"notes\.md holds a token of GitHub: ghp_… \(40 characters\)\.",
        "notes.md:2",
        1,
        {"notes.md": b"# notes\nghp_" + b"a1" * 18 + b"\n"},
    ),
    Fault(
        "password-written",
        r"settings\.yaml says db_password = …",
        "settings.yaml:2",
        files={"settings.yaml": b"user: me\ndb_password: Tr0ub4dor\n"},
    ),
    # Pickles.
    Fault(
        "pickle-trusted",
        r"model\.pkl asks for mine\.Thing\.",
        "model.pkl",
        report={
            "pickles": {
                "files": [
                    {"path": "model.pkl", "globals": [{"name": "mine.Thing", "verdict": "trusted"}], "problems": []}
                ]
            }
        },
    ),
    Fault(
        "pickle-unclear",
        r"model\.pkl: it ends early\.",
        "model.pkl",
        report={"pickles": {"files": [{"path": "model.pkl", "globals": [], "problems": ["it ends early"]}]}},
    ),
    # Leftovers of training.
    Fault(
        "data-left",
        r"train\.csv is a data set of 80,000 bytes\.",
        "train.csv",
        files={"train.csv": b"1,2,3,4\n" * 10000},
    ),
    Fault("notebook-left", r"train\.ipynb is a notebook\.", "train.ipynb", files={"train.ipynb": b"{}"}),
    Fault(
        "checkpoint-left",
        r"out/checkpoint-100/optimizer\.pt is of training \(3 bytes\)\.",
        "out/checkpoint-100/optimizer.pt",
        files={"out/checkpoint-100/optimizer.pt": b"123"},
    ),
    Fault("training-import", r"train\.py imports wandb\.", "train.py:1", files={"train.py": b"import wandb\n"}),
    # Golden events.
    Fault(
        "golden-personal",
        r"1 example events ship with e-mail addresses in from, names of users in user_name, public IP .+ in ip\.",
        "golden/inputs.ndjson",
        files={
            "golden/inputs.ndjson": PERSONAL + b"\n",
            "golden/outputs.ndjson": b"{}\n",
        },
        report={"golden": {"equal": True, "digest": GoldenEvents([PERSONAL], [b"{}"]).digest()}},
    ),
    # Pythons.
    Fault(
        "python-missing",
        r"There is no Python >=3\.99 .+",
        "",
        3,
        config='python_requires: ">=3.99"',
        also=("dry-run-python",),
    ),
    Fault(
        "python-requires",
        r"python_requires is >=3\.99; --python is Python 3\..+\.",
        "packflow.yaml:6",
        config='python_requires: ">=3.99"',
        python=sys.executable,
        also=("dry-run-python",),
    ),
    Fault(
        "python-version", r"python_version is 3\.1; .+ is Python 3\..+", "packflow.yaml:9", config="python_version: 3.1"
    ),
    Fault("python-version", r"'new' is not a Python version\.", "packflow.yaml:9", config="python_version: new"),
    Fault(
        "dry-run-python",
        r"python_requires is >=3\.10; the dry run ran on Python 3\.9\.1\.",
        "packflow.yaml:6",
        report={"python": "3.9.1"},
    ),
    # Sources.
    Fault(
        "path-relative",
        r"'artifacts/table\.json' is opened relative to the current folder\.",
        "inference.py:7",
        files={"inference.py": OPENS.encode(), "artifacts/table.json": b"{}"},
        fix=r'.+self\.project_dir / "artifacts/table\.json"',
    ),
    # What a dry run shows.
    Fault(
        "sample-events-missing",
        r"samples/events\.ndjson does not exist\.",
        "packflow.yaml:8",
        3,
        {"samples/events.ndjson": None, "new.py": b""},
        fresh=False,
        run=True,
        also=("dry-run-held-back",),
    ),
    Fault(
        "dry-run-held-back",
        r"The model was not run\.",
        files={"samples/events.ndjson": None, "new.py": b""},
        exit_code=3,
        fresh=False,
        run=True,
        also=("sample-events-missing",),
    ),
    Fault("golden-invalid", r".+/golden/outputs\.ndjson cannot be read: .+", "golden", 3, dict(GOLDEN)),
    Fault(
        "golden-invalid",
        r".+:1 is not an event: .+",
        "golden/inputs.ndjson:1",
        3,
        {"golden/inputs.ndjson": b"x\n", "golden/outputs.ndjson": b"{}\n"},
    ),
    Fault(
        "backend-fails",
        r"module 'inference' .+|.*ZeroDivisionError.*",
        "inference.py:1",
        4,
        {"inference.py": b"1 / 0\n"},
        fresh=False,
        run=True,
    ),
    Fault(
        "backend-not-run",
        r".+samples/events\.ndjson holds no events\.",
        "",
        3,
        {"samples/events.ndjson": b"\n", "new.py": b""},
        fresh=False,
        run=True,
    ),
    Fault("dry-run-missing", r"The model has not been run yet\.", files={".packflow/dry-run/report.json": None}),
    Fault("dry-run-stale", r"Files of the project changed after the last dry run\.", fresh=False, files={"a.py": b""}),
    Fault(
        "dry-run-stale",
        r"The golden events changed after the last dry run\.",
        files={**GOLDEN, "golden/outputs.ndjson": b'{"double":3}\n'},
    ),
    Fault("dry-run-stale", r"Another version of Packflow made the last dry run\.", report={"failed": None}),
    Fault(
        "events-failed",
        r"2 of 40 events failed, first event 3: execute: KeyError: 'n'",
        "inference.py:7",
        4,
        report={"failed": 2, "failures": [FAILURE]},
    ),
    Fault(
        "events-failed",
        r"40 of 40 events failed, first event 1: execute: NotImplementedError",
        "inference.py:7",
        4,
        {"inference.py": backend("raise NotImplementedError").encode()},
        fresh=False,
        run=True,
        fix=r"Write the method\.",
    ),
    Fault(
        "parity-differs",
        r"One by one and batch 8 differ, first on event 4, field score\. It is a mean\. The values part in execute\.",
        "",
        1,
        report={"parity": PARITY},
        fix=r"Keep the mean of training\.",
    ),
    Fault("parity-unknown", r"One by one was not compared with batches\.", "packflow.yaml", 1, report={"parity": None}),
    Fault(
        "golden-changed",
        r"Golden outputs changed, first on event 1, field double\.",
        "golden",
        1,
        {**GOLDEN, "golden/outputs.ndjson": b'{"double":3}\n'},
        fresh=False,
        run=True,
    ),
    Fault(
        "batches-fail",
        r"In batch 8, 5 calls failed and were tried again\.",
        report={"modes": [{"name": "batch 8", "failed_batches": 5}]},
    ),
    Fault(
        "probes-harm",
        r"Unusual events end the model's process: 2 of 3 probes, first null at n\.",
        "inference.py:7",
        report={
            "probes": {
                "results": [
                    {"kind": "empty-event", "path": "", "verdict": "handled"},
                    {"kind": "null", "path": "n", "verdict": "crash", "file": "inference.py", "line": 7},
                    {"kind": "missing", "path": "n", "verdict": "crash"},
                ]
            }
        },
    ),
    Fault(
        "input-changed",
        r"The model changes its input, first on event 2, field n\.",
        report={"changed_inputs": [{"event": 2, "path": "n"}]},
    ),
    Fault(
        "project-written", r"The model wrote notes/x\.txt\.", "notes/x.txt", report={"written_files": ["notes/x.txt"]}
    ),
]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which nothing is to be found, with a dry run of its own."""
    folder = write_project(tmp_path_factory.mktemp("checks") / "good", HONEST, files=dict(DOCUMENTS))
    (folder / "packflow.yaml").write_text(CONFIG)
    run_dry(folder)
    return folder


def with_fault(good: Path, folder: Path, fault: Fault) -> Path:
    """A copy of the good project with the fault in it."""
    shutil.copytree(good, folder)
    for name, content in fault.files.items():
        path = folder / name
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for name, target in fault.links.items():
        (folder / name).symlink_to(target)
    if fault.config:
        key = fault.config.partition(":")[0]
        lines = CONFIG.splitlines()
        index = next((at for at, line in enumerate(lines) if line.startswith(f"{key}:")), len(lines))
        lines[index : index + 1] = [fault.config]
        (folder / "packflow.yaml").write_text("\n".join(lines))
    report_file = folder / ".packflow/dry-run/report.json"
    if report_file.exists():
        report = {**json.loads(report_file.read_text()), **fault.report}
        if fault.fresh:
            report["digest"] = look_at(folder).digest
        report_file.write_text(json.dumps(report))
    return folder


def test_a_good_project_has_nothing_to_be_found(good: Path) -> None:
    done = validate(ValidateOptions(good))
    assert done.findings == []
    assert [check.id for check in done.checks] == [check.id for check in CHECKS]
    assert (done.ran_dry_run, done.exit_code(strict=True)) == (False, ExitCode.OK)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_each_check_finds_its_fault_and_no_other_does(good: Path, tmp_path: Path, fault: Fault) -> None:
    folder = with_fault(good, tmp_path / "good", fault)
    done = validate(ValidateOptions(folder, run=fault.run, python=fault.python))
    assert {finding.check for finding in done.findings} == {fault.check, *fault.also}
    (found,) = [finding for finding in done.findings if finding.check == fault.check]
    assert re.fullmatch(fault.message, found.message, re.DOTALL), found.message
    assert found.where == fault.where
    assert re.fullmatch(fault.fix, found.fix, re.DOTALL), found.fix
    assert found.why
    assert done.exit_code() == fault.exit_code
    assert (found.severity is Severity.ERROR) <= bool(fault.exit_code)
    assert done.exit_code(strict=True) == (fault.exit_code or (found.severity is Severity.WARNING))


def test_every_check_has_its_fault() -> None:
    assert {fault.check for fault in FAULTS} == {check.id for check in CHECKS}


# Reports of other versions, and broken ones.


@pytest.mark.parametrize("value", [None, [], {}, "x", 7, [None], {"equal": "x"}], ids=repr)
@pytest.mark.parametrize(
    "key",
    [
        "parity",
        "golden",
        "failures",
        "modes",
        "changed_inputs",
        "written_files",
        "opened_files",
        "needs",
        "pickles",
        "python",
        "events",
        "stateful",
    ],
)
def test_no_report_breaks_a_check(good: Path, tmp_path: Path, key: str, value: Any) -> None:
    context = look_at(good, sys.executable)
    report = {**context.verdict.report, "failed": 1, key: value}
    found = findings_in(replace(context, verdict=replace(context.verdict, report=report)))
    assert "events-failed" in {finding.check for finding in found}
