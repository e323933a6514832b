"""Detached signatures of one file in the OpenSSF model-signing form, and whether a key made one.

A sigstore bundle (v0.3) holds a DSSE envelope, which holds an in-toto statement about one resource, the file: its
SHA-256. The file's name is in the statement but proves nothing; a renamed file is still the file that was signed.
Nothing of a statement is looked at before its signature is found to be right.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .errors import ExitCode, PackflowError
from .jsonlines import BadLineError, decode_value, refuse_constant
from .p256 import N, verify
from .reporting import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .public_keys import PublicKey

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
SIGNATURE_SUFFIX = ".sig"
MAX_SIGNATURE_BYTES = 1 << 20
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")
_LONGEST_NAME = 120


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


@dataclass(frozen=True)
class SignatureCheck:
    """What became of a file's signature.

    ``none``: there is no signature. ``unchecked``: there is one, and no key to check it with. ``reason`` is a stable
    slug where it is invalid, ``message`` one sentence. ``fingerprint`` is of the key that made it or, where that is not
    proven, the one it names.
    """

    state: Literal["valid", "invalid", "unchecked", "none"]
    message: str
    fingerprint: str | None = None
    key: PublicKey | None = None
    reason: str | None = None
    hint: str = ""


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


def check_signature(
    file_name: str, file_sha256: str, content: bytes | None, keys: Sequence[PublicKey]
) -> SignatureCheck:
    """Whether ``content`` is the signature of the file with this SHA-256 (hex) by one of ``keys``.

    ``file_name`` only words the answer. Never raises: a broken signature is an answer too.
    """
    if content is None:
        return SignatureCheck("none", "The file is not signed.")
    fingerprint: str | None = None
    try:
        signature = parse_signature(content)
        fingerprint = signature.hint
        if not keys:
            return SignatureCheck("unchecked", "There is a signature, and no key to check it with.", fingerprint)
        key = _key_of(signature, keys)
        fingerprint = key.fingerprint
        _check_statement(signature.payload, file_name, file_sha256)
    except SignatureInvalidError as error:
        return SignatureCheck("invalid", error.title, fingerprint, None, error.reason, error.hint)
    return SignatureCheck("valid", "The file is the one that was signed.", fingerprint, key)


def signed_bytes(payload: bytes) -> bytes:
    """What a signature of ``payload`` is over: DSSE's pre-authentication encoding, which binds its type to it."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def subject_digest(file_sha256: str) -> str:
    """The digest of a statement's subject: SHA-256 over the raw digests of all resources, here the one."""
    return hashlib.sha256(bytes.fromhex(file_sha256)).hexdigest()


# --- Reading --------------------------------------------------------------------------------------------------


def parse_signature(content: bytes) -> Signature:
    """Read a bundle; raises SignatureInvalidError for what is not one signature by a key."""
    bundle = _object(_strict_json(content, "The signature file"), "the signature file")
    if bundle.get("mediaType") != BUNDLE_TYPE:
        raise _malformed("bundle-type", "it is no sigstore bundle of version 0.3")
    material = _object(bundle.get("verificationMaterial"), "verificationMaterial")
    if "publicKey" not in material:
        raise SignatureInvalidError(
            "not-by-key",
            "The signature was made with a certificate or an identity, not with a key.",
            "Ask for a signature by a key, or check it with the tool that made it.",
        )
    hint = _object(material["publicKey"], "publicKey").get("hint")
    envelope = _object(bundle.get("dsseEnvelope"), "dsseEnvelope")
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise _malformed("payload-type", "its payload is no in-toto statement")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise _malformed("signatures", "it must hold one signature")
    payload = _base64(envelope.get("payload"), "payload")
    r, s = parse_der_signature(_base64(_object(signatures[0], "signatures").get("sig"), "sig"))
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
        raise _malformed("signature-der", "its two numbers are out of range, or not in their one DER form")
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
    if not isinstance(hint, str) or not _FINGERPRINT.match(hint):
        raise _malformed("key-hint", "it names its key in another way than by SHA-256")
    return hint


def _base64(text: object, field: str) -> bytes:
    if not isinstance(text, str):
        raise _malformed("field-missing", f"{field} is missing")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise _malformed("base64", f"{field} is not Base64") from None
    if base64.b64encode(data).decode() != text:
        raise _malformed("base64", f"{field} is not in the one form that Base64 may have")
    return data


def _strict_json(content: bytes, what: str) -> Any:  # noqa: ANN401 - any JSON value
    """Read JSON in which no object has a key twice: two readers could each believe another of them."""
    try:
        decode_value(content)
        return json.loads(content.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=refuse_constant)
    except BadLineError as error:
        raise SignatureInvalidError("not-json", f"{what} is not JSON: {error}.") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _malformed("duplicate-key", "a key stands twice in one object")
    return found


def _object(value: object, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _malformed("field-missing", f"{field} is missing or no object")
    return value


def _malformed(reason: str, why: str) -> SignatureInvalidError:
    return SignatureInvalidError(reason, f"The signature cannot be read: {why}.")


# --- Checking -------------------------------------------------------------------------------------------------


def _key_of(signature: Signature, keys: Sequence[PublicKey]) -> PublicKey:
    """The key that made the signature; the one that it names is the only one tried."""
    named = [key for key in keys if signature.hint in (None, key.fingerprint)]
    if not named:
        given = f"the key {keys[0].fingerprint}" if len(keys) == 1 else f"any of the {len(keys)} keys given"
        raise SignatureInvalidError(
            "other-key",
            f"The signature was made with the key {signature.hint}, not with {given}.",
            "Give the public key of whoever signed it, if you trust them.",
        )
    digest = hashlib.sha256(signed_bytes(signature.payload)).digest()
    for key in named:
        if verify(key.point, digest, signature.r, signature.s):
            return key
    if signature.hint is None:
        raise SignatureInvalidError(
            "other-key-or-forged", "No key given made the signature; it names none, or it was changed."
        )
    raise SignatureInvalidError(
        "forged", f"The signature is not by the key that it names, {signature.hint}: it was changed or forged."
    )


def _check_statement(payload: bytes, file_name: str, file_sha256: str) -> None:
    """Raise SignatureInvalidError unless a statement that is known to be its signer's is about this file."""
    statement = _object(_strict_json(payload, "The statement in the signature"), "the statement")
    if statement.get("_type") != STATEMENT_TYPE:
        raise _unknown("statement-type", f"its statement is of type {_shown(statement.get('_type'))}")
    if statement.get("predicateType") != PREDICATE_TYPE:
        raise _unknown("predicate-type", f"its statement says {_shown(statement.get('predicateType'))}")
    digest = _resource_digest(_object(statement.get("predicate"), "predicate"))
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1:
        raise _malformed("subject", "it must be about one subject")
    subject = _object(subjects[0], "subject")
    if subject.get("digest") != {"sha256": subject_digest(digest)}:
        raise _malformed("subject-digest", "the digest of its subject is not that of its resource")
    if digest != file_sha256:
        raise _other_file(subject.get("name"), digest, file_name, file_sha256)


def _resource_digest(predicate: dict[str, Any]) -> str:
    serialization = _object(predicate.get("serialization"), "serialization")
    if serialization.get("method") != "files" or serialization.get("hash_type") != "sha256":
        raise _unknown("serialization", "it hashes in another way than SHA-256 of the whole file")
    resources = predicate.get("resources")
    if not isinstance(resources, list) or len(resources) != 1:
        raise _unknown("resources", "it is of a folder, not of one file")
    resource = _object(resources[0], "resources")
    digest = resource.get("digest")
    if resource.get("name") != "." or resource.get("algorithm") != "sha256":
        raise _unknown("resources", "it is of a file in a folder, not of one file")
    if not isinstance(digest, str) or not _FINGERPRINT.match(digest):
        raise _malformed("resource-digest", "it holds no SHA-256")
    return digest


def _other_file(name: object, digest: str, file_name: str, file_sha256: str) -> SignatureInvalidError:
    if name == file_name:
        return SignatureInvalidError(
            "file-changed",
            f"{file_name} changed after it was signed: its SHA-256 is {file_sha256}, and was {digest}.",
        )
    return SignatureInvalidError(
        "other-file",
        f"It is the signature of another file: of {_shown(name)} with SHA-256 {digest}; this one has {file_sha256}.",
    )


def _unknown(reason: str, why: str) -> SignatureInvalidError:
    return SignatureInvalidError(
        reason,
        f"The signature is of a kind that this version does not know: {why}.",
        "Check it with a newer packflow-runtime, or with the tool that made it.",
    )


def _shown(value: object) -> str:
    """Words of a statement as a terminal may show them; its signer is known here, but not yet trusted."""
    text = value if isinstance(value, str) else repr(value)
    return printable(text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…")
