"""Swap files of a project for new ones: all of them or none, also when the process is killed, whatever their size.

The old files lie in ``.packflow/update`` before the first one is replaced, by a link where the file system has them.
Each new file is then renamed into its place, and in the end the folder goes: from then on the swap is done. A folder
that is still there was left by a process that was killed, and what it replaced is put back.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from packflow_app.errors import NotFoundError, NotWritableError, not_writable
from packflow_app.locations import update_dir
from packflow_app.placing import make_folders, sibling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_RECORD = "record.json"
_CHUNK = 1 << 20


@contextmanager
def swapped(project: Path, files: Mapping[str, Path], before: Mapping[str, str | None]) -> Iterator[None]:
    """Have ``files`` stand in the project for the names that they are given by, for good unless the block raises.

    ``before`` are the digests of what they replace, None for nothing; the new files are moved away from where they are.
    Raises NotWritableError, also where a file is no longer as it was; nothing is changed then.
    """
    journal = update_dir(project)
    work = sibling(journal)
    try:
        _prepare(work, project, files, before)
        work.rename(journal)
    except OSError as error:
        raise not_writable(project, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    try:
        for name, new in files.items():
            make_folders((project / name).parent)
            new.replace(project / name)
        yield
        _discard(journal)
    except BaseException as error:
        put_back(project)
        if isinstance(error, OSError):
            raise not_writable(project, error) from error
        raise


def put_back(project: Path) -> list[str] | None:
    """Undo a swap that was killed: the names that are as before again, None where there was none.

    A file that somebody changed since stays as it is. Raises NotFoundError where the record cannot be read, and
    NotWritableError.
    """
    journal = update_dir(project)
    if not journal.is_dir():
        return None
    restored = []
    try:
        for number, one in enumerate(_record(journal)):
            path, old = project / one["name"], journal / str(number)
            if digest_of(path) == one["after"]:
                if one["before"] is None:
                    path.unlink()
                else:
                    old.replace(path)
                restored.append(str(one["name"]))
        _discard(journal)
    except OSError as error:
        raise not_writable(project, error) from error
    return restored


def digest_of(path: Path) -> str | None:
    """SHA-256 of a file; None where there is none."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source:
            while piece := source.read(_CHUNK):
                digest.update(piece)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


def _prepare(work: Path, project: Path, files: Mapping[str, Path], before: Mapping[str, str | None]) -> None:
    """Keep every old file, and write down what is to become of it, before anything changes."""
    work.mkdir(parents=True)
    record = []
    for number, (name, new) in enumerate(files.items()):
        path = project / name
        if path.is_symlink():
            raise NotWritableError(
                f"{name} is a symbolic link, which is not replaced.",
                file=name,
                hint="Put the file that it points to in its place, then run the command again; nothing was changed.",
            )
        if digest_of(path) != before[name]:
            raise NotWritableError(
                f"{name} was changed by something else while the command ran.",
                file=name,
                hint="Run the command again; nothing was changed.",
            )
        if before[name] is not None:
            _keep(path, work / str(number))
            shutil.copymode(path, new)
        with new.open("rb") as written:
            os.fsync(written.fileno())
        record.append({"name": name, "before": before[name], "after": digest_of(new)})
    with (work / _RECORD).open("w", encoding="utf-8") as file:
        json.dump({"format": 1, "files": record}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())


def _keep(path: Path, kept: Path) -> None:
    try:
        kept.hardlink_to(path)  # the new file takes the name, not the old one's content
    except OSError:  # a file system without hard links
        shutil.copy2(path, kept)


def _discard(journal: Path) -> None:
    """End it at once, however long removing its files takes."""
    work = sibling(journal)
    journal.rename(work)
    shutil.rmtree(work, ignore_errors=True)


def _record(journal: Path) -> list[dict[str, Any]]:
    try:
        files: list[dict[str, Any]] = json.loads((journal / _RECORD).read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        raise NotFoundError(
            f"{journal / _RECORD} cannot be read, so nothing is put back.",
            code="backup-unreadable",
            hint=f"The files as they were are in {journal}, numbered as in {_RECORD}.",
        ) from None
    return files
