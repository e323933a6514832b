"""Put one changed file of a project in the place of the one that was read, whole or not at all."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from packflow_app.errors import NotWritableError, not_writable
from packflow_app.placing import sibling

if TYPE_CHECKING:
    from pathlib import Path


def replace_file(path: Path, before: bytes | None, after: bytes) -> None:
    """Give a file other content; ``before`` is what it had when it was read, None where it was not there.

    A link stays one, and modes stay. Raises NotWritableError, also when the file is no longer as it was read.
    """
    target = path.resolve()
    work = sibling(target)
    try:
        work.write_bytes(after)
        if target.exists():
            shutil.copymode(target, work)
        if (target.read_bytes() if target.exists() else None) != before:
            raise NotWritableError(
                f"{path} was changed by somebody else while this ran, so it is left as it is.",
                file=str(path),
                hint="Run the command again.",
            )
        work.replace(target)
    except OSError as error:
        raise not_writable(path, error) from error
    finally:
        work.unlink(missing_ok=True)
