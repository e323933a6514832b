"""Where outcomes go: a descriptor, or a file that has its name only once it is whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .errors import ExitCode, PackflowError
from .stdio import not_writable

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self


class OutputFile:
    """Writes ``PATH.partial`` and renames it to PATH when ``finish`` is called; until then PATH is not touched.

    A path that is no regular file (a device, a pipe) is written as it is. ``partial`` is the unfinished file, where
    there is one; with ``keep`` what it holds already stays. With ``is_named`` an earlier run gave PATH its name, and
    what it holds is opened as it is.
    """

    def __init__(self, path: Path, *, keep: bool = False, is_named: bool = False) -> None:
        self.path = path
        direct = is_named or (path.exists() and not path.is_file())
        self.partial = None if direct else path.with_name(f"{path.name}.partial")
        flags = os.O_WRONLY | getattr(os, "O_BINARY", 0)
        try:
            if self.partial is None:
                self.descriptor = os.open(path, flags)
            else:
                self.descriptor = os.open(self.partial, flags | os.O_CREAT | (0 if keep else os.O_TRUNC), 0o666)
        except OSError as error:
            raise not_writable(f"The output file {path}", error) from None
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()

    def finish(self) -> None:
        """Give the file its name; raises PackflowError."""
        try:
            if self.partial is not None:
                os.fsync(self.descriptor)
            self._close()
            if self.partial is not None:
                os.replace(self.partial, self.path)
        except OSError as error:
            raise not_writable(f"The output file {self.path}", error) from error
        self.partial = None

    def _close(self) -> None:
        if self._open:
            self._open = False
            os.close(self.descriptor)


def check_output_path(path: Path, events: Path | None) -> None:
    """Raise PackflowError for a path that cannot become the output, before the model is loaded."""
    if path.is_dir():
        raise not_writable(f"The output file {path}", IsADirectoryError(21, "it is a folder"))
    if not path.absolute().parent.is_dir():
        raise not_writable(f"The output file {path}", FileNotFoundError(2, f"{path.parent} is not a folder"))
    if events is not None and path.is_file() and events.exists() and os.path.samefile(path, events):
        raise PackflowError(
            f"The output file {path} is the events file.",
            code="output-is-input",
            exit_code=ExitCode.USAGE,
            hint="Choose another output file.",
        )
