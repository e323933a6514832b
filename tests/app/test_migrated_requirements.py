"""Requirements of packflow 0.4 without packflow, and with what came along with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from packflow_app.errors import CheckFailedError
from packflow_app.projects.migration.old_requirements import migrated_requirements


def migrated(folder: Path, files: dict[str, str], *imported: str) -> dict[str, str]:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode())
    others = [name for name in files if name != "requirements.txt"]
    changes, _ = migrated_requirements(folder, others, imported)
    return {change.name: change.after.decode() for change in changes if change.after != change.before}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("packflow==0.4.1", ""),
        ("a\nPackFlow >= 0.4, <0.5\nb\n", "a\nb\n"),
        ("packflow==0.4.1  # the framework\r\nb\r\n", "# the framework\r\nb\r\n"),
        ("# packflow\npackflow[dev]~=0.4 ; python_version < '4'\n", "# packflow\n"),
        ("packflow @ git+https://example.org/packflow.git@v0.4.1\nb", "b"),
        ("packflow==0.4.1 \\\n    --hash=sha256:" + "a" * 64 + "\nb==1 --hash=sha256:" + "b" * 64 + "\n",
         "b==1 --hash=sha256:" + "b" * 64 + "\n"),
        ("packflow-extras==1\nmy-packflow\n", None),
    ],
)  # fmt: skip
def test_packflow_goes_and_all_else_stays(tmp_path: Path, before: str, after: str | None) -> None:
    assert migrated(tmp_path, {"requirements.txt": before}) == ({} if after is None else {"requirements.txt": after})


def test_every_file_that_counts(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "-r reqs/base.txt\n-c constraints.txt\nx\n",
        "reqs/base.txt": "packflow==0.4.1\ny\n",
        "constraints.txt": "packflow<1\n",
        "requirements-dev.txt": "-r requirements.txt\npytest\npackflow\n",
    }
    assert migrated(tmp_path, files) == {
        "reqs/base.txt": "y\n",
        "constraints.txt": "",
        "requirements-dev.txt": "-r requirements.txt\npytest\n",
    }


def test_what_came_along_and_is_used_is_named(tmp_path: Path) -> None:
    files = {"requirements.txt": "packflow==0.4.1\r\nPyYAML"}
    assert migrated(tmp_path, files, "pydantic", "loguru", "yaml", "os", "torch") == {
        "requirements.txt": "PyYAML\r\nloguru>=0.7.3,<0.8.0\r\npydantic>=2.11.0,<3.0.0\r\n"
    }
    assert migrated(tmp_path, {"requirements.txt": "x\n"}, "pydantic") == {}


def test_hashes_are_not_made_up(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"packflow==0.4.1\nb==1 --hash=sha256:{'b' * 64}\n")
    changes, found = migrated_requirements(tmp_path, [], ["pydantic"])
    assert b"pydantic" not in changes[0].after
    assert [(one.kind, one.code, one.file) for one in found] == [("left", "requirements-hashed", "requirements.txt")]


def test_a_file_outside_the_project_is_not_touched(tmp_path: Path) -> None:
    outside = tmp_path / "shared.txt"
    outside.write_text("packflow\n")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "requirements.txt").write_text("-r ../shared.txt\npackflow\n")
    changes, _ = migrated_requirements(tmp_path / "project", [], [])
    assert [(one.name, one.after) for one in changes] == [("requirements.txt", b"-r ../shared.txt\n")]
    assert outside.read_text() == "packflow\n"


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"\xff\xfep")
    with pytest.raises(CheckFailedError) as caught:
        migrated_requirements(tmp_path, [], [])
    assert caught.value.file == "requirements.txt"
