"""Make a project as ``packflow create NAME`` of packflow 0.4 did: from nothing but a name."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packflow_app.actions.init import Initialized, InitOptions, init
from packflow_app.errors import UsageError, not_writable
from packflow_app.events.generated import firewall_events
from packflow_app.placing import absolute, make_folders, remove_empty, sibling
from packflow_app.runtime import NAME_PATTERN

_EVENTS = 2000


@dataclass(frozen=True)
class CreateOptions:
    """The name, which is also the new folder's; ``force`` adds what is missing to a folder that is there already.

    ``events`` are the user's own; without them the project starts from generated ones.
    """

    name: str | None
    force: bool = False
    events: Path | None = None


@dataclass(frozen=True)
class Created:
    """The project, with the files that were written, and those that were there and stay as they were."""

    initialized: Initialized
    path: Path
    written: list[str]
    kept: list[str]
    generated: bool


def create(options: CreateOptions) -> Created:
    """Create the project; nothing is written unless everything is in order, and nothing is ever overwritten.

    Raises UsageError for a name that is missing or none, and for a folder that exists; and what ``init`` raises.
    """
    name = _checked_name(options.name)
    target = absolute(Path(name))
    there = target.exists() or target.is_symlink()
    if there and not (options.force and target.is_dir()):
        hint = f"packflow create -f {name} adds what is missing and leaves all else as it is."
        raise UsageError(
            f"{target} already exists.",
            code="target-exists",
            hint=hint if target.is_dir() else "Choose another name.",
        )
    with tempfile.TemporaryDirectory(prefix="packflow-create-") as folder:
        events = options.events or _generated(Path(folder, "events.ndjson"))
        if not there:
            done = init(InitOptions(target, events))
            return Created(done, done.path, done.files, [], options.events is None)
        made = Path(folder, "made", name)
        done = init(InitOptions(made, events))
        written = _add_missing(made, target, done.files)
        kept = [file for file in done.files if file not in written]
        return Created(done, target, written, kept, options.events is None)


def _checked_name(name: str | None) -> str:
    if name is None:
        raise UsageError("Missing: NAME.", code="input-missing", hint="Run for example: packflow create churn-scorer")
    if not NAME_PATTERN.match(name):
        raise UsageError(
            f"{name!r} is not a project name.",
            code="name-invalid",
            detail="A name starts with a letter and goes on with letters, digits, - and _; at most 64 characters.",
            hint="Run for example: packflow create churn-scorer",
        )
    return name


def _generated(path: Path) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in firewall_events(_EVENTS)))
    return path


def _add_missing(made: Path, target: Path, files: list[str]) -> list[str]:
    """Copy those files that ``target`` does not have, each whole; all of them, or none."""
    written: list[Path] = []
    folders: list[Path] = []
    try:
        for file in files:
            path = target / file
            if path.exists() or path.is_symlink():
                continue
            folders += make_folders(path.parent)
            work = sibling(path)
            written.append(work)
            work.write_bytes((made / file).read_bytes())
            written[-1] = work.rename(path)
    except BaseException as error:
        for path in written:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        remove_empty(folders)
        if isinstance(error, OSError):
            raise not_writable(target, error) from error
        raise
    return [path.relative_to(target).as_posix() for path in written]
