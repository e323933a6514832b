"""A copy of a project beside it, in which a new model is tried before anything of the project changes."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from packflow_app.errors import NotFoundError, UsageError, not_writable
from packflow_app.locations import LOCK_FILE, STATE_DIR
from packflow_app.projects.requirements import REQUIREMENTS_FILE, read_declared
from packflow_app.projects.requirements_edits import RequirementsRewrite, rewritten
from packflow_app.projects.swap import digest_of
from packflow_app.runtime import GOLDEN_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packflow_app.models.model_file import ModelFile
    from packflow_app.projects.project import Project

_BUILDS = ("-cpu", "-gpu")


@dataclass
class Stage:
    """The copy: ``folder`` is a project of its own, ``written`` those of its files that are to replace the project's.

    ``before`` are the digests of what they replace, None for nothing.
    """

    project: Project
    folder: Path
    written: set[str] = field(default_factory=set)
    before: dict[str, str | None] = field(default_factory=dict)

    def write(self, name: str, content: bytes | Path) -> None:
        """Have a file hold something else, to be swapped in later; raises NotWritableError."""
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if name not in self.before:
                self.before[name] = digest_of(self.project.folder / name)
            if isinstance(content, Path):
                shutil.copyfile(content, path)
            else:
                path.write_bytes(content)
        except OSError as error:
            raise not_writable(path, error) from error
        self.written.add(name)

    def forget_unchanged(self) -> None:
        """Leave out of ``written`` what is the same in the project."""
        self.written = {name for name in self.written if digest_of(self.folder / name) != self.before[name]}

    def files(self) -> dict[str, Path]:
        """What is to be swapped in, by name."""
        return {name: self.folder / name for name in sorted(self.written)}


@contextmanager
def staged(project: Project, without: str) -> Iterator[Stage]:
    """A copy of the project's files but for ``without``, removed in the end; what killed ones left is removed too.

    Raises NotWritableError.
    """
    state = project.folder / STATE_DIR
    had_state = state.exists()
    folder = state / f".update-{os.getpid()}-{secrets.token_hex(4)}.partial" / project.folder.name
    try:
        for left in state.glob(".update-*.partial"):
            if not _is_running(left.name):
                shutil.rmtree(left, ignore_errors=True)
        folder.mkdir(parents=True)
        if not (state / ".gitignore").exists():
            (state / ".gitignore").write_text("*\n")
        for name, path in _sources(project).items():
            if name != without:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, folder / name)
    except OSError as error:
        shutil.rmtree(folder.parent, ignore_errors=True)
        raise not_writable(state, error) from error
    try:
        yield Stage(project, folder)
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)
        if not had_state and {one.name for one in state.iterdir()} <= {".gitignore"}:
            shutil.rmtree(state, ignore_errors=True)


def requirements_for(
    file: ModelFile, asked: Sequence[str], project: Project, installed: Mapping[str, str]
) -> RequirementsRewrite:
    """requirements.txt in line with what the model file tells; ``asked`` are pins that outrank it.

    A version that nothing tells is the installed one. Raises UsageError for what is no pin or has no version.
    """
    declared = read_declared(project.folder / REQUIREMENTS_FILE)
    by_name = {one.name: one for one in declared.declarations if not one.is_constraint}
    own = {path.stem for path in project.folder.glob("*.py")}
    wanted: dict[str, str | None] = {
        str(canonicalize_name(name)): version for name, version in file.packages.items() if name not in own
    }
    wanted.update(map(_pin, asked))
    pins, added = [], []
    for name, version in wanted.items():
        if any(f"{name}{end}" in by_name for end in _BUILDS):
            continue  # which brings the same modules, in a version that its own line says
        one = by_name.get(name)
        if one is None:
            added.append((name, version or _installed(name, file, installed)))
        elif version is not None and (one.parsed is None or not _allows_only(one.pin, version)):
            pins.append((one, version))
    return rewritten(declared, pins, added)


def _sources(project: Project) -> dict[str, Path]:
    """What the archive ships, and what lies beside it: the sample events, golden events and the lock."""
    found = dict(project.contents().files)
    beside = [project.folder / LOCK_FILE, *(project.folder / GOLDEN_DIR).glob("*.ndjson")]
    if project.sample_events is not None:
        beside.append(project.sample_events)
    for path in beside:
        if path.is_file() and path.resolve().is_relative_to(project.folder.resolve()):
            found[PurePosixPath(path.relative_to(project.folder)).as_posix()] = path
    return found


def _allows_only(pin: str | None, version: str) -> bool:
    return pin is not None and pin.partition("+")[0] == version


def _pin(text: str) -> tuple[str, str]:
    try:
        parsed = Requirement(text)
        exact = [one.version for one in parsed.specifier if one.operator == "==" and not one.version.endswith(".*")]
    except InvalidRequirement:
        parsed, exact = None, []
    if parsed is None or len(exact) != 1 or parsed.marker is not None or parsed.url is not None:
        raise UsageError(
            f"--require {text!r} pins no version.",
            code="requirement-invalid",
            hint="Write for example --require scikit-learn==1.7.2.",
        )
    return canonicalize_name(parsed.name), exact[0]


def _installed(name: str, file: ModelFile, installed: Mapping[str, str]) -> str:
    version = installed.get(name)
    if version is None:
        raise NotFoundError(
            f"{file.path.name} needs {name}, which {REQUIREMENTS_FILE} does not list.",
            code="requirements-missing",
            hint=f"Say which version: --require {name}==VERSION",
        )
    return version.partition("+")[0]


def _is_running(name: str) -> bool:
    """Whether the process that a folder's name tells is still there; on Windows nobody can be asked so."""
    number = name.split("-")[1]
    if sys.platform == "win32" or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True
