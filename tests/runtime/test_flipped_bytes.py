"""No flipped byte passes: not by verification, and not by a cold start outside of the code that checks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from functools import cache
from pathlib import Path

from packflow_runtime.errors import PackflowError
from packflow_runtime.extraction import extract_to_cache
from packflow_runtime.verification import verify
from runtime.archives import archive_of, runnable_files, tiny_files
from runtime.flips import CHECKING, at_risk, loaded_from_archive, places_outside, refused_at_start


@cache
def runnable() -> bytes:
    return archive_of(runnable_files())


class FlippedBytes(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.path = self.folder / "tiny-1.0.zip"

    def test_verification_finds_every_bit_of_every_byte(self) -> None:
        good = archive_of(tiny_files())
        self.path.write_bytes(good)
        self.assertTrue(verify(self.path).passed)
        with self.path.open("r+b", buffering=0) as file:
            for place, byte in enumerate(good):
                for bit in range(8):
                    os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), place)
                    self.assertFalse(verify(self.path).passed, f"bit {bit} of byte {place}")
                os.pwrite(file.fileno(), bytes([byte]), place)
        self.assertTrue(verify(self.path).passed)

    def test_extraction_into_a_fresh_cache_finds_every_byte(self) -> None:
        good = archive_of(tiny_files())
        self.path.write_bytes(good)
        for place, byte in enumerate(good):
            cache_dir = str(self.folder / f"cache-{place}")
            with self.path.open("r+b", buffering=0) as file:
                os.pwrite(file.fileno(), bytes([byte ^ 1 << place % 8]), place)
                with self.assertRaises(PackflowError, msg=f"byte {place}"):
                    extract_to_cache(self.path, cache_dir)
                os.pwrite(file.fileno(), bytes([byte]), place)
            self.assertEqual(list(Path(cache_dir).glob("archives/*")), [], f"byte {place}")
        self.assertTrue(extract_to_cache(self.path, str(self.folder / "cache")).tree)

    def test_what_a_cold_start_believes_is_exactly_what_it_loads(self) -> None:
        """A flip in these could switch the check off, so no cold start can promise to find it."""
        self.path.write_bytes(runnable())
        self.assertEqual(loaded_from_archive(Path(sys.executable), self.path), CHECKING)

    def test_a_cold_start_finds_bytes_everywhere_else(self) -> None:
        """``tests/endurance/flips.py`` tries thousands."""
        good = runnable()
        places = places_outside(good)
        self.assertGreater(len(places), 1000)
        for place in at_risk(good):
            with self.subTest(place):
                self.assertIn(place, places)
                self.assertEqual(refused_at_start(Path(sys.executable), good, place, self.path), "")

    def test_a_cold_start_of_the_good_one_runs(self) -> None:
        self.path.write_bytes(runnable())
        done = subprocess.run(
            [sys.executable, "-S", str(self.path), "run"],
            input=b'{"n":1}\n',
            env={**os.environ, "PACKFLOW_CACHE": str(self.folder / "cache")},
            capture_output=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout), (0, b'{"n":11}\n'), done.stderr)
        self.assertEqual(len(list((self.folder / "cache" / "archives").iterdir())), 1)


if __name__ == "__main__":
    unittest.main()
