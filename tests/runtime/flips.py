"""Flipping bytes of an archive that is then started cold: what must be found, and by which code."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
from pathlib import Path

from packflow_runtime.zip_reader import read_entries

CHECKING = frozenset(
    {
        "__main__.py",
        "packflow_runtime/__init__.py",
        "packflow_runtime/archive.py",
        "packflow_runtime/bootstrap.py",
        "packflow_runtime/cache.py",
        "packflow_runtime/cached_copies.py",
        "packflow_runtime/canonical_zip.py",
        "packflow_runtime/cli.py",
        "packflow_runtime/commands/__init__.py",
        "packflow_runtime/commands/run.py",
        "packflow_runtime/digests.py",
        "packflow_runtime/environment_start.py",
        "packflow_runtime/error_limit.py",
        "packflow_runtime/errors.py",
        "packflow_runtime/extraction.py",
        "packflow_runtime/file_locks.py",
        "packflow_runtime/finders.py",
        "packflow_runtime/jsonlines.py",
        "packflow_runtime/manifest.py",
        "packflow_runtime/native.py",
        "packflow_runtime/outputs.py",
        "packflow_runtime/portable_names.py",
        "packflow_runtime/project.py",
        "packflow_runtime/python_versions.py",
        "packflow_runtime/reporting.py",
        "packflow_runtime/run_options.py",
        "packflow_runtime/simpler_types.py",
        "packflow_runtime/stdio.py",
        "packflow_runtime/target.py",
        "packflow_runtime/typed.py",
        "packflow_runtime/yaml_subset.py",
        "packflow_runtime/zip_reader.py",
    }
)
"""The files of an archive that a cold start has loaded, and so believes, before every byte has been checked."""

_LOADED = """\
import sys, zipimport, runpy
loaded, get_code = [], zipimport.zipimporter.get_code
def noted(self, name):
    loaded.append(name)
    return get_code(self, name)
zipimport.zipimporter.get_code = noted
sys.argv = [sys.argv[1], "run"]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
print(*loaded, file=sys.stderr)
"""


def loaded_from_archive(python: Path, archive: Path) -> frozenset[str]:
    """The files that a cold start of a good archive takes from the archive itself and not from the checked copy."""
    with tempfile.TemporaryDirectory() as cache_dir:
        done = subprocess.run(
            [str(python), "-S", "-c", _LOADED, str(archive)],
            input=b'{"n":1}\n',
            env={**os.environ, "PACKFLOW_CACHE": cache_dir, "PYTHONPATH": ""},
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, b'{"n":11}\n'), done.stderr
    modules = done.stderr.decode().splitlines()[-1].split()
    with archive.open("rb") as file:
        names = {entry.name for entry in read_entries(file)}
    paths = [name.replace(".", "/") for name in modules]
    return frozenset(f"{path}.py" if f"{path}.py" in names else f"{path}/__init__.py" for path in paths)


def places_outside(good: bytes) -> list[int]:
    """Every byte but the contents of what checks: headers, the directory and all other contents."""
    believed = {
        place
        for entry in read_entries(io.BytesIO(good))
        if entry.name in CHECKING
        for place in range(entry.data_offset, entry.data_offset + entry.size)
    }
    return [place for place in range(len(good)) if place not in believed]


def at_risk(good: bytes) -> list[int]:
    """A few bytes of each kind: headers of several entries, contents, the manifest, the directory, the end."""
    entries = read_entries(io.BytesIO(good))
    directory = entries[-1].data_offset + entries[-1].size
    places = [directory + 9, directory + 60, len(good) - 22, len(good) - 1]
    others = [entry for entry in entries if entry.name not in CHECKING and entry.size]
    for number, entry in enumerate(others[:: max(1, len(others) // 3)] + entries[:1] + entries[-1:]):
        places.append(entry.header_offset + (4, 6, 8, 14, 18, 26)[number % 6])
        if entry.name not in CHECKING:
            places += [entry.data_offset, entry.data_offset + entry.size - 1]
    return sorted(set(places))


def refused_at_start(python: Path, good: bytes, place: int, path: Path) -> str:
    """What was wrong with the cold start of an archive with one bit flipped; empty where it was refused cleanly."""
    path.write_bytes(good[:place] + bytes([good[place] ^ 1 << place % 8]) + good[place + 1 :])
    with tempfile.TemporaryDirectory() as cache_dir:
        done = subprocess.run(
            [str(python), "-S", str(path), "run"],
            input=b'{"n":1}\n',
            env={**os.environ, "PACKFLOW_CACHE": cache_dir, "PYTHONPATH": ""},
            capture_output=True,
            timeout=60,
            check=False,
        )
        trees = list(Path(cache_dir).glob("archives/*"))
    if done.returncode == 0 or done.stdout or trees:
        return (
            f"byte {place}: exit {done.returncode}, printed {done.stdout!r}, extracted {bool(trees)}: {done.stderr!r}"
        )
    return ""
