"""The runtime's tests on every supported Python of this machine, isolated and with nothing installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pythons import Python, supported_pythons

PARTS = 4  # for workers to share
RUN_BARE = Path(__file__).parent / "runtime" / "run_bare.py"


def oldest_fast_others_slow() -> list[object]:
    """The oldest Python finds most of what a newer one would; the fast tests run on that one."""
    first, *others = supported_pythons()
    slow = [pytest.param(python, id=python.minor, marks=pytest.mark.slow) for python in others]
    return [pytest.param(first, id=first.minor), *slow]


@pytest.mark.parametrize("part", range(1, PARTS + 1))
@pytest.mark.parametrize("python", oldest_fast_others_slow())
def test_runtime_tests_pass_with_nothing_installed(python: Python, part: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(python.path), "-I", "-S", str(RUN_BARE), str(part), str(PARTS)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{python.path}\n{done.stdout[-2000:]}\n{done.stderr[-8000:]}"
    assert "\nOK" in done.stderr, done.stderr[-2000:]
