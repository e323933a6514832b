"""Make a pair of keys to sign archives with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packflow_app.errors import UsageError
from packflow_app.packaging.private_keys import WrittenKeys, write_key_pair

DEFAULT_KEY = Path("packflow.key")


@dataclass(frozen=True)
class KeygenOptions:
    """What ``packflow keygen`` may be told; without a passphrase the key is written only where that is meant."""

    output: Path = DEFAULT_KEY
    passphrase: str | None = None
    no_passphrase: bool = False
    force: bool = False


def keygen(options: KeygenOptions) -> WrittenKeys:
    """Write a new pair; raises UsageError without a passphrase, and what ``write_key_pair`` does."""
    if options.no_passphrase:
        return write_key_pair(options.output, None, force=options.force)
    if not options.passphrase:
        raise UsageError(
            "The key needs a passphrase." if options.passphrase is None else "The passphrase is empty.",
            code="passphrase-missing",
            hint="Put one into PACKFLOW_KEY_PASSPHRASE, or run it on a terminal; with --no-passphrase "
            "there is none, and whoever has the file can sign.",
        )
    return write_key_pair(options.output, options.passphrase, force=options.force)
