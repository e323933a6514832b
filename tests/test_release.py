"""The version rule of a release: the same version never names two sets of sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.versions import DISTRIBUTIONS, RECORD, ROOT, RUNTIME, look_at_version, record_release
from repositories import NEEDS_GIT, git

CHANGES = "# Changes\n\n## packflow\n\n### 0.1.0\n\n## packflow-runtime\n\n### 0.1.0 (unreleased)\n\n### 0.2.0\n"
SOURCE = "packflow_runtime/src/packflow_runtime/stream.py"


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def set_version(root: Path, version: str) -> None:
    write(root, RUNTIME.version_file, f'"""The runtime."""\n\n__version__ = "{version}"\n')


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository that has released nothing."""
    git(tmp_path, "init", "-q")
    set_version(tmp_path, "0.1.0")
    write(tmp_path, SOURCE, "one = 1\n")
    write(tmp_path, "README.md", "no source\n")
    write(tmp_path, "CHANGELOG.md", CHANGES)
    write(tmp_path, RECORD, "{}\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "First")
    return tmp_path


def release(root: Path, by: str) -> None:
    if by == "tag":
        git(root, "tag", "runtime-v0.1.0")
    else:
        record_release(RUNTIME, look_at_version(RUNTIME, root), root)


BY = pytest.mark.parametrize("by", ["tag", "record"])


def test_before_the_first_release_anything_goes(checkout: Path) -> None:
    look = look_at_version(RUNTIME, checkout)
    assert (look.version, look.latest, look.is_new, look.faults) == ("0.1.0", None, True, ())


@BY
def test_the_same_sources_again_are_nothing_to_release(checkout: Path, by: str) -> None:
    release(checkout, by)
    write(checkout, "README.md", "other words\n")
    look = look_at_version(RUNTIME, checkout)
    assert not look.is_new
    assert look.faults == ()


@BY
@pytest.mark.parametrize("change", ["other bytes", "another file", "a file less"])
def test_changed_sources_need_another_version(checkout: Path, by: str, change: str) -> None:
    release(checkout, by)
    if change == "a file less":
        (checkout / SOURCE).unlink()
    else:
        write(checkout, SOURCE if change == "other bytes" else SOURCE.replace("stream", "river"), "two = 2\n")
    told_by = "tag runtime-v0.1.0" if by == "tag" else RECORD
    (fault,) = look_at_version(RUNTIME, checkout).faults
    assert fault == (
        f"sources changed since 0.1.0 was released ({told_by}): raise __version__ in {RUNTIME.version_file}"
    )
    set_version(checkout, "0.2.0")
    look = look_at_version(RUNTIME, checkout)
    assert look.faults == ()
    assert look.is_new
    assert look.latest is not None
    assert str(look.latest.version) == "0.1.0"


@BY
def test_a_version_never_goes_back(checkout: Path, by: str) -> None:
    release(checkout, by)
    set_version(checkout, "0.0.9")
    faults = look_at_version(RUNTIME, checkout).faults
    assert "0.1.0 is out" in faults[0]
    assert faults[1:] == ("CHANGELOG.md has no '### 0.0.9' under '## packflow-runtime'",)


@pytest.mark.parametrize(("version", "why"), [("0.1.0.final", "no version"), ("0.1.0-rc1", "spelling is '0.1.0rc1'")])
def test_a_version_has_its_normal_spelling(checkout: Path, version: str, why: str) -> None:
    set_version(checkout, version)
    assert why in look_at_version(RUNTIME, checkout).faults[0]


def test_a_tag_of_the_app_says_nothing_about_the_runtime(checkout: Path) -> None:
    git(checkout, "tag", "v9.9.9")
    git(checkout, "tag", "runtime-vnext")
    assert look_at_version(RUNTIME, checkout).released == ()


def test_a_version_that_is_recorded_stays_as_it_is(checkout: Path) -> None:
    release(checkout, "record")
    kept = (checkout / RECORD).read_text()
    write(checkout, SOURCE, "two = 2\n")
    release(checkout, "record")
    assert (checkout / RECORD).read_text() == kept


@NEEDS_GIT
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the git checkout; run the tests from a clone")
@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda distribution: distribution.name)
def test_this_checkout_has_a_version_and_its_changes(distribution: object) -> None:
    assert set(json.loads((ROOT / RECORD).read_text())) == {one.name for one in DISTRIBUTIONS}
    look = look_at_version(distribution)  # type: ignore[arg-type]
    assert [fault for fault in look.faults if "sources changed" not in fault] == []
