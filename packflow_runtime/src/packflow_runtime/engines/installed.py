"""Engines are no dependency of the runtime; where one is asked for and absent, the error says how to install it."""

from __future__ import annotations

import shlex
import sys
from importlib import import_module
from typing import Any

from ..errors import ExitCode, PackflowError

REQUIREMENTS = {
    "pyspark": ("Apache Spark", "'pyspark>=4' pyarrow"),
    "ray": ("Ray", "'ray[data]'"),
    "apache_beam": ("Apache Beam", "apache-beam"),
    "pyarrow": ("Apache Arrow", "pyarrow"),
}
"""By module: the engine's name, and what pip installs it by."""


class EngineNotInstalledError(PackflowError, ImportError):
    """An engine cannot be imported; an ImportError too, which is what an import may raise."""

    code = "engine-not-installed"
    exit_code = ExitCode.NOT_FOUND


def engine_module(name: str) -> Any:  # noqa: ANN401 - a module that type checkers do not have
    """Import an engine's module; raises EngineNotInstalledError, which names the install command."""
    top = name.partition(".")[0]
    try:
        return import_module(name)
    except ImportError as error:
        title, requirement = REQUIREMENTS[top]
        raise EngineNotInstalledError(
            f"{title} is not installed in this Python: importing {name} failed.",
            detail=str(error),
            hint=f"{shlex.quote(sys.executable)} -m pip install {requirement}",
        ) from error
