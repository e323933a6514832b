"""What ignore files leave out: git itself is the judge, on trees and patterns that nobody thought of."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packflow_app.projects.contents import Contents, project_contents
from packflow_app.projects.ignore_files import IgnoreFile, decide
from packflow_app.runtime import parse_project_config
from repositories import NEEDS_GIT

CONFIG = b"name: my-model\ndry_run:\n  events: samples/events.ndjson\n"
GLOBS = ("a", "b", "ab", "*", "?", "a*", "*b", "[ab]", "[!a]", "[^b]", "**", "\\a", "a.b", "*.b")
names = st.sampled_from(["a", "b", "ab", "a.b", "c.py", "A"])
patterns = st.one_of(
    st.builds(
        lambda negated, anchored, parts, folder: f"{negated}{anchored}{'/'.join(parts)}{folder}",
        st.sampled_from(["", "", "!"]),
        st.sampled_from(["", "", "/"]),
        st.lists(st.sampled_from(GLOBS), min_size=1, max_size=3),
        st.sampled_from(["", "", "/"]),
    ),
    st.sampled_from(
        ["", "#a", "\\#a", "\\!a", "!", "/", "[", "[z-a]", "a\\", "a ", "a\\ ", "a//b", "***", "!*/", "\\"]
    ),
)
rules = st.lists(patterns, max_size=5)


def trees(depth: int) -> st.SearchStrategy[dict[str, object]]:
    """A folder: names to folders, files (None), and perhaps lines of a .gitignore."""
    below = st.none() if depth == 0 else st.one_of(st.none(), st.deferred(lambda: trees(depth - 1)))
    entries = st.dictionaries(names, below, min_size=1, max_size=4)
    return st.builds(lambda found, lines: {**found, ".gitignore": lines} if lines else found, entries, rules)


def write(folder: Path, tree: dict[str, object]) -> None:
    for name, what in tree.items():
        if isinstance(what, dict):
            (folder / name).mkdir(exist_ok=True)
            write(folder / name, what)
        else:
            (folder / name).write_text("\n".join(what) if isinstance(what, list) else "")


def kept(folder: Path, prefix: str = "", files: tuple[IgnoreFile, ...] = ()) -> set[str]:
    """The files that are not left out, by the walk that the rules are made for."""
    if (folder / ".gitignore").is_file():
        files = (*files, IgnoreFile(prefix, ".gitignore", (folder / ".gitignore").read_bytes()))
    found: set[str] = set()
    for entry in os.scandir(folder):
        decision = decide(files, prefix + entry.name, is_folder=entry.is_dir())
        if entry.name == ".git" or (decision is not None and decision.is_ignored):
            continue
        found |= kept(Path(entry.path), f"{prefix}{entry.name}/", files) if entry.is_dir() else {prefix + entry.name}
    return found


@NEEDS_GIT
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=trees(2))
def test_nested_and_negated_rules_mean_what_git_means_by_them(tree: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, tree)
        subprocess.run(["git", "init", "-q", name], check=True)
        (folder / ".git" / "info" / "exclude").unlink(missing_ok=True)
        command = ["git", "-c", "core.ignoreCase=false", "-C", name, "ls-files", "-o", "-z"]
        listed = subprocess.run([*command, "--exclude-per-directory=.gitignore"], capture_output=True, check=True)
        assert kept(folder) == {one for one in listed.stdout.decode().split("\0") if one}


@NEEDS_GIT
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=trees(1), path=st.lists(names, min_size=1, max_size=3).map("/".join))
def test_the_line_that_decides_is_the_one_git_names(tree: dict[str, object], path: str) -> None:
    """``git check-ignore -v`` names file, line and pattern, also of a line that takes back."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, tree)
        if not (folder / path).is_file():
            return
        subprocess.run(["git", "init", "-q", name], check=True)
        (folder / ".git" / "info" / "exclude").unlink(missing_ok=True)
        command = ["git", "-c", "core.ignoreCase=false", "-c", "core.excludesFile=/dev/null", "-C", name]
        command += ["check-ignore", "-v", "-z", "--no-index", "--stdin"]
        asked = subprocess.run(command, input=path.encode(), capture_output=True, check=False).stdout.decode()
        theirs = tuple(asked.split("\0")[:2]) if asked else None
        assert first_word(folder, path) == theirs


def first_word(folder: Path, path: str) -> tuple[str, str] | None:
    """File and line of the rule that decides about ``path``, from the parents down."""
    files: tuple[IgnoreFile, ...] = ()
    parts = path.split("/")
    said = None
    for count, part in enumerate(parts):
        prefix = "".join(f"{one}/" for one in parts[:count])
        place = folder.joinpath(*parts[:count]) / ".gitignore"
        if place.is_file():
            files = (*files, IgnoreFile(prefix, ".gitignore", place.read_bytes()))
        decision = decide(files, prefix + part, is_folder=count < len(parts) - 1)
        said = (decision.rule.file, str(decision.rule.line)) if decision is not None else None
        if decision is not None and decision.is_ignored:
            break
    return said


# In a project.


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my-model"
    fill(folder, {"packflow.yaml": CONFIG, "inference.py": b"pass\n", "requirements.txt": b""})
    return folder


def fill(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def contents(folder: Path) -> Contents:
    return project_contents(folder, parse_project_config((folder / "packflow.yaml").read_bytes()))


def test_an_exclusion_names_the_line_it_comes_from(project: Path) -> None:
    fill(
        project,
        {
            ".gitignore": b"# caches\n*.log\nbuild/\n",
            "notes/.gitignore": b"*\n!keep.txt\n",
            "a.log": b"",
            "deep/b.log": b"",
            "build/x/y.bin": b"",
            "notes/keep.txt": b"",
            "notes/other.txt": b"",
        },
    )
    found = contents(project)
    assert found.excluded == {
        "a.log": ".gitignore:2: *.log",
        "deep/b.log": ".gitignore:2: *.log",
        "build": ".gitignore:3: build/",
        "notes/.gitignore": "notes/.gitignore:1: *",
        "notes/other.txt": "notes/.gitignore:1: *",
    }
    assert {name: (rule.file, rule.line, rule.pattern) for name, rule in found.rules.items()} == {
        "a.log": (".gitignore", 2, "*.log"),
        "deep/b.log": (".gitignore", 2, "*.log"),
        "build": (".gitignore", 3, "build/"),
        "notes/.gitignore": ("notes/.gitignore", 1, "*"),
        "notes/other.txt": ("notes/.gitignore", 1, "*"),
    }
    assert "notes/keep.txt" in found.files
    assert found.exclusion_of("build/x/y.bin") == "build"
    assert found.exclusion_of("a.log") == "a.log"
    assert found.exclusion_of("inference.py") is None


def test_packflowignore_has_the_first_word(project: Path) -> None:
    fill(
        project,
        {
            ".gitignore": b"artifacts/\n*.tmp\n",
            ".packflowignore": b"!/artifacts/\n/artifacts/*\n!/artifacts/model.bin\nnotebooks/\n!ca.pem\n!.git\n",
            "artifacts/model.bin": b"1",
            "artifacts/old.bin": b"2",
            "notebooks/train.ipynb": b"{}",
            "ca.pem": b"public",
            "server.pem": b"private",
            "x.tmp": b"",
            ".git/HEAD": b"",
        },
    )
    found = contents(project)
    assert set(found.files) == {
        ".gitignore",
        ".packflowignore",
        "artifacts/model.bin",
        "ca.pem",
        "inference.py",
        "packflow.yaml",
        "requirements.txt",
    }
    assert found.excluded == {
        ".git": "version control",
        "artifacts/old.bin": ".packflowignore:2: /artifacts/*",
        "notebooks": ".packflowignore:4: notebooks/",
        "server.pem": "may hold secrets",
        "x.tmp": ".gitignore:2: *.tmp",
    }


def test_what_an_archive_cannot_do_without_ships_whatever_is_ignored(project: Path) -> None:
    config = CONFIG + b"inference_backend: models.scorer:Backend\n"
    fill(
        project,
        {
            "packflow.yaml": config,
            ".gitignore": b"*\n",
            ".packflowignore": b"models/\n",
            "models/scorer.py": b"",
            "models/other.py": b"",
            "models/deep/x.py": b"",
        },
    )
    found = contents(project)
    assert set(found.files) == {"packflow.yaml", "requirements.txt", "models/scorer.py"}
    assert found.excluded["models/other.py"] == ".packflowignore:1: models/"
    assert found.excluded["models/deep"] == ".packflowignore:1: models/"
    assert "models" not in found.excluded


def test_a_negation_in_gitignore_takes_back_no_default(project: Path) -> None:
    fill(project, {".gitignore": b"!.env\n!*.pyc\n", ".env": b"", "x.pyc": b""})
    assert contents(project).excluded == {".env": "may hold secrets", "x.pyc": "compiled modules"}


def test_rules_in_the_windows_way_and_after_a_byte_order_mark_count(project: Path) -> None:
    fill(project, {".gitignore": b"\xef\xbb\xbf*.log\r\n\r\nlatin-\xe9\r\n", "a.log": b""})
    assert contents(project).excluded == {"a.log": ".gitignore:1: *.log"}


def test_rules_above_the_project_do_not_count(project: Path) -> None:
    (project.parent / ".gitignore").write_text("*\n")
    assert contents(project).excluded == {}


@pytest.mark.parametrize(
    ("name", "excluded", "reason"),
    [
        ("dist/my_model-1.0.0.zip", "dist/my_model-1.0.0.zip", "an exported archive"),
        (".my_model-1.0.0.zip-0a1b2c3d.partial", ".my_model-1.0.0.zip-0a1b2c3d.partial", "an unfinished archive"),
        ("env/pyvenv.cfg", "env", "an environment"),
        ("conda/conda-meta/history", "conda", "an environment"),
        (".git", ".git", "version control"),
        ("requirements.lock", "requirements.lock", "the lock, shipped beside the project"),
        ("a/id_rsa", "a/id_rsa", "may hold secrets"),
        (".ssh/config", ".ssh", "may hold secrets"),
    ],
)
def test_what_nobody_wants_is_left_out(project: Path, name: str, excluded: str, reason: str) -> None:
    fill(project, {name: b"PK\x03\x04__main__.py packflow-info/dry-run.json"})
    assert contents(project).excluded == {excluded: reason}


def test_a_model_of_another_name_in_an_archive_ships(project: Path) -> None:
    head = b"PK\x03\x04__main__.py packflow-info/dry-run.json"
    fill(project, {"artifacts/other-1.0.0.zip": head, "artifacts/my_model-weights.zip": b"PK\x03\x04weights"})
    assert {"artifacts/other-1.0.0.zip", "artifacts/my_model-weights.zip"} <= set(contents(project).files)
