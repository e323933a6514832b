"""Sign an archive with a key file, or with a command that keeps the key to itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError
from packflow_app.packaging.signing import (
    Signer,
    WrittenSignature,
    command_signer,
    key_signer,
    signature_path,
    write_signature,
)
from packflow_app.runtime import open_archive

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class SigningKey:
    """What signs: a key file with its passphrase, or a command with the public key that its signatures fit."""

    key: Path | None = None
    passphrase: str | None = field(default=None, repr=False)
    command: str | None = None
    public_key: Path | None = None


@dataclass(frozen=True)
class SignOptions:
    """What ``packflow sign`` may be told; ``output`` is the signature's file (default: the archive's name and .sig)."""

    archive: Path
    signing_key: SigningKey = field(default_factory=SigningKey)
    output: Path | None = None
    force: bool = False


def signer_of(signing_key: SigningKey) -> Signer:
    """Open what signs, before any long work is done; raises UsageError or NotFoundError."""
    if signing_key.command is not None:
        if signing_key.key is not None:
            raise UsageError("Both a key and a command were given.", hint="Give --key or --sign-command.")
        if signing_key.public_key is None:
            raise UsageError(
                "--sign-command does not say which key it signs with.",
                code="public-key-missing",
                hint="Give its public key, which the signature is checked with before it is written: --public-key FILE",
            )
        return command_signer(signing_key.command, signing_key.public_key)
    if signing_key.key is None:
        raise UsageError(
            "There is nothing to sign with.",
            code="key-missing",
            hint="Give a private key: --key packflow.key (`packflow keygen` makes one), or a program: --sign-command",
        )
    return key_signer(signing_key.key, signing_key.passphrase)


def sign(options: SignOptions) -> WrittenSignature:
    """Check the archive whole, then sign the bytes that were checked.

    Raises what ``signer_of``, ``open_archive`` and ``write_signature`` do; a broken archive is never signed.
    """
    signer = signer_of(options.signing_key)
    target = options.output or signature_path(options.archive)
    with open_archive(options.archive) as archive:
        archive.verify_contents()
        return write_signature(archive.file, options.archive.name, signer, target.absolute(), force=options.force)
