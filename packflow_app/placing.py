"""Put files and folders in place whole or not at all."""

from __future__ import annotations

from pathlib import Path


def absolute(path: Path) -> Path:
    """``path`` from the root, without ``..`` where leaving it out leads to the same: behind a link it does not."""
    whole = path.absolute()
    found = Path(whole.anchor)
    for part in whole.parts[1:]:
        if part == ".." and found.name not in ("..", "") and not found.is_symlink():
            found = found.parent
        elif part != ".." or found.name:  # above the root there is nothing
            found /= part
    return found


def make_folders(folder: Path) -> list[Path]:
    """Create ``folder`` and its missing parents; returns those that were missing, outermost first."""
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    missing.reverse()
    made: list[Path] = []
    try:
        for path in missing:
            path.mkdir()
            made.append(path)
    except BaseException:
        remove_empty(made)
        raise
    return made


def remove_empty(folders: list[Path]) -> None:
    """Remove what ``make_folders`` made, as far as it is still empty."""
    for folder in reversed(folders):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def sibling(target: Path) -> Path:
    """A free name beside ``target``, to make it under before it is renamed into place."""
    import secrets  # noqa: PLC0415 - slow to import, and the app's first picture needs only ``absolute``

    return target.with_name(f".{target.name}-{secrets.token_hex(4)}.partial")


def place_new(work: Path, target: Path) -> None:
    """Put the file ``work`` at ``target`` whole, unless something is there: FileExistsError. ``work`` may stay."""
    try:
        target.hardlink_to(work)  # unlike a rename, it takes nobody's place
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(target) from None
        work.replace(target)
