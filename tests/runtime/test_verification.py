"""Verification: what was checked here stands apart from what the builder claims, and every fault is named."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import pickle
import tempfile
import unittest
import zlib
from pathlib import Path
from typing import Any
from unittest import mock

from packflow_runtime.archive_demands import DEMANDS, parse_demands, unmet_demands
from packflow_runtime.canonical_zip import directory_of
from packflow_runtime.errors import PackflowError
from packflow_runtime.manifest import Parity, Provenance
from packflow_runtime.verification import MEANINGS, Verification, verify
from packflow_runtime.zip_reader import open_entry, read_entries
from runtime.archives import Files, archive_of, manifest_of, runnable_files, tiny_files, zipped


class Harmful:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.path = self.folder / "tiny-1.0.zip"

    def verify(self, data: bytes) -> Verification:
        self.path.write_bytes(data)
        return verify(self.path)

    def verify_files(self, files: Files, **claims: Any) -> Verification:
        return self.verify(archive_of(files, manifest_of(files, **claims)))


class Passing(Folder):
    def test_a_good_archive(self) -> None:
        files = tiny_files()
        data = archive_of(files)
        found = self.verify(data)
        self.assertTrue(found.passed)
        self.assertEqual([(check.name, check.passed) for check in found.checks], [(name, True) for name in MEANINGS])
        self.assertEqual((found.faults, found.more_faults, found.pickles), ((), 0, ()))
        self.assertEqual((found.size, found.files), (len(data), len(files) + 1))
        self.assertEqual(found.sha256, hashlib.sha256(data).hexdigest())
        self.assertEqual(found.digest, hashlib.sha256(manifest_of(files).to_bytes()).hexdigest())
        self.assertEqual(found.manifest, manifest_of(files))
        self.assertEqual(os.listdir(self.folder), [self.path.name])

    def test_the_digest_of_the_file_is_that_of_large_ones_too(self) -> None:
        data = archive_of({**tiny_files(), "project/large.bin": bytes(range(256)) * 10_000})
        self.assertEqual(self.verify(data).sha256, hashlib.sha256(data).hexdigest())

    def test_claims_stand_apart(self) -> None:
        claims = self.verify_files(tiny_files(), created="2026-01-01T00:00:00Z").claims()
        self.assertEqual(claims["created"], "2026-01-01T00:00:00Z")
        self.assertEqual(claims["parity"], {"equal": True, "events": 20, "rule": {"atol": 0.0}})
        self.assertEqual(claims["provenance"], {"commit": None, "clean": None})
        self.assertLessEqual(
            {"stateful", "reason", "runtime_version", "requirements", "pickle_allowlist"}, claims.keys()
        )

    def test_progress_is_told_in_bytes(self) -> None:
        data = archive_of({**tiny_files(), "project/large.bin": bytes(5 << 20)})
        self.path.write_bytes(data)
        told: list[tuple[int, int]] = []
        verify(self.path, lambda done, total: told.append((done, total)))
        self.assertEqual({total for _, total in told}, {len(data)})
        self.assertEqual(sorted(told), told)
        self.assertGreater(len(told), 5)
        self.assertLess(told[-1][0], len(data))

    def test_the_runtime_inside_is_compared_with_this_one(self) -> None:
        files = runnable_files()
        self.assertIs(self.verify_files(files).same_runtime, True)
        self.assertIsNone(self.verify_files(files, runtime_version="9.9").same_runtime)
        for name, content in (
            ("packflow_runtime/cli.py", files["packflow_runtime/cli.py"] + b"\n"),
            ("packflow_runtime/extra.py", b""),
            ("packflow_runtime/folder/extra.py", b""),
            ("packflow_runtime/cli.cpython-311-x86_64-linux-gnu.so", b"\x7fELF"),
            ("__main__.py", files["__main__.py"] + b"\n"),
        ):
            with self.subTest(name):
                self.assertIs(self.verify_files({**files, name: content}).same_runtime, False)
        del files["packflow_runtime/shrinking.py"]
        self.assertIs(self.verify_files(files).same_runtime, False)


class Failing(Folder):
    def checks(self, found: Verification) -> dict[str, bool | None]:
        self.assertFalse(found.passed)
        self.assertEqual((found.manifest, found.claims(), found.sha256, found.digest), (None, {}, None, None))
        return {check.name: check.passed for check in found.checks}

    def test_a_fault_names_its_check_its_file_and_the_next_step(self) -> None:
        files = tiny_files()
        good, manifest = archive_of(files), manifest_of(files)
        for data, check, reason, entry in (
            (b"no zip", "structure", "prefix", None),
            (good[:-1], "structure", "truncated", None),
            (good.replace(b"project/x.txt", b"project/\x1b.txt"), "names", "name-control", "project/\x1b.txt"),
            (zipped(files), "manifest", "manifest-missing", "packflow-info/manifest.json"),
            (archive_of({**files, "project/y": b""}, manifest), "listing", "file-unlisted", "project/y"),
            (
                archive_of({**files, "project/packflow.yaml": b"name: other\n"}),
                "configuration",
                "config-differs",
                "project/packflow.yaml",
            ),
            (
                archive_of({**files, "project/x.txt": b"SOME BYTES\n"}, manifest),
                "contents",
                "file-digest",
                "project/x.txt",
            ),
            (good.replace(b"some bytes", b"SOME bytes"), "contents", "damaged", "project/x.txt"),
        ):
            with self.subTest(reason):
                found = self.verify(data)
                (fault,) = found.faults
                self.assertEqual((fault.check, fault.reason, fault.entry), (check, reason, entry))
                self.assertTrue(fault.hint)
                self.assertNotEqual(fault.hint, "Rename the file and export again.")
                self.assertTrue(fault.message.isprintable())
                self.assertIs(self.checks(found)[check], False)

    def test_checks_that_were_not_done_are_not_called_passed(self) -> None:
        files = tiny_files()
        good, manifest = archive_of(files), manifest_of(files)
        for data, passed in (
            (b"no zip", "structure False"),
            (good.replace(b"project/x.txt", b"project/\x1b.txt"), "names False"),
            (zipped(files), "structure names manifest False"),
            (archive_of({**files, "project/y": b""}, manifest), "structure names manifest listing False"),
            (
                good.replace(b"some bytes", b"SOME bytes"),
                "structure names manifest listing configuration contents False",
            ),
            (good.replace(b"name: tiny", b"NAME: tiny"), "structure names manifest listing contents False"),
        ):
            *names, _ = passed.split()
            with self.subTest(passed):
                checks = self.checks(self.verify(data))
                self.assertEqual([name for name, passed in checks.items() if passed is True], names[:-1])
                self.assertEqual([name for name, passed in checks.items() if passed is False], names[-1:])

    def test_all_files_that_are_wrong_are_named(self) -> None:
        files = {**tiny_files(), **{f"project/{number:03}": b"%03d" % number for number in range(150)}}
        changed = {name: b"xyz" if name[-3:].isdigit() else data for name, data in files.items()}
        found = self.verify(archive_of(changed, manifest_of(files)))
        self.assertEqual([fault.entry for fault in found.faults], [f"project/{number:03}" for number in range(100)])
        self.assertEqual(found.more_faults, 50)

    def test_what_cannot_be_opened_is_an_error(self) -> None:
        fifo = self.folder / "fifo"
        if hasattr(os, "mkfifo"):
            os.mkfifo(fifo)
        for path in (self.folder, self.folder / "none.zip", fifo, self.folder / "a\0b"):
            with self.subTest(path), self.assertRaises(PackflowError) as caught:
                verify(path)
            self.assertEqual((caught.exception.code, caught.exception.exit_code), ("archive-not-found", 3))


class Pickles(Folder):
    def look(self, content: bytes, *allowed: str, name: str = "project/model.pkl", **more: bytes) -> Verification:
        others = {f"project/{key}.py": data for key, data in more.items()}
        found = self.verify_files({**tiny_files(), name: content, **others}, pickle_allowlist=sorted(allowed))
        self.assertTrue(found.passed)
        return found

    def test_no_pickle(self) -> None:
        self.assertEqual(self.look(b"weights").pickles, ())

    def test_globals_against_the_allowlist(self) -> None:
        content = pickle.dumps({"a": b"b"}, 2)  # which names _codecs.encode
        (found,) = self.look(content, "_codecs.encode").pickles
        self.assertEqual((found.path, found.kind, found.pickles), ("project/model.pkl", "raw", 1))
        self.assertEqual((found.globals, found.unlisted, found.unreviewed), (("_codecs.encode",), (), ()))
        (found,) = self.look(content).pickles
        self.assertEqual(found.unlisted, ("_codecs.encode",))

    def test_dangerous_globals_are_named_though_the_builder_allowed_them(self) -> None:
        name = f"{os.system.__module__}.system"
        for content in (pickle.dumps(Harmful()), zlib.compress(pickle.dumps(Harmful()))):
            found = self.look(content, name)
            self.assertEqual(found.pickles[0].dangerous, (name,))
            self.assertEqual(found.pickles[0].unlisted, ())
            (unmet,) = unmet_demands(found, ("reviewed-pickle",))
            self.assertIn(f"asks for {name}, which runs code", unmet.reason)

    def test_classes_of_the_projects_own_are_nobody_elses(self) -> None:
        content = b"\x80\x02cscoring\nModel\nq\x00)\x81q\x01."
        (found,) = self.look(content, "scoring.Model", scoring=b"class Model: pass\n").pickles
        self.assertEqual((found.unreviewed, found.unlisted), ((), ()))
        (found,) = self.look(content, "scoring.Model").pickles
        self.assertEqual(found.unreviewed, ("scoring.Model",))

    def test_remarks(self) -> None:
        content = (
            b"\x80\x02"
            + b"".join(b"cother\nName%d\n0" % number for number in range(9))
            + pickle.dumps(Harmful(), 2)[2:]
        )
        (found,) = self.look(content, "other.Name0").pickles
        system = f"{os.system.__module__}.system"
        told = found.remarks()
        self.assertEqual(told[0], f"project/model.pkl asks for {system}, which runs code or reaches out")
        self.assertEqual(told[1], "project/model.pkl asks for other.Name0, which is not reviewed")
        self.assertEqual(told[5], "project/model.pkl asks for 5 more that are not reviewed")
        self.assertTrue(
            told[6].startswith("project/model.pkl asks for what is not on the archive's allowlist: other.Name1, ")
        )
        self.assertTrue(told[6].endswith(" and 4 more"), told[6])

    def test_what_cannot_be_looked_into_is_said(self) -> None:
        content = zlib.compress(b"\x80\x04" + b"N0" * 5_000_000 + b".", 9)
        (found,) = self.look(content, name="project/bomb.pkl").pickles
        self.assertIn("it is too large to read to its end", found.problems)
        self.assertEqual(
            [one.demand for one in unmet_demands(self.look(content), ("no-pickle", "reviewed-pickle"))],
            ["no-pickle", "reviewed-pickle"],
        )


class Demands(Folder):
    def unmet(self, files: Files, **claims: Any) -> dict[str, str]:
        found = self.verify_files(files, **claims)
        return {one.demand: one.reason for one in unmet_demands(found, tuple(DEMANDS))}

    def test_an_archive_that_meets_all_that_can_be_met(self) -> None:
        files = {
            **runnable_files(),
            "packflow-info/requirements.lock": b"",
            "packflow-info/sbom.cdx.json": b"",
            "packflow-info/golden/inputs.ndjson": b"{}\n",
            "packflow-info/golden/outputs.ndjson": b"{}\n",
        }
        claims = {
            "requirements": ["numpy==2.1.0"],
            "golden_events": 1,
            "provenance": Provenance("0" * 40, clean=True),
        }
        unmet = self.unmet(files, **claims)
        self.assertEqual(unmet, {"signed": "It is not signed."})
        Path(f"{self.path}.sig").write_bytes(b"{}")
        self.assertIn("no key was given to check it with", self.unmet(files, **claims)["signed"])

    def test_an_archive_that_meets_none(self) -> None:
        files = {**tiny_files(), "project/model.pkl": pickle.dumps(Harmful())}
        unmet = self.unmet(files, parity=None, requirements=["numpy"], runtime_version="9.9")
        self.assertEqual(list(unmet), list(DEMANDS))
        self.assertEqual(unmet["lock"], "It has requirements and no lock.")
        self.assertEqual(unmet["no-pickle"], "project/model.pkl holds 1 pickle.")

    def test_claims_of_another_kind(self) -> None:
        unmet = self.unmet(
            tiny_files(),
            parity=Parity(equal=False, events=3, rule={}),
            provenance=Provenance("0123456789abcdef", clean=False),
        )
        self.assertEqual(unmet["parity"], "Its builder found that one by one and batches differ.")
        self.assertIn("not in git commit 0123456789ab", unmet["provenance"])
        self.assertNotIn("lock", unmet)  # nothing is required, so there is nothing to lock
        self.assertNotIn("no-pickle", unmet)

    def test_nothing_is_asked_of_an_archive_that_did_not_pass(self) -> None:
        self.assertEqual(unmet_demands(self.verify(b""), tuple(DEMANDS)), ())

    def test_words(self) -> None:
        self.assertEqual(parse_demands("parity, lock,parity,"), ("parity", "lock"))
        for words, title in (("parity,x", "--require does not know 'x'."), (" ,", "--require is given nothing.")):
            with self.assertRaises(PackflowError) as caught:
                parse_demands(words)
            self.assertEqual((caught.exception.title, caught.exception.exit_code), (title, 2))
            self.assertIn("parity, golden, lock", caught.exception.hint)


class Reading(unittest.TestCase):
    def test_a_disk_that_fails_while_it_is_read(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.zip")
            path.write_bytes(archive_of(tiny_files()))
            error = OSError(errno.EIO, "Input/output error")
            failing = mock.patch("packflow_runtime.verification._verify_contents", side_effect=error)
            with failing, self.assertRaises(PackflowError) as caught:
                verify(path)
        self.assertEqual(caught.exception.title, f"{path} cannot be read: Input/output error.")
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("archive-not-readable", 3))

    def test_the_bytes_after_the_contents_can_be_told_from_the_entries(self) -> None:
        for files in (tiny_files(), {}):
            data = zipped(files)
            entries = read_entries(io.BytesIO(data))
            rest = b"".join(directory_of(entries))
            self.assertTrue(data.endswith(rest))
            last = entries[-1] if entries else None
            self.assertEqual(len(data) - len(rest), last.data_offset + last.size if last else 0)
            if last:
                self.assertEqual(open_entry(io.BytesIO(data), last).read(), files[last.name])


if __name__ == "__main__":
    unittest.main()
