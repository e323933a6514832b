"""Where and how to export."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Input

from packflow_app.actions.export import ExportOptions
from packflow_app.actions.golden_events import golden_wanted
from packflow_app.actions.kit import targets_of
from packflow_app.actions.sign import SigningKey
from packflow_app.errors import UsageError
from packflow_app.packaging.private_keys import is_encrypted
from packflow_app.tui.dialogs.form import FormDialog, shown
from packflow_app.tui.widgets.form_row import FormRow
from packflow_app.tui.widgets.path_input import PathInput
from packflow_app.tui.widgets.tick_box import TickBox

_TICKS = {
    "wheel": "also as a wheel, which pip installs",
    "strict": "let warnings keep it from being exported, too",
    "no-run": "refuse, rather than run the model, where its verdict is stale",
    "rebuild": "build it twice and compare, however large it is",
    "force": "replace another archive of the same name",
}


class ExportOptionsDialog(FormDialog[ExportOptions]):
    """Gives the options of the action; nothing is exported yet."""

    ACTION: ClassVar[str] = "export"
    TITLE: ClassVar[str] = "Export"
    HINT: ClassVar[str] = "enter takes these"

    def compose_fields(self) -> ComposeResult:
        options, key = self.before, self.before.signing_key or SigningKey()
        golden = "" if options.golden is None else str(options.golden or "none")
        ticked = {
            "wheel": options.form == "wheel",
            "strict": options.strict,
            "no-run": not options.run,
            "rebuild": bool(options.rebuild),
            "force": options.force,
        }
        yield FormRow("folder", PathInput(shown(options.output.absolute()), folders=True, id="output"))
        yield FormRow(
            "golden events", PathInput(golden, placeholder="as they are; or a number, none, a file", id="golden")
        )
        yield FormRow("signing key", PathInput(shown(key.key), placeholder="not signed", id="key"))
        yield FormRow("  its passphrase", Input(key.passphrase or "", password=True, id="passphrase"))
        yield FormRow("or a command", Input(key.command or "", placeholder="that signs what it reads", id="command"))
        yield FormRow("  its public key", PathInput(shown(key.public_key), id="public-key"))
        yield FormRow("kit folder", PathInput(shown(options.kit), placeholder="no kit", folders=True, id="kit"))
        targets = ", ".join(options.targets)
        yield FormRow("  for machines", Input(targets, placeholder="this one; or linux-x86_64-cp311", id="targets"))
        for name, text in _TICKS.items():
            yield TickBox(text, ticked[name], id=name)

    def options(self) -> ExportOptions:
        golden, kit = self.text("golden"), self.path("kit")
        targets = tuple(filter(None, re.split(r"[\s,]+", self.text("targets"))))
        if targets:
            targets_of(targets)  # which says what is none
            if kit is None:
                raise UsageError(
                    "Machines are named, and no kit is.", hint="Name the kit's folder, or leave the machines out."
                )
        return replace(
            self.before,
            output=self.path("output") or Path(),
            golden=golden_wanted(golden) if golden else None,
            signing_key=self._signing_key(),
            kit=kit,
            targets=targets,
            form="wheel" if self.is_ticked("wheel") else "zip",
            strict=self.is_ticked("strict"),
            run=not self.is_ticked("no-run"),
            rebuild=True if self.is_ticked("rebuild") else None,
            force=self.is_ticked("force"),
        )

    def _signing_key(self) -> SigningKey | None:
        key, command, public = self.file("key"), self.text("command"), self.file("public-key")
        if key is None and not command:
            return None
        if key is not None and command:
            raise UsageError(
                "A key and a command are both named.", hint="Sign with a key, or with a command, not with both."
            )
        if command and public is None:
            raise UsageError("The public key is missing.", hint="Name the one that the command signs with.")
        passphrase = self.query_one("#passphrase", Input).value or None
        if key is not None and is_encrypted(key) and passphrase is None:
            raise UsageError("The key is encrypted.", hint="Type its passphrase below it.")
        return SigningKey(key, passphrase, command or None, public if command else None)
