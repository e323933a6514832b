"""Bad input to the real command: one sentence, one next step, the right exit code, nothing left behind."""

from __future__ import annotations

import gzip
import json
import math
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from commands import packflow
from packflow_app.actions.demo import _run_archive
from packflow_app.cli import dry_run, main
from packflow_app.errors import ModelFailedError, UsageError
from packflow_app.questions.dry_run_values import read_batch_sizes, read_seconds, read_tolerance

BACKEND = """\
from packflow_runtime import InferenceBackend


class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"double": 2 * event["n"]} for event in inputs]
"""
EVENTS = b'{"n":1}\n{"n":2}\n{"n":4}\n'
LONG = "9" * 5000


@dataclass(frozen=True)
class Bad:
    """A command line that cannot work, and what it must answer."""

    arguments: str
    exit_code: int
    code: str
    message: str  # a regular expression that the whole message matches
    hint: str = r".+"
    file: str | None = None  # a regular expression
    line: int | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        return self.arguments.split()

    def __str__(self) -> str:
        return self.arguments if len(self.arguments) <= 60 else f"{self.arguments[:60]}-{len(self.arguments)}"


PROJECT = "-C project dry-run"
NEW = "init new --events"
FROM = "--events events.ndjson"
USAGE = r"packflow --help shows what it takes\."
DRY_RUN_USAGE = r"packflow dry-run --help shows what it takes\."
YAML = r".+packflow\.yaml"

CASES = [
    # Events.
    Bad(
        f"{NEW} nope.ndjson",
        3,
        "events-not-found",
        r"The events file nope\.ndjson cannot be read: No such .+",
        r"Name a file of events \(JSON, CSV or Parquet, plain or compressed\)\.",
    ),
    Bad(f"{NEW} folder", 3, "events-not-found", r"The events file folder cannot be read: Is a directory\."),
    Bad(f"{NEW} truncated.gz", 3, "events-empty", r"truncated\.gz holds no events; line 1: the compressed .+"),
    Bad(f"{NEW} empty.ndjson", 3, "events-empty", r"empty\.ndjson holds no events\."),
    Bad(f"{NEW} words.txt", 3, "events-empty", r"words\.txt holds no events; line 1: unexpected 'h' at column 1\."),
    Bad(f"{NEW} array.json", 3, "events-empty", r"array\.json holds no events; line 1: the file ends before its .+"),
    Bad(f"{PROJECT} nope.ndjson", 3, "events-not-found", r"The events file nope\.ndjson cannot be read: .+"),
    Bad(f"{PROJECT} ../empty.ndjson", 3, "events-empty", r"\.\./empty\.ndjson holds no events\."),
    Bad("-C sampleless dry-run", 3, "events-not-found", r"The events file .+ cannot be read: No such .+"),
    # The new project's folder and name.
    Bad(f"init taken {FROM}", 2, "target-exists", r"taken already exists and is not empty\."),
    Bad(f"init file {FROM}", 2, "target-exists", r"file already exists\."),
    Bad(f"init 9lives {FROM}", 2, "name-invalid", r"'9lives' is not a project name\. A name starts .+"),
    Bad(f"init {'x' * 65} {FROM}", 2, "name-invalid", rf"'{'x' * 65}' is not a project name\. .+", r".*--name.*"),
    Bad(f"init new --name a.b {FROM}", 2, "name-invalid", r"'a\.b' is not a project name\. .+"),
    Bad(f"init con {FROM}", 2, "name-invalid", r"'con' cannot be a folder's name on every system\."),
    Bad(f"init new --kind magic {FROM}", 3, "skeleton-not-found", r"There is no skeleton called 'magic'\."),
    Bad("init", 2, "input-missing", r"Missing: DIR and --events FILE\.", r"Run for example: packflow init .+"),
    Bad("init new --no-input", 2, "input-missing", r"Missing: --events FILE\."),
    Bad(f"{NEW} events.ndjson --set x", 2, "usage", r"--set 'x' is no setting\.", r"Write for example --set key=.+"),
    # Where nothing can be written.
    Bad(f"init file/new {FROM}", 5, "not-writable", r".+/file/new cannot be written: Not a directory\."),
    Bad(f"init {'x' * 300}/new {FROM}", 5, "not-writable", r".+/new cannot be written: File name too long\."),
    Bad(f"init /proc/packflow/new {FROM}", 5, "not-writable", r"/proc/packflow/new cannot be written: .+"),
    Bad("export project -o file/out", 5, "not-writable", r".+/file/out/.+ cannot be written: Not a directory\."),
    Bad("export project -o /proc/packflow", 5, "not-writable", r"/proc/packflow/.+\.zip cannot be written: .+"),
    Bad("demo -o file/demo", 5, "not-writable", r"file/demo cannot be written: Not a directory\."),
    Bad("demo -o taken", 2, "target-exists", r"taken already exists and is not empty\."),
    # The project.
    Bad(
        "dry-run", 3, "project-not-found", r".+ is not a Packflow project: it has no packflow\.yaml\.", r"Create one .+"
    ),
    Bad("export folder", 3, "project-not-found", r".+/folder is not a Packflow project: .+"),
    Bad("export nowhere", 3, "project-not-found", r"There is no folder .+/nowhere\."),
    Bad(f"export {'x' * 300}", 3, "project-not-found", r"There is no folder .+"),
    Bad("-C tabs dry-run", 3, "yaml-invalid", r".+ A tab is used for indentation\.", r"Indent .+", YAML, 3),
    Bad("export unknown-key", 3, "config-invalid", r"packflow\.yaml: colour is not a known key; .+", ".+", YAML, 4),
    Bad("export bad-type", 3, "config-invalid", r"packflow\.yaml: golden is 99; expected .+", ".+", YAML, 2),
    Bad("export latest", 2, "version-invalid", r"'latest' is not a version\.", r"Write .+", r"packflow\.yaml"),
    Bad("-C headless dry-run", 3, "backend-not-found", r"The project has no backend: inference\.py .+", ".+", YAML),
    Bad("-C linked dry-run", 1, "symlink", r"link is a symbolic link, which an archive cannot hold\.", ".+", "link"),
    Bad(f"{PROJECT} --python no-such", 3, "python-not-found", r"There is no Python at no-such\."),
    Bad("-C gone dry-run", 3, "python-broken", r".+\(the project's \.venv\) does not run as a Python: No such file .+"),
    Bad("export project", 2, "usage", r"SOURCE_DATE_EPOCH is 'x', not .+", environment={"SOURCE_DATE_EPOCH": "x"}),
    # The command line.
    Bad("-C nowhere dry-run", 3, "not-found", r"-C nowhere: No such file or directory\.", r"Name an existing folder\."),
    Bad("-C file dry-run", 3, "not-found", r"-C file: Not a directory\.", r"Name an existing folder\."),
    Bad("export project --output=", 2, "usage", r"-o / --output is empty\.", r"Name a file or folder; \. is the .+"),
    Bad(f"{PROJECT} --report=", 2, "usage", r"--report is empty\."),
    Bad("-C", 2, "usage", r"Option '-C' requires an argument\.", USAGE),
    Bad("frobnicate", 2, "usage", r"No such command 'frobnicate'\.", USAGE),
    Bad("--frobnicate", 2, "usage", r"No such option: --frobnicate\b.*", USAGE),
    Bad("dry-run --frobnicate", 2, "usage", r"No such option: --frobnicate\b.*", DRY_RUN_USAGE),
    Bad("dry-run one two", 2, "usage", r"Got unexpected extra argument(\(s\))? \(two\)\.", DRY_RUN_USAGE),
    Bad("-q", 2, "usage", r"Missing command\.", USAGE),
    Bad("--color blue dry-run", 2, "usage", r"Invalid value for '--color': .+", USAGE),
    Bad(f"{PROJECT} --batch-size 8,x", 2, "usage", r"--batch-size '8,x' is not a list of whole .+", r".+ 1,8,64\."),
    Bad(f"{PROJECT} --batch-size {LONG}", 2, "usage", r"--batch-size '9{39}…' is not a list of whole .+"),
    Bad(f"{PROJECT} --mode single --batch-size x", 2, "usage", r"--batch-size 'x' is not a list of whole .+"),
    Bad(f"{PROJECT} --memory lots", 2, "usage", r"--memory 'lots' is not a size\.", r".+ --memory 2G\."),
    Bad(f"{PROJECT} --memory {LONG}", 2, "usage", r"--memory '9{39}…' is not a size\."),
    Bad(f"{PROJECT} --timeout nan", 2, "usage", r"--timeout nan is not a number of seconds from 0\.1 to 1,000,000\."),
    Bad(f"{PROJECT} --init-timeout 0", 2, "usage", r"--init-timeout 0\.0 is not a number of seconds from .+"),
    Bad(f"{PROJECT} --rtol -1", 2, "usage", r"--rtol -1\.0 is not a tolerance\."),
    Bad(f"{PROJECT} --limit 0", 2, "usage", r"Invalid value for '--limit': 0 is less than 1\.", DRY_RUN_USAGE),
    Bad(f"{PROJECT} --limit x", 2, "usage", r"Invalid value for '--limit': 'x' is not a whole number\."),
    Bad(f"{PROJECT} --rtol x", 2, "usage", r"Invalid value for '--rtol': 'x' is not a number\."),
    Bad("ui --serve --port 99999", 2, "usage", r"Invalid value for '--port': 99999 is not from 0 to 65535\."),
    Bad(f"{PROJECT} --against none.zip", 3, "archive-not-found", r"none\.zip does not exist\.", r"Name a \.zip .+"),
    Bad(
        "export project --kit taken",
        2,
        "target-exists",
        r".+/taken already exists and is no kit\.",
        r"Choose another folder with --kit\.",
        r".+/taken",
    ),
    Bad("export project --golden 51", 2, "usage", r"--golden 51 is too many: an archive ships at most 50 .+"),
    Bad("export project --golden some", 2, "usage", r"--golden 'some' is neither a number, none, nor a file\."),
    Bad("export project --dry-run", 2, "usage", r"export has no --dry-run: .+", r"--plan .+"),
    Bad("export project --no-run", 1, "dry-run-missing", r"The model has not been run yet\."),
    Bad(
        "export linked", 1, "contents-invalid", r"link is a symbolic link, which an archive cannot hold\.", ".+", "link"
    ),
    Bad("export linked --plan", 1, "symlink", r"link is a symbolic link, which an archive cannot hold\.", ".+", "link"),
]


def write_project(folder: Path, config: str = "", backend: str | None = BACKEND, events: bytes | None = EVENTS) -> None:
    folder.mkdir()
    text = f"name: {folder.name}\ngolden: none\ndry_run:\n  events: events.ndjson\n"
    (folder / "packflow.yaml").write_text(config or text)
    (folder / "requirements.txt").write_text("")
    if backend is not None:
        (folder / "inference.py").write_text(backend)
    if events is not None:
        (folder / "events.ndjson").write_bytes(events)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A folder with events and projects that are wrong in one way each."""
    (tmp_path / "events.ndjson").write_bytes(EVENTS)
    (tmp_path / "empty.ndjson").write_bytes(b"")
    (tmp_path / "words.txt").write_bytes(b"hello\nworld\n")
    (tmp_path / "array.json").write_bytes(b"[")
    (tmp_path / "truncated.gz").write_bytes(gzip.compress(EVENTS, mtime=0)[:12])
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "events.ndjson").write_bytes(b"mine")
    write_project(tmp_path / "project")
    write_project(tmp_path / "sampleless", events=None)
    write_project(tmp_path / "headless", backend=None)
    write_project(tmp_path / "tabs", "name: tabs\ndry_run:\n\tevents: events.ndjson\n")
    write_project(tmp_path / "unknown-key", "name: x\nversion: 1.0\n\ncolour: red\n")
    write_project(tmp_path / "bad-type", "name: x\ngolden: 99\n")
    write_project(tmp_path / "latest", "name: x\nversion: latest\n")
    write_project(tmp_path / "linked")
    (tmp_path / "linked" / "link").symlink_to("inference.py")
    write_project(tmp_path / "gone")
    (tmp_path / "gone" / ".venv").symlink_to("nowhere")
    return tmp_path


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every name below the folder with the content of files; a dry run's own notes are no half-written result."""
    names = (path.relative_to(folder) for path in folder.rglob("*"))
    return {
        name.as_posix(): (folder / name).read_bytes() if (folder / name).is_file() else None
        for name in names
        if ".packflow" not in name.parts
    }


def in_process(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The same command in this process, which is much faster than one of its own."""
    monkeypatch.setattr(sys, "argv", ["packflow", *words])
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return main.run(words)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def envelope(text: str) -> dict[str, Any]:
    """The one JSON object that ``text`` is; its keys are part of the contract."""
    answer = json.loads(text)
    assert list(answer) == ["schema", "ok", "command", "data", "errors", "warnings"]
    for problem in answer["errors"] + answer["warnings"]:
        assert list(problem) == ["code", "message", "file", "line", "hint"]
    return answer


@pytest.mark.parametrize("bad", CASES, ids=str)
def test_bad_input(bad: Bad, bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(bench)
    shown = packflow(*bad.words, cwd=bench, **bad.environment)
    assert tree(bench) == before
    assert shown.returncode == bad.exit_code, shown.stderr
    assert shown.stdout == ""
    assert "Traceback" not in shown.stderr
    title, *rest = shown.stderr.splitlines()
    assert re.fullmatch(f"error: {bad.message}", title)
    assert title.endswith(".")
    place = [f"  at {bad.file}" + (f":{bad.line}" if bad.line else "")] if bad.file else []
    wanted = [*place, f"  next: {bad.hint}"]
    assert len(rest) == len(wanted), rest
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(wanted, rest, strict=True)), rest

    words = [*bad.words, "--json"]
    for key, value in bad.environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.chdir(bench)
    code = in_process(words, monkeypatch)
    out, err = capsys.readouterr()
    assert tree(bench) == before
    assert err == ""
    answer = envelope(out)
    assert (code, answer["ok"]) == (bad.exit_code, False)
    assert answer["command"] == ["packflow", *words]
    assert len(answer["errors"]) == 1
    problem = answer["errors"][0]
    if any(word in ("init", "dry-run", "export", "demo") for word in bad.words):
        assert problem["code"] == bad.code
        assert f"error: {problem['message']}" == title
        assert rest[-1] == f"  next: {problem['hint']}"
        assert problem["line"] == bad.line
        assert problem["file"] is None if bad.file is None else re.fullmatch(bad.file, problem["file"])
    else:  # --json is an option of commands
        assert problem["code"] == "usage"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["-C", "", "doctor"], "-C"),
        (["validate", ""], "PROJECT"),
        (["verify", "x.zip", ""], "ARCHIVE"),
        (["cache", "list", "--cache", ""], "--cache"),
    ],
)
def test_an_empty_word_is_not_the_folder_at_hand(words: list[str], name: str, bench: Path) -> None:
    """It comes from a variable of the shell that is not set."""
    shown = packflow(*words, cwd=bench)
    assert (shown.returncode, shown.stderr.splitlines()[0]) == (2, f"error: {name} is empty.")


@pytest.mark.parametrize("text", ["", " ", ",", "0", "-1", "8,x", "1.5", "1e3", "٣", "²", "1000001", LONG])
def test_what_is_no_list_of_batch_sizes(text: str) -> None:
    with pytest.raises(UsageError):
        read_batch_sizes(text)


def test_batch_sizes() -> None:
    assert read_batch_sizes("1, 8,64,") == [1, 8, 64]
    assert read_batch_sizes("1000000") == [1_000_000]


@pytest.mark.parametrize("text", ["", "G", "0", "0G", "-1", "2.5G", "2T", "2GB", "2 G", "²", "٣M", LONG])
def test_what_is_no_size_of_memory(text: str) -> None:
    with pytest.raises(UsageError):
        dry_run._bytes(text)


def test_sizes_of_memory() -> None:
    assert dry_run._bytes(None) is None
    texts = ("1", "3K", "512M", "2g")
    assert [dry_run._bytes(text) for text in texts] == [1, 3 << 10, 512 << 20, 2 << 30]


@pytest.mark.parametrize("value", [0.0, -1.0, 0.09, math.nan, math.inf, 1e300, 1_000_001.0])
def test_what_is_no_number_of_seconds(value: float) -> None:
    dry_run.check_seconds("--timeout", 0.1)
    dry_run.check_seconds("--timeout", 1_000_000.0)
    with pytest.raises(UsageError):
        dry_run.check_seconds("--timeout", value)


@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf])
def test_what_is_no_tolerance(value: float) -> None:
    for good in (None, 0.0, 1e-300, 10.0):
        dry_run.check_tolerance("--rtol", good)
    with pytest.raises(UsageError):
        dry_run.check_tolerance("--rtol", value)


def test_every_class_of_exit_code_is_met() -> None:
    assert {bad.exit_code for bad in CASES} == {1, 2, 3, 5}


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        ("init --json", "packflow.init/1"),
        ("init new --json --events nope", "packflow.init/1"),
        ("-C demo dry-run --json", "packflow.dry-run/1"),  # a folder called like a command, as the demo makes it
        ("--color never export demo --json", "packflow.export/1"),
        ("frobnicate export --json", "packflow.packflow/1"),
    ],
)
def test_the_schema_names_the_command(tmp_path: Path, words: str, schema: str) -> None:
    (tmp_path / "demo").mkdir()
    told = packflow(*words.split(), cwd=tmp_path)
    answer = envelope(told.stdout)
    assert (answer["schema"], answer["ok"], told.stderr) == (schema, False, "")
    assert told.returncode == (2 if answer["errors"][0]["code"] in ("usage", "input-missing") else 3)


def test_a_model_that_fails_is_told_with_its_line(bench: Path) -> None:
    (bench / "project" / "inference.py").write_text(BACKEND.replace('event["n"]', 'event["m"]'))
    told = packflow("-C", "project", "dry-run", "--json", cwd=bench)
    answer = envelope(told.stdout)
    assert (told.returncode, answer["ok"], told.stderr) == (4, False, "")
    problem = answer["errors"][0]
    assert problem["code"] == "events-failed"
    assert problem["message"] == "The model failed on 3 of 3 events, first on event 1: execute: KeyError: 'm'"
    assert (problem["file"], problem["line"]) == ("inference.py", 6)


def test_a_current_folder_that_is_gone_is_an_error_not_a_fault(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os, sys; os.rmdir(os.getcwd()); sys.argv[1:] = ['dry-run']; "
        "from packflow_app.__main__ import main; sys.exit(main())"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=gone, capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert ended.stderr.splitlines() == [
        "error: The current folder does not exist any more: No such file or directory.",
        "  next: Change to another folder.",
    ]


def test_an_empty_folder_name_is_not_the_current_folder(bench: Path) -> None:
    before = tree(bench)
    done = packflow("init", "", "--events", "events.ndjson", "--json", cwd=bench)
    assert done.returncode == 2
    error = envelope(done.stdout)["errors"][0]
    assert (error["code"], error["hint"]) == ("usage", "Name a folder, or . for this one.")
    assert tree(bench) == before


def test_ctrl_c_before_the_command_line_is_there_leaves_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = packflow("verify", "x.zip", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_debug_shows_the_traceback_and_nothing_else_does(tmp_path: Path) -> None:
    with_debug = packflow("--debug", "dry-run", cwd=tmp_path)
    assert with_debug.stderr.startswith("Traceback (most recent call last):")
    assert with_debug.returncode == 3
    assert packflow("dry-run", cwd=tmp_path).stderr == "".join(with_debug.stderr.splitlines(keepends=True)[-2:])


def test_a_good_project_leaves_no_error(bench: Path) -> None:
    told = packflow("export", "project", "-o", "out", "--json", cwd=bench)
    answer = envelope(told.stdout)
    assert (told.returncode, told.stderr, answer["ok"], answer["errors"]) == (0, "", True, [])
    assert os.listdir(bench / "out") == ["project-0.1.0.zip"]


@pytest.mark.parametrize("text", ["", "x", "1,5"])
def test_what_is_no_number_in_a_form(text: str) -> None:
    with pytest.raises(UsageError, match=f"--timeout '{text}' is not a number of seconds"):
        read_seconds("--timeout", text)
    with pytest.raises(UsageError, match=f"--rtol '{text}' is not a tolerance"):
        read_tolerance("--rtol", text)


def test_a_fault_of_packflows_own_is_told_with_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_given: object, **_named: object) -> None:
        raise LookupError("nobody thought of this")

    monkeypatch.setattr(main, "build_app", broken)
    assert in_process(["doctor"], monkeypatch) == 70
    title, place, hint = capsys.readouterr().err.splitlines()
    assert title == "error: Packflow has a fault: LookupError: nobody thought of this."
    assert re.fullmatch(r"  at .+test_cli_errors\.py:\d+", place)
    assert hint == "  next: Run it again with --debug before the command, and report what it shows."


def test_a_demo_whose_archive_fails_shows_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "demo.zip").write_text("import sys; sys.exit('error: one\\n  next: two')")
    (tmp_path / "events").write_text("")
    with pytest.raises(ModelFailedError) as caught:
        _run_archive(Path(sys.executable), tmp_path / "demo.zip", tmp_path / "events", tmp_path / "out")
    assert (caught.value.title, caught.value.detail) == (
        "The demo's archive ended with exit code 1.",
        "error: one next: two",
    )
