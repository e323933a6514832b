"""The command ``python -m benchmarks``: the environment, the measuring in it, and the table."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cases import Goal, Line
from benchmarks.environments import CHECKOUT, benchmark_python
from benchmarks.report import Table, summary, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    """Measure with the Python this runs on."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="The runtime against hand-written code and packflow 0.4.1, with the goals for each.",
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only work whose name has this text")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds: a first impression")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything to FILE")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    options = parser.parse_args()
    arguments = ["--only", options.only, *(["--quick"] if options.quick else [])]
    output = _measured(benchmark_python(), arguments)
    about = json.loads(next(output))
    table = Table(markdown=options.markdown)
    print(table.heading(about), flush=True)
    lines = []
    for text in output:
        fields = json.loads(text)
        lines.append(Line(**{**fields, "goal": Goal(**fields["goal"])}))
        print(table.line(lines[-1]), flush=True)
    if not lines:
        parser.error(f"no work has {options.only!r} in its name")
    print(f"\n{summary(lines)}")
    if options.json is not None:
        write_json(options.json, about, lines)


def _measured(python: Path, arguments: list[str]) -> Iterator[str]:
    """What the measuring process prints, line by line."""
    # The user's settings may switch buffers or the caching of bytecode off, which is no part of what is compared.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PACKFLOW_LOG_LEVEL": "WARNING"}  # the last is 0.4.1's
    command = [str(python), "-m", "benchmarks.measure", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, encoding="utf-8", cwd=CHECKOUT, env=environment
    ) as measuring:
        assert measuring.stdout is not None
        yield from measuring.stdout
    if measuring.returncode:
        raise SystemExit(f"Measuring ended with exit code {measuring.returncode}; its messages are above.")


if __name__ == "__main__":
    main()
