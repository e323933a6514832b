"""What every command prints with ``--json``, when it succeeds and when it fails, is what ``docs/schemas`` says."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import packflow, run_python
from json_schemas import check_answer, schemas, validator_of
from old_projects import NESTED_BACKEND, NESTED_EVENTS, NESTED_YAML, write_old_project
from packflow_app.result import COMMANDS, EARLIER
from packflow_app.runtime import runtime_import_path
from projects import HONEST, write_project
from stand_ins import make_python, save_model

WITHOUT = {"ui", "completion"}
"""One has a terminal to itself, the other prints a program for a shell."""
OF_ARCHIVES = {"info", "install", "replay"}
"""What only archives answer."""
NAMES = sorted({*COMMANDS, *EARLIER, *OF_ARCHIVES, "packflow"} - WITHOUT)
KEPT = Path(__file__).resolve().parents[1] / "data" / "kept" / "kept-1.0.0.runtime-0.1.0.zip.gz"

# How each command fails, in a folder without a project.
FAILING = {
    "packflow": ["nonsense"],
    "init": ["init", "x", "--events", "absent.ndjson"],
    "create": ["create", "1"],
    "inspect": ["inspect", "absent.ndjson"],
    "dry-run": ["dry-run"],
    "validate": ["validate"],
    "export": ["export"],
    "verify": ["verify", "absent.zip"],
    "run": ["run", "absent.zip", "-o", "out"],
    "show": ["show", "absent.zip"],
    "sign": ["sign", "absent.zip", "--key", "absent.key"],
    "kit": ["kit", "absent.zip", "-o", "kit"],
    "keygen": ["keygen", "--no-input"],
    "compare": ["compare", "a.zip", "b.zip", "absent.ndjson"],
    "update": ["update", "--model", "absent.pkl"],
    "demo": ["demo", "-o", "taken"],
    "migrate": ["migrate", "-y"],
    "skeletons": ["skeletons", "show", "absent"],
    "cache": ["cache", "clean", "--older-than", "-1"],
    "env": ["env", "sync"],
    "config": ["config", "get", "absent"],
    "doctor": ["doctor", "--target", "linux-x86_64-cp311"],
    "serve": ["serve", "absent.zip", "--source", "stdin:", "--sink", "file:out"],
}


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_a_schema(name: str) -> None:
    assert f"{name}.json" in schemas(), f"write docs/schemas/{name}.json: docs/schemas/README.md says how"


@pytest.mark.parametrize("file", sorted(schemas()))
def test_a_schema_is_valid_and_strict(file: str) -> None:
    validator = validator_of(file.removesuffix(".json"))
    validator.check_schema(schemas()[file])
    for place, part in objects(schemas()[file]):
        if "$ref" in part:
            assert validator._resolver.lookup(part["$ref"]).contents is not None, place
        if "properties" in part and "required" in part:
            assert part["additionalProperties"] is False, place
            assert set(part["required"]) <= {*part["properties"]}, place


def test_only_known_commands_have_one() -> None:
    assert {file.removesuffix(".json") for file in schemas()} == {*NAMES, "envelope"}


def objects(part: Any, place: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a schema with its place."""
    if isinstance(part, dict):
        yield place, part
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield from objects(value, f"{place}.{key}")


@pytest.mark.parametrize("change", ["another field", "a field less", "another schema", "an error though ok"])
def test_what_is_not_promised_is_refused(change: str) -> None:
    answer: dict[str, Any] = {
        "schema": "packflow.demo/1",
        "ok": True,
        "command": ["packflow", "demo"],
        "data": {"archive": "a", "events": "b", "outputs": "c", "command": "d"},
        "errors": [],
        "warnings": [],
    }
    check_answer(answer)
    if change == "another field":
        answer["data"]["more"] = 1
    elif change == "a field less":
        del answer["data"]["command"]
    elif change == "another schema":
        answer["schema"] = "packflow.sign/1"
    else:
        answer["errors"] = [{"code": "c", "message": "m", "file": None, "line": None, "hint": ""}]
    with pytest.raises(AssertionError, match=r"\.json: "):
        check_answer(answer)


def test_every_command_is_made_to_fail() -> None:
    assert {*FAILING} | OF_ARCHIVES == {*NAMES}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAILING)
def test_a_command_that_fails(name: str, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    done = packflow(*FAILING[name], "--json", cwd=tmp_path)
    assert done.returncode != 0
    assert done.answer["schema"] == f"packflow.{name}/1"
    assert not done.answer["ok"]


LEAK = HONEST.replace("2}", "2 + len(inputs)}")


class Journey:
    """Runs commands in one folder and remembers which answered with success."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.succeeded: set[str] = set()

    def __call__(self, *words: object, code: int = 0, stdin: str | None = None) -> dict[str, Any]:
        done = packflow(*words, "--json", cwd=self.folder, stdin=stdin, code=code, timeout=300)
        self.note(done.answer)
        return done.answer

    def archive(self, *words: object, code: int = 0) -> dict[str, Any]:
        done = run_python(*words, "--json", cwd=self.folder, PYTHONPATH=str(runtime_import_path()))
        assert done.returncode == code, done.stdout + done.stderr
        self.note(done.answer)
        return done.answer

    def note(self, answer: dict[str, Any]) -> None:
        assert answer["schema"].startswith("packflow.")
        if answer["ok"]:
            self.succeeded.add(answer["schema"].removeprefix("packflow.").removesuffix("/1"))


@pytest.mark.slow
def test_commands_that_succeed_and_checks_that_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKFLOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    go = Journey(tmp_path)
    events_and_projects(go)
    archives(go)
    around(go)
    models(go)
    go.succeeded.add("packflow")  # which is for words that name no command: it has no success
    assert go.succeeded == {*NAMES}


def events_and_projects(go: Journey) -> None:
    lines = [f'{{"n": {n}, "name": "user-{n % 3}", "tags": ["a"], "x": {n / 3}}}' for n in range(300)]
    lines[7:7] = ["not json", '{"n": "text"}']
    (go.folder / "events.ndjson").write_text("\n".join(lines) + "\n")
    (go.folder / "other.ndjson").write_text('{"n": null, "new": 1}\n')
    assert go("inspect", "events.ndjson", "--save", "few.ndjson")["warnings"]
    assert go("inspect", "events.ndjson", "other.ndjson")["data"]["changes"]
    go("create", "small")
    assert go("init", "model", "--events", "events.ndjson", "--plan")["data"]["planned"]
    go("init", "model", "--events", "events.ndjson")
    assert go("validate", "model", "--no-run")["data"]["dry_run"]["state"] == "missing"
    (go.folder / "model" / "samples" / "events.ndjson").write_text("\n".join(lines[10:90]) + "\n")
    go("-C", "model", "dry-run")
    go("validate", "model")
    leaky = write_project(go.folder / "leaky", LEAK)
    assert go("-C", leaky, "dry-run", code=1)["data"]["parity"]["cause"]["kind"] == "batch"
    assert go("validate", leaky, code=1)["data"]["findings"]
    go("export", leaky, "-y", code=1)
    dying = write_project(
        go.folder / "dying", HONEST.replace("return", "import os; print('bye', flush=True); os._exit(3); return")
    )
    assert go("-C", dying, "dry-run", code=4)["data"]["log"]
    failing = write_project(go.folder / "failing", HONEST.replace('event["n"]', 'event["absent"]'))
    assert go("-C", failing, "dry-run", code=4)["data"]["failures"]


def archives(go: Journey) -> None:
    go("export", "model", "-o", "dist", "--plan")
    go("keygen", "--no-passphrase", "-o", "release.key")
    done = go("export", "model", "-o", "dist", "-y", "--sign", "release.key", "--format", "wheel", "--kit", "kit")
    archive = done["data"]["path"]
    go("sign", archive, "--key", "release.key")
    go("kit", archive, "-o", "kit-2")
    go("show", archive)
    (go.folder / "kept.zip").write_bytes(gzip.decompress(KEPT.read_bytes()))
    assert any(go("show", "kept.zip", archive)["data"]["changes"].values())
    assert go("verify", archive, "--key", "release.pub", "--replay")["data"]["archives"][0]["replay"]["equal"]
    (go.folder / "broken.zip").write_bytes((go.folder / "kept.zip").read_bytes()[:-9])
    told = go("verify", "broken.zip", "absent.zip", archive, "--require", "lock,signed", code=1)
    assert [one["ok"] for one in told["data"]["archives"]] == [False, False, False]
    go("compare", archive, archive, "events.ndjson")
    assert go("compare", archive, "leaky", "events.ndjson", code=1)["data"]["fields"]
    assert go("run", archive, "events.ndjson", "-o", "out.ndjson")["data"]["failed"]
    go("run", archive, "absent.ndjson", "-o", "out2.ndjson", code=3)
    lines = '{"n": 1, "x": 2}\n{"n"'
    served = go("serve", archive, "--source", "stdin:", "--sink", "file:served.ndjson", stdin=lines)
    assert served["data"]["failed"] == 1
    for words in (["info"], ["install"], ["install", "--into", "own"], ["replay"], ["cache", "list"]):
        go.archive(archive, *words)
    assert not go.archive(archive, "compare", "leaky", "events.ndjson", code=1)["data"]["equal"]
    go.archive(archive, "run", "events.ndjson", "-o", "out3.ndjson")
    go.archive(archive, "verify")
    go.archive("-m", "packflow_runtime", "verify", "broken.zip", code=1)
    assert go("cache", "list")["data"]["archives"]
    go("cache", "clean", "--all")


def around(go: Journey) -> None:
    go("doctor")
    for words in (["path"], ["list"], ["set", "color", "never"], ["get", "color"], ["unset", "color"]):
        go("config", *words)
    assert go("config", "get", "maintainer", code=1)["data"]["value"] is None
    go("demo", "-o", "demo")
    go("skeletons", "list")
    assert go("skeletons", "show", "torch")["data"]["skeleton"]["variables"]
    go("env", "info", "model")
    assert go("env", "sync", "model")["data"]["created"]
    assert go("env", "sync", "model")["data"]["unchanged"]
    go("env", "info", "model")
    go("env", "lock", "model")
    go("env", "wheel", "-o", "wheels")
    go("env", "remove", "model")
    old = write_old_project(go.folder / "old", NESTED_BACKEND, NESTED_YAML, NESTED_EVENTS)
    go("migrate", old, "--plan")
    go("migrate", old, "-y", "--python", sys.executable)
    go("migrate", old, "--undo")


def models(go: Journey) -> None:
    python = make_python(go.folder / "python")
    save_model(python, go.folder / "model.pkl", "n", "x")
    given = ["--model", "model.pkl", "--trust-model", "--events", "few.ndjson", "--python", python]
    assert go("init", "scored", *given)["data"]["model"]["feature_names"] == ["n", "x"]
    (go.folder / "stricter.pkl").write_bytes((go.folder / "model.pkl").read_bytes().replace(b"\x40\x14", b"\x40\x44"))
    swap = ["-C", "scored", "update", "--model", go.folder / "stricter.pkl", "--trust-model", "--python", python]
    assert go(*swap, "--plan")["data"]["comparison"]
    go(*swap, "-y")
