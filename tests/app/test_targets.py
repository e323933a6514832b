"""Targets of a kit: their names, the wheels that run there, and what markers see there."""

from __future__ import annotations

import platform
import sys

import pytest
from packaging.markers import Marker, default_environment

from packflow_app.errors import UsageError
from packflow_app.packaging.locked_packages import LockedPackage
from packflow_app.packaging.target_wheels import wanted_for
from packflow_app.packaging.targets import parse_target, this_machine


@pytest.mark.parametrize(
    ("text", "name", "tag"),
    [
        ("linux-x86_64-cp311", "linux-x86_64-cp311", "manylinux_2_17_x86_64"),
        ("linux-aarch64-cp310", "linux-aarch64-cp310", "manylinux2014_aarch64"),
        ("musllinux-x86_64-cp313", "musllinux-x86_64-cp313", "musllinux_1_1_x86_64"),
        ("macos-arm64-cp312", "macos-arm64-cp312", "macosx_14_0_arm64"),
        ("Windows-AMD64-CP312", "windows-amd64-cp312", "win_amd64"),
        ("windows-x86_64-cp312", "windows-amd64-cp312", "win_amd64"),
    ],
)
def test_targets_that_are_known(text: str, name: str, tag: str) -> None:
    target = parse_target(text)
    assert target.name == name
    assert tag in target.platforms


@pytest.mark.parametrize(
    "text",
    ["", "linux", "linux-x86_64", "linux-x86_64-311", "linux-x86_64-cp27", "linux-sparc-cp311", "x-cp311", "a b"],
)
def test_targets_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no target") as caught:
        parse_target(text)
    assert caught.value.code == "target-unknown"
    assert "linux-x86_64-cp311" in caught.value.hint


def test_this_machine_sees_what_its_markers_see() -> None:
    target = this_machine(sys.version_info[:2])
    assert parse_target(target.name) == target
    here = default_environment()
    for seen in target.environments():
        for key in ("os_name", "sys_platform", "platform_machine", "platform_system", "python_version"):
            assert seen[key] == here[key], key  # type: ignore[literal-required]


def test_a_machine_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    with pytest.raises(UsageError, match="no name for machines like this one"):
        this_machine((3, 11))


def test_pins_count_by_their_markers() -> None:
    pins = {
        "always": None,
        "windows": "sys_platform == 'win32'",
        "unix": "os_name == 'posix'",
        "old": "python_full_version < '3.11'",
        "exactly": "python_full_version == '3.11.*'",
        "late": "python_full_version >= '3.11.4'",
        "new": "python_version >= '3.12'",
        "cpython": "platform_python_implementation == 'CPython' and platform_machine == 'x86_64'",
    }
    packages = [
        LockedPackage(name, "1", str(Marker(marker)) if marker else None, None, (), ()) for name, marker in pins.items()
    ]

    def wanted(target: str) -> set[str]:
        return {one.name for one in wanted_for(parse_target(target), packages)}

    assert wanted("linux-x86_64-cp311") == {"always", "unix", "exactly", "late", "cpython"}
    assert wanted("windows-amd64-cp312") == {"always", "windows", "late", "new"}
    assert wanted("macos-arm64-cp310") == {"always", "unix", "old"}
