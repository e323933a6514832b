"""What an export costs beside ``cp -r`` of the same tree: 500 MB of weights and 2,000 small files, hashed one by one.

Run ``python -m benchmarks.export`` where the app is installed. Each round copies the tree with ``cp -r``, writes the
archive from a fresh dry run (the core: choose, read, hash, write, flush to the disk, hash the archive), and runs the
whole action with its checks; the table gives the best of each and its ratio to ``cp``. ``cp`` neither hashes nor
flushes, so that a row without the flush is given too.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.actions.dry_run import DryRunOptions, dry_run
from packflow_app.actions.export import ExportOptions, export
from packflow_app.dryrun.report import kept_dry_run
from packflow_app.packaging.export import export_archive
from packflow_app.packaging.sources import Evidence
from packflow_app.projects.project import open_project

if TYPE_CHECKING:
    from collections.abc import Callable

GOAL = 3.2
BACKEND = """\
from packflow_runtime import InferenceBackend


class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"double": event["n"] * 2} for event in inputs]
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="packflow-export-") as name:
        folder = Path(name)
        project = _project(folder / "model", options.megabytes, options.files)
        dry_run(DryRunOptions(project=project, python=sys.executable, probes=False))
        time.sleep(2.5)  # so that hashes are remembered, as they are of weights in daily use
        work: dict[str, Callable[[], object]] = {
            "cp -r": lambda: subprocess.run(["cp", "-r", str(project), str(folder / "copy")], check=True),
            "archive": lambda: _archive(project, folder / "out"),
            "archive, no flush": lambda: _without_flush(lambda: _archive(project, folder / "out")),
            "whole export": lambda: export(ExportOptions(project, folder / "out", golden=0, python=sys.executable)),
        }
        work["whole export"]()  # remembers hashes
        best = dict.fromkeys(work, float("inf"))
        for _ in range(options.rounds):
            for what, do in work.items():
                for made in ("copy", "out"):
                    shutil.rmtree(folder / made, ignore_errors=True)
                started = time.perf_counter()
                do()
                best[what] = min(best[what], time.perf_counter() - started)
    print(f"{options.megabytes} MB of weights, {options.files:,} files; best of {options.rounds}")
    for what, seconds in best.items():
        print(f"{what:<18}{seconds:>8.2f} s{seconds / best['cp -r']:>8.2f}×")
    print(f"goal: archive ≤ {GOAL}× cp")


def _project(folder: Path, megabytes: int, files: int) -> Path:
    source = random.Random(1)
    (folder / "weights").mkdir(parents=True)
    (folder / "packflow.yaml").write_text(
        "name: model\npython_requires: '>=3.10'\ndry_run:\n  events: samples/events.ndjson\n"
    )
    (folder / "inference.py").write_text(BACKEND)
    (folder / "requirements.txt").write_text("")
    (folder / "samples").mkdir()
    (folder / "samples" / "events.ndjson").write_text("".join(f'{{"n": {n}}}\n' for n in range(40)))
    with (folder / "weights" / "w.bin").open("wb") as file:
        for _ in range(megabytes):
            file.write(b"\0" + source.randbytes((1 << 20) - 1))
    for number in range(files):
        path = folder / "vocabulary" / f"{number % 40:02}" / f"{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(source.randrange(200, 3000)).hex().encode())
    return folder


def _archive(folder: Path, output: Path) -> None:
    project = open_project(folder)
    kept = kept_dry_run(folder)
    assert kept is not None
    export_archive(project, Evidence(kept.report, None, {}, {}), output)


def _without_flush(work: Callable[[], object]) -> None:
    flush, os.fsync = os.fsync, lambda fd: None  # noqa: ARG005 - its own name
    try:
        work()
    finally:
        os.fsync = flush


if __name__ == "__main__":
    main()
