"""Work out what a project of packflow 0.4 has to become; nothing is written here."""

from __future__ import annotations

import difflib
import os
import re
import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packflow_app.errors import CheckFailedError, NotFoundError
from packflow_app.locations import SAMPLE_EVENTS
from packflow_app.placing import absolute
from packflow_app.projects.contents import excluded_folder
from packflow_app.projects.migration.configuration import migrated_configuration, with_sample_events
from packflow_app.projects.migration.findings import Found
from packflow_app.projects.migration.imports import rewrite_imports
from packflow_app.projects.migration.old_requirements import migrated_requirements
from packflow_app.projects.migration.sample_inputs import events_of_tests, recorded_events
from packflow_app.projects.migration.source import Source, read_source
from packflow_app.projects.migration.usage import OLD_VARIABLE, Usage, usage_of, variable_note
from packflow_app.projects.project import check_folder
from packflow_app.projects.requirements import REQUIREMENTS_FILE
from packflow_app.runtime import CONFIG_FILE, parse_project_config, read_config_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MENTIONING = re.compile(
    r"(?:^|/)(?:pyproject\.toml|setup\.(?:py|cfg)|tox\.ini|noxfile\.py|Pipfile|environment.*\.ya?ml|conda.*\.ya?ml"
    r"|(?:Docker|Container|Make)file[^/]*|[^/]*\.(?:sh|dockerfile|ipynb)|docker-compose[^/]*|\.env[^/]*"
    r"|\.gitlab-ci\.yml|\.github/workflows/[^/]*)\Z"
)
_REQUIREMENTS = re.compile(r"(?:^|/)[^/]*requirements[^/]*\.(?:txt|in)\Z|(?:^|/)requirements/[^/]*\.(?:txt|in)\Z")
_NEEDED = re.compile(
    r"""(?<![\w./-])packflow(?:\[[^\]]*\])?\s*(?:[=<>~!]=|[<>@]|["'])|install\b.*(?<![\w./-])packflow(?![\w./-])"""
    r"|\b(?:from|import)\s+packflow\b"
)
_MOST_BYTES = 4 << 20  # of a file that is looked through for words


@dataclass(frozen=True)
class FileChange:
    """One file before and after; ``before`` is None for one that is made."""

    name: str
    before: bytes | None
    after: bytes

    def diff(self) -> list[str]:
        """The change as the lines of a unified diff."""
        old = "/dev/null" if self.before is None else f"a/{self.name}"
        diff = difflib.unified_diff(_lines(self.before or b""), _lines(self.after), old, f"b/{self.name}")
        return [line.rstrip("\r\n") for line in diff]


@dataclass(frozen=True)
class MigrationPlan:
    """Everything that a migration would do; no changes means that the project is ours already.

    ``events`` is the file below the project that the dry run is to use, None where there is none; ``events_from`` says
    where its events come from. ``candidates`` are files that may hold events, for whoever can read them.
    """

    project: Path
    changes: list[FileChange] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    pydantic: bool = False
    events: str | None = None
    events_from: str = ""
    candidates: list[str] = field(default_factory=list)


def plan_migration(project: Path) -> MigrationPlan:
    """Look at the project, without its events.

    Raises NotFoundError where there is no project, CheckFailedError with file and line for what cannot be read, and the
    runtime's errors about packflow.yaml.
    """
    project = absolute(project)
    check_folder(project)
    configuration = read_config_bytes(project)
    walk = _Walk(project)
    names = list(walk.files())
    sources = [read_source(project / name, name) for name in names if name.endswith(".py")]
    usage = usage_of(sources)
    found = [one for source in sources for one in rewrite_imports(source, pydantic=usage.pydantic)]
    others = [name for name in names if _REQUIREMENTS.search(name) and name != REQUIREMENTS_FILE]
    requirements, _ = migrated_requirements(project, others, [])
    changes = [FileChange(one.name, one.before, one.after()) for one in sources if one.after() != one.before]
    if not changes and all(one.after == one.before for one in requirements):
        return MigrationPlan(project, found=_sorted([*found, *usage.found] if found else []), pydantic=usage.pydantic)
    rewritten = migrated_configuration(configuration)
    requirements, told = migrated_requirements(project, others, _needed(usage, rewritten.after))
    there = (project / REQUIREMENTS_FILE).exists()
    changes += [
        FileChange(one.name, one.before if there or one.name != REQUIREMENTS_FILE else None, one.after)
        for one in requirements
        if one.after != one.before or (one.name == REQUIREMENTS_FILE and not there)
    ]
    changes.insert(0, FileChange(CONFIG_FILE, configuration, rewritten.after))
    found += [*told, *usage.found, *rewritten.found, *walk.found, *_mentions(project, names)]
    for change in changes:
        walk.check_plain(change.name)
    plan = MigrationPlan(project, changes, _sorted(found), usage.pydantic, candidates=recorded_events(names))
    return _with_tests_events(plan, sources)


def with_events(plan: MigrationPlan, name: str, content: bytes | None, origin: str) -> MigrationPlan:
    """The plan with sample events: the project's own file ``name``, or one that is made with ``content``."""
    changes = [
        replace(one, after=with_sample_events(one.after, name)) if one.name == CONFIG_FILE else one
        for one in plan.changes
    ]
    changes = [one for one in changes if one.name != SAMPLE_EVENTS or one.before is not None]
    if content is not None:
        changes.append(FileChange(name, None, content))
    return replace(plan, changes=changes, events=name, events_from=origin)


def effective(plan: MigrationPlan) -> MigrationPlan:
    """The plan without files that stay as they are."""
    return replace(plan, changes=[one for one in plan.changes if one.before != one.after])


def _with_tests_events(plan: MigrationPlan, sources: list[Source]) -> MigrationPlan:
    config = parse_project_config(next(one.after for one in plan.changes if one.name == CONFIG_FILE))
    if config.dry_run.events is not None:
        return replace(plan, events=config.dry_run.events, events_from="packflow.yaml")
    lines, place = events_of_tests(sources)
    if not lines or (plan.project / SAMPLE_EVENTS).exists():
        return plan
    return with_events(plan, SAMPLE_EVENTS, b"".join(line + b"\n" for line in lines), f"the tests, {place}")


def _needed(usage: Usage, configuration: bytes) -> set[str]:
    """Modules that the project needs: those it imports, and those that its configuration asks for."""
    asked = parse_project_config(configuration).backend_config.get("input_format")
    return {
        *usage.imported,
        *(["pydantic"] if usage.pydantic else []),
        *(["numpy"] if asked == "numpy" else []),
    }


class _Walk:
    """A project's files by name, without what no archive holds and without projects inside it."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.found: list[Found] = []

    def files(self, folder: str = "") -> Iterator[str]:
        """Every file below ``folder``, in order."""
        try:
            entries = sorted(os.scandir(self.project / folder), key=lambda entry: entry.name)
        except OSError as error:
            raise NotFoundError(
                f"{self.project / folder} cannot be read: {error.strerror}.",
                code="file-not-readable",
                hint="Mend its permissions.",
            ) from None
        for entry in entries:
            name = f"{folder}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if excluded_folder(entry.name) is None and not self._is_apart(name):
                    yield from self.files(f"{name}/")
            elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode) or (entry.is_symlink() and entry.is_file()):
                yield name

    def check_plain(self, name: str) -> None:
        """Raise CheckFailedError for a link, which would be changed where it leads."""
        if (self.project / name).is_symlink():
            raise CheckFailedError(
                f"{name} is a symbolic link, so what it leads to would change.",
                code="symlink",
                file=name,
                hint="Replace it by the file it points to.",
            )

    def _is_apart(self, name: str) -> bool:
        """Whether a folder is an environment, or a project of its own."""
        folder = self.project / name
        if (folder / "pyvenv.cfg").exists() or (folder / "conda-meta").exists():
            return True
        if (folder / CONFIG_FILE).exists():
            message = f"{name} is a project of its own and is not looked at."
            self.found.append(Found("note", "project-inside", message, name, None, f"packflow migrate {name}"))
            return True
        return False


def _mentions(project: Path, names: list[str]) -> Iterator[Found]:
    """Lines of other files that require or import packflow, or set the variable of older versions."""
    for name in names:
        path = project / name
        if not _MENTIONING.search(name) or path.stat().st_size > _MOST_BYTES:
            continue
        is_code = name.endswith(".py")
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").split("\n"), 1):
            if _NEEDED.search(line) and not (is_code and re.match(r"\s*(?:from|import)\b", line)):
                message = f"{name} requires packflow, and is left as it is."
                hint = "Remove it there: `packflow env sync` brings the runtime, and an archive carries it."
                yield Found("left", "requires-packflow", message, name, number, hint)
            if OLD_VARIABLE in line and not is_code:
                yield variable_note(name, number)


def _sorted(found: list[Found]) -> list[Found]:
    """What was left first, each kind by its place, none twice."""
    return sorted(dict.fromkeys(found), key=lambda one: (one.kind, one.file, one.line or 0))


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").splitlines(keepends=True)
