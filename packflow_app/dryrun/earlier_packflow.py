"""Run a project of packflow 0.4 under packflow 0.4 itself, to see what its outputs were."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packflow_app.errors import CancelledError
from packflow_app.runtime import ERROR_KEY, decode_event

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

_POLL_SECONDS = 0.05
# One by one, as the outcomes that it is compared with. Outputs go to a file, since a model may print.
_PROGRAM = """
import json, os, sys
os.environ.setdefault("PACKFLOW_LOG_LEVEL", "ERROR")
source, target = sys.argv[1:]
from packflow.loaders import LocalLoader
backend = LocalLoader.from_project(".")
with open(source, encoding="utf-8") as events, open(target, "w", encoding="utf-8") as outcomes:
    for line in events:
        try:
            outcome = {"output": json.loads(json.dumps(backend(json.loads(line)), allow_nan=False))}
        except Exception as error:
            outcome = {"type": type(error).__name__, "message": str(error)}
        outcomes.write(json.dumps(outcome) + "\\n")
"""


@dataclass(frozen=True)
class EarlierOutcomes:
    """What each event gave, as outcomes of the runtime are written; or ``reason``, why it could not be had."""

    outcomes: list[dict[str, Any]]
    reason: str = ""


def outcomes_of_earlier(
    python: Path, project: Path, events: Sequence[bytes], *, seconds: float, cancel: threading.Event
) -> EarlierOutcomes:
    """Run the project as it is in ``python``, which has packflow 0.4; raises CancelledError.

    A model that fails as a whole is a value: it says nothing about the migration.
    """
    with tempfile.TemporaryDirectory(prefix="packflow-earlier-") as folder:
        source, target, log = (Path(folder, name) for name in ("events.ndjson", "outcomes.ndjson", "log"))
        # Lines as the runtime reads them, so that both are given the same values.
        lines = [json.dumps(decode_event(event), ensure_ascii=True) for event in events]
        source.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        command = [str(python), "-s", "-B", "-X", "utf8", "-c", _PROGRAM, str(source), str(target)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=project,
                env=kept,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            code = _wait(process, seconds, cancel)
        if code is None:
            return EarlierOutcomes([], f"it took more than {seconds:,.0f} s")
        if code != 0:
            return EarlierOutcomes([], _last_line(log.read_bytes()) or f"it ended with exit code {code}")
        outcomes = [_outcome(json.loads(line), number) for number, line in enumerate(target.open(encoding="utf-8"), 1)]
    if len(outcomes) != len(events):
        return EarlierOutcomes([], "it did not answer for every event")
    return EarlierOutcomes(outcomes)


def _wait(process: subprocess.Popen[bytes], seconds: float, cancel: threading.Event) -> int | None:
    """The exit code; None when it took too long. Whatever happens, the process and its group are gone then."""
    due = time.monotonic() + seconds
    try:
        while time.monotonic() < due:
            if cancel.is_set():
                raise CancelledError("stopped")
            try:
                return process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _outcome(told: dict[str, Any], line: int) -> dict[str, Any]:
    if "output" not in told:
        return {ERROR_KEY: {"line": line, "code": "backend-raised", **told}}
    output = told["output"]
    return output if isinstance(output, dict) else {"output": output}


def _last_line(log: bytes) -> str:
    lines = [line for line in log.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else ""
