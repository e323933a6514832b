"""Whether a file's detached signature is good, and the reason where it is not.

The file's name is in the signed statement but proves nothing: a renamed file is still the file that was signed. Nothing
of a statement is looked at before its signature is found to be right.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .errors import ExitCode, PackflowError
from .p256 import verify
from .reporting import printable
from .signature_bundles import (
    PREDICATE_TYPE,
    SHA256,
    STATEMENT_TYPE,
    Signature,
    SignatureInvalidError,
    json_object,
    malformed,
    parse_signature,
    read_signature,
    signed_bytes,
    strict_json,
    subject_digest,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .public_keys import PublicKey

SIGNATURE_SUFFIX = ".sig"
_LONGEST_NAME = 120


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
    path: str = ""

    def in_short(self) -> str:
        """A few words, to follow others about the file."""
        if self.state == "valid":
            name = os.path.basename(self.key.file) if self.key is not None and self.key.file else "key"
            return f"signed by {name} {self.fingerprint}"
        words = {"invalid": "signature invalid", "unchecked": "signature not checked", "none": "not signed"}
        return words[self.state]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        found = {key: getattr(self, key) for key in ("state", "reason", "message", "fingerprint", "path")}
        return {**found, "key": self.key.file if self.key is not None else None}


def check_signature_of(
    path: str | os.PathLike[str],
    file_sha256: str,
    keys: Sequence[PublicKey],
    signature: str | os.PathLike[str] | None = None,
) -> SignatureCheck:
    """Whether the file at ``path``, which has this SHA-256, is signed by one of ``keys``.

    The signature lies beside it, or is the file ``signature``. Raises PackflowError when that file is not there, since
    it was named; all else is an answer.
    """
    beside = os.fspath(path) + SIGNATURE_SUFFIX if signature is None else os.fspath(signature)
    try:
        content = read_signature(beside)
    except SignatureInvalidError as error:
        return _invalid(error, None, beside)
    except PackflowError as error:
        return SignatureCheck("invalid", error.title, reason="unreadable", hint=error.hint, path=beside)
    if content is None and signature is not None:
        raise PackflowError(
            f"The signature {beside} does not exist.",
            code="signature-not-found",
            exit_code=ExitCode.NOT_FOUND,
            file=beside,
            hint="Check its path; without --signature the one beside the archive is taken.",
        )
    return check_signature(os.path.basename(os.fspath(path)), file_sha256, content, keys, beside)


def check_signature(
    file_name: str, file_sha256: str, content: bytes | None, keys: Sequence[PublicKey], path: str = ""
) -> SignatureCheck:
    """Whether ``content`` is the signature of the file with this SHA-256 (hex) by one of ``keys``.

    ``file_name`` only words the answer, ``path`` is where the signature is from. Never raises: a broken signature is
    an answer too. Without keys nothing is said against it: it may be of a kind that another tool checks.
    """
    if content is None:
        return SignatureCheck("none", "It is not signed.", hint="Ask its builder for the signature.", path=path)
    fingerprint: str | None = None
    try:
        signature = parse_signature(content)
        fingerprint = signature.hint
        if keys:
            key = _key_of(signature, keys)
            fingerprint = key.fingerprint
            _check_statement(signature.payload, file_name, file_sha256)
            return SignatureCheck("valid", "It is the file that was signed.", fingerprint, key, path=path)
    except SignatureInvalidError as error:
        if keys:
            return _invalid(error, fingerprint, path)
    message = "There is a signature beside it, and no key was given to check it with."
    return SignatureCheck("unchecked", message, fingerprint, hint="Give the signer's public key: --key PUB", path=path)


def signed_file(content: bytes) -> tuple[str, str | None]:
    """The SHA-256 that a signature is about, and the key that it names: what it says, checked with no key at all.

    Raises SignatureInvalidError for what is no signature of one file.
    """
    signature = parse_signature(content)
    return _stated_digest(signature.payload)[0], signature.hint


def _invalid(error: SignatureInvalidError, fingerprint: str | None, path: str) -> SignatureCheck:
    return SignatureCheck("invalid", error.title, fingerprint, None, error.reason, error.hint, path)


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
    digest, name = _stated_digest(payload)
    if digest != file_sha256:
        raise _other_file(name, digest, file_name, file_sha256)


def _stated_digest(payload: bytes) -> tuple[str, object]:
    """The SHA-256 of the one file that a statement is about, and the name that it gives it."""
    statement = json_object(strict_json(payload, "The statement in the signature"), "the statement")
    if statement.get("_type") != STATEMENT_TYPE:
        raise _unknown("statement-type", f"its statement is of type {_shown(statement.get('_type'))}")
    if statement.get("predicateType") != PREDICATE_TYPE:
        raise _unknown("predicate-type", f"its statement says {_shown(statement.get('predicateType'))}")
    digest = _resource_digest(json_object(statement.get("predicate"), "predicate"))
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1:
        raise malformed("subject", "it must be about one subject")
    subject = json_object(subjects[0], "subject")
    if subject.get("digest") != {"sha256": subject_digest(digest)}:
        raise malformed("subject-digest", "the digest of its subject is not that of its resource")
    return digest, subject.get("name")


def _resource_digest(predicate: dict[str, Any]) -> str:
    serialization = json_object(predicate.get("serialization"), "serialization")
    if serialization.get("method") != "files" or serialization.get("hash_type") != "sha256":
        raise _unknown("serialization", "it hashes in another way than SHA-256 of the whole file")
    resources = predicate.get("resources")
    if not isinstance(resources, list) or len(resources) != 1:
        raise _unknown("resources", "it is of a folder, not of one file")
    resource = json_object(resources[0], "resources")
    digest = resource.get("digest")
    if resource.get("name") != "." or resource.get("algorithm") != "sha256":
        raise _unknown("resources", "it is of a file in a folder, not of one file")
    if not isinstance(digest, str) or not SHA256.match(digest):
        raise malformed("resource-digest", "it holds no SHA-256")
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
