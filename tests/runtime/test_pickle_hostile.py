"""Hostile files are recognised before anything of them runs; each is shown to run where nothing stops it."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from packflow_runtime.known_globals import Verdict
from packflow_runtime.pickle_containers import list_pickles
from packflow_runtime.pickle_findings import questions_about
from packflow_runtime.pickle_guard import PickleGuard, PickleNotAllowedError
from runtime.hostile_pickles import Hostile, clean, hostile_pickles


class HostileFiles(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.base = temporary.name
        self.made = f"{temporary.name}/made"
        self.files = hostile_pickles(self.made)

    def test_are_many_of_different_construction(self) -> None:
        names = [hostile.name for hostile in self.files]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreaterEqual(len(names), 36)

    def test_are_listed_and_questioned_without_running(self) -> None:
        for hostile in self.files:
            with self.subTest(hostile.name):
                listing = list_pickles(self.written(hostile))
                self.assertIn(hostile.asks_for, listing.names)
                self.assertIn(hostile.asks_for, [question.found.name for question in questions_about(listing)])
                self.assertFalse(clean(self.made), "it ran")

    def test_ask_for_something_dangerous_or_unknown(self) -> None:
        for hostile in self.files:
            with self.subTest(hostile.name):
                first = questions_about(list_pickles(self.written(hostile)))[0]
                unknown = hostile.asks_for.startswith(("unknown", "copyreg.extension", "logging:"))
                expected = (Verdict.DANGEROUS, Verdict.ASK) if unknown else (Verdict.DANGEROUS,)
                self.assertIn(first.judgement.verdict, expected)
                self.assertTrue(first.judgement.reason)
                self.assertIn("--trust-pickle", first.hint)

    def test_run_where_nothing_stops_them(self) -> None:
        for hostile in self.files:
            if hostile.load is not None:
                with self.subTest(hostile.name):
                    hostile.load(hostile.data)
                    self.assertTrue(clean(self.made), "it is harmless, so that it proves nothing")

    def test_are_refused_by_the_guard_before_they_resolve_anything(self) -> None:
        for hostile in self.files:
            if hostile.load is not None:
                with self.subTest(hostile.name):
                    with self.assertRaises(PickleNotAllowedError), PickleGuard().active():
                        hostile.load(hostile.data)
                    self.assertFalse(clean(self.made), "it ran")

    def test_are_refused_before_they_are_opened(self) -> None:
        for hostile in self.files:
            with self.subTest(hostile.name):
                path = self.written(hostile)
                with self.assertRaises(PickleNotAllowedError) as caught, PickleGuard(check_files=True).active():
                    Path(path).read_bytes()
                self.assertEqual(caught.exception.file, path)

    def written(self, hostile: Hostile) -> str:
        path = f"{self.base}/{self.files.index(hostile)}.bin"
        Path(path).write_bytes(hostile.data)
        return path


if __name__ == "__main__":
    unittest.main()
