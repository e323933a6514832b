"""Signatures of one file: which are valid, and the reason for each that is not."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

from packflow_runtime.errors import PackflowError
from packflow_runtime.p256 import N
from packflow_runtime.public_keys import PublicKey
from packflow_runtime.signature_bundles import (
    MAX_SIGNATURE_BYTES,
    SignatureInvalidError,
    der_signature,
    parse_der_signature,
    parse_signature,
    read_signature,
    signed_bytes,
)
from packflow_runtime.signatures import SignatureCheck, check_signature, check_signature_of
from runtime.signers import Signer, statement_of

SIGNER, OTHER = Signer(1234567), Signer(7654321)
NAME, CONTENT = "model-1.0.zip", b"an archive\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def checked(content: bytes | dict[str, Any] | None, name: str = NAME, sha256: str = SHA256) -> SignatureCheck:
    raw = json.dumps(content).encode() if isinstance(content, dict) else content
    return check_signature(name, sha256, raw, [SIGNER.key])


def good() -> dict[str, Any]:
    return SIGNER.bundle(statement_of(NAME, CONTENT))


class SignatureTestCase(unittest.TestCase):
    def invalid(self, content: bytes | dict[str, Any], reason: str) -> SignatureCheck:
        found = checked(content)
        self.assertEqual(("invalid", reason), (found.state, found.reason))
        self.assertTrue(found.message.endswith("."), found.message)
        self.assertTrue(found.hint)
        self.assertIsNone(found.key)
        return found


class CheckTest(SignatureTestCase):
    def test_a_valid_signature_names_its_key(self) -> None:
        found = checked(good())
        self.assertEqual("valid", found.state)
        self.assertEqual(SIGNER.key, found.key)
        self.assertEqual(SIGNER.key.fingerprint, found.fingerprint)
        self.assertIsNone(found.reason)

    def test_a_renamed_file_is_still_the_file(self) -> None:
        self.assertEqual("valid", checked(good(), name="renamed.zip").state)

    def test_no_signature_and_no_key(self) -> None:
        self.assertEqual("none", checked(None).state)
        found = check_signature(NAME, SHA256, SIGNER.sign(NAME, CONTENT), [])
        self.assertEqual(("unchecked", SIGNER.key.fingerprint), (found.state, found.fingerprint))
        self.assertEqual("unchecked", check_signature(NAME, SHA256, b"of another tool", []).state)

    def test_the_right_key_among_others(self) -> None:
        keys = [Signer(3).key, OTHER.key, SIGNER.key]
        found = check_signature(NAME, SHA256, SIGNER.sign(NAME, CONTENT), keys)
        self.assertEqual(("valid", SIGNER.key), (found.state, found.key))

    def test_another_key(self) -> None:
        found = self.invalid(OTHER.bundle(statement_of(NAME, CONTENT)), "other-key")
        self.assertIn(OTHER.key.fingerprint, found.message)
        self.assertIn(SIGNER.key.fingerprint, found.message)
        several = check_signature(NAME, SHA256, OTHER.sign(NAME, CONTENT), [SIGNER.key, Signer(5).key])
        self.assertIn("any of the 2 keys", several.message)

    def test_another_key_that_claims_to_be_this_one(self) -> None:
        bundle = OTHER.bundle(statement_of(NAME, CONTENT))
        bundle["verificationMaterial"]["publicKey"]["hint"] = SIGNER.key.fingerprint
        self.invalid(bundle, "forged")

    def test_a_changed_file_and_a_swapped_signature_differ(self) -> None:
        changed = check_signature(NAME, "0" * 64, SIGNER.sign(NAME, CONTENT), [SIGNER.key])
        self.assertEqual("file-changed", changed.reason)
        self.assertIn(f"{NAME} changed after it was signed", changed.message)
        self.assertIn(SHA256, changed.message)
        swapped = checked(SIGNER.bundle(statement_of("other-2.0.zip", b"other")))
        self.assertEqual("other-file", swapped.reason)
        self.assertIn("of other-2.0.zip", swapped.message)

    def test_an_old_signature_that_names_no_key(self) -> None:
        for hint in ("", None):
            bundle = good()
            bundle["verificationMaterial"]["publicKey"]["hint"] = hint
            self.assertEqual("valid", checked(bundle).state)
            raw = json.dumps(bundle).encode()
            self.assertEqual("valid", check_signature(NAME, SHA256, raw, [OTHER.key, SIGNER.key]).state)
            self.assertEqual("other-key-or-forged", check_signature(NAME, SHA256, raw, [OTHER.key]).reason)

    def test_terminal_escapes_in_a_name_are_spelled_out(self) -> None:
        found = checked(SIGNER.bundle(statement_of("\x1b[2J" + "x" * 500, b"other")))
        self.assertEqual("other-file", found.reason)
        self.assertTrue(found.message.isprintable())
        self.assertLess(len(found.message), 500)

    def test_every_flipped_bit_of_the_statement_and_the_signature(self) -> None:
        bundle = good()
        payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
        for bit in range(0, len(payload) * 8, 7):
            flipped = bytearray(payload)
            flipped[bit // 8] ^= 1 << bit % 8
            bundle["dsseEnvelope"]["payload"] = base64.b64encode(bytes(flipped)).decode()
            self.invalid(bundle, "forged")
        bundle = good()
        sig = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
        for bit in range(len(sig) * 8):
            flipped = bytearray(sig)
            flipped[bit // 8] ^= 1 << bit % 8
            bundle["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(bytes(flipped)).decode()
            self.assertEqual("invalid", checked(bundle).state)


class BundleTest(SignatureTestCase):
    def test_what_is_no_bundle(self) -> None:
        for content in (b"", b"{", b"\xff", b"\xef\xbb\xbf{}", json.dumps(good()).encode("utf-16"), b"{}{}", b"[NaN]"):
            self.invalid(content, "not-json")
        self.invalid(b"[" * 100_000, "not-json")
        self.invalid(b"9" * 5000, "not-json")
        for content in (b"[]", b"null", b"1", b'"x"'):
            self.invalid(content, "field-missing")
        self.invalid(b"{}", "bundle-type")
        self.invalid(good() | {"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.2"}, "bundle-type")

    def test_a_key_that_stands_twice(self) -> None:
        text = json.dumps(good())
        twice = text.replace('{"mediaType"', '{"mediaType": "x", "mediaType"', 1)
        self.invalid(twice.encode(), "duplicate-key")
        payload = json.dumps(statement_of(NAME, CONTENT)).replace('{"_type"', '{"_type": "x", "_type"', 1)
        self.invalid(SIGNER.bundle(payload.encode()), "duplicate-key")

    def test_missing_and_mistyped_fields(self) -> None:
        for path in (
            ["verificationMaterial"],
            ["dsseEnvelope"],
            ["dsseEnvelope", "payload"],
            ["dsseEnvelope", "payloadType"],
            ["dsseEnvelope", "signatures"],
            ["dsseEnvelope", "signatures", 0],
            ["dsseEnvelope", "signatures", 0, "sig"],
            ["verificationMaterial", "publicKey"],
        ):
            for value in (None, 7, "x!", [], {"a": 1}, True):
                bundle: Any = good()
                place = bundle
                for step in path[:-1]:
                    place = place[step]
                place[path[-1]] = value
                with self.subTest(path=path, value=value):
                    found = checked(bundle)
                    if path[-1] != "publicKey" or not isinstance(value, dict):  # a key without a hint is an old one
                        self.assertEqual("invalid", found.state)

    def test_signed_by_certificate_or_identity(self) -> None:
        for material in ({"certificate": {"rawBytes": "AA=="}}, {"x509CertificateChain": {}}, {}):
            self.invalid(good() | {"verificationMaterial": material}, "not-by-key")

    def test_odd_hints(self) -> None:
        for hint in ("abc", "A" * 64, 7, ["x"], SIGNER.key.fingerprint + "\n"):
            bundle = good()
            bundle["verificationMaterial"]["publicKey"]["hint"] = hint
            self.invalid(bundle, "key-hint")

    def test_other_payloads_and_several_signatures(self) -> None:
        bundle = good()
        bundle["dsseEnvelope"]["payloadType"] = "application/json"
        self.invalid(bundle, "payload-type")
        bundle = good()
        bundle["dsseEnvelope"]["signatures"] *= 2
        self.invalid(bundle, "signatures")
        bundle["dsseEnvelope"]["signatures"] = []
        self.invalid(bundle, "signatures")

    def test_base64_in_another_spelling(self) -> None:
        for change in (
            lambda text: text + "\n",
            lambda text: text.replace("A", "-", 1),
            lambda text: text.rstrip("=") + "é",
            lambda text: " " + text,
        ):
            bundle = good()
            bundle["dsseEnvelope"]["signatures"][0]["sig"] = change(bundle["dsseEnvelope"]["signatures"][0]["sig"])
            self.invalid(bundle, "base64")

    def test_unknown_fields_are_ignored(self) -> None:
        bundle = good() | {"later": 1}
        bundle["dsseEnvelope"]["later"] = bundle["verificationMaterial"]["later"] = {}
        self.assertEqual("valid", checked(bundle).state)
        statement = statement_of(NAME, CONTENT, later=[1])
        self.assertEqual("valid", checked(SIGNER.bundle(statement)).state)


class StatementTest(SignatureTestCase):
    def signed(self, change: Any) -> dict[str, Any]:
        statement = copy.deepcopy(statement_of(NAME, CONTENT))
        change(statement)
        return SIGNER.bundle(statement)

    def test_kinds_that_are_not_known(self) -> None:
        for reason, change in (
            ("statement-type", lambda s: s.update(_type="https://in-toto.io/Statement/v0.1")),
            ("statement-type", lambda s: s.pop("_type")),
            ("predicate-type", lambda s: s.update(predicateType="https://model_signing/Digests/v0.1")),
            ("predicate-type", lambda s: s.update(predicateType=["\x1b"])),
            ("serialization", lambda s: s["predicate"]["serialization"].update(method="shards")),
            ("serialization", lambda s: s["predicate"]["serialization"].update(hash_type="blake2b")),
            ("resources", lambda s: s["predicate"]["resources"].append(s["predicate"]["resources"][0])),
            ("resources", lambda s: s["predicate"].update(resources=[])),
            ("resources", lambda s: s["predicate"]["resources"][0].update(name="model.zip")),
            ("resources", lambda s: s["predicate"]["resources"][0].update(algorithm="md5")),
        ):
            found = self.invalid(self.signed(change), reason)
            self.assertIn("does not know", found.message)
            self.assertTrue(found.message.isprintable())

    def test_statements_that_contradict_themselves(self) -> None:
        for reason, change in (
            ("subject", lambda s: s.update(subject=[])),
            ("subject", lambda s: s["subject"].append(s["subject"][0])),
            ("subject-digest", lambda s: s["subject"][0]["digest"].update(sha256="0" * 64)),
            ("subject-digest", lambda s: s["subject"][0]["digest"].update(sha256=SHA256)),
            ("subject-digest", lambda s: s["subject"][0]["digest"].update(sha512="0")),
            ("subject-digest", lambda s: s["subject"][0].pop("digest")),
            ("resource-digest", lambda s: s["predicate"]["resources"][0].update(digest=SHA256.upper())),
            ("resource-digest", lambda s: s["predicate"]["resources"][0].update(digest=None)),
            ("field-missing", lambda s: s.update(predicate=None)),
            ("field-missing", lambda s: s["predicate"].update(serialization=[])),
            ("field-missing", lambda s: s["predicate"].update(resources=["x"])),
            ("field-missing", lambda s: s.update(subject=["x"])),
        ):
            self.invalid(self.signed(change), reason)

    def test_payloads_that_are_no_statement(self) -> None:
        self.invalid(SIGNER.bundle(b"\xff"), "not-json")
        self.invalid(SIGNER.bundle(b"[]"), "field-missing")

    def test_only_the_right_type_is_signed(self) -> None:
        payload = b"{}"
        self.assertEqual(b"DSSEv1 28 application/vnd.in-toto+json 2 {}", signed_bytes(payload))


class DerTest(unittest.TestCase):
    def test_there_and_back(self) -> None:
        for r, s in ((1, 1), (127, 128), (255, 256), (N - 1, N - 1), (2**255, 2**247 - 1)):
            self.assertEqual((r, s), parse_der_signature(der_signature(r, s)))

    def test_other_spellings(self) -> None:
        good = der_signature(2**255 % N, 77)
        for name, bad in {
            "empty": b"",
            "cut": good[:-1],
            "longer": good + b"\0",
            "long length": b"\x30\x81" + good[1:],
            "indefinite length": b"\x30\x80" + good[2:] + b"\0\0",
            "a set": b"\x31" + good[1:],
            "leading zero": b"\x30\x07\x02\x02\x00\x01\x02\x01\x01",
            "negative": b"\x30\x06\x02\x01\xff\x02\x01\x01",
            "no digits": b"\x30\x05\x02\x00\x02\x01\x01",
            "zero": b"\x30\x06\x02\x01\x00\x02\x01\x01",
            "a bit string": b"\x30\x06\x03\x01\x01\x02\x01\x01",
            "one number": b"\x30\x03\x02\x01\x01",
            "three numbers": b"\x30\x09\x02\x01\x01\x02\x01\x01\x02\x01\x01",
            "the order": der_signature(N, 1),
            "above the order": der_signature(1, N + 1),
            "huge": der_signature(1, 2**900),
            "raw": (1).to_bytes(32, "big") * 2,
        }.items():
            with self.subTest(name), self.assertRaises(SignatureInvalidError) as caught:
                parse_der_signature(bad)
            self.assertEqual("signature-der", caught.exception.reason)

    def test_the_one_spelling_of_small_numbers(self) -> None:
        self.assertEqual(bytes.fromhex("3006020101020101"), der_signature(1, 1))
        self.assertEqual(bytes.fromhex("300702020080020101"), der_signature(128, 1))


class ReadTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "model.zip.sig"

    def test_files(self) -> None:
        self.assertIsNone(read_signature(self.path))
        self.path.write_bytes(b"x")
        self.assertEqual(b"x", read_signature(self.path))
        self.path.write_bytes(b"x" * (MAX_SIGNATURE_BYTES + 1))
        with self.assertRaises(SignatureInvalidError) as large:
            read_signature(self.path)
        self.assertEqual("too-large", large.exception.reason)
        with self.assertRaises(PackflowError) as folder:
            read_signature(self.path.parent)
        self.assertEqual("signature-unreadable", folder.exception.code)

    def test_the_signature_beside_a_file(self) -> None:
        path = self.path.with_suffix("")
        self.assertEqual("none", check_signature_of(path, SHA256, [SIGNER.key]).state)
        self.path.write_bytes(SIGNER.sign(path.name, CONTENT))
        found = check_signature_of(path, SHA256, [SIGNER.key])
        self.assertEqual(("valid", str(self.path)), (found.state, found.path))
        self.path.write_bytes(b"x" * (MAX_SIGNATURE_BYTES + 1))
        self.assertEqual("too-large", check_signature_of(path, SHA256, [SIGNER.key]).reason)
        self.path.unlink()
        self.path.mkdir()
        self.assertEqual("unreadable", check_signature_of(path, SHA256, [SIGNER.key]).reason)

    def test_a_signature_that_is_named(self) -> None:
        path, named = self.path.with_name("a.zip"), self.path.with_name("b.sig")
        with self.assertRaises(PackflowError) as caught:
            check_signature_of(path, SHA256, [SIGNER.key], named)
        self.assertEqual("signature-not-found", caught.exception.code)
        named.write_bytes(SIGNER.sign("a.zip", CONTENT))
        self.assertEqual("valid", check_signature_of(path, SHA256, [SIGNER.key], named).state)

    def test_in_a_few_words(self) -> None:
        named = PublicKey(SIGNER.key.point, "keys/release.pub")
        fingerprint = SIGNER.key.fingerprint
        signature = SIGNER.sign(NAME, CONTENT)
        for keys, sha256, content, line in (
            ([named], SHA256, signature, f"signed by release.pub {fingerprint}"),
            ([SIGNER.key], SHA256, signature, f"signed by key {fingerprint}"),
            ([named], SHA256, None, "not signed"),
            ([], SHA256, signature, "signature not checked"),
            ([], SHA256, b"x", "signature not checked"),
            ([named], SHA256, b"[]", "signature invalid"),
        ):
            self.assertEqual(line, check_signature(NAME, sha256, content, keys).in_short())
        data = check_signature(NAME, SHA256, signature, [named], "x.sig").as_json()
        self.assertEqual(
            {"state": "valid", "reason": None, "fingerprint": fingerprint, "path": "x.sig", "key": "keys/release.pub"},
            {key: value for key, value in data.items() if key != "message"},
        )

    def test_what_was_parsed(self) -> None:
        found = parse_signature(SIGNER.sign(NAME, CONTENT))
        self.assertEqual(SIGNER.key.fingerprint, found.hint)
        self.assertEqual(statement_of(NAME, CONTENT), json.loads(found.payload))


if __name__ == "__main__":
    unittest.main()
