"""Sign a file in the OpenSSF model-signing form, with a key file or with a command that keeps the key to itself."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from packflow_app.errors import CheckFailedError, NotFoundError, UsageError, not_writable
from packflow_app.packaging.private_keys import load_private_key, public_key_of, signature_of
from packflow_app.placing import sibling
from packflow_app.runtime import (
    BUNDLE_TYPE,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    SIGNATURE_SUFFIX,
    STATEMENT_TYPE,
    PackflowError,
    PublicKey,
    SignatureInvalidError,
    canonical_json,
    check_signature,
    der_signature,
    parse_der_signature,
    read_public_key,
    read_signature,
    signed_bytes,
    subject_digest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_CHUNK = 1 << 20
_COMMAND_SECONDS = 300  # somebody may have to touch a token
_LOG_LINES = 5
_RAW_BYTES = 64


class Signer(Protocol):
    """Whatever can sign: ``key`` is the public half."""

    @property
    def key(self) -> PublicKey:
        """The public key that its signatures are checked with."""

    def sign(self, message: bytes) -> bytes:
        """An ECDSA signature of ``message`` (P-256, SHA-256) in DER."""


@dataclass(frozen=True)
class KeySigner:
    """A private key in memory."""

    private: EllipticCurvePrivateKey
    key: PublicKey

    def sign(self, message: bytes) -> bytes:
        """Sign with the key."""
        return signature_of(self.private, message)


@dataclass(frozen=True)
class CommandSigner:
    """A program that gets the message on standard input and prints a signature: for tokens and HSMs.

    It may print DER or the two numbers in 64 bytes, as they are, in Base64 or in hexadecimal.
    """

    command: list[str]
    key: PublicKey

    def sign(self, message: bytes) -> bytes:
        """Run the program; raises CheckFailedError when it fails or prints something else."""
        name = self.command[0]
        try:
            ran = subprocess.run(
                self.command, input=message, capture_output=True, timeout=_COMMAND_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise _command_failed(f"{name} did not answer in {_COMMAND_SECONDS} seconds.") from None
        except OSError as error:
            raise NotFoundError(
                f"{name} cannot be run: {error.strerror}.",
                code="sign-command-not-found",
                hint="Give --sign-command a program and its arguments, as one quoted word.",
            ) from None
        if ran.returncode:
            said = ran.stderr.decode("utf-8", "replace").strip().splitlines()[-_LOG_LINES:]
            raise _command_failed(f"{name} failed with exit code {ran.returncode}.", "; ".join(said))
        der = _der_in(ran.stdout)
        if der is None:
            raise _command_failed(f"{name} printed no ECDSA signature.")
        return der


@dataclass(frozen=True)
class WrittenSignature:
    """A signature in its place; ``unchanged`` says that a valid one by the same key already stood there."""

    path: Path
    file_sha256: str
    key: PublicKey
    unchanged: bool


def key_signer(path: Path, passphrase: str | None) -> KeySigner:
    """The signer of a key file; raises what ``load_private_key`` does."""
    private = load_private_key(path, passphrase)
    return KeySigner(private, public_key_of(private))


def command_signer(command: str, public_key: Path) -> CommandSigner:
    """The signer of a command line, split as a shell would, and the public key that its signatures must fit."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--sign-command cannot be split into words: {error}.", hint="Mend its quotes.") from None
    if not words:
        raise UsageError("--sign-command is empty.", hint="Give it a program and its arguments.")
    return CommandSigner(words, read_public_key(public_key))


def write_signature(
    file: BinaryIO, name: str, signer: Signer, target: Path, *, sha256: str | None = None, force: bool = False
) -> WrittenSignature:
    """Sign what ``file`` holds from its beginning, under the name ``name``, and write the bundle to ``target``.

    ``sha256`` is what it must have; raises CheckFailedError where it has another.
    A valid signature by the same key that is there already stays. Raises UsageError when something else stands there
    (unless ``force``), CheckFailedError when the signer does not sign with its own key, NotWritableError; the file
    appears whole or not at all.
    """
    expected, sha256 = sha256, _sha256(file)
    if expected not in (None, sha256):
        raise CheckFailedError(
            f"{name} is not the file that it was a moment ago: its SHA-256 is {sha256}, and was {expected}.",
            code="archive-changed",
            hint="Export again when nothing writes to it.",
        )
    if target.exists() or target.is_symlink():
        if target.is_file() and _is_valid(target, name, sha256, signer.key):
            return WrittenSignature(target, sha256, signer.key, unchanged=True)
        if not force or not target.is_file():
            raise UsageError(
                f"{target} already exists and is not the signature of this file by this key.",
                code="target-exists",
                file=str(target),
                hint="Replace it with --force, or choose another file with -o.",
            )
    content = bundle_of(name, sha256, signer)
    found = check_signature(name, sha256, content, [signer.key])
    if found.state != "valid":
        raise CheckFailedError(
            f"The signature is not by the key {signer.key.fingerprint}: whatever signed holds another.",
            code="sign-command-other-key",
            hint="Give --public-key the key that the command signs with.",
        )
    work = sibling(target)
    try:
        work.write_bytes(content)
        work.replace(target)
    except OSError as error:
        raise not_writable(target, error) from error
    finally:
        if target.parent.is_dir():
            work.unlink(missing_ok=True)
    return WrittenSignature(target, sha256, signer.key, unchanged=False)


def signature_path(file: Path) -> Path:
    """Where the signature of a file lies: beside it, with .sig after its whole name."""
    return file.with_name(file.name + SIGNATURE_SUFFIX)


def bundle_of(name: str, sha256: str, signer: Signer) -> bytes:
    """The signature file of a file with this name and SHA-256."""
    payload = canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": subject_digest(sha256)}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "serialization": {
                    "method": "files",
                    "hash_type": "sha256",
                    "allow_symlinks": False,
                    "ignore_paths": [],
                },
                "resources": [{"name": ".", "algorithm": "sha256", "digest": sha256}],
            },
        }
    )
    return canonical_json(
        {
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": signer.key.fingerprint}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signer.sign(signed_bytes(payload))).decode(), "keyid": ""}],
            },
        }
    )


def _der_in(output: bytes) -> bytes | None:
    """The signature that a command printed, in DER."""
    for found in _readings(output):
        if len(found) == _RAW_BYTES:
            half = _RAW_BYTES // 2
            return der_signature(int.from_bytes(found[:half], "big"), int.from_bytes(found[half:], "big"))
        try:
            parse_der_signature(found)
        except SignatureInvalidError:
            continue
        return found
    return None


def _readings(output: bytes) -> Iterator[bytes]:
    """What a command may have meant: the bytes as they are, hexadecimal (which could be Base64 too), or Base64."""
    yield output
    text = b"".join(output.split())
    for decode in (binascii.unhexlify, binascii.a2b_base64):
        with contextlib.suppress(ValueError):
            yield decode(text)


def _is_valid(path: Path, name: str, sha256: str, key: PublicKey) -> bool:
    try:
        content = read_signature(path)
    except PackflowError:  # too large, or not readable: none, then
        return False
    return check_signature(name, sha256, content, [key]).state == "valid"


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _command_failed(title: str, detail: str = "") -> CheckFailedError:
    return CheckFailedError(
        title,
        code="sign-command-failed",
        detail=detail,
        hint="The command gets the bytes to sign on standard input and must print an ECDSA signature (P-256, SHA-256).",
    )
