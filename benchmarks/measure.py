"""Runs inside the benchmark environment: measures what is asked for, and prints each line of the table as JSON."""

from __future__ import annotations

import argparse
import json
import platform
from dataclasses import asdict, replace
from importlib.metadata import version

from benchmarks import calls, outputs, preprocessing, starting, stream, worker
from benchmarks.timing import FULL, QUICK

TOPICS = (calls, preprocessing, outputs, stream, starting, worker)


def main() -> None:
    """First what is measured with, then the lines."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    about = {f"{platform.python_implementation()}": platform.python_version()}
    about |= {name: version(name) for name in ("packflow", "numpy", "orjson")}
    print(json.dumps(about), flush=True)
    for case in (case for topic in TOPICS for case in topic.cases()):
        rows = [row for row in case.rows if options.only.lower() in row.name.lower()]
        if rows:
            for line in replace(case, rows=rows).lines(QUICK if options.quick else FULL):
                print(json.dumps(asdict(line)), flush=True)


if __name__ == "__main__":
    main()
