"""What the real command shows, to whom, and how: help, colours, quiet, encodings, closed and full outputs."""

from __future__ import annotations

import errno
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from packflow_app import __version__
from packflow_app.cli import main
from packflow_app.cli.terminal import output_lost, visible
from packflow_app.cli.top_help import TOP_HELP
from packflow_app.result import COMMANDS, sentence_of
from runtime.archives import archive_of, tiny_files

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals: run the tests on a POSIX one")

ESCAPE = "\x1b"
COMMAND = [sys.executable, "-m", "packflow_app"]
BACKEND = """\
from packflow_runtime import InferenceBackend


class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"double": 2 * event["n"]} for event in inputs]
"""


def environment(**changes: str) -> dict[str, str]:
    """The environment without what would choose colours or encodings."""
    ours = ("NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM", "PYTHONIOENCODING", "PYTHONUTF8", "TTY_", "COLUMNS")
    return {**{key: value for key, value in os.environ.items() if not key.startswith(ours)}, "TERM": "xterm", **changes}


def in_bytes(*words: str, cwd: Path, **changes: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


def on_terminal(*words: str, cwd: Path, **changes: str) -> str:
    """Everything that the command writes to a pseudo-terminal, on either stream."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *words], cwd=cwd, env=environment(**changes), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # Linux: all of its writers have gone
            break
        if not piece:
            break
        written += piece
    else:
        process.kill()
        pytest.fail(f"it waits for something: {written!r}")
    os.close(ours)
    assert process.wait(60) in (0, 2)
    return written.decode("utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output") / "project"
    folder.mkdir()
    (folder / "packflow.yaml").write_text("name: project\ngolden: none\ndry_run:\n  events: events.ndjson\n")
    (folder / "inference.py").write_text(BACKEND)
    (folder / "events.ndjson").write_text('{"n":1}\n{"n":2}\n')
    return folder


# Help and version.


def test_version(tmp_path: Path) -> None:
    shown = in_bytes("--version", cwd=tmp_path)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, f"packflow {__version__}\n".encode(), b"")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help(tmp_path: Path, words: list[str]) -> None:
    shown = in_bytes(*words, cwd=tmp_path)
    assert (shown.returncode, shown.stdout.decode(), shown.stderr) == (0, TOP_HELP, b"")


def test_help_lists_exactly_the_commands_with_their_one_line_help() -> None:
    listed = dict(re.findall(r"^  ([a-z][a-z-]*)  +(\S.*)$", TOP_HELP.split("\nOptions\n")[0], re.MULTILINE))
    assert listed == COMMANDS
    assert list(listed) == list(COMMANDS)
    assert max(map(len, TOP_HELP.splitlines())) <= 80


def test_the_parser_knows_exactly_the_commands() -> None:
    app = main.build_app()
    registered = {command.name: command.help for command in [*app.registered_commands, *app.registered_groups]}
    assert registered == {name: sentence_of(name) for name in COMMANDS}


def test_help_lists_exactly_the_options_that_stand_before_a_command(tmp_path: Path) -> None:
    listed = set(re.findall(r"(?<![\w-])--?[A-Za-z][a-z-]*", TOP_HELP.split("\nOptions\n")[1].split("\nStart with")[0]))
    parsed = in_bytes("-q", "--help", cwd=tmp_path).stdout.decode().split("Options:")[1].split("Commands:")[0]
    known = set(re.findall(r"(?<![\w-])--?[A-Za-z][a-z-]*", parsed))
    assert listed - {"--help", "-h"} == known - {"--help", "-h"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(tmp_path: Path, command: str) -> None:
    shown = in_bytes(command, "--help", cwd=tmp_path)
    text = shown.stdout.decode()
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert text.startswith(f"Usage: packflow {command} [OPTIONS]")
    assert " ".join(text.split()).count(sentence_of(command)) == 1
    assert ("--json" in text) == (command not in ("ui", "completion"))  # a screen, a script
    assert ESCAPE not in text


# Colours.


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("--color never -C project dry-run", {}),
        ("-C project dry-run", {"NO_COLOR": "1"}),
        ("--color never init --no-input", {}),
        ("--color=never init --no-input", {"FORCE_COLOR": "1"}),
        ("--color auto init --no-input", {"NO_COLOR": "1", "COLORTERM": "truecolor"}),
        ("init --no-input", {"TERM": "dumb"}),
    ],
)
def test_without_colours_a_terminal_gets_no_escape_code(project: Path, words: str, changes: dict[str, str]) -> None:
    text = on_terminal(*words.split(), cwd=project.parent, **changes)
    assert ("single = batch" if "dry-run" in words else "error: Missing: DIR") in text
    assert ESCAPE not in text


def test_a_terminal_gets_colours(project: Path) -> None:
    assert f"{ESCAPE}[32m✓{ESCAPE}[0m 2 of 2" in on_terminal("-C", "project", "dry-run", cwd=project.parent)


@pytest.mark.parametrize("changes", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_that_are_asked_for_come_in_errors(tmp_path: Path, changes: dict[str, str]) -> None:
    shown = in_bytes("--color", "always", "init", cwd=tmp_path, **changes)
    assert shown.stderr.decode().startswith(f"{ESCAPE}[1;31merror:{ESCAPE}[0m Missing: DIR")


def test_colours_that_are_asked_for_come_always(project: Path) -> None:
    shown = in_bytes("--color", "always", "-C", "project", "dry-run", cwd=project.parent, NO_COLOR="1", TERM="dumb")
    assert f"{ESCAPE}[32m✓{ESCAPE}[0m 2 of 2" in shown.stdout.decode()
    assert ESCAPE.encode() not in shown.stderr  # a log gets no line that changes in place


def test_json_has_no_colours_even_if_asked(project: Path) -> None:
    shown = in_bytes("--color", "always", "-C", "project", "dry-run", "--json", cwd=project.parent)
    assert json.loads(shown.stdout)["ok"] is True
    assert ESCAPE.encode() not in shown.stdout + shown.stderr


# Quiet, and what is shown while it runs.


def test_progress_changes_in_place_on_a_terminal_and_leaves_nothing(project: Path) -> None:
    text = on_terminal("--color", "never", "-C", "project", "dry-run", cwd=project.parent)
    assert "  single: 2 of 2 events" in text
    final = [line.split("\r")[-1] for line in text.replace("\r\n", "\n").split("\n")]
    assert not any("of 2 events" in line for line in final)


def test_quiet_shows_the_result_and_no_progress(project: Path) -> None:
    text = on_terminal("-q", "--color", "never", "-C", "project", "dry-run", cwd=project.parent)
    assert "single = batch  ✓ 2 of 2" in text
    assert "\r" not in text.replace("\r\n", "\n")


def test_quiet_still_tells_errors(tmp_path: Path) -> None:
    shown = in_bytes("-q", "init", cwd=tmp_path)
    assert shown.returncode == 2
    assert shown.stderr.startswith(b"error: Missing: DIR")


# Encodings.


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_any_encoding_shows_the_result(project: Path, encoding: str) -> None:
    shown = in_bytes("-C", "project", "dry-run", cwd=project.parent, PYTHONIOENCODING=encoding)
    tick = "✓" if encoding == "utf-8" else "\\u2713"
    assert (shown.returncode, without_progress(shown.stderr.decode())) == (0, "")
    assert f"single = batch  {tick} 2 of 2" in shown.stdout.decode(encoding)
    assert ESCAPE.encode() not in shown.stdout


@pytest.mark.parametrize("changes", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C"}])
def test_json_stays_json_in_any_encoding(tmp_path: Path, changes: dict[str, str]) -> None:
    shown = in_bytes("init", "é-模型-🔥", "--events", "x", "--json", cwd=tmp_path, **changes)
    answer = json.loads(shown.stdout.decode(changes.get("PYTHONIOENCODING", "utf-8")))
    assert answer["command"][2] == "é-模型-🔥"
    assert answer["errors"][0]["code"] == "name-invalid"


def test_an_argument_that_is_not_utf8(tmp_path: Path) -> None:
    shown = in_bytes("init", os.fsdecode(b"x\xff"), "--events", "x", "--json", cwd=tmp_path)
    assert json.loads(shown.stdout)["command"][2] == "x\udcff"
    shown = in_bytes("init", os.fsdecode(b"x\xff"), "--events", "x", cwd=tmp_path)
    assert shown.returncode == 2
    assert shown.stderr.startswith(b"error: 'x\\udcff' is not a project name.")


# Outputs that end early.

SPOKEN = [
    ["--help"],
    ["--version"],
    ["init", "--help"],
    ["-C", "project", "dry-run"],
    ["-C", "project", "dry-run", "--json"],
]


def ended(words: list[str], cwd: Path, **streams: Any) -> tuple[int, str]:
    process = subprocess.run(
        [*COMMAND, *words], cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, timeout=60, check=False, **streams
    )
    return process.returncode, without_progress((process.stderr or b"").decode())


def without_progress(told: str) -> str:
    """What was told beside how far a dry run is, which a slow machine hears every two seconds."""
    return re.sub(r"(?m)^  [a-z][a-z0-9 ]*: [\d,]+ of [\d,]+ events\n", "", told)


def closed_pipe() -> int:
    ours, theirs = os.pipe()
    os.close(ours)
    return theirs


@pytest.mark.parametrize("words", SPOKEN, ids=" ".join)
def test_a_reader_that_went_away_ends_the_command_quietly(project: Path, words: list[str]) -> None:
    pipe = closed_pipe()
    assert ended(words, project.parent, stdout=pipe, stderr=subprocess.PIPE) == (0, "")
    os.close(pipe)


@pytest.mark.parametrize("stream", ["stdout", "stderr", "both"])
@pytest.mark.parametrize("words", [["verify", "bad.zip"], ["verify", "bad.zip", "--json"]], ids=" ".join)
def test_a_check_that_fails_says_so_when_nobody_reads_it(tmp_path: Path, stream: str, words: list[str]) -> None:
    (tmp_path / "bad.zip").write_bytes(b"no archive")
    pipe = closed_pipe()
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    streams |= dict.fromkeys(("stdout", "stderr") if stream == "both" else (stream,), pipe)
    code, told = ended([*words], tmp_path, **streams)
    os.close(pipe)
    assert code == 1
    assert "Traceback" not in told


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("words", [["init"], ["init", "--json"]], ids=" ".join)
def test_an_error_keeps_its_exit_code_when_nobody_reads_it(tmp_path: Path, stream: str, words: list[str]) -> None:
    pipe = closed_pipe()
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: pipe}
    code, told = ended(words, tmp_path, **streams)
    os.close(pipe)
    assert code == 2
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("words", "redirections", "code"),
    [
        (["--help"], ">&-", 5),
        (["--version"], ">&-", 5),
        (["init", "--help"], ">&-", 5),
        (["init", "--json"], ">&-", 5),
        (["cache", "list"], ">&-", 5),
        (["cache", "list", "--json"], ">&-", 5),
        (["verify", "archive.zip"], ">&-", 5),
        (["run", "project"], ">&-", 5),
        (["init"], "2>&-", 2),
        (["init"], "<&- >&- 2>&-", 2),
        (["-C", "project", "dry-run"], "<&- 2>&-", 0),
        (["-C", "project", "dry-run"], "<&- >&- 2>&-", 5),
        (["run", "project", "project/events.ndjson", "-o", "outcomes.ndjson"], ">&-", 0),
    ],
)
def test_streams_closed_from_the_start_do_no_harm(
    project: Path, words: list[str], redirections: str, code: int
) -> None:
    (project.parent / "archive.zip").write_bytes(archive_of(tiny_files()))
    (project.parent / "outcomes.ndjson").unlink(missing_ok=True)
    process = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *COMMAND, *words],
        cwd=project.parent,
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == code, process.stderr
    assert b"Traceback" not in process.stderr
    if code == 5 and redirections == ">&-":
        assert process.stderr.lower().startswith(b"error: standard output cannot be written: it is closed.\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full: run the tests on Linux")
@pytest.mark.parametrize("words", [["--help"], ["-C", "project", "dry-run"], ["init", "--json"]], ids=" ".join)
def test_a_full_disk_is_told(project: Path, words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        code, told = ended(words, project.parent, stdout=full, stderr=subprocess.PIPE)
    assert code == 5
    assert told.lower().startswith("error: standard output cannot be written: no space left on device.\n")
    assert "Traceback" not in told


def test_an_output_that_is_lost_is_told_apart_for_programs() -> None:
    """Nobody sees this code on standard output; what is built on these functions does."""
    for number, told in ((errno.EBADF, "it is closed"), (errno.ENOSPC, "No space left on device")):
        error = output_lost(OSError(number, os.strerror(number)))
        assert (error.code, error.title) == ("output-lost", f"Standard output cannot be written: {told}.")


def test_ctrl_c_stops_a_dry_run_with_one_word(project: Path, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    for name in ("packflow.yaml", "events.ndjson"):
        (slow / name).write_bytes((project / name).read_bytes())
    started = tmp_path / "started"
    (slow / "inference.py").write_text(f"import time\nopen({str(started)!r}, 'w').close()\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [*COMMAND, "-C", "slow", "dry-run"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 30
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=20)
    assert (process.returncode, out, told) == (130, b"", b"stopped\n")


# What events and models say must not steer the terminal.

STEERING = "\x1b[31mRED\x1b]0;title\x07\x9b2J\u202e\r"


def test_visible_spells_out_what_would_steer_a_terminal() -> None:
    assert visible(STEERING) == "\\x1b[31mRED\\x1b]0;title\\x07\\x9b2J\\u202e\\r"
    assert visible("é 模型\t🔥 [bold]") == "é 模型\t🔥 [bold]"


def neutral(text: str) -> bool:
    return not any(char in text for char in "\x1b\x07\x9b\u202e") and "\r" not in text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    "backend",
    [
        'return [{"key": event["s"] + str(len(inputs))} for event in inputs]',
        'return [{event["s"]: len(inputs)} for event in inputs]',
        'raise ValueError(inputs[0]["s"])',
        'print(inputs[0]["s"], flush=True); import os; os._exit(3)',
    ],
    ids=["differs", "key differs", "raises", "prints and dies"],
)
def test_escapes_in_events_are_neutral_in_what_a_dry_run_shows(tmp_path: Path, backend: str) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "packflow.yaml").write_text("name: project\ndry_run:\n  events: events.ndjson\n")
    (folder / "inference.py").write_text(
        "from packflow_runtime import InferenceBackend\n\n\n"
        f"class Backend(InferenceBackend):\n    def execute(self, inputs):\n        {backend}\n"
    )
    (folder / "events.ndjson").write_text("\n".join(json.dumps({"s": f"{STEERING}{n}"}) for n in range(4)))
    shown = in_bytes("-C", "project", "dry-run", cwd=tmp_path)
    text = (shown.stdout + shown.stderr).decode()
    assert shown.returncode in (1, 4)
    assert re.search(r"\\(x1b|u001b)\[31mRED", text)
    assert neutral(text)


def test_escapes_in_field_names_paths_and_arguments_are_neutral(tmp_path: Path) -> None:
    events = tmp_path / "\x1b[31mevents"
    events.write_text("\n".join(json.dumps({f"{STEERING}": n, "[bold]": n}) for n in range(4)))
    made = in_bytes("init", "new", "--events", events.name, cwd=tmp_path)
    assert made.returncode == 0
    assert "numeric fields: \\x1b[31mRED" in made.stdout.decode()
    assert ", [bold]\n" in made.stdout.decode()
    assert neutral((made.stdout + made.stderr).decode())
    missing = in_bytes("init", "newer", "--events", f"{STEERING}[bold]", cwd=tmp_path)
    assert "The events file \\x1b[31mRED" in missing.stderr.decode()
    assert "[bold] cannot be read" in missing.stderr.decode()
    assert neutral(missing.stderr.decode())


def test_long_lines_are_folded_between_words(tmp_path: Path) -> None:
    words = ["init", "new", "--events", "example", "--plan"]
    shown = in_bytes(*words, cwd=tmp_path, COLUMNS="40").stdout.decode()
    wide = in_bytes(*words, cwd=tmp_path, COLUMNS="200").stdout.decode()
    head, tree = shown.split("\n\n")[0], wide.split("\n\n")[0]
    assert head.split() == tree.split()
    assert max(len(line) for line in head.splitlines() if "/" not in line) <= 40  # a path is no two words
    assert "\n    " in head
