"""Every error that is raised by its name says what to do next, and programs can tell it by a stable code."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

import pytest

from packflow_app.dryrun.deaths import failure_hint
from packflow_app.errors import NotFoundError
from packflow_app.locations import skeletons_dir
from packflow_app.placing import absolute
from packflow_app.projects.project import open_project
from packflow_app.projects.rendering import render_skeleton
from packflow_app.projects.skeletons import read_skeleton
from skeleton_values import skeleton_values

ROOT = Path(__file__).resolve().parents[2]
RAISED = {"PackflowError", "UsageError", "NotFoundError", "CheckFailedError", "ModelFailedError", "NotWritableError"}
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def errors() -> list[tuple[str, ast.Call]]:
    """Each place where one is made: file, line and the call."""
    return [
        (f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", node)
        for folder in ("packflow_app", "packflow_runtime/src")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED
    ]


@pytest.fixture(scope="module")
def made() -> list[tuple[str, ast.Call]]:
    found = errors()
    assert len(found) > 300
    return found


def given(call: ast.Call) -> dict[str | None, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords}


def test_each_has_a_title_and_a_next_step(made: list[tuple[str, ast.Call]]) -> None:
    assert [place for place, call in made if not call.args or "hint" not in given(call)] == []
    empty = [place for place, call in made if isinstance(one := given(call)["hint"], ast.Constant) and not one.value]
    assert empty == []


def test_each_code_is_in_kebab_case(made: list[tuple[str, ast.Call]]) -> None:
    codes = {place: given(call).get("code") for place, call in made}
    written = {place: one.value for place, one in codes.items() if isinstance(one, ast.Constant)}
    assert [place for place, code in written.items() if not CODE.fullmatch(str(code))] == []
    assert len({*written.values()}) > 100


def test_each_code_is_known_to_a_test() -> None:
    """A code that no test names may never have been seen as it comes out, with values in its sentences."""
    places = {
        word.value: f"{path.relative_to(ROOT).as_posix()}:{keyword.value.lineno}"
        for folder in ("packflow_app", "packflow_runtime/src")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "code"
        for word in ast.walk(keyword.value)
        if isinstance(word, ast.Constant) and isinstance(word.value, str) and "-" in word.value
    }
    assert len(places) > 100
    told = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("*.py")))
    assert {code: place for code, place in places.items() if f'"{code}"' not in told} == {}


# What a tired user would have misread.


def test_paths_are_shown_without_detours(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a/b")
    assert absolute(tmp_path / "a" / ".." / "c") == tmp_path / "c"
    assert absolute(tmp_path / "a" / "b" / ".." / ".." / "c") == tmp_path / "c"
    behind = tmp_path / "link" / ".." / "c"  # that is a/c
    assert absolute(behind) == behind
    assert absolute(Path("/../..")) == Path("/")


def test_a_file_is_not_called_a_folder_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "packflow.yaml").write_text("name: x\n")
    with pytest.raises(NotFoundError, match="is a file; a project is a folder") as caught:
        open_project(tmp_path / "packflow.yaml")
    assert caught.value.hint == "Name the folder that holds packflow.yaml."
    with pytest.raises(NotFoundError, match=re.escape(f"There is no folder {tmp_path / 'none'}.")):
        open_project(tmp_path / "x" / ".." / "none")


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("[Errno 2] No such file or directory: '/p/artifacts/w.pt'", "Put w.pt there: it is missing"),
        ("[Errno 2] No such file or directory: 'w.pt'", "Open files below self.project_dir"),
    ],
)
def test_missing_weights_get_another_hint_than_relative_paths(message: str, hint: str) -> None:
    assert failure_hint({"type": "FileNotFoundError", "title": f"initialize raised {message}"}).startswith(hint)


def test_a_skeleton_whose_code_cannot_be_read_makes_no_project(tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(skeletons_dir() / "python", own)
    (own / "helper.py").write_text("x = 1\ndef broken(:\n")
    skeleton = read_skeleton(own)
    with pytest.raises(NotFoundError, match=r"helper\.py is code that Python cannot read") as caught:
        render_skeleton(skeleton, skeleton_values(skeleton))
    assert (caught.value.code, caught.value.file, caught.value.line) == ("skeleton-invalid", str(own / "helper.py"), 2)
