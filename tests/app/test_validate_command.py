"""``packflow validate`` as its user meets it: what is shown, the one JSON object, exit codes, 0.4.1's spellings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from commands import Done, packflow
from packflow_app.actions.validate import Validated
from packflow_app.checks.check import Finding, Severity
from packflow_app.checks.registry import CHECKS
from packflow_app.checks.verdict import Freshness, Verdict
from packflow_app.cli.terminal import Terminal
from packflow_app.cli.validate_view import show
from packflow_app.runtime import ExitCode
from projects import HONEST, backend, run_dry, write_project

ESCAPE = "\x1b"
COMPLETE = {"README.md": "# Mine\n", "MODEL_CARD.md": "# Mine\n", "LICENSE.txt": "MIT\n"}
ABOUT = "description: Doubles.\nmaintainers: [Ada]\n"


def in_80_columns(*words: str, cwd: Path, **changes: str) -> Done:
    return packflow(*words, cwd=cwd, **{"COLUMNS": "80", **changes})


def told(*words: str, cwd: Path) -> tuple[int, dict[str, Any]]:
    ran = packflow("validate", *words, "--json", cwd=cwd)
    assert ran.stderr == ""
    return ran.returncode, json.loads(ran.stdout)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_project(tmp_path_factory.mktemp("validate") / "good", config=ABOUT, files=dict(COMPLETE))
    run_dry(folder)
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing but warnings: five of them."""
    folder = write_project(tmp_path_factory.mktemp("validate") / "plain")
    run_dry(folder)
    return folder


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two errors, five warnings, and a note, since the model cannot be run."""
    return write_project(
        tmp_path_factory.mktemp("validate") / "bad",
        config="version: latest\n",
        files={"requirements.txt": "# what it takes\nnumpy=\n"},
    )


# What a person sees.


def test_a_good_project(good: Path) -> None:
    shown = in_80_columns("validate", cwd=good)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == f"good 0.1.0 in .\n\nnothing found in {len(CHECKS)} checks\nNext  packflow export\n"


def test_warnings_never_block(plain: Path) -> None:
    shown = in_80_columns("validate", plain.name, cwd=plain.parent)
    lines = [line.rstrip() for line in shown.stdout.splitlines()]
    assert (shown.returncode, shown.stderr) == (0, "")
    assert lines[0] == "plain 0.1.0 in plain"
    assert lines[2] == "● warning  packflow.yaml  description is empty."
    assert lines[3] == "                          fix: Say in one sentence what the model does."
    assert lines[-2:] == [f"5 warnings in {len(CHECKS)} checks", "Next  packflow export plain"]


def test_errors_come_first_and_say_why(bad: Path) -> None:
    shown = in_80_columns("validate", cwd=bad)
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert (shown.returncode, shown.stderr) == (3, "")
    first = next(line for line in lines if "error" in line)
    assert first.startswith("✗ error requirements.txt:2 'numpy=' is not a requirement: ")
    assert [line.split()[1] for line in lines if line[:1] in tuple("✗●–")] == [
        *["error"] * 2,
        *["warning"] * 5,
        "note",
    ]
    assert any(line.startswith("why: pip then installs nothing") for line in lines)
    assert sum(line.startswith("why:") for line in lines) == 2
    assert lines[-2:] == [
        f"2 errors, 5 warnings, 1 note in {len(CHECKS)} checks",
        "Next mend requirements.txt:2, then packflow validate",
    ]


@pytest.mark.parametrize("columns", [80, 60, 120])
@pytest.mark.parametrize("words", [[], ["-v"]], ids=["short", "verbose"])
@pytest.mark.parametrize("changes", [{"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}, {}], ids=["no colour", "colour", "pipe"])
def test_the_table_fits(bad: Path, columns: int, words: list[str], changes: dict[str, str]) -> None:
    shown = in_80_columns("validate", *words, cwd=bad, **{**changes, "COLUMNS": str(columns)})
    assert (ESCAPE in shown.stdout) == ("FORCE_COLOR" in changes)
    plain_text = re.sub(r"\x1b\[[0-9;]*m", "", shown.stdout)
    assert max(map(len, plain_text.splitlines())) <= columns
    assert "✗ error" in plain_text
    assert "requirements.txt:2" in plain_text
    assert "MODEL_CARD.md" in plain_text


def test_verbose_adds_why_ids_and_what_passed(bad: Path) -> None:
    text = " ".join(in_80_columns("validate", "-v", cwd=bad).stdout.split())
    assert text.count("why: ") == text.count("check: ") == 8
    assert "check: requirement-invalid" in text
    passed = re.search(r"✓ passed ((?:[a-z-]+,? )+)\d", text)
    assert passed is not None
    names = passed[1].replace(",", " ").split()
    assert "document-empty" in names
    assert "requirement-invalid" not in names
    assert set(names) <= {check.id for check in CHECKS}


def test_it_says_that_it_ran_the_model(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model", config=ABOUT, files=dict(COMPLETE))
    assert "\nran the model on 40 sample events\n" in in_80_columns("validate", cwd=folder).stdout
    assert "ran the model" not in in_80_columns("validate", cwd=folder).stdout


def test_next_is_the_command_that_mends_it(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model", files={"requirements.txt": "packflow-no-such==1\n"})
    folder = folder.rename(tmp_path / "my model")
    here = in_80_columns("validate", cwd=folder)
    there = in_80_columns("validate", str(folder), cwd=tmp_path)
    assert (here.returncode, there.returncode) == (3, 3)
    assert here.stdout.splitlines()[-1] == "Next  packflow env sync"
    assert there.stdout.splitlines()[-1] == "Next  packflow -C 'my model' env sync"


def test_a_project_that_cannot_be_read_has_no_name(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model")
    (folder / "packflow.yaml").write_text("")
    shown = in_80_columns("validate", "model", cwd=tmp_path)
    assert (shown.returncode, shown.stdout.splitlines()[0]) == (3, "model")
    assert told("model", cwd=tmp_path)[1]["data"]["name"] is None


def test_what_a_model_says_does_not_steer_the_terminal(tmp_path: Path) -> None:
    raises = "raise ValueError('\\x1b[31mRED\\x07 [bold]loud[/]')"
    folder = write_project(tmp_path / "model", backend(raises), config=ABOUT, files=dict(COMPLETE))
    shown = in_80_columns("validate", cwd=folder)
    assert shown.returncode == 4
    assert "\\x1b[31mRED\\x07 [bold]loud[/]" in " ".join(shown.stdout.split())
    assert ESCAPE not in shown.stdout + shown.stderr


def test_long_places_wrap_and_stay_whole(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    place = "packages/scoring/pipelines/preprocessing_of_numbers.py"
    finding = Finding("x", Severity.ERROR, "Broken.", place, 12, "Why.", "Mend it.", None, ExitCode.CHECK_FAILED)
    done = Validated(Path.cwd(), None, list(CHECKS), [finding], Verdict(Freshness.MISSING, {}), ran_dry_run=False)
    show(Terminal(color="never", command=[]), done, [finding], verbose=False, strict=False)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-1])) <= 80  # the last one is to be copied
    assert "".join(line[9:33].strip() for line in lines[2:5]) == f"{place}:12"


def test_the_last_words_of_a_model_that_dies_are_shown(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model", backend("print('out of ink', flush=True)\nos._exit(3)"))
    shown = in_80_columns("validate", cwd=folder)
    assert shown.returncode == 4
    assert shown.stderr == "the model printed last:\n  │ out of ink\n"
    assert told(cwd=folder)[1]["data"]["dry_run"]["log"] == "out of ink\n"


# Options.


def test_no_warnings_hides_them_and_says_so(bad: Path) -> None:
    shown = in_80_columns("validate", "--no-warnings", cwd=bad)
    assert shown.returncode == 3
    assert "● warning" not in shown.stdout
    assert f"2 errors, 5 warnings, 1 note in {len(CHECKS)} checks (6 not shown)\n" in shown.stdout
    _, answer = told("--no-warnings", cwd=bad)
    assert answer["warnings"] == []
    assert {finding["severity"] for finding in answer["data"]["findings"]} == {"error"}
    assert answer["data"]["counts"] == {"error": 2, "warning": 5, "info": 1}


def test_strict_fails_on_warnings(good: Path, plain: Path) -> None:
    assert in_80_columns("validate", "--strict", cwd=good).returncode == 0
    shown = in_80_columns("validate", "--strict", cwd=plain)
    assert shown.returncode == 1
    assert shown.stdout.splitlines()[-1] == "Next  mend packflow.yaml, then packflow validate --strict"
    code, answer = told("--strict", cwd=plain)
    assert (code, answer["ok"], answer["errors"]) == (1, False, [])


def test_strict_and_no_warnings_contradict_each_other(plain: Path) -> None:
    shown = in_80_columns("validate", "--strict", "--no-warnings", cwd=plain)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr.startswith("error: --strict fails on warnings and --no-warnings hides them.")


def test_no_run_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    folder = write_project(tmp_path / "model", f"open({str(marker)!r}, 'w').close()\n{HONEST.strip()}")
    shown = in_80_columns("validate", "--no-run", cwd=folder)
    assert shown.returncode == 0
    assert "The model has not been run yet." in shown.stdout
    assert not marker.exists()
    assert not (folder / ".packflow").exists()


@pytest.mark.parametrize("words", [["."], ["--verbose"], ["-v", "--no-warnings"], [".", "-v"]], ids=" ".join)
def test_spellings_of_0_4_1(plain: Path, words: list[str]) -> None:
    assert in_80_columns("validate", *words, cwd=plain).returncode == 0


@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_findings_are_data_and_go_to_standard_output(bad: Path, quiet: list[str]) -> None:
    shown = in_80_columns(*quiet, "validate", cwd=bad)
    assert "✗ error" in shown.stdout
    assert shown.stderr == ""


# What a program sees.


def test_the_json_object(bad: Path) -> None:
    code, answer = told(cwd=bad)
    assert code == 3
    assert list(answer) == ["schema", "ok", "command", "data", "errors", "warnings"]
    assert (answer["schema"], answer["ok"]) == ("packflow.validate/1", False)
    data = answer["data"]
    assert list(data) == ["project", "name", "version", "checks", "counts", "findings", "dry_run", "fixed", "planned"]
    assert (data["project"], data["name"], data["version"]) == (str(bad), "bad", "latest")
    assert data["checks"] == [check.id for check in CHECKS]
    assert data["counts"] == {"error": 2, "warning": 5, "info": 1}
    assert data["dry_run"] == {"state": "missing", "ran": False, "log": ""}
    first = data["findings"][0]
    assert list(first) == ["check", "severity", "message", "file", "line", "why", "fix", "safe_fix"]
    assert (first["check"], first["severity"], first["file"], first["line"], first["safe_fix"]) == (
        "requirement-invalid",
        "error",
        "requirements.txt",
        2,
        None,
    )
    assert answer["errors"][0] == {
        "code": first["check"],
        "message": first["message"],
        "file": first["file"],
        "line": first["line"],
        "hint": first["fix"],
    }
    assert [error["code"] for error in answer["errors"]] == ["requirement-invalid", "version-invalid"]
    assert len(answer["warnings"]) == 5


def test_json_of_a_project_that_ran(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model", config=ABOUT, files=dict(COMPLETE))
    code, answer = told(cwd=folder)
    assert (code, answer["ok"], answer["data"]["findings"]) == (0, True, [])
    assert answer["data"]["dry_run"] == {"state": "fresh", "ran": True, "log": ""}


@pytest.mark.parametrize(
    ("execute", "code", "check"),
    [
        ("raise NotImplementedError", 4, "events-failed"),
        ("os._exit(3)", 4, "backend-fails"),
        ("return [{'n': len(inputs)} for _ in inputs]", 1, "parity-differs"),
        ("return []", 4, "events-failed"),
    ],
)
def test_exit_codes(tmp_path: Path, execute: str, code: int, check: str) -> None:
    folder = write_project(tmp_path / "model", backend(execute), config=ABOUT, files=dict(COMPLETE))
    ended, answer = told(str(folder), cwd=tmp_path)
    assert (ended, [error["code"] for error in answer["errors"]]) == (code, [check])


@pytest.mark.parametrize(("name", "message"), [("nowhere", "There is no folder"), (".", "is not a Packflow project")])
def test_no_project(tmp_path: Path, name: str, message: str) -> None:
    code, answer = told(name, cwd=tmp_path)
    assert (code, answer["errors"][0]["code"], answer["data"]) == (3, "project-not-found", {})
    assert message in answer["errors"][0]["message"]
