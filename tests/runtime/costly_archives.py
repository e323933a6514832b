"""Archives made to cost much memory or time, and what a process takes that verifies one."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packflow_runtime.canonical_zip import central_record, end_records, local_header
from runtime.archives import RUNTIME
from runtime.hostile_archives import CONFIG, Forge, dumped

MIB = 1 << 20
MOST_SECONDS = 30.0
MOST_MEMORY = 256 * MIB
STATUS = Path("/proc/self/status")
_TOO_LARGE = "it is too large to read to its end"
_PROGRAM = """\
import sys
from pathlib import Path
from packflow_runtime.verification import verify
found = verify(Path(sys.argv[1]))
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
print(*(fault.reason for fault in found.faults), *(pickle.problems[0] for pickle in found.pickles))
"""


@dataclass(frozen=True)
class Costly:
    """``found`` ends what is found: a fault, or what is said of a file that is no fault of the archive."""

    what: str
    make: Callable[[], bytes]
    found: str


def costly_archives(good: bytes) -> Iterator[Costly]:
    forge = Forge(good)

    def holding(name: str, make: Callable[[], bytes]) -> Callable[[], bytes]:
        return lambda: forge.with_files({f"project/{name}": make()})

    yield Costly("as many entries as may be, with long names", lambda: _many_entries(149_000, 170), "manifest-missing")
    values = b'{"format":1,"x":[' + b'"abcdefghijkl",' * 990_000 + b"1]}"
    yield Costly("a manifest of many values", lambda: forge.with_manifest(values), "manifest-not-canonical")
    many = b"name: tiny\nextra: [" + b"[]," * 300_000 + b"]"
    yield Costly("a configuration of many values", lambda: forge.with_files({CONFIG: many}), "config-differs")
    deep = b"x: " + b"[" * 1_000_000
    yield Costly("a configuration that is deep", lambda: forge.with_files({CONFIG: deep}), "config-invalid")
    yield Costly("zip in zip in zip", holding("m.zip", _nested_zips), _TOO_LARGE)
    yield Costly("a manifest of many files", lambda: _many_listed(forge), "file-unlisted")
    yield Costly("a zip bomb", holding("m.pt", _zip_bomb), "")
    yield Costly("a gzip bomb", holding("m.gz", lambda: gzip.compress(bytes(200 * MIB), 9)), "")
    yield Costly("a pickle with a large memo", holding("m.pkl", lambda: b"\x80\4N" + b"\x94" * 20 * MIB), _TOO_LARGE)
    yield Costly("a bzip2 bomb", holding("m.bz2", lambda: bz2.compress(bytes(100 * MIB))), _TOO_LARGE)
    yield Costly("an xz bomb", holding("m.xz", lambda: lzma.compress(bytes(100 * MIB))), "")
    yield Costly("a pickle with a tall stack", holding("m.pkl", lambda: b"\x80\4(" + b"N" * 20 * MIB), _TOO_LARGE)
    yield Costly("millions of pickles", holding("m.pkl", lambda: b"\x80\2N." * 5 * MIB), _TOO_LARGE)
    yield Costly("packed opcodes", holding("m.pkl", lambda: zlib.compress(b"N0" * 50 * MIB, 9)), _TOO_LARGE)


def beyond_bounds(costly: Costly) -> str:
    """What a process that verifies it took too much of, found wrongly or left behind; empty where all is well."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "evil.zip")
        path.write_bytes(costly.make())
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-S", "-c", _PROGRAM, str(path)],
            env={**os.environ, "PYTHONPATH": str(RUNTIME.parent), "TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        seconds = time.monotonic() - began
        left = sorted(os.listdir(folder))
    if done.returncode or done.stderr:
        return done.stderr
    kib, found = done.stdout.splitlines()
    if left != ["evil.zip"]:
        return f"left {left}"
    if not found.endswith(costly.found) or bool(found) != bool(costly.found):
        return f"found {found!r}"
    if int(kib) * 1024 > MOST_MEMORY or seconds > MOST_SECONDS:
        return f"took {int(kib) // 1024} MiB and {seconds:.1f} s"
    return ""


def _many_entries(count: int, length: int) -> bytes:
    body, records = io.BytesIO(), io.BytesIO()
    for number in range(count):
        name = f"project/{number:06}".ljust(length, "x")
        records.write(central_record(name, 0, 0, body.tell()))
        body.write(local_header(name, 0, 0))
    return body.getvalue() + records.getvalue() + end_records(count, records.tell(), body.tell())


def _many_listed(forge: Forge) -> bytes:
    records = {f"project/{number:06}": {"size": 0, "sha256": "0" * 64} for number in range(125_000)}
    return forge.with_manifest(dumped({**forge.manifest, "files": records}))


def _zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("m/data.pkl", bytes(200 * MIB))
    return out.getvalue()


def _nested_zips() -> bytes:
    data = b"." * 10 * MIB
    for _ in range(5):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(10):
                archive.writestr(f"{number}.zip", data)
        data = out.getvalue()
    return data
