"""``packflow keygen``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from packflow_app.actions.keygen import DEFAULT_KEY, KeygenOptions, keygen
from packflow_app.cli.options import JsonOption, NoInputOption, terminal_of
from packflow_app.cli.passphrases import new_passphrase
from packflow_app.cli.wording import shown_path
from packflow_app.result import Problem, Result


def command(
    context: typer.Context,
    *,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="The private key; the public one lies beside, as .pub."),
    ] = DEFAULT_KEY,
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="Leave the private key unencrypted: whoever has the file can sign.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a key that is there; it is then lost.")] = False,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    passphrase = None if no_passphrase else new_passphrase(no_input=no_input)
    done = keygen(KeygenOptions(output, passphrase, no_passphrase, force))
    state = "encrypted with the passphrase" if done.encrypted else "NOT encrypted"
    terminal.say(f"[bold]wrote {escape(shown_path(done.private))}[/]  the private key, {state}; keep it to yourself")
    terminal.say(f"[bold]wrote {escape(shown_path(done.public))}[/]  the public key; give it to everybody who verifies")
    terminal.say(f"  fingerprint {done.key.fingerprint}")
    terminal.say()
    terminal.say(f"[bold]Sign with it[/]  packflow sign ARCHIVE --key {escape(shown_path(done.private))}")
    data = {
        "private_key": str(done.private),
        "public_key": str(done.public),
        "fingerprint": done.key.fingerprint,
        "encrypted": done.encrypted,
    }
    warnings = [] if done.encrypted else [_unencrypted(done.private)]
    return terminal.emit(Result(data, warnings=warnings))


def _unencrypted(private: Path) -> Problem:
    return Problem(
        "key-unencrypted",
        "The private key has no passphrase: whoever reads the file can sign as you.",
        str(private),
        hint="Keep it where only you can read it, or make one with a passphrase.",
    )
