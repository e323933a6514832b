"""``replay``: the golden events again, where the archive has arrived."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
import zipfile
from pathlib import Path

from packflow_runtime.equality import Rule
from packflow_runtime.machine import Machine, recorded_libraries
from packflow_runtime.manifest import ManifestError, Parity
from packflow_runtime.replaying import rule_of
from packflow_runtime.target import Target
from runtime.archive_programs import DOUBLING, ArchivePrograms, lines
from runtime.archives import archive_of, manifest_of, runnable_files, tiny_files

HALVES = """\
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        print("printed by the model")
        return [{"score": event["n"] / 3, "label": event["n"] > 2} for event in inputs]
"""
COUNTING = """\
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    stateful = True

    def initialize(self):
        self.seen = 0

    def execute(self, inputs):
        self.seen += len(inputs)
        return [{"seen": self.seen} for event in inputs]
"""
DYING = """\
import os, time
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        if inputs[0]["n"] == 2:
            os.abort()
        if inputs[0]["n"] == 3:
            time.sleep(60)
        return inputs
"""
THREE = lines({"n": 1}, {"n": 2}, {"n": 3})
THIRDS = lines(*({"score": n / 3, "label": n > 2} for n in (1, 2, 3)))


class Replays(ArchivePrograms):
    def test_equal(self) -> None:
        self.write(HALVES, golden=(THREE, THIRDS))
        for _ in range(2):  # cold and warm
            done = self.start(self.path, "replay")
            said = done.stdout.decode()
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(said.startswith("golden events  3 of 3 equal\nnot bit-equal  0 of 6 values\n"), said)
            self.assertIn("printed by the model\n", done.stderr.decode())
        self.assertEqual(self.outside("replay", self.path).stdout.decode(), said)

    def test_children_leave_the_checked_copy_as_it_is(self) -> None:
        self.write(golden=(THREE, lines({"n": 2}, {"n": 4}, {"n": 6})))
        unzipped = self.folder / "unzipped"
        with zipfile.ZipFile(self.path) as file:
            file.extractall(unzipped)
        events = self.folder / "events.ndjson"
        events.write_bytes(THREE)
        compare = ("compare", self.path, events)
        for path in (self.path, unzipped):
            for words in (("replay",), ("run", "--supervise"), ("run", "--workers", "2"), compare):
                done = self.start(path, *words, events=THREE)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotIn(b"made again", done.stderr, (path, words))
        self.assertEqual([*unzipped.rglob("*.pyc"), *self.cache.glob("archives/*/tree/**/*.pyc")], [])
        self.assertTrue([*self.cache.glob("bytecode/**/worker.*.pyc")], "children compile it once")

    def test_the_json_object(self) -> None:
        self.write(HALVES, golden=(THREE, THIRDS))
        data = self.answer("replay")["data"]
        self.assertEqual((data["equal"], data["events"], data["ties"], data["differing"]), (True, 3, 0, 0))
        self.assertEqual((data["values"], data["not_bit_equal"], data["largest"]), (6, 0, None))
        self.assertEqual(data["machine"]["python"], Machine.here().python)
        self.assertTrue(data["machine"]["cpu"])
        self.assertEqual(data["libraries"], [])

    def test_different(self) -> None:
        wrong = lines({"score": 1 / 3, "label": False}, {"score": 0.6, "label": False}, {"score": 1.0, "label": True})
        self.write(HALVES, golden=(THREE, wrong))
        done = self.start(self.path, "replay")
        self.assertEqual(done.returncode, 1)
        told = done.stdout.decode().splitlines()
        self.assertEqual(told[0], "golden events  2 of 3 equal, 1 DIFFERENT")
        self.assertEqual(told[1], "  event 2, field score: 0.6 recorded, 0.6666666666666666 here")
        self.assertEqual(told[2], "largest |Δ|    0.0667 in score, event 2")
        found = self.answer("replay", code=1)
        self.assertEqual([error["code"] for error in found["errors"]], ["golden-changed"])
        self.assertEqual(found["data"]["first"]["event"], 2)

    def test_a_tie_is_no_difference(self) -> None:
        near = lines({"score": 1 / 3 + 1e-12, "label": True}, {"score": 2 / 3, "label": False})
        self.write(HALVES, golden=(lines({"n": 1}, {"n": 2}), near))
        done = self.start(self.path, "replay")
        self.assertEqual(
            (done.returncode, done.stdout.decode().splitlines()[0]), (0, "golden events  1 of 2 equal, 1 ties")
        )
        self.assertEqual(self.answer("replay")["data"]["not_bit_equal"], 2)

    def test_the_builders_rule_is_in_force(self) -> None:
        wrong = lines(*({"score": n / 3 + 0.001, "label": n > 2} for n in (1, 2, 3)))
        for rule, code in (
            ({"rtol": 0.1, "atol": 0.0}, 0),
            ({"rtol": None, "atol": 0.1}, 0),
            ({"rtol": None, "atol": 0.0, "ignore": ["score"]}, 0),
            ({"rtol": None, "atol": 0.0, "ignore": [], "narrow": ["score"]}, 1),
        ):
            self.write(HALVES, golden=(THREE, wrong), parity=Parity(equal=True, events=3, rule=rule))
            self.assertEqual(self.start(self.path, "replay").returncode, code, rule)

    def test_none_were_shipped(self) -> None:
        self.write(HALVES)
        done = self.start(self.path, "replay")
        self.assertEqual((done.returncode, done.stdout), (3, b""))
        self.assertIn(b"error: There are no golden events, so nothing can be replayed.", done.stderr)
        self.assertEqual(self.answer("replay", code=3)["errors"][0]["code"], "golden-missing")

    def test_a_stateful_model_is_replayed_in_order(self) -> None:
        golden = (lines({}, {}, {}), lines({"seen": 1}, {"seen": 2}, {"seen": 3}))
        config = {"name": "tiny", "version": "1.0", "stateful": "true"}
        source = "name: tiny\nversion: 1.0\nstateful: true\n"
        self.write_stateful(config, source, golden)
        self.assertEqual(self.start(self.path, "replay").returncode, 0)
        self.write_stateful(config, source, (golden[0], lines({"seen": 1}, {"seen": 1}, {"seen": 1})))
        self.assertEqual(self.start(self.path, "replay").returncode, 1)

    def write_stateful(self, config: dict[str, str], source: str, golden: tuple[bytes, bytes]) -> None:
        files = runnable_files(config=source, backend=COUNTING)
        files["packflow-info/golden/inputs.ndjson"], files["packflow-info/golden/outputs.ndjson"] = golden
        self.path.write_bytes(archive_of(files, manifest_of(files, config=config, golden_events=3, stateful=True)))

    def test_events_that_fail_as_they_did_are_equal(self) -> None:
        failing = {"packflow_error": {"line": 9, "code": "backend-raised", "step": "execute", "type": "KeyError"}}
        self.write(HALVES, golden=(lines({"n": 1}, {}), lines({"score": 1 / 3, "label": False}, failing)))
        data = self.answer("replay")["data"]
        self.assertEqual((data["equal"], data["failed"], data["first_error"]["type"]), (True, 1, "KeyError"))

    @unittest.skipUnless(os.name == "posix", "needs POSIX processes")
    def test_a_model_that_dies_or_hangs_is_named_with_the_event(self) -> None:
        for events, words, ending in (
            (lines({"n": 1}, {"n": 2}), (), "ended on event 2: it was killed by SIGABRT"),
            (lines({"n": 3}), ("--timeout", "0.5"), "ended on event 1: it did not answer within 0.5 s"),
        ):
            self.write(DYING, golden=(events, events))
            done = self.start(self.path, "replay", *words)
            self.assertEqual((done.returncode, done.stdout), (4, b""))
            self.assertIn(ending, done.stderr.decode())

    def test_what_it_requires_and_this_python_lacks(self) -> None:
        self.write("import surely_not_here\n" + DOUBLING, golden=(THREE, THREE), requirements=["surely-not-here==1.0"])
        for words in (("replay",), ("run",), ("run", "--supervise")):
            done = self.start(self.path, *words, events=THREE)
            said = done.stderr.decode()
            self.assertEqual((done.returncode, done.stdout), (3, b""), said)
            self.assertIn("error: tiny requires surely-not-here==1.0, which this Python does not have.\n", said)
            self.assertIn("  Importing surely_not_here failed.\n", said)
            self.assertRegex(said, rf"  next: \S+ {self.path} install\n")

    def test_the_pins_stand_beside_what_is_here(self) -> None:
        lock = b"# lock\nsurely-not-here==1.0 \\\n    --hash=sha256:00\nsurely-not-here==2.0 ; python_version < '3'\n"
        extra = {"packflow-info/requirements.lock": lock}
        self.write(golden=(lines({"n": 1}), lines({"n": 2})), extra=extra, requirements=["surely-not-here"])
        data = self.answer("replay")["data"]
        expected = {"name": "surely-not-here", "here": None, "recorded": ["1.0", "2.0"], "same": False}
        self.assertEqual((data["locked"], data["libraries"]), (True, [expected]))
        said = self.start(self.path, "replay").stdout.decode()
        self.assertIn("  surely-not-here: not installed here, 1.0 or 2.0 in the lock\n", said)

    def test_files_beside_the_archive_are_not_imported_by_the_models_process(self) -> None:
        self.write(golden=(THREE, lines({"n": 2}, {"n": 4}, {"n": 6})))
        for name in ("json.py", "steps.py", "inference.py", "packflow_runtime.py"):
            (self.folder / name).write_text("raise AssertionError('a file beside the archive')\n", encoding="utf-8")
        for _ in range(2):
            self.assertEqual(self.start(self.path, "replay").returncode, 0)

    @unittest.skipUnless(Path("/dev/full").exists(), "needs /dev/full")
    def test_a_reader_that_goes_away_and_a_full_disk(self) -> None:
        self.write(golden=(THREE, lines({"n": 2}, {"n": 4}, {"n": 6})))
        for words in (("replay",), ("replay", "--json"), ("info",), ("cache", "list")):
            with self.subTest(words), Path("/dev/full").open("wb") as full:
                command = [sys.executable, "-S", str(self.path), *words]
                options = {"stderr": subprocess.PIPE, "env": {**os.environ, "PACKFLOW_CACHE": str(self.cache)}}
                done = subprocess.run(command, stdout=full, check=False, **options)  # type: ignore[call-overload]
                self.assertEqual(done.returncode, 5)
                self.assertIn(b"error: The standard output cannot be written: ", done.stderr)
                self.assertNotIn(b"Traceback", done.stderr)
                read, write = os.pipe()
                os.close(read)
                done = subprocess.run(command, stdout=write, check=False, **options)  # type: ignore[call-overload]
                os.close(write)
                self.assertEqual((done.returncode, done.stderr), (0, b""))


class Rules(unittest.TestCase):
    def rule(self, rule: object) -> Rule:
        manifest = manifest_of(tiny_files(), parity=Parity(equal=True, events=1, rule=rule))  # type: ignore[arg-type]
        return rule_of(Target("x", None, manifest))

    def test_what_a_manifest_says(self) -> None:
        told = Rule(1e-3, 0.5, ("a.b",), frozenset({"c"}))
        self.assertEqual(self.rule(told.as_json()), told)
        self.assertEqual(self.rule({}), Rule())

    def test_what_is_no_rule(self) -> None:
        for rule in ({"rtol": "x"}, {"atol": True}, {"ignore": "a"}, {"narrow": [1]}):
            with self.assertRaises(ManifestError):
                self.rule(rule)


class Libraries(unittest.TestCase):
    def test_pins_of_a_lock(self) -> None:
        lock = (
            "--index-url x\nB_c[extra]==1.0+cpu ; sys_platform == 'linux' \\\n  --hash=sha256:1\nb-c==2\nd>=3\n# e==4\n"
        )
        self.assertEqual([(one.name, one.recorded) for one in recorded_libraries(lock)], [("B_c", ["1.0+cpu", "2"])])

    def test_what_is_installed(self) -> None:
        found = recorded_libraries("surely-not-here==1")
        self.assertEqual((found[0].here, found[0].is_same), (None, False))


if __name__ == "__main__":
    unittest.main()
