"""``packflow inspect`` as its user meets it: what is shown, the one JSON object, what is saved, exit codes."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from commands import packflow, told
from packflow_app.actions import inspect as action
from packflow_app.actions.inspect import InspectOptions, InspectProgressed, inspect
from packflow_app.errors import CancelledError, UsageError
from packflow_app.events.generated import firewall_events
from packflow_app.events.sampling import open_sample

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = b"".join(
    line + b"\n"
    for line in (
        b'{"user":{"name":"anna","ip":"10.0.0.1"},"n":1,"tags":["a"]}',
        b'{"user":{"name":"bob","ip":"10.0.0.2"},"n":2.5}',
        b"not json",
        b'{"user":{"name":"anna","ip":"10.0.0.1"},"n":"x","big":9223372036854775808}',
        b'{"user":null,"n":4,"tags":[]}',
    )
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    path.write_bytes(EVENTS)
    return path


def test_what_is_shown(file: Path) -> None:
    ran = packflow("inspect", file.name, cwd=file.parent, COLUMNS="100")
    assert ran.returncode == 0, ran.stderr
    shown = ran.stdout.splitlines()
    assert shown[0] == "events.ndjson  ndjson · 4 events · 1 invalid · 7 fields · 3 shapes"
    assert shown[2].split() == ["field", "in", "types", "range", "different", "most", "frequent"]
    assert [line.split()[:3] for line in shown[3:10]] == [
        ["user", "100", "%"],
        ["user.name", "100", "%"],
        ["user.ip", "100", "%"],
        ["n", "100", "%"],
        ["tags", "50", "%"],
        ["tags[]", "100", "%"],
        ["big", "25", "%"],
    ]
    assert "object 3, null 1" in shown[3]
    assert "string (ip)" in shown[5]
    assert "! integer 2, number 1," in shown[6]
    text = ran.stdout
    assert "conflicts\n  n: integer 2 (first line 1), number 1 (first line 2), string 1 (first line 4)\n" in text
    assert "large integers\n  big: 1 beyond 64 bits, first line 4\n" in text
    assert "invalid lines\n  line 3, column 1: unexpected 'n' at column 1\n" in text
    assert "shapes\n  2 events with 3 keys\n  1 events: -tags\n  1 events: +big, -tags\n" in text
    assert all(len(line) <= 100 for line in shown)


def test_the_json_object(file: Path) -> None:
    answer = told("inspect", file.name, cwd=file.parent)
    data = answer["data"]
    assert answer["ok"]
    assert list(data) == ["profile", "schema", "suggestions", "saved"]
    profile = data["profile"]
    assert (profile["format"], profile["events"], profile["invalid_count"]) == ("ndjson", 4, 1)
    assert profile["bytes"] == len(EVENTS)
    assert profile["invalid"] == [
        {"position": 3, "code": "not-json", "message": "unexpected 'n' at column 1", "column": 1}
    ]
    paths = {path["path"]: path for path in profile["paths"]}
    assert (paths["user"]["nulls"], paths["tags"]["is_optional"], paths["n"]["is_conflict"]) == (1, True, True)
    assert data["schema"]["properties"]["n"] == {"type": ["number", "string"]}
    assert [(one["code"], one["line"]) for one in answer["warnings"]] == [
        ("events-invalid", 3),
        ("field-conflict", None),
    ]


def test_schema_and_invalid_only_print_one_thing(file: Path) -> None:
    ran = packflow("inspect", file, "--schema", cwd=file.parent)
    assert json.loads(ran.stdout) == told("inspect", file, cwd=file.parent)["data"]["schema"]
    ran = packflow("inspect", file, "--invalid-only", cwd=file.parent)
    assert ran.stdout == "\ninvalid lines\n  line 3, column 1: unexpected 'n' at column 1\n"
    assert packflow("inspect", file, "--invalid-only", "--schema", cwd=file.parent).returncode == 2


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input(tmp_path: Path, *, packed: bool) -> None:
    command = [sys.executable, "-m", "packflow_app", "inspect", "-", "--json"]
    content = gzip.compress(EVENTS) if packed else EVENTS
    ran = subprocess.run(command, input=content, cwd=tmp_path, capture_output=True, timeout=60, check=True)
    profile = json.loads(ran.stdout)["data"]["profile"]
    assert (profile["events"], profile["format"]) == (4, "ndjson, compressed" if packed else "ndjson")


@pytest.mark.parametrize("words", [(), ("--filter", "n >= 0")], ids=["all", "filtered"])
def test_a_named_pipe_loses_no_event(tmp_path: Path, words: tuple[str, ...]) -> None:
    events = b"".join(b'{"n":%d,"pad":"%s"}\n' % (number, b"x" * 200) for number in range(2000))
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(events,))
    writer.start()
    profile = told("inspect", "pipe", *words, cwd=tmp_path)["data"]["profile"]
    writer.join()
    assert (profile["events"], profile["invalid_count"]) == (2000, 0)


def test_a_filter_and_a_limit_choose_events_by_their_fields(file: Path) -> None:
    for words, events in [
        (["--filter", "user.name = 'anna'"], 2),
        (["--filter", "n = '4' or len(tags) = 1"], 2),
        (["--filter", "\"user\".ip like '%.2'"], 1),
        (["--limit", 2], 2),
        (["--limit", 1, "--filter", "user.name = 'anna'"], 1),
    ]:
        assert told("inspect", file, *words, cwd=file.parent)["data"]["profile"]["events"] == events
    answer = packflow("inspect", "-", "--filter", "user.name = 'bob'", "--json", cwd=file.parent, stdin=EVENTS.decode())
    assert json.loads(answer.stdout)["data"]["profile"]["events"] == 1
    ran = packflow("inspect", file, "--filter", "nope = 1", cwd=file.parent)
    assert ran.returncode == 2
    assert "error: --filter 'nope = 1' cannot be evaluated" in ran.stderr
    ran = packflow("inspect", file, "--filter", "user.name = 'zoe'", cwd=file.parent)
    assert (ran.returncode, ran.stderr.count("--filter chooses")) == (3, 1)


def test_the_sample_is_the_bytes_of_the_file(file: Path) -> None:
    target = file.parent / "few.ndjson"
    ran = packflow("inspect", file, "--save", target, cwd=file.parent)
    assert ran.stderr == f"4 events written to {target}\n"
    assert target.read_bytes() == b"".join(line + b"\n" for line in EVENTS.splitlines() if line.startswith(b"{"))
    ran = packflow("inspect", file, "--save", target, cwd=file.parent)
    assert (ran.returncode, "is there already" in ran.stderr) == (2, True)
    assert json.loads(packflow("inspect", file, "--save", target, "--json", cwd=file.parent).stdout)["errors"][0][
        "code"
    ] == ("file-exists")
    assert packflow("inspect", file, "--save", target, "--force", "--limit", 1, cwd=file.parent).returncode == 0
    assert target.read_bytes().count(b"\n") == 1
    assert packflow("inspect", file, "--save", file.parent / "no" / "x", cwd=file.parent).returncode == 5
    assert sorted(path.name for path in file.parent.iterdir()) == ["events.ndjson", "few.ndjson"]


def test_masked_values_are_gone_and_the_same_values_stay_the_same(file: Path) -> None:
    target = file.parent / "few.ndjson"
    words = ["--save", target, "--mask", "user.name", "--mask", "user.ip", "--mask", "tags"]
    assert told("inspect", file, *words, cwd=file.parent)["data"]["saved"] == 4
    content = target.read_bytes()
    assert not any(word in content for word in (b"anna", b"bob", b"10.0.0.1", b'"a"'))
    first, second, third, fourth = map(json.loads, content.splitlines())
    assert first["user"] == third["user"] != second["user"]
    assert (first["n"], third["big"], fourth) == (1, 2**63, {"user": None, "n": 4, "tags": []})
    ran = packflow("inspect", file, "--mask", "user.nam", "--save", target, "--force", "--json", cwd=file.parent)
    (error,) = json.loads(ran.stdout)["errors"]
    assert (ran.returncode, error["code"]) == (2, "field-unknown")
    assert error["hint"].startswith("There is: user.name")
    assert packflow("inspect", file, "--mask", "user.name", cwd=file.parent).returncode == 2


def test_a_second_file_is_compared(file: Path) -> None:
    other = file.parent / "new.ndjson"
    other.write_bytes(b'{"user":{"name":"zoe"},"n":1,"extra":true}\n')
    ran = packflow("inspect", file.name, other.name, cwd=file.parent, COLUMNS="120")
    assert "new.ndjson has 1 event\n" in ran.stdout
    assert [line.split()[:5] for line in ran.stdout.splitlines() if "is gone" in line] == [
        ["!", "user.ip", "is", "gone", "string"],
        ["!", "tags", "is", "gone", "array"],
        ["!", "big", "is", "gone", "integer"],
    ]
    answer = told("inspect", file.name, other.name, cwd=file.parent)
    assert {"path": "extra", "kind": "added", "before": "", "after": "boolean in 1 of 1", "is_breaking": False} in (
        answer["data"]["changes"]
    )
    assert answer["data"]["other"]["events"] == 1
    ran = packflow("inspect", file.name, file.name, cwd=file.parent)
    assert "the same fields, types and ranges" in ran.stdout


def test_terminal_escapes_in_data_are_spelled_out(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    key = "\x1b]0;owned\x07\u202e"
    path.write_text(json.dumps({key: "\x1b[31mred", "[red]markup[/]": "[bold]"}) + "\n\x1b[2Jnope\n", "utf-8")
    for words in ([], ["--invalid-only"]):
        ran = packflow("inspect", path, *words, cwd=tmp_path, FORCE_COLOR="1", TERM="xterm")
        shown = ran.stdout + ran.stderr
        assert not [part for part in ("\x07", "\u202e", "\x1b]", "\x1b[2J") if part in shown]
    assert "[red]markup[/]" in packflow("inspect", path, cwd=tmp_path).stdout
    assert "\x1b[2J" not in packflow("inspect", path, "--schema", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("empty", b"", "holds no events"),
        ("binary", bytes(range(256)) * 40, "holds no events; line 1: unexpected '\\x00'"),
        ("cut.gz", gzip.compress(EVENTS, mtime=0)[:12], "cannot be unpacked: the compressed file is cut off here"),
        ("x.zip", b"PK\x03\x04\0\0", "is a zip file, not a file of events"),
        ("x.parquet", b"PAR1 and no more", "cannot be read as Parquet"),
        ("folder", None, "cannot be read: Is a directory"),
        ("missing", None, "cannot be read: No such file or directory"),
    ],
)
def test_what_holds_no_events_is_an_error_that_says_why(
    tmp_path: Path, name: str, content: bytes | None, title: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    elif name == "folder":
        (tmp_path / name).mkdir()
    ran = packflow("inspect", name, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert title in ran.stderr.splitlines()[0]
    assert ran.stderr.splitlines()[-1].startswith("  next: ")
    if content is not None and "line 1" in title:
        assert packflow("inspect", name, "--invalid-only", cwd=tmp_path).stdout.count("line ") > 3


def test_a_file_with_a_wrong_extension_a_long_line_and_deep_nesting_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    path.write_bytes(b'{"a":1}\n{"a":"' + b"x" * (100 << 20) + b'"}\n' + deep + b'\n{"a":2}\n')
    profile = told("inspect", path, cwd=tmp_path)["data"]["profile"]
    assert (profile["events"], profile["format"]) == (2, "ndjson")
    assert [(one["position"], one["code"]) for one in profile["invalid"]] == [(2, "line-too-long"), (3, "too-deep")]


def test_a_huge_file_is_sampled_unless_all_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.ndjson"
    lines = list(firewall_events(30_000))
    lines[29_990] = b"broken"
    path.write_bytes(b"\n".join(lines))
    monkeypatch.setattr(action, "open_sample", partial(open_sample, head=500_000, spread=1_000_000, tail=500_000))
    seen: list[InspectProgressed] = []
    sampled = inspect(InspectOptions(path), report=seen.append).profile
    assert sampled.sampling is not None
    read = sum(stop - start for start, stop in sampled.sampling.ranges)
    assert 1_900_000 < read < 2_300_000
    assert [one.position for one in sampled.invalid] == [29_991]
    assert 0 < sampled.events < 15_000
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert (seen[-1].done, seen[-1].size) == (read, read)
    every = inspect(InspectOptions(path, full=True)).profile
    assert (every.events, every.sampling) == (29_999, None)


def test_reading_can_be_stopped(file: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        inspect(InspectOptions(file), cancel=stop)


def test_options_that_do_not_go_together(file: Path) -> None:
    with pytest.raises(UsageError, match="sample of one file"):
        inspect(InspectOptions(file, other=file, save=file.parent / "x"))
