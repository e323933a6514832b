"""What looking at a gigabyte of dirty events costs, and what it finds, beside DuckDB, Polars and PyArrow.

Run ``python -m benchmarks.inspect_events [--size MIB] [--keep FILE]``. It makes a file of JSON lines with a byte order
mark, one line in a hundred that is no event, four fields that change their type once each, and an integer beyond 64
bits. Every reader then runs in a process of its own, which tells its CPU time and its largest resident size. The
others get what they need to go on where they can (DuckDB: ``ignore_errors``; Polars: ``ignore_errors``). They are asked
for the least and greatest value, the nulls and the distinct values of every field, which is a part of our profile.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environments import inspect_python

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
BROKEN = (b"not json", b'{"ts":', b'{"ts":NaN}', b"[1,2]", b'{"uid":"\xff"}')
EVENT = (
    '{{"ts":{ts:.6f},"uid":"C{n:09x}","src":{{"ip":"10.{a}.{b}.{c}","port":{sport},"bytes":{sent}}},'
    '"dst":{{"ip":"203.0.113.{c}","port":{port},"bytes":{received}}},"proto":"{proto}","service":{service},'
    '"duration":{duration:.6f},"state":"{state}","flags":["{state}","{proto}"],"orig_pkts":{pkts},"resp_pkts":{pkts},'
    '"local":{local},"user":{{"name":"user{user}","id":{user},"groups":["staff","g{group}"]}},'
    '"host":"host-{group}.example.org","country":"{country}","message":"connection from 10.{a}.{b}.{c} to port {port} '
    'closed after {duration:.6f} s with state {state}","level":"info","version":3,"sensor":"s{group}"}}'
)
PLANTS = {
    "a number as text": ('"duration":', '"duration":"x","was":'),
    "an object as text": ('"user":{', '"user":"root","was":{'),
    "an array as a number": ('"flags":[', '"flags":7,"was":['),
    "a boolean as text": ('"local":', '"local":"yes","was":'),
    "an integer beyond 64 bits": ('"orig_pkts":', '"orig_pkts":9223372036854775813,"was":'),
}
OURS = """
import contextlib, io, json, sys
from packflow_app.cli.main import run
shown = io.TextIOWrapper(io.BytesIO(), "utf-8")
with contextlib.redirect_stdout(shown):
    run(["inspect", *sys.argv[1:], "--json"])
shown.seek(0)
profile = json.load(shown)["data"]["profile"]
paths = profile["paths"]
large = [path["path"] for path in paths if (path["numbers"] or {}).get("beyond_64_bits")]
conflicts = {path["path"]: max(kind["first"] for kind in path["types"]) for path in paths if path["is_conflict"]}
print(json.dumps({"events": profile["events"], "invalid": profile["invalid_count"], "large": large,
                  "conflicts": conflicts}))
"""
READ = """
import sys
from packflow_app.events.reading import read_blocks
from pathlib import Path
events = invalid = 0
for block in read_blocks(Path(sys.argv[1])):
    events += len(block.events)
    invalid += len(block.invalid)
print('{"events": %d, "invalid": %d}' % (events, invalid))
"""
PARSER = """
import sys
from {module} import loads
events = invalid = 0
with open(sys.argv[1], "rb") as file:
    for line in file:
        try:
            loads(line)
            events += 1
        except ValueError:
            invalid += 1
print('{{"events": %d, "invalid": %d}}' % (events, invalid))
"""
DUCKDB = """
import sys, duckdb, json
duckdb.sql("SET threads = 1")
query = "SELECT * FROM read_ndjson('%s'%s)" % (sys.argv[1], sys.argv[2])
rows = duckdb.sql("SUMMARIZE " + query).fetchall()
print(json.dumps({"events": max(row[10] for row in rows), "fields": len(rows)}))
"""
POLARS = """
import sys, json, polars
frame = polars.scan_ndjson(sys.argv[1], **json.loads(sys.argv[2])).collect()
plain = [name for name, kind in frame.schema.items() if not kind.is_nested()]
frame.select(polars.col(plain).min().name.suffix(" min"), polars.col(plain).max().name.suffix(" max"),
             polars.col(plain).n_unique().name.suffix(" distinct"), polars.all().null_count())
print(json.dumps({"events": frame.height, "fields": frame.width}))
"""
PYARROW = """
import sys, json
import pyarrow.json, pyarrow.compute as compute
table = pyarrow.json.read_json(sys.argv[1])
for name in table.column_names:
    try:
        compute.min_max(table[name]), compute.count_distinct(table[name])
    except (NotImplementedError, pyarrow.ArrowNotImplementedError):
        pass
print(json.dumps({"events": table.num_rows, "fields": table.num_columns}))
"""
FIRST_PAGE = """
import sys
from packflow_app.events.index import open_index
from pathlib import Path
with open_index(Path(sys.argv[1])) as index:
    page = index.page(1, 50)
    sys.stdout.buffer.write(b"\\n".join(page.raws))
"""
MIDDLE = """
import sys, time, json
from packflow_app.events.index import open_index
from pathlib import Path
with open_index(Path(sys.argv[1])) as index:
    start = time.perf_counter()
    page = index.page(index.positions // 2, 50)
    print(json.dumps({"events": len(page.events), "milliseconds": round((time.perf_counter() - start) * 1000, 1)}))
"""


@dataclass(frozen=True)
class Ran:
    """A process: seconds of CPU and of the clock, MiB of memory at most, what it printed, and its error, if any."""

    cpu: float
    wall: float
    memory: float
    printed: str
    error: str

    @property
    def found(self) -> dict[str, Any]:
        """What it printed as JSON; nothing where it failed."""
        return json.loads(self.printed) if not self.error else {}


def main() -> None:
    """Make the file, run everything on it, print a line each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, metavar="MIB")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="make the file there, or use it where it is")
    options = parser.parse_args()
    python = inspect_python()
    with tempfile.TemporaryDirectory() as folder:
        dirty = options.keep or Path(folder, "events.ndjson")
        planted = make_events(dirty, options.size * MIB)
        show(python, dirty, planted)


def make_events(path: Path, size: int) -> dict[str, Any]:
    """Write the file, unless it is there; returns what stands in it."""
    planted: dict[str, Any] = {"plants": {}, "invalid": 0, "events": 0}
    facts = path.with_name(path.name + ".facts")
    if path.is_file() and facts.is_file():
        return dict(json.loads(facts.read_text(encoding="utf-8")))
    due = {int(size * (place + 0.5) / (len(PLANTS) + 0.5)): name for place, name in enumerate(PLANTS)}
    with path.open("wb") as file:
        written = file.write(b"\xef\xbb\xbf")
        for number, text in enumerate(_lines(), 1):
            line = text
            if number % 100 == 0:
                planted["invalid"] += 1
                line = BROKEN[number // 100 % len(BROKEN)]
            else:
                planted["events"] += 1
                if due and written >= min(due):
                    name = due.pop(min(due))
                    before, after = PLANTS[name]
                    line = line.replace(before.encode(), after.encode(), 1)
                    planted["plants"][name] = number
            written += file.write(line + b"\n")
            if written >= size:
                break
    facts.write_text(json.dumps(planted), encoding="utf-8")
    return planted


def _lines() -> Iterator[bytes]:
    """Connection logs of some 600 bytes, by arithmetic alone: the same every time."""
    number = 0
    while True:
        number += 1
        mixed = number * 2654435761 % 2**32
        yield EVENT.format(
            n=number, ts=1_767_225_600 + number / 50, a=mixed >> 8 & 15, b=mixed >> 16 & 255, c=1 + mixed % 250,
            sport=1024 + mixed % 60_000, port=(53, 443, 22, 123)[mixed >> 4 & 3], sent=mixed >> 12, received=mixed >> 6,
            proto=("udp", "tcp")[mixed >> 5 & 1], service=('"dns"', '"ssl"', "null")[mixed % 3],
            duration=mixed / 2**24, state=("SF", "S0", "REJ")[mixed >> 7 & 1], pkts=mixed & 1023,
            local=("true", "false")[mixed >> 9 & 1], user=mixed % 5000, group=mixed % 40,
            country=("DE", "FR", "US", "JP")[mixed >> 11 & 3],
        ).encode()  # fmt: skip


def show(python: Path, dirty: Path, planted: dict[str, Any]) -> None:
    """Run and print."""
    print(f"{dirty.stat().st_size / MIB:,.0f} MiB, {planted['events']:,} events, {planted['invalid']:,} invalid lines")
    print(f"planted at lines: {', '.join(f'{name} {line:,}' for name, line in planted['plants'].items())}")
    works = {
        "parse each line: orjson": (PARSER.format(module="orjson"), []),
        "parse each line: json": (PARSER.format(module="json"), []),
        "packflow: read and decode": (READ, []),
        "packflow inspect --full": (OURS, ["--full"]),
        "packflow inspect (a sample)": (OURS, []),
        "DuckDB SUMMARIZE": (DUCKDB, [""]),
        "DuckDB, ignore_errors": (DUCKDB, [", ignore_errors = true"]),
        "Polars": (POLARS, ["{}"]),
        "Polars, ignore_errors": (POLARS, ['{"ignore_errors": true, "infer_schema_length": null}']),
        "PyArrow": (PYARROW, []),
        "first page, from a cold start": (FIRST_PAGE, []),
        "page in the middle": (MIDDLE, []),
    }
    print(f"\n{'':<32}{'CPU s':>8}{'clock s':>9}{'MiB':>8}  found")
    ran = {}
    for name, (code, arguments) in works.items():
        ran[name] = done = run(python, code, [str(dirty), *arguments])
        print(f"{name:<32}{done.cpu:>8.1f}{done.wall:>9.1f}{done.memory:>8.0f}  {describe(done)}", flush=True)
    ours = ran["packflow inspect --full"]
    for name in ("parse each line: orjson", "parse each line: json", "packflow: read and decode"):
        print(f"inspect --full ÷ {name}: {ours.cpu / ran[name].cpu:.2f}")
    missed = missing(ours.found, planted)
    print("all that was planted was found" if not missed else f"NOT FOUND: {', '.join(missed)}")


def describe(done: Ran) -> str:
    """What came of a process, in a line."""
    if done.error:
        return f"FAILS: {done.error[:150]}"
    return done.printed[:150] if done.printed.startswith("{") and '"ts"' not in done.printed[:6] else "50 events"


def missing(found: dict[str, Any], planted: dict[str, Any]) -> list[str]:
    """What our profile does not tell of what was planted."""
    fields = {name: pair[0].split('"')[1] for name, pair in PLANTS.items()}
    conflicts = {path: line for path, line in found.get("conflicts", {}).items() if path != "was"}
    wanted = {fields[name]: line for name, line in planted["plants"].items() if "64" not in name}
    missed = [path for path, line in wanted.items() if conflicts.get(path) != line]
    missed += [path for path in conflicts if path not in wanted]
    missed += [] if "orig_pkts" in found.get("large", []) else ["orig_pkts"]
    return missed + [key for key in ("events", "invalid") if found.get(key) != planted[key]]


def run(python: Path, code: str, arguments: list[str]) -> Ran:
    """Run code in a process of its own."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen([str(python), "-c", code, *arguments], stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        lines = [line for line in err.read().decode("utf-8", "replace").splitlines() if line.strip()]
        error = (lines[-1] if lines else f"exit code {process.returncode}") if process.returncode else ""
        printed = out.read().decode("utf-8", "replace").strip()
    peak = usage.ru_maxrss / (MIB if sys.platform == "darwin" else 1024)
    return Ran(usage.ru_utime + usage.ru_stime, wall, peak, printed, error)


if __name__ == "__main__":
    main()
