"""``python -m packflow_runtime verify`` and an archive's own, as a shell sees them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from typing import Any

from runtime.archives import RUNTIME, archive_of, manifest_of, runnable_files, tiny_files
from runtime.signers import Signer

NEVER_ALONE = "an archive cannot vouch for itself: its own code did this check. Check it from outside: "


class Command(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.good = self.folder / "good.zip"
        self.good.write_bytes(archive_of(tiny_files()))
        self.sha256 = hashlib.sha256(self.good.read_bytes()).hexdigest()
        self.bad = self.folder / "bad.zip"
        self.bad.write_bytes(self.good.read_bytes().replace(b"some bytes", b"SOME bytes"))

    def start(self, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PACKFLOW"))}
        return subprocess.run(
            [sys.executable, "-S", "-W", "error", *map(str, words)],
            cwd=self.folder,
            env={**kept, "PACKFLOW_CACHE": str(self.folder / "cache"), "PYTHONUTF8": "1", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def verify(self, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.start("-m", "packflow_runtime", "verify", *words, PYTHONPATH=str(RUNTIME.parent), **environment)

    def ok(self, name: str) -> str:
        return (
            f"ok      {name}: tiny 1.0, 5 files, {self.good.stat().st_size:,} bytes, sha256 {self.sha256}, not signed\n"
        )

    def test_a_line_for_each_good_archive(self) -> None:
        done = self.verify("good.zip", self.good)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, self.ok("good.zip") + self.ok(str(self.good)))

    def test_a_bad_one_among_good_ones(self) -> None:
        done = self.verify("good.zip", "bad.zip", "none.zip", "good.zip")
        self.assertEqual(done.returncode, 1)
        good = self.ok("good.zip")
        self.assertEqual(done.stdout, f"{good}failed  bad.zip: contents\nfailed  none.zip: archive-not-found\n{good}")
        self.assertEqual(
            done.stderr.splitlines(),
            [
                "error: The content of 'project/x.txt' is not what was written: its checksum differs",
                "  bad.zip: check of contents in project/x.txt",
                "  next: Copy the archive again from where it was made, or export it again; nothing may change its "
                "bytes.",
                f"error: none.zip cannot be opened: {os.strerror(2)}.",
                "  next: Check the archive's path.",
            ],
        )

    def test_an_archive_that_is_not_there(self) -> None:
        self.assertEqual(self.verify("none.zip", "good.zip").returncode, 3)
        self.assertEqual(self.verify().returncode, 2)

    def test_demands(self) -> None:
        done = self.verify("good.zip", "--require", "parity,signed")
        self.assertEqual((done.returncode, done.stdout), (1, "failed  good.zip: require signed\n"))
        self.assertIn("error: It is not signed.\n  good.zip: --require signed\n", done.stderr)
        self.assertEqual(self.verify("good.zip", "--require", "parity,lock").returncode, 0)
        done = self.verify("good.zip", "--require", "parity,faith")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("error: --require does not know 'faith'.\n  next: Choose from parity, ", done.stderr)

    def test_signatures(self) -> None:
        signer, other = Signer(1234567), Signer(7654321)
        (self.folder / "keys").mkdir()
        for path, key in (("mine.pub", signer.key), ("other.pub", other.key), ("keys/mine.pem", signer.key)):
            (self.folder / path).write_bytes(key.pem)
        self.assertEqual(self.verify("good.zip", "--key", "mine.pub").returncode, 1, "a key demands a signature")
        signature = self.folder / "good.zip.sig"
        signature.write_bytes(signer.sign("good.zip", self.good.read_bytes()))
        signed = self.ok("good.zip").replace("not signed", "signature not checked")
        self.assertEqual(self.verify("good.zip").stdout, signed)
        for words, name in ((("--key", "mine.pub"), "mine.pub"), (("--keys", "keys"), "mine.pem")):
            done = self.verify("good.zip", *words)
            told = self.ok("good.zip").replace("not signed", f"signed by {name} {signer.key.fingerprint}")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, told, ""))
        done = self.verify("good.zip", "--key", "other.pub")
        self.assertEqual((done.returncode, done.stdout), (1, "failed  good.zip: require signed\n"))
        self.assertIn(
            f"made with the key {signer.key.fingerprint}, not with the key {other.key.fingerprint}", done.stderr
        )
        self.assertEqual(self.verify("good.zip", "--key", "other.pub", "--key", "mine.pub").returncode, 0)
        self.assertIn("and no key was given", self.verify("good.zip", "--require", "signed").stderr)
        signature.rename(self.folder / "away.sig")
        self.assertEqual(self.verify("good.zip", "--key", "mine.pub", "--signature", "away.sig").returncode, 0)
        self.assertEqual(self.verify("good.zip", "--key", "mine.pub", "--signature", "none.sig").returncode, 3)
        self.assertEqual(self.verify("good.zip", self.good, "--signature", "away.sig").returncode, 2)
        self.assertEqual(self.verify("good.zip", "--key", "none.pub").returncode, 3)
        self.assertEqual(self.verify("good.zip", "--key", "good.zip").returncode, 2)

    def test_signatures_in_json(self) -> None:
        signer = Signer(1234567)
        (self.folder / "mine.pub").write_bytes(signer.key.pem)
        (self.folder / "good.zip.sig").write_bytes(signer.sign("another.zip", b"something else"))
        done = self.verify("good.zip", "--key", "mine.pub", "--json")
        answer = self.envelope(done)
        (told,) = answer["data"]["archives"]
        self.assertEqual((told["signature"]["state"], told["signature"]["reason"]), ("invalid", "other-file"))
        self.assertEqual([error["code"] for error in answer["errors"]], ["signature-invalid"])
        self.assertEqual([one["demand"] for one in told["unmet"]], ["signed"])
        self.assertIn(
            "    signature      invalid It is the signature of another file",
            self.verify("good.zip", "--key", "mine.pub", "-v").stdout,
        )

    def test_what_was_checked_apart_from_what_is_claimed(self) -> None:
        shown = self.verify("-v", "good.zip").stdout
        checked, _, claimed = shown.partition("  claimed by its builder, and not checked\n")
        self.assertIn("  checked here\n    structure      ok ", checked)
        self.assertIn("    parity            {", claimed)
        self.assertNotIn("parity", checked)
        shown = self.verify("-v", "bad.zip").stdout
        self.assertIn("    contents       failed  The content of", shown)
        self.assertNotIn("claimed", shown)

    def envelope(self, done: subprocess.CompletedProcess[str]) -> Any:
        answer = json.loads(done.stdout)
        self.assertEqual(list(answer), ["schema", "ok", "command", "data", "errors", "warnings"])
        self.assertEqual((answer["schema"], answer["ok"]), ("packflow.verify/1", done.returncode == 0))
        return answer

    def test_json(self) -> None:
        answer = self.envelope(self.verify("--json", "good.zip"))
        (told,) = answer["data"]["archives"]
        self.assertEqual((told["sha256"], told["ok"], answer["errors"]), (self.sha256, True, []))
        self.assertEqual({check["passed"] for check in told["checked"]}, {True})
        self.assertEqual(told["claimed"]["parity"]["events"], 20)
        done = self.verify("--json", "bad.zip", "none.zip", "good.zip", "--require", "sbom")
        answer = self.envelope(done)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertEqual(
            [(error["code"], error["file"]) for error in answer["errors"]],
            [("archive-invalid", "bad.zip"), ("archive-not-found", "none.zip"), ("demand-unmet", "good.zip")],
        )
        self.assertEqual([told["ok"] for told in answer["data"]["archives"]], [False, False])
        self.assertEqual(answer["data"]["archives"][0]["claimed"], {})

    def test_words_of_an_archive_do_not_steer_the_terminal(self) -> None:
        files = tiny_files()
        self.bad.write_bytes(archive_of(files, manifest_of(files, requirements=["\x1b[2Jx", "\u202eb"])))
        shown = self.verify("-v", "bad.zip", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
        self.assertEqual(shown.returncode, 0)
        self.assertTrue(all(char.isprintable() or char == "\n" for char in shown.stdout))

    def test_an_output_that_nobody_reads(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            done = subprocess.run(
                [sys.executable, "-S", "-m", "packflow_runtime", "verify", "bad.zip", "good.zip"],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(RUNTIME.parent)},
                stdout=pipe,
                stderr=subprocess.PIPE,
                timeout=60,
                check=False,
            )
        self.assertEqual(done.returncode, 1)
        self.assertNotIn(b"Traceback", done.stderr)

    @unittest.skipUnless(Path("/dev/full").exists(), "needs /dev/full: run it on Linux")
    def test_an_output_that_is_full(self) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [sys.executable, "-S", "-m", "packflow_runtime", "verify", "good.zip"],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(RUNTIME.parent)},
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=60,
                check=False,
            )
        self.assertEqual(done.returncode, 5)
        self.assertTrue(done.stderr.startswith(b"error: Standard output cannot be written: "), done.stderr)

    def test_an_archive_on_itself(self) -> None:
        self.good.write_bytes(archive_of(runnable_files()))
        for warm in (False, True):
            with self.subTest(warm=warm):
                done = self.start("good.zip", "verify")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(done.stdout.startswith("ok "), done.stdout)
                self.assertEqual(
                    done.stderr,
                    f"packflow: {NEVER_ALONE}`packflow verify good.zip`, or `python -m packflow_runtime verify "
                    "good.zip` of an installed runtime\n",
                )
                self.start("good.zip", "run")
        self.assertEqual(self.start("good.zip", "verify", "--require", "known-runtime,parity", "-v").returncode, 0)
        self.assertTrue(self.envelope(self.start("good.zip", "verify", "--json"))["ok"])
        data = self.good.read_bytes()
        self.good.write_bytes(data.replace(b"return n + offset", b"return n - offset"))
        done = self.start("good.zip", "verify")
        self.assertEqual((done.returncode, done.stdout), (1, f"failed  {self.folder}/good.zip: contents\n"))
        self.assertIn(NEVER_ALONE, done.stderr)

    def test_an_unzipped_archive_on_itself(self) -> None:
        self.good.write_bytes(archive_of(runnable_files()))
        with zipfile.ZipFile(self.good) as archive:
            archive.extractall(self.folder / "tree")
        done = self.start("tree", "verify")
        self.assertEqual((done.returncode, done.stdout[:3]), (0, "ok "))
        self.assertIn(NEVER_ALONE, done.stderr)
        (self.folder / "tree" / "project" / "steps.py").write_bytes(b"")
        self.assertEqual(self.start("tree", "verify").returncode, 1)


if __name__ == "__main__":
    unittest.main()
