"""Git repositories that tests make, whatever this machine's own git settings are."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_SETTINGS = ("user.name=Ada", "user.email=ada@example.org", "commit.gpgsign=false", "core.hooksPath=/nowhere")
NEEDS_GIT = pytest.mark.skipif(shutil.which("git") is None, reason="git is not here: install it to run this")


def git(folder: Path, *words: str, **environment: str) -> str:
    """What git prints in ``folder``; the test is skipped where there is no git."""
    if shutil.which("git") is None:
        pytest.skip(NEEDS_GIT.kwargs["reason"])
    options = [word for setting in _SETTINGS for word in ("-c", setting)]
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(folder), *options, *words],
        env={**os.environ, **settings, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
