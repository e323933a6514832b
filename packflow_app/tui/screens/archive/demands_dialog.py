"""Whose signature is demanded of an archive, and what else."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult

from packflow_app.actions.verify import VerifyOptions
from packflow_app.errors import NotFoundError
from packflow_app.runtime import DEMANDS, keys_given
from packflow_app.tui.dialogs.form import FormDialog, shown
from packflow_app.tui.widgets.form_row import FormRow
from packflow_app.tui.widgets.path_input import PathInput
from packflow_app.tui.widgets.tick_box import TickBox

_OFFERED = [name for name in DEMANDS if name != "signed"]  # which a key demands already


class DemandsDialog(FormDialog[VerifyOptions]):
    """Gives the options of the action, with keys that can be read; the archive is not looked at yet."""

    ACTION: ClassVar[str] = "verify"
    TITLE: ClassVar[str] = "Demand of the archive"
    HINT: ClassVar[str] = "enter verifies"

    def compose_fields(self) -> ComposeResult:
        options = self.before
        key, folder = next(iter(options.keys), None), options.key_folder
        words = {word.strip() for word in (options.require or "").split(",")}
        yield FormRow("signed by key", PathInput(shown(key), placeholder="a public key, .pub", id="key"))
        yield FormRow("or one of", PathInput(shown(folder), placeholder="a folder of keys", folders=True, id="keys"))
        yield FormRow("signature", PathInput(shown(options.signature), placeholder="the one beside it", id="signature"))
        for name in _OFFERED:
            yield TickBox(f"{name}: {DEMANDS[name]}", name in words, id=name)

    def options(self) -> VerifyOptions:
        key, folder = self.file("key"), self.path("keys")
        if folder is not None and not folder.is_dir():
            raise NotFoundError(f"There is no folder {folder}.", hint="Name a folder with public keys in it.")
        keys = [key] if key is not None else []
        keys_given(keys, folder)  # which says what is no key
        ticked = [name for name in _OFFERED if self.is_ticked(name)]
        return replace(
            self.before,
            keys=keys,
            key_folder=folder,
            signature=self.file("signature"),
            require=",".join(ticked) or None,
        )
