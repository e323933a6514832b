"""Public keys from PEM files: the one form, and why any other is refused."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
import unittest
from pathlib import Path

from packflow_runtime.errors import PackflowError
from packflow_runtime.p256 import P
from packflow_runtime.public_keys import (
    KeyInvalidError,
    PublicKey,
    parse_public_key,
    read_public_key,
    read_public_keys,
)
from runtime.signers import Signer

KEY = Signer(1234567).key
HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def pem(der: bytes) -> bytes:
    text = base64.b64encode(der).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]).encode()


def der_of(x: int, y: int) -> bytes:
    return HEAD + x.to_bytes(32, "big") + y.to_bytes(32, "big")


class ParseTest(unittest.TestCase):
    def refused(self, content: bytes, words: str) -> None:
        with self.assertRaises(KeyInvalidError) as caught:
            parse_public_key(content, "some.pub")
        self.assertIn(words, caught.exception.title)
        self.assertTrue(caught.exception.hint)
        self.assertEqual("some.pub", caught.exception.file)

    def test_what_is_written_is_read(self) -> None:
        self.assertEqual(KEY, parse_public_key(KEY.pem))
        self.assertEqual(pem(der_of(*KEY.point)), KEY.pem)
        self.assertEqual(hashlib.sha256(KEY.pem).hexdigest(), KEY.fingerprint)

    def test_line_ends_do_not_count(self) -> None:
        for content in (
            KEY.pem.replace(b"\n", b"\r\n"),
            KEY.pem.rstrip(),
            b"\n\n" + KEY.pem + b"\n",
            KEY.pem.replace(b"KEY-----\n", b"KEY----- ", 1),
        ):
            self.assertEqual(KEY.fingerprint, parse_public_key(content).fingerprint)

    def test_keys_of_other_kinds(self) -> None:
        for name, head in {
            "P-384": "3076301006072a8648ce3d020106052b81040022036200 04",
            "secp256k1": "3056301006072a8648ce3d020106052b8104000a034200 04",
            "RSA": "30820122300d06092a864886f70d01010105000382010f00",
            "Ed25519": "302a300506032b6570032100",
        }.items():
            self.refused(pem(bytes.fromhex(head) + bytes(64)), name)
        self.refused(
            pem(bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200 02") + bytes(32)), "compressed"
        )

    def test_a_curve_that_is_written_out(self) -> None:
        # The head of what `openssl ec -pubout -param_enc explicit` writes.
        head = "3082014b3082010306072a8648ce3d02013081f7020101302c06072a8648ce3d0101022100"
        self.refused(pem(bytes.fromhex(head) + bytes(298)), "written out instead of named")

    def test_points_that_are_none(self) -> None:
        x, y = KEY.point
        self.refused(pem(der_of(x, y ^ 1)), "does not lie on the curve")
        self.refused(pem(der_of(0, 0)), "does not lie on the curve")
        self.refused(pem(der_of(P, y)), "a coordinate is too large")
        self.refused(pem(der_of(x, 2**256 - 1)), "a coordinate is too large")

    def test_der_that_says_the_same_in_another_way(self) -> None:
        good = der_of(*KEY.point)
        for bad in (
            b"\x30\x81\x59" + good[2:],  # a length in two bytes
            good + b"\0",
            good[:24] + b"\x01" + good[25:],  # unused bits
            b"\x31" + good[1:],
            good[:-1],
            good[:26],
            b"",
        ):
            with self.subTest(bad.hex()):
                self.refused(pem(bad), "is no public key")

    def test_every_flipped_bit_is_refused(self) -> None:
        good = der_of(*KEY.point)
        for bit in range(len(good) * 8):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            with self.subTest(bit), self.assertRaises(KeyInvalidError):
                parse_public_key(pem(bytes(bad)))

    def test_files_that_are_no_public_key(self) -> None:
        private = b"-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"
        for kind in (b"PRIVATE", b"EC PRIVATE", b"ENCRYPTED PRIVATE"):
            self.refused(private.replace(b"PRIVATE", kind), "is a private key")
        self.refused(b"-----BEGIN CERTIFICATE-----\nMIGH\n-----END CERTIFICATE-----\n", "a certificate")
        self.refused(b"ecdsa-sha2-nistp256 AAAA me@there\n", "for SSH")
        self.refused(b"", "not a PEM file")
        self.refused(b"\xff\xfe\0", "not a PEM file")
        self.refused(b"x" * 70_000, "too large")
        self.refused(KEY.pem[:-30], "cut short")
        self.refused(KEY.pem + KEY.pem, "cut short")
        self.refused(KEY.pem + b"more", "cut short, or something follows")
        self.refused(KEY.pem.replace(b"MFkw", b"MF!w"), "damaged")
        self.refused(KEY.pem.replace(b"==\n", b"\n"), "cut short or damaged")

    def test_base64_has_one_form(self) -> None:
        lines = KEY.pem.split(b"\n")
        body = b"".join(lines[1:-2])
        self.assertTrue(body.endswith(b"=="))
        odd = body[:-3] + bytes([body[-3] + 1]) + b"=="  # a bit that no byte keeps
        self.refused(b"\n".join([lines[0], odd, lines[-2], b""]), "Base64")


class ReadTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_one_file(self) -> None:
        path = self.folder / "release.pub"
        path.write_bytes(KEY.pem)
        key = read_public_key(path)
        self.assertEqual((KEY, str(path)), (key, key.file))

    def test_a_folder_of_keys(self) -> None:
        others = [Signer(secret).key for secret in (3, 4)]
        for name, key in zip(("b.pub", "a.pem"), others, strict=True):
            (self.folder / name).write_bytes(key.pem)
        (self.folder / "README.txt").write_text("not a key")
        self.assertEqual(others[::-1], read_public_keys(self.folder))

    def test_a_broken_key_in_a_folder_is_named(self) -> None:
        (self.folder / "a.pub").write_bytes(KEY.pem)
        (self.folder / "b.pub").write_bytes(KEY.pem[:50])
        with self.assertRaises(KeyInvalidError) as caught:
            read_public_keys(self.folder)
        self.assertIn(str(self.folder / "b.pub"), caught.exception.title)

    def test_what_is_not_there(self) -> None:
        with self.assertRaises(KeyInvalidError) as empty:
            read_public_keys(self.folder)
        self.assertIn("holds no public key", empty.exception.title)
        (self.folder / "a.pub").write_bytes(b"")
        with self.assertRaises(PackflowError) as file:
            read_public_keys(self.folder / "a.pub")
        self.assertEqual(file.exception.hint, "Name a folder of public keys; the file of a single one goes to --key.")
        for read in (read_public_key, read_public_keys):
            with self.assertRaises(PackflowError) as caught:
                read(self.folder / "none.pub")
            self.assertEqual("key-not-found", caught.exception.code)

    @unittest.skipIf(os.name == "nt", "folders are opened otherwise there")
    def test_a_folder_is_no_key(self) -> None:
        with self.assertRaises(PackflowError) as caught:
            read_public_key(self.folder)
        self.assertEqual("key-not-found", caught.exception.code)

    def test_the_file_is_no_part_of_a_key(self) -> None:
        self.assertEqual(PublicKey(KEY.point, "here"), PublicKey(KEY.point, "there"))


if __name__ == "__main__":
    unittest.main()
