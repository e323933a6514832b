"""The form of a detached signature: what OpenSSF model-signing writes, read in one spelling only.

A sigstore bundle (v0.3) holds a DSSE envelope, which holds an in-toto statement about one resource, the file: its
SHA-256. Here it is taken apart; ``signatures`` tells what it proves.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import Any

from .errors import ExitCode, PackflowError
from .jsonlines import BadLineError, decode_value, refuse_constant
from .p256 import N

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
MAX_SIGNATURE_BYTES = 1 << 20
SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class SignatureInvalidError(PackflowError):
    """A signature that proves nothing about the file; ``reason`` is a stable slug."""

    code = "signature-invalid"
    exit_code = ExitCode.CHECK_FAILED

    def __init__(
        self, reason: str, title: str, hint: str = "Get the file and its signature again from the source."
    ) -> None:
        super().__init__(title, hint=hint)
        self.reason = reason


@dataclass(frozen=True)
class Signature:
    """What a signature file holds, nothing of it checked yet.

    ``r`` and ``s`` are a signature of ``payload`` (a statement) by the key that ``hint`` names; an old signature names
    none.
    """

    payload: bytes
    r: int
    s: int
    hint: str | None


def read_signature(path: str | os.PathLike[str]) -> bytes | None:
    """The content of a signature file, None where there is none; raises SignatureInvalidError for one too large.

    Raises PackflowError when it is there and cannot be read.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            content = file.read(MAX_SIGNATURE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PackflowError(
            f"{name} cannot be read: {error.strerror}.",
            code="signature-unreadable",
            exit_code=ExitCode.NOT_FOUND,
            file=name,
            hint="Mend its permissions, or name another with --signature.",
        ) from None
    if len(content) > MAX_SIGNATURE_BYTES:
        raise SignatureInvalidError(
            "too-large", f"{name} is larger than {MAX_SIGNATURE_BYTES >> 20} MiB: no signature."
        )
    return content


def signed_bytes(payload: bytes) -> bytes:
    """What a signature of ``payload`` is over: DSSE's pre-authentication encoding, which binds its type to it."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def subject_digest(file_sha256: str) -> str:
    """The digest of a statement's subject: SHA-256 over the raw digests of all resources, here the one."""
    return hashlib.sha256(bytes.fromhex(file_sha256)).hexdigest()


def parse_signature(content: bytes) -> Signature:
    """Read a bundle; raises SignatureInvalidError for what is not one signature by a key."""
    bundle = json_object(strict_json(content, "The signature file"), "the signature file")
    if bundle.get("mediaType") != BUNDLE_TYPE:
        raise malformed("bundle-type", "it is no sigstore bundle of version 0.3")
    material = json_object(bundle.get("verificationMaterial"), "verificationMaterial")
    if "publicKey" not in material:
        raise SignatureInvalidError(
            "not-by-key",
            "The signature was made with a certificate or an identity, not with a key.",
            "Ask for a signature by a key, or check it with the tool that made it.",
        )
    hint = json_object(material["publicKey"], "publicKey").get("hint")
    envelope = json_object(bundle.get("dsseEnvelope"), "dsseEnvelope")
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise malformed("payload-type", "its payload is no in-toto statement")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise malformed("signatures", "it must hold one signature")
    payload = _base64(envelope.get("payload"), "payload")
    r, s = parse_der_signature(_base64(json_object(signatures[0], "signatures").get("sig"), "sig"))
    return Signature(payload, r, s, _hint(hint))


def parse_der_signature(der: bytes) -> tuple[int, int]:
    """The two numbers of an ECDSA signature in DER; raises SignatureInvalidError for any other spelling of them.

    Reads leniently, writes again, and demands the same bytes.
    """
    numbers = []
    rest = der[2:]
    for _ in range(2):
        length = rest[1] if len(rest) > 1 else 0
        numbers.append(int.from_bytes(rest[2 : 2 + length], "big"))
        rest = rest[2 + length :]
    r, s = numbers
    if not (0 < r < N and 0 < s < N) or der_signature(r, s) != der:
        raise malformed("signature-der", "its two numbers are out of range, or not in their one DER form")
    return r, s


def der_signature(r: int, s: int) -> bytes:
    """An ECDSA signature in DER: a sequence of two positive integers, each in the fewest bytes."""
    body = b""
    for number in (r, s):
        raw = number.to_bytes(number.bit_length() // 8 + 1, "big")  # a leading zero bit keeps it positive
        body += bytes([2, len(raw)]) + raw
    return bytes([0x30, len(body)]) + body


def _hint(hint: object) -> str | None:
    if hint is None or hint == "":
        return None
    if not isinstance(hint, str) or not SHA256.match(hint):
        raise malformed("key-hint", "it names its key in another way than by SHA-256")
    return hint


def _base64(text: object, field: str) -> bytes:
    if not isinstance(text, str):
        raise malformed("field-missing", f"{field} is missing")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise malformed("base64", f"{field} is not Base64") from None
    if base64.b64encode(data).decode() != text:
        raise malformed("base64", f"{field} is not in the one form that Base64 may have")
    return data


def strict_json(content: bytes, what: str) -> Any:  # noqa: ANN401 - any JSON value
    """Read JSON in which no object has a key twice: two readers could each believe another of them."""
    try:
        decode_value(content)
        return json.loads(content.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=refuse_constant)
    except BadLineError as error:
        raise SignatureInvalidError("not-json", f"{what} is not JSON: {error}.") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise malformed("duplicate-key", "a key stands twice in one object")
    return found


def json_object(value: object, field: str) -> dict[str, Any]:
    """``value`` where it is an object; raises SignatureInvalidError."""
    if not isinstance(value, dict):
        raise malformed("field-missing", f"{field} is missing or no object")
    return value


def malformed(reason: str, why: str) -> SignatureInvalidError:
    """The error for a signature that is not in the one form it may have."""
    return SignatureInvalidError(reason, f"The signature cannot be read: {why}.")
