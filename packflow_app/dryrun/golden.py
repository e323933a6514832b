"""Write the project's golden events, and put back what was there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.errors import not_writable
from packflow_app.runtime import GOLDEN_DIR, GOLDEN_INPUTS_NAME, GOLDEN_OUTPUTS_NAME, GoldenEvents

if TYPE_CHECKING:
    from pathlib import Path


def write_golden(project_dir: Path, golden: GoldenEvents) -> None:
    """Write the golden folder; raises NotWritableError."""
    folder = project_dir / GOLDEN_DIR
    try:
        folder.mkdir(exist_ok=True)
        for name, lines in ((GOLDEN_INPUTS_NAME, golden.inputs), (GOLDEN_OUTPUTS_NAME, golden.outputs)):
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
    for name in (GOLDEN_INPUTS_NAME, GOLDEN_OUTPUTS_NAME):
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
