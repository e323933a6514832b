"""``packflow completion``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from packflow_app.cli.options import terminal_of


def command(
    context: typer.Context,
    shell: Annotated[
        Literal["bash", "zsh", "fish", "powershell"], typer.Argument(metavar="SHELL", help="Which shell it is for.")
    ],
) -> int:
    from packflow_app.cli.shells import bash, fish, powershell, zsh  # noqa: PLC0415 - they import every command
    from packflow_app.cli.shells.words import command_line  # noqa: PLC0415 - as above

    write = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script, "powershell": powershell.script}[shell]
    terminal_of(context, as_json=False).text(write(command_line()).rstrip("\n"))
    return 0
