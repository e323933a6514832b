"""A virtual environment per Python that has what is compared: packflow 0.4.1, numpy, orjson, and this runtime.

It is made once, under ``benchmarks/.environments``, and installs from PyPI. The runtime is installed editable: what is
measured is always the checkout as it is.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
HOME = Path(__file__).resolve().parent / ".environments"
REQUIREMENTS = ("packflow==0.4.1", "numpy", "orjson")
INSPECT_REQUIREMENTS = ("polars", "pyarrow")
MODEL_REQUIREMENTS = ("scikit-learn",)
ENGINE_REQUIREMENTS = ("pyspark>=4,<5", "pyarrow>=18", "pandas<3", "ray[data]>=2.50", "orjson")


def benchmark_python() -> Path:
    """The Python of the environment for the running interpreter; makes that first where it is not there.

    Raises SystemExit when something cannot be installed.
    """
    return _environment("", REQUIREMENTS, CHECKOUT / "packflow_runtime")


def inspect_python() -> Path:
    """The same for ``benchmarks.inspect_events``: this checkout's app beside what else reads events."""
    return _environment("-inspect", INSPECT_REQUIREMENTS, CHECKOUT)


def model_python() -> Path:
    """The same for ``benchmarks.dry_run``: what its scikit-learn model needs."""
    return _environment("-model", MODEL_REQUIREMENTS, CHECKOUT / "packflow_runtime")


def engines_python() -> Path:
    """The same for ``benchmarks.engines``: 1.2 GB."""
    return _environment("-engines", ENGINE_REQUIREMENTS, CHECKOUT / "packflow_runtime")


def _environment(kind: str, requirements: tuple[str, ...], editable: Path) -> Path:
    folder = HOME / f"{platform.python_implementation().lower()}-{platform.python_version()}{kind}"
    ready = folder / "ready.json"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    contents = {"requirements": list(requirements), "checkout": str(CHECKOUT)}
    if ready.is_file() and json.loads(ready.read_text(encoding="utf-8")) == contents and python.exists():
        return python
    print(f"Making an environment with {', '.join(requirements)} for {folder.name} (once) ...", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, *requirements, "--editable", str(editable)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"The benchmark environment could not be made; is PyPI in reach?\n{done.stderr[-2000:]}")
    ready.write_text(json.dumps(contents), encoding="utf-8")
    return python
