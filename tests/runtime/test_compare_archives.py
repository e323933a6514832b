"""``compare``: two archives on the same events, by field and size."""

from __future__ import annotations

import gzip
import os
import unittest
import zipfile

from runtime.archive_programs import DOUBLING, ArchivePrograms, lines

OTHER = """\
import os
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        if inputs[0].get("die"):
            os.abort()
        return [{"n": event["n"] * 2 + (event["n"] > 8), "new": True} for event in inputs]
"""
COUNTING = """\
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    stateful = True

    def initialize(self):
        self.seen = 0

    def execute(self, inputs):
        self.seen += len(inputs)
        return [{"n": self.seen * 2} for event in inputs]
"""


class Comparing(ArchivePrograms):
    def setUp(self) -> None:
        super().setUp()
        self.write()
        self.other = self.write(OTHER, path=self.folder / "other.zip")
        self.events = self.folder / "events.ndjson"
        self.events.write_bytes(lines(*({"n": n} for n in range(1, 11))))

    def test_equal(self) -> None:
        same = self.write(DOUBLING + "# a comment\n", path=self.folder / "same.zip")
        done = self.start(self.path, "compare", same, self.events)
        self.assertEqual((done.returncode, done.stdout), (0, b"tiny 1.0 = tiny 1.0 on 10 events\n"), done.stderr)

    def test_by_field_and_size(self) -> None:
        done = self.start(self.path, "compare", self.other, self.events)
        told = [line.split() for line in done.stdout.decode().splitlines()]
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(told[0][-6:], ["differ", "on", "10", "of", "10", "events"])
        self.assertEqual(told[2], ["new", "10", "event", "1:", "true", "is", "new"])
        self.assertEqual(told[3], ["n", "2", "event", "9:", "18", "→", "19"])
        data = self.answer("compare", self.other, self.events, code=1)["data"]
        self.assertEqual([(one["path"], one["events"]) for one in data["fields"]], [("new", 10), ("n", 2)])
        self.assertEqual(data["fields"][1]["first"]["event"], 9)
        again = self.outside("compare", self.path, self.other, self.events)
        self.assertEqual((again.returncode, again.stdout), (1, done.stdout))

    def test_rules(self) -> None:
        words = ("--ignore", "new", "--ignore", "n")
        self.assertEqual(self.start(self.path, "compare", self.other, self.events, *words).returncode, 0)
        for words in (("--rtol", "-1"), ("--atol", "nan"), ("--limit", "0")):
            done = self.start(self.path, "compare", self.other, self.events, *words)
            self.assertEqual((done.returncode, done.stdout), (2, b""))

    def test_packed_events_bad_lines_and_a_limit(self) -> None:
        packed = self.folder / "events.gz"
        packed.write_bytes(gzip.compress(b"bad\n\n" + self.events.read_bytes()))
        done = self.start(self.path, "compare", self.other, packed, "--limit", "4", "--json")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"1 lines are no events and are left out", done.stderr)
        self.assertIn(b"comparing on the first 4 events; --limit takes more", done.stderr)
        self.assertIn(b'"events": 4,', done.stdout)

    @unittest.skipUnless(os.name == "posix", "needs POSIX processes")
    def test_a_model_that_dies_fails_on_that_event_alone(self) -> None:
        self.events.write_bytes(lines({"n": 1}, {"n": 2, "die": True}, {"n": 3}))
        data = self.answer("compare", self.other, self.events, "--ignore", "new", code=1)["data"]
        self.assertEqual((data["differing"], data["old_failed"], data["new_failed"]), (1, 0, 1))

    def test_stateful_models_run_in_order(self) -> None:
        for stateful in (True, False):  # an archive may say it in its manifest, or its backend alone knows
            counting = self.write(COUNTING, path=self.folder / f"counting{stateful}.zip", stateful=stateful)
            done = self.start(self.path, "compare", counting, self.events)
            self.assertEqual((done.returncode, done.stdout), (0, b"tiny 1.0 = tiny 1.0 on 10 events\n"), done.stderr)

    def test_a_project_can_be_the_other(self) -> None:
        project = self.folder / "project"
        project.mkdir()
        (project / "packflow.yaml").write_text("name: mine\nversion: 2.0\n", encoding="utf-8")
        (project / "inference.py").write_text(OTHER, encoding="utf-8")
        done = self.start(self.path, "compare", project, self.events)
        self.assertTrue(done.stdout.startswith(b"tiny 1.0 and mine 2.0 differ on 10 of 10 events"), done.stderr)

    def test_an_unzipped_archive_can_be_either(self) -> None:
        folder = self.folder / "unzipped"
        with zipfile.ZipFile(self.other) as archive:
            archive.extractall(folder)
        expected = self.start(self.path, "compare", self.other, self.events)
        self.assertEqual(self.start(self.path, "compare", folder, self.events).stdout, expected.stdout)
        self.assertEqual(self.outside("compare", self.path, folder, self.events).stdout, expected.stdout)
        self.assertEqual(self.outside("compare", folder, self.other, self.events).returncode, 0)
        (folder / "project" / "steps.py").write_text("")
        changed = self.start(self.path, "compare", folder, self.events)
        self.assertEqual((changed.returncode, changed.stdout), (1, b""))
        self.assertIn(b"project/steps.py is not the file that the manifest lists", changed.stderr)

    def test_what_is_missing(self) -> None:
        empty = self.folder / "empty"
        empty.write_bytes(b"\n")
        for words, code in (
            ((self.folder / "none.zip", self.events), 3),
            ((self.other, self.folder / "none"), 3),
            ((self.other, self.folder), 3),
            ((self.other, empty), 3),
            ((self.other,), 2),
        ):
            with self.subTest(words):
                done = self.start(self.path, "compare", *words)
                self.assertEqual((done.returncode, done.stdout), (code, b""), done.stderr)
                self.assertNotIn(b"Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
