"""A kit is what its SHA256SUMS says: each file that is missing, changed or added is named."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import unittest
from pathlib import Path

from packflow_runtime.commands import verify
from packflow_runtime.errors import PackflowError
from packflow_runtime.kits import Kit, check_kit, is_kit
from runtime.signers import Signer

SIGNER = Signer(1234567)
FILES = {
    "model-1.0.zip": b"an archive",
    "README.txt": b"read me",
    "wheels/a-1-py3-none-any.whl": b"a wheel",
    "wheels/b-2-py3-none-any.whl": b"another",
}


class KitTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name, content in FILES.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_bytes(content)
        self.sums = "".join(f"{hashlib.sha256(FILES[name]).hexdigest()}  {name}\n" for name in sorted(FILES)).encode()
        self.list = self.folder / "SHA256SUMS"
        self.list.write_bytes(self.sums)

    def faults(self, *, keys: tuple[Signer, ...] = ()) -> list[tuple[str, str]]:
        self.found: Kit = check_kit(self.folder, [signer.key for signer in keys])
        for fault in self.found.faults:
            self.assertTrue(fault.message.endswith("."))
            self.assertTrue(fault.hint)
            self.assertTrue(fault.code == "kit-signature" or fault.file in fault.message)
        return [(fault.code, fault.file) for fault in self.found.faults]

    def test_a_whole_kit(self) -> None:
        self.assertTrue(is_kit(self.folder))
        self.assertEqual(self.faults(), [])
        self.assertEqual(self.found.files, tuple(sorted(FILES)))
        self.assertEqual(self.found.archives, [str(self.folder / "model-1.0.zip")])
        self.list.unlink()
        self.assertFalse(is_kit(self.folder))
        with self.assertRaises(FileNotFoundError):
            check_kit(self.folder)

    def test_each_file_missing_or_changed(self) -> None:
        for name, content in FILES.items():
            (self.folder / name).write_bytes(content[:-1] + b"?")
            self.assertEqual(self.faults(), [("kit-file-changed", name)])
            (self.folder / name).unlink()
            self.assertEqual(self.faults(), [("kit-file-missing", name)])
            self.assertEqual(name == "model-1.0.zip", not self.found.archives)
            (self.folder / name).mkdir()
            self.assertEqual(self.faults(), [("kit-file-changed", name)])
            (self.folder / name).rmdir()
            (self.folder / name).write_bytes(content)

    def test_all_that_is_wrong_is_named(self) -> None:
        (self.folder / "README.txt").unlink()
        (self.folder / "model-1.0.zip").write_bytes(b"x")
        self.assertEqual(self.faults(), [("kit-file-missing", "README.txt"), ("kit-file-changed", "model-1.0.zip")])

    def test_what_is_wrong_is_shown_with_its_next_step(self) -> None:
        (self.folder / "README.txt").write_bytes(b"other")
        found = check_kit(self.folder, [])
        shown = io.StringIO()
        with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())), contextlib.redirect_stderr(shown):
            verify._show_kit(found)
        title, where, hint = shown.getvalue().splitlines()
        self.assertEqual((title, where), (f"error: {found.faults[0].message}", f"  {self.folder}"))
        self.assertEqual(hint, f"  next: {found.faults[0].hint}")

    def test_a_list_that_cannot_be_read(self) -> None:
        self.list.unlink()
        self.list.mkdir()
        with self.assertRaises(PackflowError) as caught:
            verify._checked_kit(self.folder, [])
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("kit-unreadable", 3))

    @unittest.skipIf(os.name == "nt", "links need a right there: run on POSIX")
    def test_a_link_is_no_file(self) -> None:
        target = self.folder.with_name(f"{self.folder.name}-elsewhere")
        target.write_bytes(FILES["README.txt"])
        self.addCleanup(target.unlink)
        (self.folder / "README.txt").unlink()
        (self.folder / "README.txt").symlink_to(target)
        self.assertEqual(self.faults(), [("kit-file-changed", "README.txt")])

    def test_what_is_added(self) -> None:
        (self.folder / "notes.txt").write_text("a note of the receiver's")
        (self.folder / "sender.pub").write_bytes(SIGNER.key.pem)
        self.assertEqual(self.faults(), [])
        for name in ("wheels/evil-9-py3-none-any.whl", "wheels/x.txt", "json.py", "other.ZIP", "more/x.py"):
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_bytes(b"")
            self.assertEqual(self.faults(), [("kit-file-unlisted", name)])
            (self.folder / name).unlink()

    def test_lists_that_are_none(self) -> None:
        digest = "0" * 64
        for content in (
            b"",
            self.sums[:-1],
            self.sums[:70],
            b"\xff\xfe\n",
            self.sums + self.sums,
            self.sums.replace(b"  ", b" *"),
            self.sums.replace(b"\n", b"\r\n"),
            self.sums + b"\n",
            f"{digest.upper()}A  x\n".encode(),
            f"{digest}  ../x\n".encode(),
            f"{digest}  /etc/passwd\n".encode(),
            f"{digest}  a\\b\n".encode(),
            f"{digest}  \x1b[2J\n".encode(),
        ):
            with self.subTest(content[:40]):
                self.list.write_bytes(content)
                self.assertEqual(self.faults(), [("kit-sums", "SHA256SUMS")])
                self.assertEqual(self.found.archives, [])
                self.assertTrue(self.found.faults[0].message.isprintable())

    def test_a_list_that_is_signed(self) -> None:
        (self.folder / "SHA256SUMS.sig").write_bytes(SIGNER.sign("SHA256SUMS", self.sums))
        self.assertEqual(self.faults(keys=(SIGNER,)), [])
        assert self.found.signature is not None
        self.assertEqual(self.found.signature.state, "valid")
        self.assertEqual(self.faults(), [])
        self.assertEqual(self.faults(keys=(Signer(3),)), [("kit-signature", "SHA256SUMS")])
        (self.folder / "README.txt").write_bytes(b"changed")
        sums = self.sums.replace(
            hashlib.sha256(b"read me").hexdigest().encode(), hashlib.sha256(b"changed").hexdigest().encode()
        )
        self.list.write_bytes(sums)
        self.assertEqual(self.faults(), [], "an unsigned list tells of accidents alone")
        self.assertEqual(self.faults(keys=(SIGNER,)), [("kit-signature", "SHA256SUMS")])
        assert self.found.signature is not None
        self.assertEqual(self.found.signature.reason, "file-changed")


if __name__ == "__main__":
    unittest.main()
