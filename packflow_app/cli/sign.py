"""``packflow sign``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from packflow_app.actions.sign import SigningKey, SignOptions, sign
from packflow_app.cli.options import JsonOption, NoInputOption, terminal_of
from packflow_app.cli.passphrases import passphrase_of
from packflow_app.cli.wording import shown_path
from packflow_app.result import Result

SignCommandOption = Annotated[
    str | None,
    typer.Option(
        "--sign-command",
        metavar="COMMAND",
        help="Sign with this program: bytes on its standard input, an ECDSA signature on its output.",
    ),
]
PublicKeyOption = Annotated[
    Path | None,
    typer.Option("--public-key", metavar="PUB", help="The public key that --sign-command signs with."),
]


def command(
    context: typer.Context,
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="The archive to sign.")],
    *,
    key: Annotated[Path | None, typer.Option("--key", metavar="KEY", help="The private key (P-256, PEM).")] = None,
    sign_command: SignCommandOption = None,
    public_key: PublicKeyOption = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="The signature's file (default: ARCHIVE.sig)."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace another signature that is there.")] = False,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    passphrase = passphrase_of(key, no_input=no_input)
    signing_key = SigningKey(key, passphrase, sign_command, public_key)
    done = sign(SignOptions(archive, signing_key, output, force))
    state = "unchanged" if done.unchanged else "wrote"
    terminal.say(f"[bold]{state} {escape(shown_path(done.path))}[/]")
    terminal.say(f"  signed by key {done.key.fingerprint}")
    terminal.say(f"  sha256 of the archive {done.file_sha256}")
    data = {
        "path": str(done.path),
        "archive": str(archive.absolute()),
        "sha256": done.file_sha256,
        "fingerprint": done.key.fingerprint,
        "unchanged": done.unchanged,
    }
    return terminal.emit(Result(data))
