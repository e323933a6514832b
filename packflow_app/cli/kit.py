"""``packflow kit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from packflow_app.actions.kit import KitOptions, kit
from packflow_app.actions.sign import SigningKey
from packflow_app.cli.env import describe_progress
from packflow_app.cli.options import JsonOption, NoInputOption, terminal_of
from packflow_app.cli.passphrases import passphrase_of
from packflow_app.cli.sign import PublicKeyOption, SignCommandOption
from packflow_app.cli.terminal import Terminal
from packflow_app.cli.wording import counted, shown_path
from packflow_app.packaging.kit import MadeKit
from packflow_app.packaging.verifier import VERIFIER_NAME
from packflow_app.result import Result

TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="TARGET",
        help="Add the wheels for such machines, as linux-x86_64-cp311 (repeatable; default: this one).",
    ),
]


def command(
    context: typer.Context,
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="The archive to send.")],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to make.")],
    target: TargetOption = None,
    wheelhouse: Annotated[
        Path | None, typer.Option("--wheelhouse", metavar="DIR", help="Take wheels from this folder only.")
    ] = None,
    sign: Annotated[
        Path | None, typer.Option("--sign", metavar="KEY", help="Sign the archive and the list of files.")
    ] = None,
    sign_command: SignCommandOption = None,
    public_key: PublicKeyOption = None,
    form: Annotated[
        Literal["zip", "wheel"],
        typer.Option("--format", help="wheel: put the model itself among the wheels too."),
    ] = "zip",
    force: Annotated[bool, typer.Option("--force", help="Replace a kit that is there.")] = False,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    signing_key = None
    if sign is not None or sign_command is not None:
        signing_key = SigningKey(sign, passphrase_of(sign, no_input=no_input), sign_command, public_key)
    options = KitOptions(archive, output, tuple(target or ()), wheelhouse, signing_key, form == "wheel", force)
    done = kit(options, report=lambda progress: terminal.progress(describe_progress(progress)))
    show_kit(terminal, done)
    return terminal.emit(Result(kit_data(done)))


def show_kit(terminal: Terminal, done: MadeKit) -> None:
    """The folder, whom it is for, and what to tell the receiver by another way."""
    terminal.say(f"[bold]wrote {escape(shown_path(done.folder))}[/]")
    terminal.say(f"  {len(done.files) + 1} files, {done.size:,} bytes, {counted(len(done.wheels), 'wheel')}")
    for target in done.targets:
        count = sum(target.name in wheel.targets for wheel in done.wheels)
        terminal.say(f"  for {target.name}: {counted(count, 'wheel')}")
    terminal.say(f"  signed by key {done.signed_by}" if done.signed_by else "  not signed")
    terminal.say(f"  sha256 of {VERIFIER_NAME} {done.files[VERIFIER_NAME]}")
    terminal.say()
    terminal.say(f"[bold]On the other side[/]  python3 -I {VERIFIER_NAME}{' --key SENDER.pub' * bool(done.signed_by)}")
    terminal.say("  README.txt there has the rest")


def kit_data(done: MadeKit) -> dict[str, Any]:
    """The kit for ``--json``."""
    return {
        "path": str(done.folder),
        "archive": done.archive,
        "signature": done.signature,
        "signed_by": done.signed_by,
        "targets": [target.name for target in done.targets],
        "wheels": [{"name": wheel.name, "targets": list(wheel.targets)} for wheel in done.wheels],
        "files": [{"path": name, "sha256": sha256} for name, sha256 in done.files.items()],
        "verifier_sha256": done.files[VERIFIER_NAME],
        "size": done.size,
    }
