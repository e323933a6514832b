"""Small archives for tests: valid ones, ones whose parts contradict each other, and ones that run."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import packflow_runtime
from packflow_runtime import __version__
from packflow_runtime.manifest import MANIFEST_NAME, FileRecord, Manifest, Parity
from packflow_runtime.zip_writer import Writer

ENTRY_POINT = "__main__.py"
RUNTIME = Path(packflow_runtime.__file__).parent
CONFIG = "name: tiny\nversion: 1.0\n"
BACKEND = """\
import steps
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def initialize(self):
        self.offset = int((self.project_dir / "artifacts" / "offset.txt").read_text())

    def execute(self, inputs):
        print("printed by the model")
        return [{"n": steps.add(event["n"], self.offset)} for event in inputs]
"""

Files = dict[str, bytes]


def tiny_files() -> Files:
    """The least that an archive must hold; it cannot run."""
    return {
        ENTRY_POINT: b"pass\n",
        "packflow_runtime/__init__.py": b"",
        "project/packflow.yaml": CONFIG.encode(),
        "project/x.txt": b"some bytes\n",
    }


def runnable_files(config: str = CONFIG, backend: str = BACKEND) -> Files:
    """An archive that runs, with this runtime inside."""
    files = {
        f"packflow_runtime/{path.relative_to(RUNTIME).as_posix()}": path.read_bytes() for path in RUNTIME.rglob("*.py")
    }
    files[ENTRY_POINT] = files["packflow_runtime/archive_entry.py"]
    files["project/packflow.yaml"] = config.encode()
    files["project/inference.py"] = backend.encode()
    files["project/steps.py"] = b"def add(n, offset):\n    return n + offset\n"
    files["project/artifacts/offset.txt"] = b"10"
    return files


def manifest_of(files: Files, **changes: Any) -> Manifest:
    """The manifest that belongs to ``files``, with ``changes`` to its fields."""
    manifest = Manifest(
        name="tiny",
        version="1.0",
        entry_point="inference:Backend",
        python_requires=">=3.10",
        runtime_version=__version__,
        config={"name": "tiny", "version": "1.0"},
        files={name: FileRecord(len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()},
        parity=Parity(equal=True, events=20, rule={"atol": 0.0}),
    )
    return replace(manifest, **changes)


def zipped(files: Files) -> bytes:
    """The canonical zip of ``files``, whatever they are."""
    out = io.BytesIO()
    writer = Writer(out)
    for name in sorted(files, key=str.encode):
        writer.add_bytes(name, files[name])
    writer.finish()
    return out.getvalue()


def archive_of(files: Files, manifest: Manifest | None = None) -> bytes:
    """The archive of ``files`` under ``manifest``, by default the one that belongs to them."""
    return zipped({**files, MANIFEST_NAME: (manifest or manifest_of(files)).to_bytes()})
