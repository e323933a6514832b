"""requirements.txt as pip reads it, what an environment does not have of it, and what installers' failures mean."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from packflow_app.environments.failures import creation_error, installation_error
from packflow_app.environments.installed import Installed, installed_with
from packflow_app.environments.installers import Pip
from packflow_app.environments.interpreters import find_interpreter
from packflow_app.environments.requirements import (
    Requirements,
    missing_error,
    missing_requirements,
    read_requirements,
    unmet,
)
from packflow_app.environments.tools import Toolbox
from packflow_app.errors import NotFoundError
from packflow_app.projects.project import open_project
from projects import write_project

HERE = installed_with(Path(sys.executable)).markers


def requirements(folder: Path, text: str, **others: str) -> Requirements:
    (folder / "requirements.txt").write_text(text)
    for name, content in others.items():
        (folder / f"{name}.txt").write_text(content)
    return read_requirements(folder)


def wanted(found: Requirements) -> list[tuple[str, str, int]]:
    return [(line.name, " ".join(line.text.split()), line.line) for line in found.wanted]


def test_lines_comments_and_continuations(tmp_path: Path) -> None:
    text = (
        "\ufeff# note\nNumPy == 2.0 # why\n\nsix>=1 ; \\\n  python_version>'3'\nrequests[socks]~=2.0 --hash=sha256:aa\n"
        "six==1.17.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via -r requirements.txt\n"
        "a @ https://x/#egg=c\\"
    )
    (tmp_path / "requirements.txt").write_text(text, encoding="utf-8")
    assert wanted(read_requirements(tmp_path)) == [
        ("numpy", "NumPy == 2.0", 2),
        ("six", "six>=1 ; python_version>'3'", 4),
        ("requests", "requests[socks]~=2.0", 6),
        ("six", "six==1.17.0", 7),
        ("a", "a @ https://x/#egg=c", 11),
    ]


def test_included_files_and_options(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("-r deeper.txt\nsix\n")
    (tmp_path / "more" / "deeper.txt").write_text("numpy\n")
    text = "--index-url https://example.org/simple\n-r more/base.txt\n-cpins.txt\n-f wheels\n--pre\npandas\n"
    found = requirements(tmp_path, text, pins="six==1.0\n")
    assert [(line.name, line.file, line.line) for line in found.wanted] == [
        ("numpy", "more/deeper.txt", 1),
        ("six", "more/base.txt", 2),
        ("pandas", "requirements.txt", 6),
    ]
    assert found.places == ("--index-url https://example.org/simple", "-f wheels")
    assert found.lines == (*found.places, "--pre", "numpy", "six", "-c six==1.0", "pandas")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("./wheels/My_Pkg-1.0-py3-none-any.whl", "my-pkg"),
        ("https://example.org/x/my.pkg-2.0.tar.gz#sha256=aa", "my-pkg"),
        ("git+https://example.org/x.git@main#egg=thing", "thing"),
        ("-e ./thing", ""),
        ("./thing", ""),
    ],
)
def test_paths_and_urls(tmp_path: Path, line: str, name: str) -> None:
    found = requirements(tmp_path, line)
    assert [(one.name, one.parsed) for one in found.wanted] == [(name, None)]
    assert found.has_folders is line.startswith(("./", "-e"))


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("six\n???\n", 2, "'???' is not a requirement: "),
        ("six=1.0", 1, "'six=1.0' is not a requirement: "),
        ("\n-r gone.txt", 2, "gone.txt does not exist."),
        ("six\npackflow_runtime==0.1", 2, "requirements.txt lists packflow-runtime, which Packflow puts into every "),
        ("-r loop.txt", 1, "requirements.txt includes itself."),
    ],
)
def test_what_pip_would_refuse_is_an_error_with_its_line(tmp_path: Path, text: str, line: int, problem: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        requirements(tmp_path, text, loop="-r requirements.txt\n")
    file = "loop.txt" if "loop" in text else "requirements.txt"
    assert (caught.value.file, caught.value.line, caught.value.exit_code) == (file, line, 3)
    assert caught.value.title.startswith(problem)
    assert caught.value.hint


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"The project has no requirements\.txt\."):
        read_requirements(tmp_path)
    (tmp_path / "requirements.txt").mkdir()
    with pytest.raises(NotFoundError, match=r"requirements\.txt cannot be read: Is a directory\."):
        read_requirements(tmp_path)


def test_the_digest_is_of_what_counts(tmp_path: Path) -> None:
    first = requirements(tmp_path, "six\n-c c.txt\n", c="six==1\n").digest("x")
    assert requirements(tmp_path, "# a\n\n  six # b\n-c c.txt\n", c="six==1").digest("x") == first
    assert requirements(tmp_path, "six\n-c c.txt\n", c="six==2\n").digest("x") != first
    assert requirements(tmp_path, "six>0\n-c c.txt\n", c="six==1\n").digest("x") != first
    assert requirements(tmp_path, "six\n-c c.txt\n", c="six==1\n").digest("y") != first


def test_what_is_missing_or_of_another_version(tmp_path: Path) -> None:
    text = "here==1.0\nolder>=2\ngone\nother ; python_version < '3'\nrc>=1\n./x/Path_Pkg-1.0.zip\n-e ./unknown\n"
    found = unmet(
        requirements(tmp_path, text), Installed({"here": "1.0", "older": "1.9.1", "rc": "1.0.1rc1", "extra": "1"}, HERE)
    )
    assert [(one.name, one.wanted, one.installed, one.line) for one in found] == [
        ("older", "older>=2", "1.9.1", 2),
        ("gone", "gone", None, 3),
        ("path-pkg", "./x/Path_Pkg-1.0.zip", None, 6),
    ]


def test_a_real_python_tells_what_it_has_and_what_is_missing(tmp_path: Path) -> None:
    from packaging.markers import default_environment

    project = open_project(write_project(tmp_path / "project"))
    here = find_interpreter(project.folder, sys.executable)
    assert {key: value for key, value in default_environment().items() if key != "extra"} == HERE
    (project.folder / "requirements.txt").write_text("pytest\nno-such-thing==1.0\npytest<1\n")
    missing = missing_requirements(project, here)
    assert [(one.name, one.line) for one in missing] == [("no-such-thing", 2), ("pytest", 3)]
    error = missing_error(here, missing)
    assert error.title.endswith(f"requires: no-such-thing==1.0, pytest<1 (installed: {pytest.__version__}).")
    assert (error.code, error.exit_code, error.line) == ("requirements-missing", 3, 2)
    assert "packflow env sync" in error.hint
    (project.folder / "requirements.txt").unlink()
    assert missing_requirements(project, here) == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("error: x\n  cause: No space left on device (os error 28)", "not-writable"),
        ("Error: [Errno 13] Permission denied: '/x/.venv'", "not-writable"),
        ("Error: Command '[...]' returned non-zero exit status 1.", "environment-not-made"),
    ],
)
def test_what_a_failure_to_make_one_means(said: str, code: str) -> None:
    error = creation_error(said.splitlines())
    assert (error.code, error.exit_code) == (code, 5)
    assert said.splitlines()[-1].rpartition(": ")[2].rstrip(".") in error.detail


def test_a_python_without_venv_is_named_with_what_to_install(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho 'created because ensurepip is not available.'; exit 1\n")
    python.chmod(0o755)
    base = replace(find_interpreter(tmp_path, sys.executable), path=python)
    with pytest.raises(NotFoundError) as caught:
        Pip(Toolbox(tmp_path)).create(tmp_path / ".venv", base, "name")
    assert (caught.value.code, "apt install python3-venv" in caught.value.hint) == ("venv-missing", True)


def test_a_python_that_does_not_tell(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not tell what is installed"):
        installed_with(tmp_path / "gone")


UV_NONE = """\
Using Python 3.11.7 environment at: v
error: No solution found when resolving dependencies
  cause: Because my-pkg was not found in the package registry and you require My_Pkg==1, we can conclude that ..."""
PIP_NONE = """\
ERROR: Could not find a version that satisfies the requirement My_Pkg==1 (from versions: none)
ERROR: No matching distribution found for My_Pkg==1"""
UV_FETCH = """\
error: Failed to fetch: https://user:secret@example.org/simple/wheel/
  cause: error sending request for url (https://user:secret@example.org/simple/wheel/)
  cause: dns error"""
UV_HASH = """\
error: Failed to download `my-pkg==1`
  cause: Hash mismatch for `my-pkg==1`"""
UV_BUILD = """\
error: The build backend returned an error
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)"""


@pytest.mark.parametrize(
    ("said", "code", "exit_code", "line"),
    [
        (UV_NONE, "requirements-unsatisfiable", 3, 2),
        (PIP_NONE, "requirements-unsatisfiable", 3, 2),
        (UV_FETCH, "index-unreachable", 3, None),
        (UV_HASH, "hash-mismatch", 1, None),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "hash-mismatch", 1, None),
        (UV_BUILD, "build-failed", 5, None),
        ("error: Failed to install\n  cause: No space left on device (os error 28)", "not-writable", 5, None),
        ("error: failed to create file\n  cause: Permission denied (os error 13)", "not-writable", 5, None),
        ("error: HTTP status client error (401 Unauthorized) for url (https://x)", "index-unreachable", 3, None),
        ("Something\nElse", "installation-failed", 3, None),
        ("", "installation-failed", 3, None),
    ],
)
def test_what_a_failure_means(tmp_path: Path, said: str, code: str, exit_code: int, line: int | None) -> None:
    error = installation_error(said.splitlines(), requirements(tmp_path, "pkg\nMy_Pkg==1\n"))
    assert (error.code, error.exit_code, error.line) == (code, exit_code, line)
    assert error.hint
    assert "secret" not in error.detail
    assert "\n" not in error.detail
    assert not said or said.splitlines()[-1].rpartition(": ")[2].rstrip(".") in error.detail


def test_a_sentence_that_the_installer_folded_is_one_again(tmp_path: Path) -> None:
    said = """\
error: No solution found when resolving dependencies:
  ╰─▶ Because absent-thing was not found in the provided package locations
      and you require absent-thing==9, we can conclude that your requirements
      are unsatisfiable.

      hint: Packages were unavailable because the network was disabled"""
    error = installation_error(said.splitlines(), requirements(tmp_path, "absent-thing==9\n"))
    assert error.detail == (
        "No solution found when resolving dependencies: Because absent-thing was not found in the provided package "
        "locations and you require absent-thing==9, we can conclude that your requirements are unsatisfiable. "
        "Packages were unavailable because the network was disabled."
    )


def test_an_index_that_wants_a_login_is_no_matter_of_the_network(tmp_path: Path) -> None:
    said = "error: HTTP status client error (401 Unauthorized) for url (https://x)"
    error = installation_error([said], requirements(tmp_path, ""))
    assert error.title == "The package index refused to answer."
    assert error.hint.startswith("Check the user name and password")
