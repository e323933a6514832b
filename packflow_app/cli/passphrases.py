"""Passphrases of private keys: from the environment, else asked for on a terminal, never from the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from packflow_app.errors import UsageError
from packflow_app.packaging.private_keys import is_encrypted

VARIABLE = "PACKFLOW_KEY_PASSPHRASE"


def passphrase_of(key: Path | None, *, no_input: bool) -> str | None:
    """The passphrase of a key file, None where it has none or there is nobody to ask."""
    given = os.environ.get(VARIABLE)
    if given is not None or key is None or not _may_ask(no_input=no_input) or not is_encrypted(key):
        return given
    return _asked(f"Passphrase of {key}: ")


def new_passphrase(*, no_input: bool) -> str | None:
    """A passphrase for a new key, asked for twice; None where there is nobody to ask."""
    given = os.environ.get(VARIABLE)
    if given is not None or not _may_ask(no_input=no_input):
        return given
    first = _asked("Passphrase for the new key: ")
    if first and first != _asked("The same again: "):
        raise UsageError("The two passphrases differ.", code="passphrase-differs", hint="Run it again.")
    return first


def _may_ask(*, no_input: bool) -> bool:
    return not no_input and sys.stdin.isatty() and sys.stderr.isatty()


def _asked(prompt: str) -> str:
    from getpass import getpass  # noqa: PLC0415 - only where somebody is asked

    try:
        return getpass(prompt)
    except EOFError:
        raise UsageError(
            "No passphrase was given.", code="passphrase-missing", hint=f"Type one, or put it into {VARIABLE}."
        ) from None
