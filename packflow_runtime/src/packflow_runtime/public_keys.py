"""Public keys that signatures are checked with: P-256, as PEM files (SubjectPublicKeyInfo, RFC 5480)."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .errors import ExitCode, PackflowError
from .p256 import P, Point, is_on_curve

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_SUFFIXES = (".pub", ".pem")
_MAX_KEY_BYTES = 64 * 1024
_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_COORDINATE = 32  # bytes
# Everything that stands before a P-256 point in its DER form: the algorithm, the curve, and that it is uncompressed.
_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_ALGORITHMS = (
    ("P-384", "06052b81040022"),
    ("P-521", "06052b81040023"),
    ("secp256k1", "06052b8104000a"),
    ("RSA", "06092a864886f70d0101"),
    ("Ed25519", "06032b6570"),
    ("Ed448", "06032b6571"),
    ("X25519", "06032b656e"),
)


class KeyInvalidError(PackflowError):
    """A file holds no public key that signatures can be checked with."""

    code = "key-invalid"
    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class PublicKey:
    """A point on P-256; ``file`` is where it was read from, empty where it was not."""

    point: Point
    file: str = field(default="", compare=False)

    @property
    def pem(self) -> bytes:
        """The key as a PEM file, in the one form that OpenSSL writes too."""
        x, y = self.point
        text = base64.b64encode(_HEAD + x.to_bytes(_COORDINATE, "big") + y.to_bytes(_COORDINATE, "big")).decode()
        lines = [text[start : start + 64] for start in range(0, len(text), 64)]
        return "\n".join([_BEGIN, *lines, _END, ""]).encode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the PEM file, which is also how a signature names its key: ``sha256sum KEY.pub`` shows it."""
        return hashlib.sha256(self.pem).hexdigest()


def read_public_key(path: str | os.PathLike[str]) -> PublicKey:
    """Read one PEM file; raises KeyInvalidError, or PackflowError when it cannot be read."""
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            content = file.read(_MAX_KEY_BYTES + 1)
    except OSError as error:
        raise _unreadable(name, error) from None
    return parse_public_key(content, name)


def read_public_keys(folder: str | os.PathLike[str]) -> list[PublicKey]:
    """Read every ``*.pub`` and ``*.pem`` of a folder; one that is no key is an error, never passed over.

    Raises KeyInvalidError, also when there is none, or PackflowError when the folder cannot be read.
    """
    name = os.fspath(folder)
    try:
        found = sorted(one for one in os.listdir(name) if one.endswith(KEY_SUFFIXES))
    except OSError as error:
        raise _unreadable(name, error) from None
    if not found:
        raise KeyInvalidError(
            f"{name} holds no public key.", file=name, hint="Put the keys that you trust there, as *.pub or *.pem."
        )
    return [read_public_key(os.path.join(name, one)) for one in found]


def keys_given(files: Iterable[str | os.PathLike[str]], folder: str | os.PathLike[str] | None) -> list[PublicKey]:
    """The keys that ``--key`` and ``--keys`` name; raises what reading them does."""
    keys = [read_public_key(file) for file in files]
    return keys if folder is None else keys + read_public_keys(folder)


def parse_public_key(content: bytes, file: str = "") -> PublicKey:
    """Read a PEM file's content; raises KeyInvalidError for whatever is not exactly one P-256 public key."""
    der = _der_of(content, file)
    if len(der) != len(_HEAD) + 2 * _COORDINATE or not der.startswith(_HEAD):
        raise _invalid(file, f"it holds {_kind_of(der)}")
    x = int.from_bytes(der[len(_HEAD) : -_COORDINATE], "big")
    y = int.from_bytes(der[-_COORDINATE:], "big")
    if not is_on_curve(x, y):
        why = "a coordinate is too large" if max(x, y) >= P else "its point does not lie on the curve"
        raise _invalid(file, why)
    return PublicKey((x, y), file)


def _der_of(content: bytes, file: str) -> bytes:
    if len(content) > _MAX_KEY_BYTES:
        raise _invalid(file, "it is far too large for one")
    try:
        lines = content.decode("ascii").split()
    except UnicodeDecodeError:
        raise _invalid(file, "it is not a PEM file") from None
    text = " ".join(lines)
    if "PRIVATE KEY-----" in text:
        raise KeyInvalidError(
            f"{file or 'The key'} is a private key; a signature is checked with the public one.",
            code="key-private",
            file=file or None,
            hint="Give the file beside it that ends in .pub. Never pass the private key on.",
        )
    if not text.startswith(_BEGIN):
        raise _invalid(file, _what_instead(text))
    if not text.endswith(_END):
        raise _invalid(file, "it is cut short, or something follows the key")
    body = "".join(text[len(_BEGIN) : -len(_END)].split())
    try:
        der = base64.b64decode(body, validate=True)
    except ValueError:
        raise _invalid(file, "it is cut short or damaged") from None
    if base64.b64encode(der).decode() != body:
        raise _invalid(file, "its Base64 is not in the one form it may have")
    return der


def _what_instead(text: str) -> str:
    if "BEGIN CERTIFICATE" in text:
        return "it is a certificate"
    if text.startswith(("ssh-", "ecdsa-", "-----BEGIN OPENSSH")):
        return "it is a key for SSH"
    return "it is not a PEM file that begins with BEGIN PUBLIC KEY"


def _kind_of(der: bytes) -> str:
    """What the key is instead: to word the error, never to read on."""
    for name, identifier in _ALGORITHMS:
        if bytes.fromhex(identifier) in der[:40]:
            return f"a key of another kind, {name}"
    if der.startswith(bytes.fromhex("3039301306072a8648ce3d0201")):
        return "a compressed point"
    if bytes.fromhex("06072a8648ce3d0101") in der[:60]:
        return "a curve that is written out instead of named"
    if not der or (len(der) > 1 and der[1] < 0x80 and der[1] + 2 != len(der)):
        return "a key that is cut short or damaged"
    return "no P-256 key in its one DER form"


def _invalid(file: str, why: str) -> KeyInvalidError:
    return KeyInvalidError(
        f"{file or 'The key'} is no public key for signatures: {why}.",
        file=file or None,
        hint="It must be a P-256 public key as a PEM file, such as `packflow keygen` writes.",
    )


def _unreadable(name: str, error: OSError) -> PackflowError:
    return PackflowError(
        f"{name} cannot be read: {error.strerror}.",
        code="key-not-found",
        exit_code=ExitCode.NOT_FOUND,
        file=name,
        hint="Name a folder of public keys; the file of a single one goes to --key."
        if isinstance(error, NotADirectoryError)
        else "Check the key's path.",
    )
