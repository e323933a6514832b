"""Compressed events are known by their content and read in bounded memory, from files and pipes alike."""

from __future__ import annotations

import gzip
import io
import sys
import tracemalloc
import unittest
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from unittest import mock

from packflow_runtime.compression import PlainReader
from packflow_runtime.errors import ExitCode, PackflowError

DATA = b"".join(b'{"n":%d}\n' % number for number in range(20_000))
MODULES = ("compression.zstd", "backports.zstd", "zstandard")
HELLO = bytes.fromhex("28b52ffd240631000068656c6c6f0a5388bd91")  # the frame of "hello\n", with its checksum


def installed() -> list[tuple[str, ModuleType]]:
    found = []
    for name in MODULES:
        try:
            found.append((name, import_module(name)))
        except ImportError:
            continue
    return found


def compress(module: ModuleType, data: bytes) -> bytes:
    packed: bytes = module.ZstdCompressor().compress(data) if module.__name__ == "zstandard" else module.compress(data)
    return packed


def in_steps(data: bytes, step: int) -> Callable[[int], bytes]:
    """Make a ``read`` that gives at most ``step`` bytes, as a pipe may."""
    source = io.BytesIO(data)
    return lambda size: source.read(min(size, step))


def read_all(read: Callable[[int], bytes]) -> bytes:
    reader = PlainReader(read)
    return b"".join(iter(lambda: reader.read(1 << 16), b""))


class Reading(unittest.TestCase):
    def test_plain_bytes_pass(self) -> None:
        for data in (b"", b"\x1f", b"\x1f\x8a", b"\x28", b"\x28\xb5\x2f", b"(not zstd)", b'{"a":1}\n', DATA):
            for step in (1, 2, 3, 1 << 16):
                if len(data) < 100 or step > 100:
                    self.assertEqual(read_all(in_steps(data, step)), data)

    def test_the_first_bytes_are_given_at_once(self) -> None:
        def read(size: int) -> bytes:
            if asked:
                raise AssertionError("asked for more before the first event was given")
            asked.append(size)
            return b'{"a":1}\n'

        asked: list[int] = []
        self.assertEqual(PlainReader(read).read(1 << 16), b'{"a":1}\n')

    def test_gzip(self) -> None:
        packed = gzip.compress(DATA)
        for step in (7, 1000, 1 << 16):
            self.assertEqual(read_all(in_steps(packed, step)), DATA)
        self.assertEqual(read_all(in_steps(gzip.compress(b"x"), 1)), b"x")
        self.assertEqual(read_all(in_steps(packed + gzip.compress(b"more"), 1 << 16)), DATA + b"more")

    def test_damaged_gzip(self) -> None:
        packed = gzip.compress(DATA)
        for data in (
            packed[:-9],
            packed[:100],
            packed[:5],
            packed[:200] + b"\xff" * 50 + packed[250:],
            packed + b"junk",
        ):
            with self.assertRaises((OSError, EOFError)):
                read_all(in_steps(data, 1 << 16))


class Zstd(unittest.TestCase):
    def setUp(self) -> None:
        self.modules = installed()
        if not self.modules:
            self.skipTest("needs zstd: Python 3.14, or pip install backports.zstd or zstandard")

    def only(self, name: str) -> mock._patch_dict:
        return mock.patch.dict(sys.modules, {other: None for other in MODULES if other != name})

    def test_whole_frames(self) -> None:
        for name, module in self.modules:
            packed = compress(module, DATA)
            with self.only(name):
                for step in (7, 1000, 1 << 16):
                    self.assertEqual(read_all(in_steps(packed, step)), DATA, name)
                self.assertEqual(read_all(in_steps(packed + HELLO + packed, 1 << 16)), DATA + b"hello\n" + DATA)
                self.assertEqual(read_all(in_steps(HELLO, 1)), b"hello\n")

    def test_damage(self) -> None:
        for name, module in self.modules:
            packed = compress(module, DATA)
            for data in (packed[:-1], packed[:100], packed[:4], packed + b"junk", HELLO[:-1] + b"\0"):
                with self.subTest(name, size=len(data)), self.only(name), self.assertRaises((OSError, EOFError)):
                    read_all(in_steps(data, 1 << 16))

    def test_a_bomb_is_read_in_bounded_memory(self) -> None:
        for name, module in self.modules:
            packed = compress(module, b"\0" * (1 << 26))
            with self.only(name):
                reader = PlainReader(in_steps(packed, 1 << 16))
                tracemalloc.start()
                try:
                    total = sum(map(len, iter(lambda: reader.read(1 << 16), b"")))  # noqa: B023 - called at once
                    peak = tracemalloc.get_traced_memory()[1]
                finally:
                    tracemalloc.stop()
            self.assertEqual(total, 1 << 26)
            self.assertLess(peak, 40 << 20 if name != "zstandard" else 20 << 20)


class WithoutZstd(unittest.TestCase):
    def test_it_is_said_what_to_install(self) -> None:
        with mock.patch.dict(sys.modules, dict.fromkeys(MODULES)), self.assertRaises(PackflowError) as caught:
            read_all(in_steps(HELLO, 1 << 16))
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("zstd-not-found", ExitCode.NOT_FOUND))
        self.assertIn("pip install backports.zstd", caught.exception.hint)


if __name__ == "__main__":
    unittest.main()
