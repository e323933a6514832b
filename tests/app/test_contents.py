"""Which files of a project count, and the digest that names them."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packflow_app.errors import CheckFailedError, NotFoundError, UsageError
from packflow_app.projects.contents import Contents, contents_digest, project_contents
from packflow_app.projects.project import open_project
from packflow_app.runtime import ProjectConfig, parse_project_config

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = b"name: my-model\ndry_run:\n  events: samples/events.ndjson\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my-model"
    fill(folder, {"packflow.yaml": CONFIG, "inference.py": b"pass\n", "artifacts/model.bin": b"\x00"})
    return folder


def fill(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def contents(folder: Path) -> Contents:
    return project_contents(folder, parse_project_config((folder / "packflow.yaml").read_bytes()))


def test_every_other_file_ships_in_bytewise_order(project: Path) -> None:
    fill(project, dict.fromkeys(["a.txt", "a/b.txt", "a-b.txt", "Z.txt", "é.txt", "z.txt", ".hidden", "😀"], b""))
    found = contents(project)
    assert list(found.files) == [
        ".hidden",
        "Z.txt",
        "a-b.txt",
        "a.txt",
        "a/b.txt",
        "artifacts/model.bin",
        "inference.py",
        "packflow.yaml",
        "z.txt",
        "é.txt",
        "😀",
    ]
    assert found.files["a/b.txt"] == project / "a" / "b.txt"
    assert found.excluded == {}


@pytest.mark.parametrize(
    ("name", "excluded", "reason"),
    [
        (".packflow/dry-run/report.json", ".packflow", "Packflow's own notes"),
        (".git/HEAD", ".git", "version control"),
        (".hg/store", ".hg", "version control"),
        (".svn/entries", ".svn", "version control"),
        ("__pycache__/inference.cpython-311.pyc", "__pycache__", "compiled modules"),
        ("package/__pycache__/x.pyc", "package/__pycache__", "compiled modules"),
        ("inference.pyc", "inference.pyc", "compiled modules"),
        ("inference.pyo", "inference.pyo", "compiled modules"),
        (".venv/pyvenv.cfg", ".venv", "an environment"),
        ("venv/pyvenv.cfg", "venv", "an environment"),
        (".tox/x", ".tox", "an environment"),
        (".nox/x", ".nox", "an environment"),
        (".mypy_cache/x", ".mypy_cache", "a tool's cache"),
        (".pytest_cache/x", ".pytest_cache", "a tool's cache"),
        (".ruff_cache/x", ".ruff_cache", "a tool's cache"),
        (".hypothesis/x", ".hypothesis", "a tool's cache"),
        ("web/node_modules/x", "web/node_modules", "a tool's cache"),
        (".idea/x", ".idea", "an editor's files"),
        (".vscode/x", ".vscode", "an editor's files"),
        (".eggs/x", ".eggs", "build leftovers"),
        ("my_model.egg-info/PKG-INFO", "my_model.egg-info", "build leftovers"),
        ("a/.DS_Store", "a/.DS_Store", "a desktop's notes"),
        ("Thumbs.db", "Thumbs.db", "a desktop's notes"),
        (".env", ".env", "may hold secrets"),
        ("a/.env.local", "a/.env.local", "may hold secrets"),
        ("server.pem", "server.pem", "may hold secrets"),
        ("a/server.key", "a/server.key", "may hold secrets"),
        ("my_model-1.0.0.zip", "my_model-1.0.0.zip", "an exported archive"),
        ("golden/inputs.ndjson", "golden", "golden events, shipped beside the project"),
        ("samples/events.ndjson", "samples/events.ndjson", "sample events, for the dry run only"),
    ],
)
def test_what_is_left_out_is_named_with_its_reason(project: Path, name: str, excluded: str, reason: str) -> None:
    before = contents(project)
    fill(project, {name: b"x"})
    found = contents(project)
    assert found.excluded == {excluded: reason}
    assert found.files == before.files
    assert found.digest() == before.digest()


@pytest.mark.parametrize(
    "name",
    [
        "other-1.0.0.zip",
        "artifacts/my_model-1.0.0.zip",
        "my-model-1.0.0.zip",
        "artifacts/golden/x",
        "samples/more.ndjson",
        "a/samples/events.ndjson",
        "env",
        "key.py",
        "git/x",
        "pycache",
    ],
)
def test_what_only_looks_alike_ships(project: Path, name: str) -> None:
    fill(project, {name: b"x"})
    found = contents(project)
    assert name in found.files
    assert found.excluded == {}


@pytest.mark.parametrize(
    "spelling", ["./samples/events.ndjson", "samples//events.ndjson", "x/../samples/events.ndjson"]
)
def test_sample_events_are_known_however_their_path_is_written(project: Path, spelling: str) -> None:
    fill(
        project,
        {
            "samples/events.ndjson": b"{}\n",
            "packflow.yaml": CONFIG.replace(b"samples/events.ndjson", spelling.encode()),
        },
    )
    assert contents(project).excluded == {"samples/events.ndjson": "sample events, for the dry run only"}


@pytest.mark.parametrize("target", ["inference.py", "artifacts", "nowhere", "/"])
def test_a_symbolic_link_is_refused(project: Path, target: str) -> None:
    (project / "a").mkdir()
    (project / "a" / "link").symlink_to(target if target.startswith("/") else project / target)
    with pytest.raises(CheckFailedError) as caught:
        contents(project)
    assert caught.value.title == "a/link is a symbolic link, which an archive cannot hold."
    assert (caught.value.code, caught.value.exit_code, caught.value.file) == ("symlink", 1, "a/link")
    assert caught.value.hint == "Replace it by the file it points to."


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_a_link_that_is_left_out_anyway_does_no_harm(project: Path, target: str) -> None:
    (project.parent / "elsewhere").mkdir()
    (project / ".venv").symlink_to(project.parent / target)
    (project / ".env").symlink_to(project.parent / target)
    assert contents(project).excluded == {".env": "may hold secrets", ".venv": "an environment"}


@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_what_is_neither_file_nor_folder_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(project / "odd")
    else:
        monkeypatch.chdir(project)  # a socket's path must be short
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("odd")
    with pytest.raises(UsageError) as caught:
        contents(project)
    assert caught.value.title == "odd is neither a file nor a folder."
    assert (caught.value.exit_code, caught.value.file) == (2, "odd")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names: run the tests elsewhere to check this")
def test_a_name_that_is_not_utf8_is_listed_and_counts(project: Path) -> None:
    before = contents(project).digest()
    try:
        (project / os.fsdecode(b"\xff.txt")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system refuses such names: run the tests on another to check this")
    found = contents(project)
    assert list(found.files)[-1] == "\udcff.txt"
    assert found.digest() != before


def test_a_file_that_cannot_be_read_is_named(project: Path) -> None:
    found = contents(project)
    (project / "inference.py").unlink()
    with pytest.raises(NotFoundError) as caught:
        found.digest()
    assert caught.value.title == f"{project / 'inference.py'} cannot be read: No such file or directory."
    assert (caught.value.code, caught.value.exit_code) == ("file-not-readable", 3)


def test_the_digest_changes_with_any_content_or_name_and_with_nothing_else(project: Path, tmp_path: Path) -> None:
    first = contents(project).digest()

    os.utime(project / "inference.py", (0, 0))
    (project / "inference.py").chmod(0o755)
    (project / "empty folder").mkdir()
    assert contents(project).digest() == first

    copy = tmp_path / "elsewhere"
    fill(copy, {name: path.read_bytes() for name, path in reversed(contents(project).files.items())})
    assert contents(copy).digest() == first

    (copy / "inference.py").write_bytes(b"pass \n")
    changed = contents(copy).digest()
    (copy / "inference.py").rename(copy / "inference2.py")
    renamed = contents(copy).digest()
    fill(copy, {"empty": b""})
    added = contents(copy).digest()
    assert len({first, changed, renamed, added}) == 4


hashes = st.dictionaries(st.text("ab/é\n0", min_size=1, max_size=4), st.sampled_from(["0" * 64, "f" * 64]), max_size=4)


@given(one=hashes, other=hashes)
def test_two_digests_are_equal_exactly_for_equal_names_and_hashes(one: dict[str, str], other: dict[str, str]) -> None:
    assert (contents_digest(one) == contents_digest(other)) == (one == other)
    assert contents_digest(dict(reversed(one.items()))) == contents_digest(one)


def test_a_project_is_opened_with_its_parts(project: Path) -> None:
    opened = open_project(project)
    assert isinstance(opened.config, ProjectConfig)
    assert opened.folder == project
    assert opened.backend_file == project / "inference.py"
    assert opened.sample_events == project / "samples" / "events.ndjson"
    assert list(opened.contents().files) == ["artifacts/model.bin", "inference.py", "packflow.yaml"]


@pytest.mark.parametrize("place", ["models/scorer.py", "models/scorer/__init__.py"])
def test_a_backend_may_be_a_module_or_a_package(project: Path, place: str) -> None:
    fill(project, {"packflow.yaml": CONFIG + b"inference_backend: models.scorer:Backend\n", place: b""})
    assert open_project(project).backend_file == project / "models" / "scorer.py"


def test_a_backend_that_is_missing_is_named_with_a_next_step(project: Path) -> None:
    fill(project, {"packflow.yaml": CONFIG + b"inference_backend: models.scorer:Backend\n"})
    with pytest.raises(NotFoundError) as caught:
        open_project(project)
    assert caught.value.title == "The project has no backend: models/scorer.py does not exist."
    assert (caught.value.code, caught.value.exit_code) == ("backend-not-found", 3)
    assert caught.value.file == str(project / "packflow.yaml")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "There is no folder {}."),
        ("x" * 300, "There is no folder {}."),
        ("my-model/inference.py", "{} is a file; a project is a folder."),
    ],
)
def test_a_folder_that_is_none_is_an_error(project: Path, name: str, said: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        open_project(project.parent / name)
    assert caught.value.title == said.format(project.parent / name)
    assert caught.value.code == "project-not-found"
