"""Environments that a test only needs to have: made by the uv that comes with Packflow, whose cache all tests share.

A library is then downloaded and unpacked once for all of them, and only what a test imports of it is compiled. Where
the installer itself is what a test is about, the test runs that one instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from packflow_app.environments.installers import find_uv
from packflow_app.environments.pip_configuration import index_variables


def environment_with(folder: Path, *requirements: str) -> Path:
    """A new environment at ``folder``, of the Python that runs the tests, with these libraries; its Python."""
    uv = find_uv()
    assert uv is not None, "the tests' environment has Packflow's dependencies, and uv is one"
    base = getattr(sys, "_base_executable", None) or sys.executable
    subprocess.run([uv, "venv", "-q", "--python", base, folder], check=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    indexes = index_variables([Path(base)], folder)  # uv reads no pip.conf, and CI may name its index there
    install = [uv, "pip", "install", "-q", "--python", python, *requirements]
    subprocess.run(install, check=True, env={**os.environ, **indexes})
    return python
