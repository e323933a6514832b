"""Every class of hostile archive: refused with its own reason, nothing written, memory and time bounded."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import unittest
from functools import cache
from pathlib import Path

from packflow_runtime.verification import MEANINGS, verify
from runtime.archives import archive_of, runnable_files
from runtime.costly_archives import MOST_SECONDS, STATUS, beyond_bounds, costly_archives
from runtime.hostile_archives import Forge, Hostile, hostile_archives, written

KINDS = {
    "path", "type", "duplicate", "structure", "header", "method", "bomb", "corruption", "manifest", "contents"
}  # fmt: skip
# Of these every archive reaches our code: nothing that zipimport looks at is wrong.
STARTING = {"type", "duplicate", "header", "method", "manifest"}
# Python finds no program in these, or one that is no Python any more.
NOT_STARTING = {
    ("contents", "a module that shadows runpy"),  # by which Python 3.10 itself starts a zip
    ("path", "undecodable"), ("path", "surrogate"),
    ("contents", "no __main__.py"), ("contents", "no packflow_runtime/__init__.py"),
}  # fmt: skip


@cache
def good() -> bytes:
    return archive_of(runnable_files())


class Corpus(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.path = self.folder / "evil.zip"

    def test_each_is_refused_for_its_own_reason(self) -> None:
        forge = Forge(good())
        self.assertEqual(written(forge.parts()), good(), "what is not changed must be as it was")
        seen: list[tuple[str, str]] = []
        reasons: set[str] = set()
        for hostile in hostile_archives(good()):
            with self.subTest(kind=hostile.kind, what=hostile.what):
                self.refuse(hostile)
            seen.append((hostile.kind, hostile.what))
            reasons.add(hostile.reason)
        self.assertEqual({kind for kind, _ in seen}, KINDS)
        self.assertEqual(len(seen), len(set(seen)))
        self.assertGreater(len(seen), 180)
        self.assertGreater(len(reasons), 70)

    def refuse(self, hostile: Hostile) -> None:
        self.path.write_bytes(hostile.data)
        began = time.monotonic()
        found = verify(self.path)
        self.assertLess(time.monotonic() - began, MOST_SECONDS)
        self.assertFalse(found.passed)
        self.assertEqual(found.claims(), {})
        fault = found.faults[0]
        self.assertEqual(fault.reason, hostile.reason, fault.message)
        self.assertIn(hostile.words, fault.message)
        self.assertTrue(fault.message.isprintable(), fault.message)
        self.assertLess(len(fault.message), 2000)
        self.assertTrue(fault.hint)
        self.assertIn(fault.check, MEANINGS)
        self.assertEqual(os.listdir(self.folder), [self.path.name], "nothing is written")

    def test_some_of_each_kind_are_refused_at_start_too(self) -> None:
        """The slow tests of the app start all of them, made from an archive that was really exported."""
        kinds: dict[str, int] = {}
        for hostile in hostile_archives(good()):
            kinds[hostile.kind] = kinds.get(hostile.kind, -1) + 1
            if kinds[hostile.kind] % 12 == 0:
                with self.subTest(kind=hostile.kind, what=hostile.what):
                    self.assertTrue(refused_at_start(Path(sys.executable), hostile, self.path))


def refused_at_start(python: Path, hostile: Hostile, path: Path) -> bool:
    """Whether ``python evil.zip run`` with a cache of its own runs nothing of the model and extracts nothing.

    Where the archive's own code is reached, it must give the reason, and for most kinds it must be reached.
    """
    path.write_bytes(hostile.data)
    with tempfile.TemporaryDirectory() as cache_dir:
        done = subprocess.run(
            [str(python), "-S", "-W", "error", str(path), "run"],
            input=b'{"n":1}\n',
            capture_output=True,
            env={**os.environ, "PACKFLOW_CACHE": cache_dir, "PYTHONPATH": ""},
            timeout=60,
            check=False,
        )
        trees = list(Path(cache_dir, "archives").glob("*"))
    said = done.stderr.decode("utf-8", "replace")
    if trees or done.stdout or (done.returncode == 0 and hostile.data):  # an empty file is an empty program
        return False
    place = (hostile.kind, hostile.what)
    if said.startswith("error: "):
        return hostile.words in said and "Traceback" not in said
    return hostile.kind not in STARTING and (
        hostile.kind in {"structure", "bomb", "corruption"} or place in NOT_STARTING
    )


@unittest.skipUnless(STATUS.exists(), "reads memory from /proc: run it on Linux")
class Bounds(unittest.TestCase):
    def test_memory_and_time_of_some(self) -> None:
        """The slow tests of the app measure all of them."""
        for costly in list(costly_archives(good()))[::7]:
            with self.subTest(costly.what):
                self.assertEqual(beyond_bounds(costly), "")


if __name__ == "__main__":
    unittest.main()
