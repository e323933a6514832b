"""Memory and time are bounded by limits, not by input: millions of events, and lines made to be expensive.

    python tests/endurance/memory.py [--events 10000000]

Runs the runtime's real command line from a pipe to a pipe. While the events go through, resident memory is sampled from
/proc, so this needs Linux; of an expensive line the peak counts, less that of the same run without it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from proof import Proof, environment, run_command, temporary_folder, write_project

_MIB = 1 << 20
_BACKEND = """\
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"n": event["n"], "odd": event["n"] % 2 == 1} if "n" in event else event for event in inputs]

    def close(self):
        with open("/proc/self/status") as status:
            print("peak", *(line.split()[1] for line in status if line.startswith("VmHWM")))
"""
_EVENTS = """\
import sys
count = int(sys.argv[1])
for start in range(0, count, 1000):
    block = range(start, min(start + 1000, count))
    sys.stdout.write("".join(f'{{"n":{n},"host":"h{n % 997}"}}\\n' for n in block))
sys.stdout.flush()
sys.stdin.read()  # the run is looked at once more before its input ends
"""
_AROUND = """\
import gzip, sys
def small(start):
    for n in range(start, start + 1000):
        yield b'{"n":%d}\\n' % n
def line():
    LINE
def pieces():
    yield from small(0)
    yield from line()
    yield from small(1000)
out = sys.stdout.buffer
OUT
for piece in pieces():
    out.write(piece)
out.close()
"""
_PLAIN_OUT = ""
_GZIP_OUT = "out = gzip.GzipFile(fileobj=out, mode='wb', compresslevel=1)"
_ZSTD_OUT = "import zstandard; out = zstandard.ZstdCompressor().stream_writer(out)"


class Expensive(NamedTuple):
    """A line, as code that yields it; how much memory and time it may take beyond its neighbours.

    ``codes`` are those its error may have; without any, it is an event and given back.
    """

    name: str
    line: str
    codes: tuple[str, ...]
    mebibytes: int
    seconds: float
    out: str = _PLAIN_OUT


_LONG = "yield b'{\"a\":\"'; yield from (b'x' * 10**6 for _ in range(100)); yield b'\"}\\n'"
_FULL = 16 * _MIB - 100
_TOO_LONG = ("line-too-long",)
_LINES = (
    Expensive("100 MB", _LONG, _TOO_LONG, 64, 10),
    Expensive("100 MB of spaces", "yield from (b' ' * 10**6 for _ in range(100)); yield b'x\\n'", _TOO_LONG, 64, 10),
    Expensive("100 MB, gzip", _LONG, _TOO_LONG, 64, 10, _GZIP_OUT),
    *([Expensive("100 MB, zstd", _LONG, _TOO_LONG, 64, 10, _ZSTD_OUT)] if find_spec("zstandard") else []),
    Expensive(
        "depth 100,000, objects", "yield b'{\"a\":' * 10**5 + b'1' + b'}' * 10**5 + b'\\n'", ("too-deep",), 16, 5
    ),
    Expensive(
        "depth 100,000, arrays", "yield b'{\"a\":' + b'[' * 10**5 + b']' * 10**5 + b'}\\n'", ("too-deep",), 16, 5
    ),
    Expensive("16 MiB of [", f"yield b'[' * {_FULL} + b'\\n'", ("too-deep",), 128, 5),
    Expensive(
        "1,000,000 keys", "yield b'{' + b','.join(b'\"k%x\":1' % k for k in range(10**6)) + b'}\\n'", (), 512, 10
    ),
    Expensive("1,000,000 times one key", "yield b'{' + b'\"k\":[1],' * 10**6 + b'\"k\":1}\\n'", (), 512, 10),
    Expensive("5,000,000 empty arrays", "yield b'{\"a\":[' + b'[],' * 5_000_000 + b'1]}\\n'", (), 1024, 20),
    Expensive("16 MiB of digits", f"yield b'{{\"a\":' + b'7' * {_FULL} + b'}}\\n'", ("number-too-long",), 256, 10),
    Expensive("16 MiB of decimals", f"yield b'{{\"a\":0.' + b'7' * {_FULL} + b'}}\\n'", (), 256, 10),
    Expensive("2,700,000 escapes", "yield b'{\"a\":\"' + b'\\\\u00e9' * 2_700_000 + b'\"}\\n'", (), 256, 10),
    Expensive("16 MiB of backslashes", f"yield b'{{\"a\":\"' + b'\\\\' * {_FULL} + b'\"}}\\n'", (), 256, 10),
    Expensive("8,000,000 open quotes", "yield b'[\"' * 8_000_000 + b'\\n'", ("too-deep",), 256, 10),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000, help="how many (default: %(default)s)")
    options = parser.parse_args()
    proof = Proof("memory")
    codecs = ["orjson", "stdlib"] if find_spec("orjson") else ["stdlib"]
    with temporary_folder() as folder:
        project = write_project(folder / "model", _BACKEND)
        for codec in codecs:
            check_flat(proof, run_command(project, "--codec", codec), options.events)
        watched = run_command(project, "--workers", "2", "--metrics-every", "1", "--http", "0")
        check_flat(proof, watched, options.events // 10)
        for codec in codecs:
            check_expensive(proof, run_command(project, "--codec", codec), codec)
    return proof.verdict()


def check_flat(proof: Proof, command: list[str], count: int) -> None:
    """Resident memory at the end of the stream is what it was at a tenth of it."""
    generator = subprocess.Popen(
        [sys.executable, "-c", _EVENTS, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    started = time.monotonic()
    run = subprocess.Popen(
        command, stdin=generator.stdout, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
    )
    assert generator.stdin is not None
    assert generator.stdout is not None
    assert run.stdout is not None
    generator.stdout.close()
    samples: list[tuple[int, int]] = []
    outcomes, tail, due = 0, b"", 0.0
    while outcomes < count and (chunk := os.read(run.stdout.fileno(), 1 << 16)):
        outcomes += chunk.count(b"\n")
        tail = (tail + chunk)[-100:]
        if time.monotonic() > due:
            samples.append((outcomes, resident(run.pid)))
            due = time.monotonic() + 0.02
    seconds = time.monotonic() - started
    samples.append((outcomes, resident(run.pid)))
    generator.stdin.close()
    rest = run.stdout.read()
    generator.wait()
    code = run.wait()
    options = " ".join(command[5:])
    last = tail.splitlines()[-1] if tail else b""
    proof.expect(outcomes == count and not rest, f"{options}: {outcomes:,} outcomes of {count:,} events")
    proof.expect(json.loads(last or b"{}").get("n") == count - 1, f"{options}: the last outcome is {last!r}")
    proof.expect(code == 0, f"{options}: it ends with {code}")
    at = [next(size for seen, size in samples if seen >= share * count) for share in (0.1, 0.5, 1)]
    most = max(size for seen, size in samples if seen >= 0.1 * count)
    figures = ", ".join(f"{size / _MIB:.1f}" for size in at)
    proof.say(
        f"{count:,} events, {options}: RSS at 10, 50, 100 %: {figures} MiB, at most {most / _MIB:.1f} after 10 %; "
        f"{len(samples):,} samples, {seconds:,.0f} s, {count / seconds:,.0f} events/s"
    )
    proof.expect(most - at[0] < 4 * _MIB, f"{options}: resident memory grows from {at[0]:,} to {most:,} bytes")


def resident(pid: int) -> int:
    """Bytes of memory that the process and its children hold."""
    own = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            children = (task / "children").read_text(encoding="ascii").split()
            own += sum(resident(int(child)) for child in children)
    return own


class Run(NamedTuple):
    """What a run gave, its peak of resident memory in bytes, and how long it took."""

    lines: list[bytes]
    peak: int
    seconds: float


def check_expensive(proof: Proof, command: list[str], codec: str) -> None:
    """Each line costs little more than its neighbours alone, which get their outputs."""
    plain = run_around(proof, command, "yield b''", _PLAIN_OUT)
    proof.expect(len(plain.lines) == 2000, f"{codec}: {len(plain.lines)} outcomes of 2,000 events")
    proof.say(f"{codec}: 2,000 small events alone: peak {plain.peak / _MIB:.1f} MiB, {plain.seconds:.1f} s")
    for case in _LINES:
        run = run_around(proof, command, case.line, case.out)
        more, seconds = (run.peak - plain.peak) / _MIB, run.seconds - plain.seconds
        where = f"{codec}, {case.name}"
        proof.say(f"{where}: {more:+.1f} MiB, {seconds:+.1f} s")
        proof.expect(more <= case.mebibytes, f"{where}: {more:.1f} MiB more than without it, not {case.mebibytes}")
        proof.expect(seconds <= case.seconds, f"{where}: {seconds:.1f} s more than without it, not {case.seconds}")
        proof.expect(len(run.lines) == 2001, f"{where}: {len(run.lines)} outcomes of 2,001 events")
        proof.expect(run.lines[:1000] + run.lines[1001:] == plain.lines, f"{where}: its neighbours' outputs differ")
        check_outcome(proof, where, case, run.lines[1000] if len(run.lines) > 1000 else b"{}")


def check_outcome(proof: Proof, where: str, case: Expensive, line: bytes) -> None:
    record = json.loads(line).get("packflow_error")
    if record is None:
        proof.expect(not case.codes, f"{where}: it was taken for an event")
        return
    proof.expect(record["line"] == 1001, f"{where}: the error names line {record['line']}")
    proof.expect(record["code"] in case.codes, f"{where}: the code is {record['code']}: {record['message']}")


def run_around(proof: Proof, command: list[str], line: str, out: str) -> Run:
    """Run on a thousand small events, the line, and a thousand more."""
    code = _AROUND.replace("LINE", line).replace("OUT", out)
    generator = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    started = time.monotonic()
    done = subprocess.run(command, stdin=generator.stdout, capture_output=True, check=False, env=environment())
    seconds = time.monotonic() - started
    assert generator.stdout is not None
    generator.stdout.close()
    generator.wait()
    log = done.stderr.decode()
    peak = [int(text.split()[1]) * 1024 for text in log.splitlines() if text.startswith("peak ")]
    proof.expect(done.returncode == 0 and peak, f"it ends with {done.returncode}: {log}")
    return Run(done.stdout.splitlines(), peak[0] if peak else 0, seconds)


if __name__ == "__main__":
    sys.exit(main())
