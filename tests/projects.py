"""Small projects for tests: a backend's source and a few events become a folder with a packflow.yaml."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path
from typing import Any

from packflow_app.actions.dry_run import DryRunDone, DryRunOptions, dry_run
from packflow_app.dryrun.client import WorkerLimits

HONEST = """
    from packflow_runtime import InferenceBackend


    class Backend(InferenceBackend):
        def execute(self, inputs):
            return [{"double": event["n"] * 2} for event in inputs]
"""


def write_project(
    folder: Path,
    backend: str = HONEST,
    events: list[Any] | None = None,
    config: str = "",
    files: dict[str, str | bytes] | None = None,
) -> Path:
    """Create a project whose inference.py is ``backend`` (dedented) and whose sample events are ``events``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "packflow.yaml").write_text(
        f"name: {folder.name}\npython_requires: '>=3.10'\ndry_run:\n  events: samples/events.ndjson\n{config}"
    )
    (folder / "inference.py").write_text(textwrap.dedent(backend))
    (folder / "requirements.txt").write_text("")
    lines = [json.dumps(event) for event in (events if events is not None else [{"n": n} for n in range(40)])]
    for name, content in {"samples/events.ndjson": "\n".join(lines) + "\n", **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def give_python(project: Path) -> None:
    """A ``.venv`` of the project's own that has what the tests' environment has."""
    folder = project / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", folder], check=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "tests_own.pth").write_text(sysconfig.get_path("purelib") + "\n")


def backend(execute: str, extra: str = "") -> str:
    """The source of a backend with this body of ``execute(self, inputs)`` and these further methods."""
    body = textwrap.indent(textwrap.dedent(execute).strip(), " " * 8)
    more = textwrap.indent(textwrap.dedent(extra).strip(), " " * 4)
    return (
        "import ctypes, os, signal, sys, time\n"
        "from packflow_runtime import BackendConfig, InferenceBackend\n\n\n"
        f"class Backend(InferenceBackend):\n    def execute(self, inputs):\n{body}\n\n{more}\n"
    )


def run_dry(folder: Path, *, timeout: float = 10.0, init_timeout: float = 20.0, **options: Any) -> DryRunDone:
    """A dry run of the project with short limits; without probes, which take half a second, unless asked for."""
    limits = WorkerLimits(timeout=timeout, init_timeout=init_timeout, memory=options.pop("memory", None))
    options.setdefault("probes", False)
    return dry_run(DryRunOptions(project=folder, limits=limits, **options))
