"""A base for tests that start an archive as its user does: in a process of its own, with a cache of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from runtime.archives import CONFIG, RUNTIME, Files, archive_of, manifest_of, runnable_files

GOLDEN = "packflow-info/golden"
DOUBLING = """\
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"n": event["n"] * 2} for event in inputs]
"""


def lines(*values: object) -> bytes:
    return b"".join(json.dumps(value, separators=(",", ":")).encode() + b"\n" for value in values)


class ArchivePrograms(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.path = self.folder / "tiny.zip"
        self.cache = self.folder / "cache"

    def write(
        self,
        backend: str = DOUBLING,
        *,
        path: Path | None = None,
        golden: tuple[bytes, bytes] | None = None,
        extra: Files | None = None,
        config: str = CONFIG,
        **manifest: Any,
    ) -> Path:
        """An archive with this backend, and with golden events given as inputs and outputs."""
        files = runnable_files(config=config, backend=backend)
        files |= extra or {}
        if golden is not None:
            files[f"{GOLDEN}/inputs.ndjson"], files[f"{GOLDEN}/outputs.ndjson"] = golden
            manifest["golden_events"] = golden[0].count(b"\n")
        path = path or self.path
        path.write_bytes(archive_of(files, manifest_of(files, **manifest)))
        return path

    def start(
        self,
        *arguments: object,
        events: bytes = b"",
        python: str = sys.executable,
        flags: tuple[str, ...] = ("-S", "-W", "error"),
        **environment: str,
    ) -> subprocess.CompletedProcess[bytes]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PACKFLOW"))}
        return subprocess.run(
            [python, *flags, *map(str, arguments)],
            input=events,
            cwd=self.folder,
            env={**kept, "PACKFLOW_CACHE": str(self.cache), "PYTHONIOENCODING": "utf-8", **environment},
            capture_output=True,
            timeout=120,
            check=False,
        )

    def outside(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Start ``python -m packflow_runtime`` with this runtime."""
        return self.start("-m", "packflow_runtime", *arguments, PYTHONPATH=str(RUNTIME.parent), **options)

    def answer(self, *arguments: object, code: int = 0, **options: Any) -> dict[str, Any]:
        """The JSON object that a command prints, and nothing beside it."""
        done = self.start(self.path, *arguments, "--json", **options)
        self.assertEqual(done.returncode, code, done.stderr.decode())
        told: dict[str, Any] = json.loads(done.stdout)
        self.assertEqual(told["ok"], code == 0)
        self.assertEqual(set(told), {"schema", "ok", "command", "data", "errors", "warnings"})
        for error in told["errors"]:
            self.assertEqual(set(error), {"code", "message", "file", "line", "hint"})
        return told
