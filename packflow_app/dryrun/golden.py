"""Golden events: a few events and the outputs they must give, in the project's ``golden`` folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError, not_writable
from packflow_app.locations import GOLDEN_DIR
from packflow_app.runtime import BadLineError, decode_event

if TYPE_CHECKING:
    from pathlib import Path

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
    """The project's golden events; None where it has none. Raises NotFoundError when they do not fit together."""
    folder = project_dir / GOLDEN_DIR
    if not folder.is_dir():
        return None
    golden = GoldenEvents(_lines(folder / INPUTS), _lines(folder / OUTPUTS))
    if len(golden.inputs) != len(golden.outputs):
        raise NotFoundError(
            f"{folder} has {len(golden.inputs)} events and {len(golden.outputs)} outputs.",
            code="golden-invalid",
            hint=f"Remove {folder}; the next export records it again.",
        )
    return golden


def write_golden(project_dir: Path, golden: GoldenEvents) -> None:
    """Write the golden folder; raises NotWritableError."""
    folder = project_dir / GOLDEN_DIR
    try:
        folder.mkdir(exist_ok=True)
        for name, lines in ((INPUTS, golden.inputs), (OUTPUTS, golden.outputs)):
            work = folder / f".{name}.new"
            work.write_bytes(b"".join(line + b"\n" for line in lines))
            work.replace(folder / name)
    except OSError as error:
        raise not_writable(folder, error) from error


def put_back_golden(project_dir: Path, golden: GoldenEvents | None) -> None:
    """Undo ``write_golden``: what was there before is there again; raises NotWritableError."""
    if golden is not None:
        write_golden(project_dir, golden)
        return
    folder = project_dir / GOLDEN_DIR
    for name in (INPUTS, OUTPUTS):
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _lines(path: Path) -> list[bytes]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise NotFoundError(
            f"{path} cannot be read: {error.strerror}.",
            code="golden-invalid",
            hint=f"Remove {path.parent}; the next export records it again.",
        ) from None
    lines = lines[:-1] if lines[-1] == b"" else lines
    for number, line in enumerate(lines, 1):
        try:
            decode_event(line)
        except BadLineError as error:
            raise NotFoundError(
                f"{path}:{number} is not an event: {error}.", code="golden-invalid", file=str(path), line=number
            ) from None
    return lines
