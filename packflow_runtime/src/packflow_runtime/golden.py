"""Golden events: a few events and the outputs they must give, in the ``golden`` folder of a project or an archive."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import ExitCode, PackflowError
from .jsonlines import BadLineError, decode_event

if TYPE_CHECKING:
    from pathlib import Path

GOLDEN_DIR = "golden"
INPUTS = "inputs.ndjson"
OUTPUTS = "outputs.ndjson"


@dataclass(frozen=True)
class GoldenEvents:
    """Events and outputs as JSON lines, verbatim; line i of one belongs to line i of the other."""

    inputs: list[bytes]
    outputs: list[bytes]

    def digest(self) -> str:
        """SHA-256 over all lines."""
        return hashlib.sha256(b"\n".join([*self.inputs, b"", *self.outputs])).hexdigest()


def read_golden(project_dir: Path) -> GoldenEvents | None:
    """The project's golden events; None where it has none.

    Raises PackflowError (code ``golden-invalid``) when they cannot be read or do not fit together.
    """
    folder = project_dir / GOLDEN_DIR
    if not folder.is_dir():
        return None
    golden = GoldenEvents(_lines(folder / INPUTS), _lines(folder / OUTPUTS))
    if len(golden.inputs) != len(golden.outputs):
        raise _invalid(
            f"{folder} does not have one output for each event: events {len(golden.inputs)}, outputs "
            f"{len(golden.outputs)}.",
            hint=f"Remove {folder}; the next export records it again.",
        )
    return golden


def _lines(path: Path) -> list[bytes]:
    hint = f"Remove {path.parent}; the next export records it again."
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise _invalid(f"{path} cannot be read: {error.strerror}.", hint=hint) from None
    lines = lines[:-1] if lines[-1] == b"" else lines
    for number, line in enumerate(lines, 1):
        try:
            decode_event(line)
        except BadLineError as error:
            title = f"{path}:{number} is not an event: {error}."
            raise _invalid(title, hint=hint, file=str(path), line=number) from None
    return lines


def _invalid(title: str, *, hint: str, file: str | None = None, line: int | None = None) -> PackflowError:
    return PackflowError(title, code="golden-invalid", exit_code=ExitCode.NOT_FOUND, hint=hint, file=file, line=line)
