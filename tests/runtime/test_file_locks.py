"""Locks between processes: one holder at a time, and none once the holder has ended, however it ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import packflow_runtime
from packflow_runtime.file_locks import HeldError, Patience, exclusive, try_lock

SOURCES = str(Path(packflow_runtime.__file__).parents[1])
HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
from packflow_runtime.file_locks import exclusive
with exclusive(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@unittest.skipUnless(os.name == "posix", "needs POSIX locks")
class Locks(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = str(Path(folder.name, "one.lock"))

    def holder(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-I", "-S", "-c", HOLDER, SOURCES, self.path]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), "held\n")
        return process

    def is_held(self) -> bool:
        try:
            with exclusive(self.path, wait=False):
                return False
        except HeldError:
            return True

    def test_the_file_is_there_for_the_time_of_the_block(self) -> None:
        with exclusive(self.path) as descriptor:
            self.assertTrue(Path(self.path).exists())
            os.fstat(descriptor)
            self.assertTrue(self.is_held())
        self.assertFalse(Path(self.path).exists())
        self.assertFalse(self.is_held())

    def test_an_error_in_the_block_lets_go(self) -> None:
        with self.assertRaises(KeyboardInterrupt), exclusive(self.path):
            raise KeyboardInterrupt
        self.assertFalse(self.is_held())

    def test_another_process_holds_it_until_it_ends(self) -> None:
        process = self.holder()
        self.assertTrue(self.is_held())
        process.communicate("")
        self.assertFalse(self.is_held())

    def test_a_process_that_is_killed_lets_go(self) -> None:
        process = self.holder()
        process.kill()
        process.wait()
        self.assertTrue(Path(self.path).exists())  # it had no time to remove it
        self.assertFalse(self.is_held())
        self.assertFalse(Path(self.path).exists())

    def test_waiting_is_said_once_and_ends_with_the_holder(self) -> None:
        process = self.holder()
        said = []

        def waiting() -> None:
            said.append("waiting")
            process.communicate("")

        with mock.patch("packflow_runtime.file_locks._SOON", 0.05), exclusive(self.path, waiting=waiting):
            self.assertEqual(said, ["waiting"])

    def test_a_lock_whose_file_was_replaced_meanwhile_is_not_taken_for_the_lock(self) -> None:
        process = self.holder()

        def replace() -> None:
            Path(self.path).unlink()
            Path(self.path).touch()
            process.communicate("")

        with mock.patch("packflow_runtime.file_locks._SOON", 0.05), exclusive(self.path, waiting=replace) as descriptor:
            self.assertTrue(os.path.samestat(os.fstat(descriptor), Path(self.path).stat()))

    def test_a_shared_lock_keeps_an_exclusive_one_away(self) -> None:
        Path(self.path).touch()
        first, second, third = (os.open(self.path, os.O_RDONLY) for _ in range(3))
        self.assertTrue(try_lock(first, shared=True))
        self.assertTrue(try_lock(second, shared=True))
        self.assertFalse(try_lock(third))
        for descriptor in (first, second):
            os.close(descriptor)
        self.assertTrue(try_lock(third))
        os.close(third)

    def test_a_system_without_locks_locks_nothing(self) -> None:
        with mock.patch.dict(sys.modules, {"fcntl": None}), exclusive(self.path), exclusive(self.path, wait=False):
            pass

    def test_a_folder_that_is_not_there(self) -> None:
        with self.assertRaises(FileNotFoundError), exclusive(f"{self.path}/deeper"):
            pass

    def test_patience_says_it_once(self) -> None:
        said = []
        with mock.patch("packflow_runtime.file_locks._SOON", 0.0):
            patience = Patience(lambda: said.append(1))
            for _ in range(3):
                patience.pause()
        self.assertEqual(said, [1])


if __name__ == "__main__":
    unittest.main()
