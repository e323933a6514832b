"""Private keys that sign archives: P-256, as PEM files that only their owner can read.

Making and reading one needs the `cryptography` library, an extra of the app; it is imported where it is used.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packflow_app.errors import NotFoundError, UsageError, not_writable
from packflow_app.placing import absolute, make_folders, place_new, remove_empty, sibling
from packflow_app.runtime import PublicKey, parse_public_key

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

PUBLIC_SUFFIX = ".pub"
_MAX_KEY_BYTES = 64 * 1024
# openssl ecparam -genkey writes which curve it is in a block of its own first.
_PARAMETERS = rb"(?:-----BEGIN EC PARAMETERS-----[^-]*-----END EC PARAMETERS-----)?\s*"
_BEGIN = re.compile(rb"\s*" + _PARAMETERS + rb"-----BEGIN ((?:[A-Z]+ )*)(PRIVATE KEY|PUBLIC KEY|CERTIFICATE)-----")
_OWNER_ONLY = 0o600
_OTHERS = 0o077


@dataclass(frozen=True)
class WrittenKeys:
    """A new pair in its place."""

    private: Path
    public: Path
    key: PublicKey
    encrypted: bool


def public_path(private: Path) -> Path:
    """Where the public key of a private one lies: beside it, with the suffix .pub."""
    return private.with_suffix(PUBLIC_SUFFIX)


def write_key_pair(private: Path, passphrase: str | None, *, force: bool = False) -> WrittenKeys:
    """Make a new pair and write both files, the private one for its owner alone.

    Raises UsageError when either is there already (unless ``force``) or ``private`` ends in .pub, NotFoundError without
    `cryptography`, NotWritableError; then nothing is left behind.
    """
    private = absolute(private)
    public = public_path(private)
    if private == public:
        raise UsageError(
            f"{private.name} would be the name of the public key.",
            hint=f"Name the private key's file: -o {shlex.quote(private.with_suffix('.key').name)}",
        )
    for path in () if force else (private, public):
        if path.exists() or path.is_symlink():
            raise _exists(path)
    pem, key = _new_pair(passphrase)
    made: list[Path] = []
    try:
        made = make_folders(private.parent)
        _place(private, pem, _OWNER_ONLY, force=force)
        try:
            _place(public, key.pem, 0o644, force=force)
        except BaseException:
            if not force:  # what stood there before is gone: the new one is better than none
                private.unlink(missing_ok=True)
            raise
    except FileExistsError:  # between the look above and now
        remove_empty(made)
        raise _exists(private) from None
    except OSError as error:
        remove_empty(made)
        raise not_writable(private, error) from error
    return WrittenKeys(private, public, key, passphrase is not None)


def is_encrypted(path: Path) -> bool:
    """Whether a private key asks for a passphrase; raises what ``load_private_key`` does for a file that is none."""
    content = _read(path)
    return _check_kind(path, content).startswith("ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in content


def load_private_key(path: Path, passphrase: str | None = None) -> EllipticCurvePrivateKey:
    """Read a private key; a passphrase for one that has none is not looked at.

    Raises UsageError for what is no such key, is open to others, or does not open with the passphrase, NotFoundError
    when it is not there or `cryptography` is not.
    """
    encrypted = is_encrypted(path)
    if encrypted and passphrase is None:
        raise UsageError(
            f"{path} is encrypted, and no passphrase was given.",
            code="key-encrypted",
            file=str(path),
            hint="Put the passphrase into PACKFLOW_KEY_PASSPHRASE, or run it on a terminal, which asks for it.",
        )
    modules = _cryptography()
    secret = passphrase.encode() if encrypted and passphrase is not None else None
    try:
        key = modules.serialization.load_pem_private_key(_read(path), secret)
    except (ValueError, TypeError):
        if encrypted:
            raise UsageError(
                f"The passphrase does not open {path}.",
                code="key-passphrase-wrong",
                file=str(path),
                hint="Give the passphrase that the key was made with; a damaged file fails in the same way.",
            ) from None
        raise _invalid(path, "it is cut short or damaged") from None
    except modules.UnsupportedAlgorithm:
        raise _invalid(path, "it is of a kind that is not supported") from None
    if not isinstance(key, modules.ec.EllipticCurvePrivateKey):
        raise _invalid(path, f"it is a key of another kind, {type(key).__name__.strip('_').removesuffix('PrivateKey')}")
    if not isinstance(key.curve, modules.ec.SECP256R1):
        raise _invalid(path, f"it is on another curve, {key.curve.name}", code="key-wrong-curve")
    return key  # type: ignore[no-any-return]


def public_key_of(private: EllipticCurvePrivateKey) -> PublicKey:
    """The public half of a private key."""
    serialization = _cryptography().serialization
    return parse_public_key(
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def signature_of(private: EllipticCurvePrivateKey, message: bytes) -> bytes:
    """An ECDSA signature in DER; always the same one where OpenSSL can (RFC 6979)."""
    modules = _cryptography()
    digest = modules.hashes.SHA256()
    try:
        return private.sign(message, modules.ec.ECDSA(digest, deterministic_signing=True))
    except modules.UnsupportedAlgorithm:  # OpenSSL before 3.2
        return private.sign(message, modules.ec.ECDSA(digest))


def _new_pair(passphrase: str | None) -> tuple[bytes, PublicKey]:
    modules = _cryptography()
    private = modules.ec.generate_private_key(modules.ec.SECP256R1())
    serialization = modules.serialization
    lock = (
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase.encode())
    )
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    return pem, public_key_of(private)


@dataclass(frozen=True)
class _Cryptography:
    """The parts of `cryptography` in use, whose import takes a while and may fail."""

    ec: Any
    hashes: Any
    serialization: Any
    UnsupportedAlgorithm: type[Exception]


def _cryptography() -> _Cryptography:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - an extra
    except ImportError:
        raise NotFoundError(
            "Private keys need the cryptography library, which is not installed beside Packflow.",
            code="cryptography-missing",
            hint="Install it: pipx inject packflow 'cryptography>=43' (elsewhere: pip install 'cryptography>=43')",
        ) from None
    return _Cryptography(ec, hashes, serialization, UnsupportedAlgorithm)


def _read(path: Path) -> bytes:
    """A key file's content, once it is known that nobody else can read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_KEY_BYTES + 1)
    except OSError as error:
        raise NotFoundError(
            f"{path} cannot be read: {error.strerror}.",
            code="key-not-found",
            file=str(path),
            hint="Check the key's path; `packflow keygen` makes one.",
        ) from None
    if os.name != "nt" and mode & _OTHERS and _BEGIN.match(content) and b"PRIVATE KEY" in content:
        raise UsageError(
            f"{path} can be read or changed by others: its mode is {stat.S_IMODE(mode):04o}.",
            code="key-exposed",
            file=str(path),
            hint=f"chmod 600 {shlex.quote(str(path))}; if others may have read it, make a new key.",
        )
    return content


def _check_kind(path: Path, content: bytes) -> str:
    """The words before PRIVATE KEY in the first line; raises UsageError for a file that is no private key."""
    match = _BEGIN.match(content)
    if match is None or len(content) > _MAX_KEY_BYTES:
        raise _invalid(path, "it is no PEM file that begins with BEGIN PRIVATE KEY")
    before, kind = match[1].decode(), match[2].decode()
    if kind != "PRIVATE KEY":
        what = "a public key" if kind == "PUBLIC KEY" else "a certificate"
        raise _invalid(path, f"it is {what}")
    if before.startswith("OPENSSH"):
        raise _invalid(path, "it is a key for SSH")
    if f"-----END {before}PRIVATE KEY-----".encode() not in content:
        raise _invalid(path, "it is cut short: its last line is missing")
    return before


def _place(target: Path, content: bytes, mode: int, *, force: bool) -> None:
    """Write a file whole, with ``mode`` from the first moment on; FileExistsError where one is there."""
    work = sibling(target)
    try:
        descriptor = os.open(work, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if force:
            work.replace(target)
        else:
            place_new(work, target)
    finally:
        work.unlink(missing_ok=True)


def _exists(path: Path) -> UsageError:
    return UsageError(
        f"{path} already exists.",
        code="target-exists",
        file=str(path),
        hint="Choose another file with -o. --force replaces it: what only that key can sign is then lost for good.",
    )


def _invalid(path: Path, why: str, code: str = "key-invalid") -> UsageError:
    return UsageError(
        f"{path} is no private key for signatures: {why}.",
        code=code,
        file=str(path),
        hint="It must be a P-256 private key as a PEM file; `packflow keygen` makes one.",
    )
