"""Requirements files of every shape: reading keeps all bytes, writing changes only what it must, and is stable."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from packflow_app.dryrun.needs import needs_of, planned_rewrite
from packflow_app.environments.installed import Installed
from packflow_app.projects.requirements import DeclaredRequirements, read_declared
from packflow_app.projects.requirements_edits import RequirementEdit, write_requirements

MARKERS = {"python_version": "3.11", "sys_platform": "linux", "os_name": "posix"}
INSTALLED = {"numpy": "2.1.0", "pandas": "2.2", "lib": "1.0+cpu", "my-lib": "3", "extra-one": "7"}
NAMES = [
    "numpy",
    "NumPy",
    "pandas",
    "lib",
    "my_lib",
    "[a]",
    "[a,b]",
    "@",
    "./x",
    "../x",
    "https://h/x.zip",
    "é",
    "${X}",
]
VERSIONS = ["==", ">=1", "~=2.1", "==2.1.0", "<3", "===1", ",", "(", ")", ";", "os_name=='posix'", "os_name=='nt'"]
OPTIONS = ["-e", "-r", "-c", "requirements.txt", "-i", "--pre", "--hash=sha256:aa", "--mad", "#", "#c", "\\", "\ufeff"]
BREAKS = [" ", " ", "  ", "\t", "\n", "\n", "\r\n", "\r", "\\\n", "\\\r\n", " \\\n", " # ", "\n#", "\x0c", "\u2028"]
whole_lines = st.sampled_from(
    [
        "numpy\n",
        "numpy>=1 # why\n",
        "pandas == 2.0\r\n",
        "lib[a] ~= 0.9 ; os_name=='posix'\n",
        "# c \\\n",
        "\n",
        "-i x\n",
        "my.lib>=1,\\\n <4 \\\n ; os_name=='posix'  # c\n",
        "lib @ https://h/x.zip\n",
        "broken line\n",
        "numpy",
    ]
)
soup = st.lists(st.sampled_from([*NAMES, *NAMES, *VERSIONS, *OPTIONS]) | st.sampled_from(BREAKS), max_size=25).map(
    "".join
)
written = st.lists(whole_lines, max_size=8).map("".join)
contents = (
    st.binary(max_size=60)
    | (soup | written).map(str.encode)
    | written.map(lambda text: f"\ufeff{text}".encode())
    | (soup | written).map(lambda text: b"\xff\xfe" + text.encode("utf-16-le"))
)
used_names = st.sets(st.sampled_from(["numpy", "pandas", "lib", "My_Lib", "extra-one"]))


def read(folder: str, content: bytes) -> DeclaredRequirements:
    path = Path(folder, "requirements.txt")
    path.write_bytes(content)
    return read_declared(path)


def record(names: set[str]) -> dict[str, object]:
    entries = [
        {"module": name, "distributions": [name], "places": [["a.py", 1]], "globals": []} for name in sorted(names)
    ]
    versions = {name: INSTALLED[canonicalize_name(name)] for name in names}
    return {"used": entries, "unseen": [], "loaded": [], "origins": {}, "versions": versions}


@given(contents)
@example(b"numpy \\")
@example(b"\\\n\\\n")
@example(b"\xff\xfe\x00")
def test_reading_never_raises_and_keeps_every_byte(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = read(folder, content)
    if found.text is not None:
        assert found.text.encode() == content
        assert all(0 <= one.lines[0] < one.lines[1] <= len(found.text.lines) for one in found.declarations)
    assert found.text is not None or found.problems
    places = [one.line for one in found.problems]
    assert all(line is None or 1 <= line <= max(1, len(found.text.lines if found.text else ())) for line in places)


@given(contents, used_names, st.booleans())
@example(b"numpy\r\n# c \\", {"lib"}, False)
@example(b"numpy>=1 \\\n  # c\nlib", {"lib"}, True)
@example(b"lib>0,\\\n<2\nnumpy", {"lib"}, True)
@example(b"./\0x", set(), True)
def test_writing_keeps_every_line_that_needed_no_change_and_is_stable(
    content: bytes, names: set[str], correct: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = read(folder, content)
        if found.text is None:
            return
        needs = needs_of(record(names), found, Installed(INSTALLED, MARKERS))
        plan = planned_rewrite(needs, found, correct_versions=correct)
        assert write_requirements(plan) == bool(plan.edits)
        again = read_declared(found.path)
        after = needs_of(record(names), again, Installed(INSTALLED, MARKERS))
        assert not planned_rewrite(after, again, correct_versions=correct).edits
    assert again.text is not None
    assert expected_shape(found, plan.edits).fullmatch(
        again.text.encode().decode(again.text.encoding, "surrogateescape")
    )
    left = {one.name for one in plan.left}
    assert {one.name for one in after.missing} <= left
    assert len(again.declarations) == len(found.declarations) + sum(one.kind == "added" for one in plan.edits)
    assert {one.code for one in again.problems} <= {one.code for one in found.problems}


def expected_shape(before: DeclaredRequirements, edits: list[RequirementEdit]) -> re.Pattern[str]:
    """The old file, where pinned requirements hold their version and added ones follow at the end."""
    assert before.text is not None
    pinned = {one.line - 1: one.version for one in edits if one.kind == "pinned"}
    ends = {one.lines[0]: one.lines[1] for one in before.declarations if one.file == before.path.name}
    shape, index = "", 0
    while index < len(before.text.lines):
        if index in pinned:
            name = re.match(r"\ufeff?\s*[\w.-]+", before.text.lines[index])
            assert name is not None
            shape += f"{re.escape(name[0])}.*?=={re.escape(pinned[index])}.*?"
            index = ends[index]
        else:
            shape += re.escape(before.text.lines[index])
            index += 1
    added = [re.escape(f"{one.name}=={one.version}") + r"\s{1,2}" for one in edits if one.kind == "added"]
    return re.compile(shape + (r"\s{0,4}" if added else "") + "".join(added), re.DOTALL)
