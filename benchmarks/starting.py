"""Starting: what importing the runtime costs, and how soon an archive gives its first output."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.cases import OURS, PEER, Case, Goal, Row
from benchmarks.events import json_lines
from benchmarks.timing import Effort, least_child_seconds
from tests.runtime.archives import archive_of, runnable_files

INTERPRETER = "interpreter"
NAMES = "ours, with names"
BASE_CLASS = "from packflow_runtime import InferenceBackend"
SCRIPT, SCRIPT_CPU, ARCHIVE, ARCHIVE_CPU = "json script", "json script, CPU", "archive", "archive, CPU"
MODEL = """\
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"uid": event["uid"], "score": 0.25} for event in inputs]
"""
BARE_SCRIPT = """\
import json
import sys

with open(sys.argv[1], "rb") as events:
    for line in events:
        event = json.loads(line)
        print(json.dumps({"uid": event["uid"], "score": 0.25}), flush=True)
"""


def cases() -> list[Case]:
    """Imports by CPU time over a bare interpreter; the archive by the clock and by CPU time, over a script."""
    archive = "python model.zip"
    return [
        Case(
            [
                Row("import packflow_runtime, CPU", Goal(faster=20), INTERPRETER, net=True),
                Row(
                    "from packflow_runtime import InferenceBackend, CPU", Goal(faster=20), INTERPRETER, NAMES, net=True
                ),
            ],
            _imports,
        ),
        Case(
            [
                Row(f"{archive} to first output, clock", Goal(extra=15e-3), SCRIPT, ARCHIVE),
                Row(f"{archive}, one event, CPU", Goal(extra=15e-3), SCRIPT_CPU, ARCHIVE_CPU),
            ],
            _archive,
        ),
    ]


def _imports(effort: Effort) -> dict[str, float]:
    programs = {
        INTERPRETER: "pass",
        OURS: "import packflow_runtime",
        NAMES: BASE_CLASS,
        PEER: "import packflow",
    }
    commands = {kind: [sys.executable, "-I", "-c", program] for kind, program in programs.items()}
    with tempfile.TemporaryDirectory() as folder:
        best = least_child_seconds(commands, effort.children, folder, {})
    return {kind: seconds.cpu for kind, seconds in best.items()}


def _archive(effort: Effort) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "model.zip").write_bytes(archive_of(runnable_files(backend=MODEL)))
        (home / "script.py").write_text(BARE_SCRIPT, encoding="utf-8")
        (home / "events.ndjson").write_bytes(json_lines(1)[0] + b"\n")
        commands = {
            SCRIPT: [sys.executable, "script.py", "events.ndjson"],
            ARCHIVE: [sys.executable, "model.zip", "run", "events.ndjson", "--codec", "stdlib"],
        }
        # The first round, which does not count, fills the cache.
        best = least_child_seconds(commands, effort.children, folder, {"PACKFLOW_CACHE": str(home / "cache")})
    return {
        **{kind: seconds.first_output for kind, seconds in best.items()},
        **{f"{kind}, CPU": seconds.cpu for kind, seconds in best.items()},
    }
