"""An archive that came as bytes, as the file that checking it needs."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO


@contextmanager
def written_file(name: str, write: Callable[[BinaryIO], object]) -> Iterator[Path]:
    """A file of that name which ``write`` fills, and which is removed in the end."""
    with tempfile.TemporaryDirectory(prefix="packflow-archive-") as folder:
        path = Path(folder, name)
        with path.open("wb") as file:
            write(file)
        yield path
