"""``validate --fix``: what would change is shown first when asked for, and only what was named is mended."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from commands import packflow
from packflow_app.actions.fixes import PlannedFix, apply_fixes
from packflow_app.actions.validate import Validated, ValidateOptions, validate
from packflow_app.errors import NotWritableError
from projects import backend, give_python, run_dry, write_project

SOURCE = "import packaging.version\nimport typer\n" + backend(
    "packaging.version.parse('1')\nopen(self.project_dir / 'rules.txt').close()\nreturn [{'n': e['n']} for e in inputs]"
)
PACKAGING, TYPER = (f"{name}=={version(name)}\n" for name in ("packaging", "typer"))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It opens a file that .gitignore leaves out, pins one distribution not, and does not name another."""
    tmp_path = tmp_path_factory.mktemp("fixes")
    files: dict[str, str | bytes] = {"requirements.txt": "typer\n", ".gitignore": "rules.txt\n", "rules.txt": "x"}
    project = write_project(tmp_path / "model", SOURCE, files=files)
    give_python(project)
    run_dry(project)
    return project


@pytest.fixture
def project(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once, tmp_path / "model", symlinks=True))


def fixed(project: Path, *only: str, plan: bool = False) -> Validated:
    return validate(ValidateOptions(project, fix=True, only=only, plan=plan))


def contents(project: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in project.iterdir() if path.is_file()}


def test_a_plan_shows_every_change_and_makes_none(project: Path) -> None:
    before = contents(project)
    done = fixed(project, plan=True)
    assert contents(project) == before
    assert done.fixed == []
    assert {fix.check for one in done.planned for fix in one.fixes} == {
        *("artifact-ignored", "requirement-missing", "requirement-unpinned")
    }
    ignored, requirements = done.planned
    assert ignored.diff[:2] == ["--- /dev/null", "+++ .packflowignore"]
    assert requirements.diff[-3:] == ["-typer", f"+{TYPER.strip()}", f"+{PACKAGING.strip()}"]
    again = fixed(project)
    assert again.fixed == [fix for one in done.planned for fix in one.fixes]
    assert {name: text.encode() for name, text in contents(project).items() if before.get(name) != text} == {
        one.path.name: one.after for one in done.planned
    }


@pytest.mark.parametrize(
    ("check", "requirements", "takes_back"),
    [
        ("artifact-ignored", "typer\n", True),
        ("requirement-missing", f"typer\n{PACKAGING}", False),
        ("requirement-unpinned", TYPER, False),
    ],
)
def test_only_what_is_named_is_mended(project: Path, check: str, requirements: str, takes_back: bool) -> None:
    done = fixed(project, check)
    assert {fix.check for fix in done.fixed} == {check}
    assert (project / "requirements.txt").read_text() == requirements
    assert (project / ".packflowignore").is_file() == takes_back
    assert check not in {finding.check for finding in done.findings}


def test_a_file_that_changed_since_is_left_as_it_is(project: Path) -> None:
    planned = fixed(project, "requirement-unpinned", plan=True).planned
    (project / "requirements.txt").write_text("typer\n# mine\n")
    with pytest.raises(NotWritableError, match="changed by somebody else"):
        apply_fixes(planned)
    (project / "requirements.txt").unlink()
    with pytest.raises(NotWritableError, match="changed by somebody else"):
        apply_fixes(planned)
    assert [path.name for path in project.iterdir() if "partial" in path.name] == []


def test_a_new_file_is_not_put_over_one_that_came_meanwhile(project: Path) -> None:
    planned: list[PlannedFix] = fixed(project, "artifact-ignored", plan=True).planned
    (project / ".packflowignore").write_text("")
    with pytest.raises(NotWritableError, match="changed by somebody else"):
        apply_fixes(planned)


def test_the_command_shows_the_diff(project: Path) -> None:
    shown = packflow("validate", project, "--fix", "--plan", "--only", "requirement-unpinned").stdout
    assert f"would mend requirements.txt: {TYPER.strip()} pinned" in shown
    assert "  -typer" in shown
    assert "rules.txt ships" not in shown
    planned = packflow("validate", project, "--fix", "--plan", "--json").answer["data"]["planned"]
    assert [one["file"] for one in planned] == [".packflowignore", "requirements.txt"]
    assert (project / "requirements.txt").read_text() == "typer\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--plan"], "--plan says something about --fix"),
        (["--only", "requirement-missing"], "--only says something about --fix"),
        (["--fix", "--only", "secret-found"], "--only secret-found: there is no such check"),
    ],
)
def test_words_that_say_nothing_are_refused(project: Path, words: list[str], said: str) -> None:
    ran = packflow("validate", project, *words)
    assert ran.returncode == 2
    assert said in " ".join(ran.stderr.split())
