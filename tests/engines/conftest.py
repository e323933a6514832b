"""What the tests of engines share: a Python that has them, an archive, events, and what its run alone gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine_processes import LIBRARIES, Work


@pytest.fixture(scope="session")
def engines_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``PACKFLOW_TEST_ENGINES_PYTHON``, or an environment made now, which takes a minute and a gigabyte."""
    if "PACKFLOW_TEST_ENGINES_PYTHON" in os.environ:
        return Path(os.environ["PACKFLOW_TEST_ENGINES_PYTHON"])
    folder = tmp_path_factory.mktemp("engines") / "environment"
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *LIBRARIES], check=True)
    return python


@pytest.fixture(scope="session")
def work(engines_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Work:
    return Work.made(engines_python, tmp_path_factory.mktemp("work"))
