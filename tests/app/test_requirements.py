"""Reading requirements.txt as pip does, and changing it without touching anything else."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from packflow_app.errors import NotFoundError, NotWritableError
from packflow_app.projects.requirements import DeclaredRequirements, read_declared
from packflow_app.projects.requirements_edits import RequirementsRewrite, rewritten, with_version, write_requirements

if TYPE_CHECKING:
    from pathlib import Path

SHA = "a" * 64


def declared(folder: Path, content: str | bytes, **others: str | bytes) -> DeclaredRequirements:
    for name, text in {"requirements.txt": content, **others}.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_declared(folder / "requirements.txt")


def names(found: DeclaredRequirements) -> list[tuple[str, int]]:
    return [(one.name, one.line) for one in found.declarations]


def problems(found: DeclaredRequirements) -> list[tuple[str, str, int | None]]:
    return [(one.code, one.file, one.line) for one in found.problems]


# --- reading


def test_names_are_normalised_and_lines_counted(tmp_path: Path) -> None:
    found = declared(
        tmp_path, "# head\n\nScikit_Learn.extra==1.5\n  Foo[B,a] ~= 1.4 ; python_version<'4'  # why\r\nbar\n"
    )
    assert names(found) == [("scikit-learn-extra", 3), ("foo", 4), ("bar", 5)]
    foo = found.declarations[1].parsed
    assert foo is not None
    assert (str(foo.specifier), foo.extras, str(foo.marker)) == ("~=1.4", {"a", "B"}, 'python_version < "4"')
    assert found.problems == []


def test_continuations_hashes_and_comments_are_read_as_pip_reads_them(tmp_path: Path) -> None:
    hashed = f"numpy==2.0 \\\n    --hash=sha256:{SHA} \\\n    --hash sha256:{SHA}\n"
    text = hashed + "# off \\\nfoo \\\n  # comment \nbar#no\nbaz \\"
    found = declared(tmp_path, text)
    assert names(found) == [("numpy", 1), ("foo", 5), ("baz", 8)]
    assert found.declarations[0].hashes == (f"sha256:{SHA}",) * 2
    assert found.declarations[0].lines == (0, 3)
    assert problems(found) == [("requirement-invalid", "requirements.txt", 7)]


@pytest.mark.parametrize(
    ("line", "name", "pinned"),
    [
        ("numpy==2.0", "numpy", True),
        ("numpy===2.0", "numpy", True),
        ("numpy==2.*", "numpy", False),
        ("numpy>=2,==2.1", "numpy", True),
        ("numpy>=2,<3", "numpy", False),
        ("numpy", "numpy", False),
        (f"lib @ https://host/lib.zip#sha256={SHA}", "lib", True),
        ("lib @ https://host/lib.zip", "lib", False),
        (f"https://host/some_lib-1.0-py3-none-any.whl --hash=sha256:{SHA}", "some-lib", True),
        ("https://host/some_lib-1.0-py3-none-any.whl", "some-lib", False),
        ("git+https://host/lib@" + "0" * 40 + "#egg=My.Lib", "my-lib", True),
        ("git+ssh://git@host/lib", "", False),
        ("./wheels/some_lib-1.0.tar.gz", "some-lib", False),
        ("../lib", "", False),
        ("-e ../lib", "", False),
        ("--editable=git+https://host/lib#egg=lib", "lib", False),
        ("C:\\libs\\lib-1.0.zip", "lib", False),
    ],
)
def test_what_a_line_names_and_whether_it_can_only_give_one_thing(
    tmp_path: Path, line: str, name: str, pinned: bool
) -> None:
    found = declared(tmp_path, line)
    assert found.problems == []
    [one] = found.declarations
    assert (one.name, one.is_pinned) == (name, pinned)


def test_options_are_kept_and_unknown_ones_named(tmp_path: Path) -> None:
    lines = [
        "-i https://host/simple",
        "--extra-index-url=https://h",
        "--no-index",
        "-f ./w",
        "--pre",
        "--prefer-binary",
    ]
    found = declared(tmp_path, "\n".join([*lines, "--mad", "-e", "-r"]))
    assert found.options == lines
    assert [(one.line, one.message.split()[0]) for one in found.problems] == [(7, "--mad"), (8, "-e"), (9, "-r")]


@pytest.mark.parametrize(
    "line",
    ["numpy=1.0", "numpy==", "=1", "two words", "numpy==1.0; python_version", "a@", "x; " + "(" * 9000, "\u200bnumpy"],
)
def test_what_is_no_requirement_is_a_problem_in_its_place(tmp_path: Path, line: str) -> None:
    found = declared(tmp_path, f"ok\n{line}\nfine\n")
    assert problems(found) == [("requirement-invalid", "requirements.txt", 2)]
    assert len(found.problems[0].message) < 300
    assert names(found) == [("ok", 1), ("fine", 3)]


def test_included_files_are_read_relative_to_the_file_that_includes_them(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.txt").write_text("-r deeper.txt\nbar\n-c ../limits.txt")
    (tmp_path / "sub" / "deeper.txt").write_text("deep==1\n")
    found = declared(tmp_path, "foo\n-r sub/more.txt\n-rsub/more.txt\n", limits__txt="bar==2\n-r sub/deeper.txt\n")
    assert [(one.name, one.file, one.line, one.is_constraint) for one in found.declarations] == [
        ("foo", "requirements.txt", 1, False),
        ("deep", "sub/deeper.txt", 1, False),
        ("bar", "sub/more.txt", 2, False),
        ("bar", "limits.txt", 1, True),
        ("deep", "sub/deeper.txt", 1, True),
    ]
    assert found.problems == []


def test_cycles_missing_files_and_remote_ones_are_problems_where_they_are_included(tmp_path: Path) -> None:
    text = "-r a.txt\n-r nowhere.txt\n-r https://host/r.txt\n-r .\n-r ./requirements.txt\n-r nul\0l\n"
    found = declared(tmp_path, text, a__txt="foo\n-c requirements.txt\n-r b.txt\n", b__txt="--requirement=a.txt\nbar")
    assert problems(found) == [
        ("requirements-cycle", "a.txt", 2),
        ("requirements-cycle", "b.txt", 1),
        ("requirements-not-found", "requirements.txt", 2),
        ("requirements-remote", "requirements.txt", 3),
        ("requirements-unreadable", "requirements.txt", 4),
        ("requirements-cycle", "requirements.txt", 5),
        ("requirements-unreadable", "requirements.txt", 6),
    ]
    assert [one.name for one in found.declarations] == ["foo", "bar"]


def test_a_long_chain_of_files_ends_with_a_problem(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number}.txt").write_text(f"-r {number + 1}.txt\n")
    found = declared(tmp_path, "-r 0.txt\n")
    assert [one.code for one in found.problems] == ["requirements-cycle"]


def test_a_name_listed_twice_is_a_problem_unless_markers_part_them(tmp_path: Path) -> None:
    found = declared(tmp_path, "Foo\nbar; os_name=='nt'\nbar; os_name=='posix'\nfoo>=1\n")
    assert problems(found) == [("requirement-twice", "requirements.txt", 4)]
    assert "requirements.txt:1" in found.problems[0].message


def test_no_file_is_an_empty_one_with_a_problem(tmp_path: Path) -> None:
    found = read_declared(tmp_path / "requirements.txt")
    assert problems(found) == [("requirements-not-found", "requirements.txt", None)]
    assert found.text is not None
    assert found.text.encode() == b""


@pytest.mark.parametrize(
    ("content", "expected", "codes"),
    [
        (b"\xef\xbb\xbffoo\nbar\n", [("foo", 1), ("bar", 2)], []),
        (b"foo\nbar # caf\xe9\n# \xff\xfebaz\n", [("foo", 1), ("bar", 2)], [2, 3]),
        ("\ufefffoo\r\nbar\r\n".encode("utf-16-le"), [("foo", 1), ("bar", 2)], [None]),
        ("\ufefffoo\n".encode("utf-16-be"), [("foo", 1)], [None]),
        (b"", [], []),
    ],
)
def test_encodings(tmp_path: Path, content: bytes, expected: list[tuple[str, int]], codes: list[int | None]) -> None:
    found = declared(tmp_path, content)
    assert names(found) == expected
    assert [(one.code, one.line) for one in found.problems] == [("requirements-encoding", line) for line in codes]
    if found.text is not None:
        assert found.text.encode() == content


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"\xff\xfe\x00", "requirements-unreadable", None),
        (b"foo\n\xff\xfebaz\n", "requirement-invalid", 2),
        (b"\x93\xfe\x80\n", "requirement-invalid", 1),
    ],
)
def test_what_is_no_text_names_nothing(tmp_path: Path, content: bytes, code: str, line: int | None) -> None:
    assert [(one.code, one.line) for one in declared(tmp_path, content).problems] == [(code, line)]


# --- changing


def rewrite(
    found: DeclaredRequirements, pins: dict[str, str], added: dict[str, str] | None = None
) -> RequirementsRewrite:
    wanted = [(one, pins[one.name]) for one in found.declarations if one.name in pins]
    return rewritten(found, wanted, list((added or {}).items()))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("numpy", "numpy==2.1"),
        ("numpy  # why\r\n", "numpy==2.1  # why\r\n"),
        ("  NumPy >= 1, <3 ;python_version>'3'\n", "  NumPy ==2.1 ;python_version>'3'\n"),
        ("numpy[a, b]~=2.0#x\n", None),
        ("numpy [a] (>=1)  \n", "numpy [a] ==2.1  \n"),
        ("numpy ; os_name=='posix'\n", "numpy==2.1 ; os_name=='posix'\n"),
        ("numpy>=1 \\\n  ,<3 \\\n ; os_name != 'x' # c\n", "numpy==2.1 \\\n ; os_name != 'x' # c\n"),
        ("numpy \\\n>=1\n", "numpy \\\n==2.1\n"),
        ("numpy>=1 --config-settings=a=b\n", "numpy==2.1 --config-settings=a=b\n"),
        ("numpy==2.*", "numpy==2.1"),
        ("numpy==1.0", "numpy==2.1"),
    ],
)
def test_only_the_specifier_changes(before: str, after: str | None) -> None:
    assert with_version(before, "2.1") == after


def test_pins_additions_and_everything_else_as_it_was(tmp_path: Path) -> None:
    text = (
        "\ufeff# head\r\n--extra-index-url https://host/simple\r\n\r\nnumpy>=1 # caf\u00e9\r\nbad line here\r\n"
        "pandas==2.2\r\n-e ./lib\r\n# tail \\\r\nzlib"
    )
    found = declared(tmp_path, text)
    done = rewrite(found, {"numpy": "2.1", "zlib": "1.0"}, {"scikit-learn": "1.5", "PyYAML": "6.0"})
    expected = text.replace("numpy>=1", "numpy==2.1") + "==1.0\r\nscikit-learn==1.5\r\nPyYAML==6.0\r\n"
    assert done.after == expected.encode()
    assert [(one.kind, one.name, one.line) for one in done.edits] == [
        ("pinned", "numpy", 4),
        ("pinned", "zlib", 9),
        ("added", "scikit-learn", 10),
        ("added", "PyYAML", 11),
    ]
    assert done.left == []


def test_an_addition_never_joins_a_line_that_continues(tmp_path: Path) -> None:
    done = rewrite(declared(tmp_path, "foo \\"), {}, {"bar": "1"})
    assert done.after == b"foo \\\n\nbar==1\n"
    (tmp_path / "requirements.txt").write_bytes(done.after)
    assert names(read_declared(tmp_path / "requirements.txt")) == [("foo", 1), ("bar", 3)]


def test_what_cannot_be_pinned_is_left_with_its_reason(tmp_path: Path) -> None:
    text = f"-r more.txt\nlib @ https://host/x.zip\nhashed --hash=sha256:{SHA}\n"
    found = declared(tmp_path, text, more__txt="deep\n")
    done = rewrite(found, {"deep": "1", "lib": "1", "hashed": "1"}, {"new": "1"})
    assert done.after == done.before
    assert [(one.name, one.file, one.line) for one in done.left] == [
        ("deep", "more.txt", 1),
        ("lib", "requirements.txt", 2),
        ("hashed", "requirements.txt", 3),
        ("new", "requirements.txt", None),
    ]
    assert all(one.reason for one in done.left)


def test_the_file_is_replaced_at_once_and_keeps_its_mode(tmp_path: Path) -> None:
    found = declared(tmp_path, "numpy\n")
    found.path.chmod(0o640)
    assert write_requirements(rewrite(found, {"numpy": "2.1"}))
    assert found.path.read_bytes() == b"numpy==2.1\n"
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["requirements.txt"]


def test_nothing_is_written_where_nothing_changes(tmp_path: Path) -> None:
    found = declared(tmp_path, "numpy==1\n")
    os.utime(found.path, (1, 1))
    assert not write_requirements(rewrite(found, {"numpy": "1"}))
    assert found.path.stat().st_mtime == 1


def test_a_missing_file_is_created_and_a_link_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.symlink_to("real.txt")
    assert write_requirements(rewrite(read_declared(path), {}, {"numpy": "2.1"}))
    assert (tmp_path / "real.txt").read_bytes() == b"numpy==2.1\n"
    assert path.is_symlink()


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    found = declared(tmp_path, "numpy\n")
    found.path.write_bytes(b"pandas\n")
    with pytest.raises(NotWritableError, match="changed by somebody else"):
        write_requirements(rewrite(found, {"numpy": "2.1"}))
    assert found.path.read_bytes() == b"pandas\n"
    assert [path.name for path in tmp_path.iterdir()] == ["requirements.txt"]


def test_a_file_that_cannot_be_read_is_not_rewritten(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").mkdir()
    found = read_declared(tmp_path / "requirements.txt")
    assert problems(found) == [("requirements-unreadable", "requirements.txt", None)]
    with pytest.raises(NotFoundError):
        rewritten(found, [], [("numpy", "1")])
