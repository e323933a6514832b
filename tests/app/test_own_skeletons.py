"""Skeletons of one's own: a folder or a git repository, and every fault of one in a sentence with its place."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from commands import packflow
from packflow_app.actions.init import InitOptions, init
from packflow_app.errors import NotFoundError, UsageError
from packflow_app.projects.git import clone, is_repository_url
from packflow_app.projects.skeletons import opened_skeleton, read_skeleton
from repositories import NEEDS_GIT, git

MANIFEST = """\
title: Our own
when: Take it for anything.
variables:
  team: {question: Which team?}
"""
YAML = '{% include "head.piece" %}\n{% include "tail.piece" %}\n'
BACKEND = """\
from packflow_runtime import InferenceBackend


class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"team": {{ settings.team | python }}} for _ in inputs]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "skeleton.yaml").write_text(MANIFEST)
    (folder / "packflow.yaml.jinja").write_text(YAML)
    (folder / "inference.py.jinja").write_text(BACKEND)
    (tmp_path / "events.ndjson").write_text('{"a": 1}\n{"a": 2}\n')
    return folder


def make(own: Path, kind: str | None = None, **settings: str) -> Path:
    target = own.parent / "new"
    init(InitOptions(target, own.parent / "events.ndjson", kind=kind or str(own), settings=settings))
    return target


def test_a_folder_makes_a_project_that_runs(own: Path) -> None:
    (own / "example").mkdir()
    (own / "example" / "notes.txt").write_text("not for projects")
    target = make(own, team='"blue"')
    names = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert names == {
        ".gitignore",
        "LICENSE.txt",
        "inference.py",
        "packflow.yaml",
        "requirements.txt",
        "samples/events.ndjson",
    }
    shown = packflow("dry-run", "--json", cwd=target)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["data"]["parity"]["equal"]


def test_a_question_without_an_answer(own: Path) -> None:
    with pytest.raises(UsageError) as caught:
        make(own)
    assert caught.value.title == "Missing: --set team=VALUE."
    assert caught.value.hint == "Which team?"


@pytest.mark.parametrize("bare", [False, True])
def test_a_git_repository(own: Path, bare: bool) -> None:
    git(own, "init", "-q", "-b", "main")
    git(own, "add", "-A")
    git(own, "commit", "-qm", "x")
    git(own, "checkout", "-qb", "other")
    (own / "extra.txt").write_text("of the other branch\n")
    git(own, "add", "-A")
    git(own, "commit", "-qm", "y")
    git(own, "checkout", "-q", "main")
    kind = own.as_uri()
    if bare:
        git(own.parent, "clone", "-q", "--bare", str(own), "house.git")
        kind = str(own.parent / "house.git")
        with opened_skeleton(kind) as skeleton:
            assert skeleton.name == "house"
    target = make(own, kind, team="blue")
    assert not (target / ".git").exists()
    assert not (target / "extra.txt").exists()
    if not bare:
        with opened_skeleton(f"{kind}#other") as skeleton:
            assert (skeleton.folder / "extra.txt").is_file()
            folder = skeleton.folder
        assert not folder.exists()


@NEEDS_GIT
@pytest.mark.parametrize("url", ["file:///no/such/place.git", "file:///no/such/place.git#main", "ext::sh -c true"])
def test_a_repository_that_cannot_be_had(tmp_path: Path, url: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        clone(url, tmp_path / "copy")
    assert caught.value.code == "skeleton-not-found"
    assert "could not be cloned" in caught.value.title
    assert not (tmp_path / "copy").exists()


@NEEDS_GIT
def test_a_password_in_an_address_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        clone("http://me:secret@127.0.0.1:1/x.git", tmp_path / "copy")
    assert "secret" not in caught.value.title
    assert "***@127.0.0.1" in caught.value.title


def test_a_machine_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFoundError, match="needs git, which is not installed") as caught:
        clone("https://example.org/x.git", tmp_path / "copy")
    assert caught.value.code == "git-not-found"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://example.org/x.git", True),
        ("git@example.org:me/x.git", True),
        ("ssh://example.org/x", True),
        ("./x", False),
        ("sklearn", False),
        ("C:\\x", False),
    ],
)
def test_what_is_an_address(text: str, is_one: bool) -> None:
    assert is_repository_url(text) is is_one


@pytest.mark.parametrize(
    ("file", "text", "line", "words"),
    [
        ("inference.py.jinja", "a = 1\n{% if %}\n", 2, "Expected an expression"),
        ("inference.py.jinja", "a\n\n{{ nothing.at }}\n", 3, "'nothing' is undefined"),
        ("inference.py.jinja", "{{ ''.__class__.__mro__ }}\n", 1, "is unsafe"),
        ("inference.py.jinja", "{{ 1 // 0 }}\n", 1, "by zero"),
        ("inference.py.jinja", "\n{% include 'nothing.piece' %}\n", 2, "nothing.piece"),
        ("inference.py.jinja", "{% include '../events.ndjson' %}\n", 1, "events.ndjson"),
        ("skeleton.yaml", "title: x\nwhen: y\nbogus: 1\n", 3, "the unknown key 'bogus'"),
        ("skeleton.yaml", "title: x\n", 1, "when is missing"),
        ("skeleton.yaml", "title: x\nwhen: y\ninputs: tables\n", 3, "inputs is 'tables'; expected one of"),
        ("skeleton.yaml", "title: [x]\nwhen: y\n", 1, "title must be text"),
        ("skeleton.yaml", "title: x\nwhen: y\nrequirements: numpy\n", 3, "requirements must be a list"),
        ("skeleton.yaml", "title: x\nwhen: y\nexample: {model: ../x}\n", 3, "not in the folder example"),
        ("skeleton.yaml", "title: x\nwhen: y\nvariables: {A: {question: q}}\n", 3, "no name for a variable"),
        ("skeleton.yaml", "title: x\nwhen: y\nvariables: {a: {default: q}}\n", 3, "variables.a has no question"),
        (
            "skeleton.yaml",
            "title: x\nwhen: y\nvariables:\n  a: {question: q, default: c, choices: [a, b]}\n",
            4,
            "the default 'c' is none of its choices",
        ),
        ("skeleton.yaml", "title: x\nwhen: y: z\n", 2, "not valid"),
        ("skeleton.yaml", "- a\n", 1, "must be a map"),
    ],
)
def test_a_fault_is_one_sentence_with_its_place(own: Path, file: str, text: str, line: int, words: str) -> None:
    (own / file).write_text(text)
    with pytest.raises(NotFoundError) as caught:
        make(own, team="blue")
    error = caught.value
    assert (error.code, error.exit_code) == ("skeleton-invalid", 3)
    assert words in f"{error.title} {error.detail}"
    assert Path(error.file or "").name == file
    assert error.line == line
    assert error.hint
    assert not (own.parent / "new").exists()


def test_links_and_names_that_no_archive_can_hold_are_refused(own: Path) -> None:
    (own / "link").symlink_to("/etc/hostname")
    with pytest.raises(NotFoundError, match="holds a link, link, which could lead out of it"):
        make(own, team="blue")
    (own / "link").unlink()
    (own / "con.txt").write_text("x")
    with pytest.raises(NotFoundError, match="has a file that no archive can hold"):
        make(own, team="blue")


def test_a_folder_without_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is no skeleton: it has no"):
        read_skeleton(tmp_path)


def test_the_command_lists_and_shows(own: Path) -> None:
    listed = packflow("skeletons", "list", "--json", cwd=own.parent)
    assert {one["name"] for one in json.loads(listed.stdout)["data"]["skeletons"]} >= {"python", "sklearn", "stateful"}
    shown = packflow("skeletons", "show", "./own", cwd=own.parent)
    assert shown.returncode == 0
    assert "own: Our own" in shown.stdout
    assert "--set team=VALUE" in shown.stdout
    assert "Which team?" in shown.stdout
    missing = packflow("skeletons", "show", "magic", cwd=own.parent)
    assert missing.returncode == 3
    assert "There is no skeleton called 'magic'." in missing.stderr


def test_a_repository_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_given: object, **named: Any) -> None:
        raise subprocess.TimeoutExpired("git", named["timeout"])

    monkeypatch.setattr(subprocess, "run", slow)
    with pytest.raises(NotFoundError, match=r"^https://\*\*\*@example\.org/x\.git did not answer within \d+ s\.$"):
        clone("https://me:secret@example.org/x.git", tmp_path / "x")
