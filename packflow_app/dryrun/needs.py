"""What a model needs, as a run showed it, against what its requirements.txt declares."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from packaging.utils import canonicalize_name

from packflow_app.dryrun.brought import brought_by
from packflow_app.dryrun.needs_report import (
    DifferentVersion,
    Missing,
    Needs,
    NotToBeListed,
    Place,
    UnknownSource,
    Unpinned,
    UnseenImport,
    Unused,
    WrongMarker,
)
from packflow_app.projects.requirements_edits import rewritten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packflow_app.environments.installed import Installed
    from packflow_app.projects.requirements import Declaration, DeclaredRequirements
    from packflow_app.projects.requirements_edits import RequirementsRewrite

_Finding = TypeVar("_Finding")
# Packflow puts the runtime into every environment and archive itself.
_NOT_LISTED = frozenset(("packflow", "packflow-runtime"))


def needs_of(
    record: Mapping[str, Any],
    declared: DeclaredRequirements,
    installed: Installed,
) -> Needs:
    """Compare the worker's import record with what is declared; ``installed`` is what the Python that ran it has."""
    return _Comparison(record, declared, installed).needs()


def planned_rewrite(
    needs: Needs, declared: DeclaredRequirements, *, correct_versions: bool = False
) -> RequirementsRewrite:
    """What ``--write-requirements`` makes of the file: missing ones added, open ones pinned to what was installed.

    A declaration that contradicts what is installed is changed only with ``correct_versions``; nothing is removed. Pins
    leave out local versions (``+cpu``), which no index has and which ``==`` accepts anyway. Raises NotFoundError when
    the file cannot be read.
    """
    contradicted = {(one.file, one.line) for one in needs.different}
    versions = {
        (one.file, one.line): one.installed for one in needs.unpinned if (one.file, one.line) not in contradicted
    }
    if correct_versions:
        versions.update(((one.file, one.line), one.installed) for one in needs.different)
    pins = [
        (declaration, public_version(version))
        for declaration in declared.declarations
        if (version := versions.get((declaration.file, declaration.line))) is not None
    ]
    certain = [one for one in needs.missing if not one.alternatives]
    return rewritten(declared, pins, [(one.name, public_version(one.version)) for one in certain])


def public_version(version: str) -> str:
    """A version without its local part."""
    return version.partition("+")[0]


class _Comparison:
    def __init__(
        self,
        record: Mapping[str, Any],
        declared: DeclaredRequirements,
        installed: Installed,
    ) -> None:
        self.record = record
        self.declared = declared
        self.installed = installed.versions
        self.markers = {**installed.markers, "extra": ""}
        self.used = {canonicalize_name(name) for entry in record["used"] for name in entry["distributions"]}
        self.names = {id(one): one.name or self._name_by_origin(one) for one in declared.declarations}
        self.wanted = [one for one in declared.declarations if not one.is_constraint]
        self.applying = {one.name for one in self.wanted if self._applies(one)}
        self.brought = brought_by([one for one in self.wanted if self._applies(one)], installed)
        self.constrained = {one.name for one in declared.declarations if one.is_constraint and one.pin is not None}

    def needs(self) -> Needs:
        listed = [one for one in self.wanted if self.names[id(one)] not in _NOT_LISTED]
        return Needs(
            used={name: self.record["versions"][name] for name in sorted(self._direct())},
            missing=self._missing(),
            different=_found(map(self._different, listed)),
            wrong_marker=_found(map(self._wrong_marker, listed)),
            not_to_be_listed=[
                NotToBeListed(self.names[id(one)], one.file, one.line)
                for one in self.wanted
                if self.names[id(one)] in _NOT_LISTED
            ],
            unpinned=_found(map(self._unpinned, listed)),
            unused=_found(map(self._unused, listed)),
            unknown=[
                UnknownSource(entry["module"], _places(entry["places"]), entry["globals"])
                for entry in self.record["used"]
                if not entry["distributions"]
            ],
            unseen=[self._unseen(entry) for entry in self.record["unseen"]],
            problems=list(self.declared.problems),
        )

    def _direct(self) -> set[str]:
        """Distributions that are certainly used, as they spell themselves."""
        owners = [entry["distributions"] for entry in self.record["used"]]
        return {names[0] for names in owners if len(names) == 1}

    def _missing(self) -> list[Missing]:
        """Used distributions without any declaration; modules with the same owners are one need."""
        known = {self.names[id(one)] for one in self.wanted} | _NOT_LISTED
        direct = self._direct()
        groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
        for entry in self.record["used"]:
            owners = tuple(entry["distributions"])
            covered = len(owners) > 1 and direct.intersection(owners)
            if owners and not covered and not known.intersection(_normalized(owners)):
                groups[owners].append(entry)
        return [self._missing_of(owners, entries) for owners, entries in sorted(groups.items())]

    def _missing_of(self, owners: tuple[str, ...], entries: list[Mapping[str, Any]]) -> Missing:
        places = sorted({(file, line or 0) for entry in entries for file, line in entry["places"]})
        return Missing(
            name=owners[0],
            version=self.record["versions"][owners[0]],
            modules=[entry["module"] for entry in entries],
            places=[Place(file, line or None) for file, line in places],
            globals=[name for entry in entries for name in entry["globals"]],
            alternatives=list(owners[1:]),
            brought_by=self.brought.get(canonicalize_name(owners[0])) if len(owners) == 1 else None,
        )

    def _different(self, one: Declaration) -> DifferentVersion | None:
        version = self.installed.get(self.names[id(one)])
        if version is None or one.parsed is None or not self._applies(one):
            return None
        if one.parsed.specifier.contains(version, prereleases=True):
            return None
        return DifferentVersion(one.name, one.file, one.line, str(one.parsed.specifier), version)

    def _wrong_marker(self, one: Declaration) -> WrongMarker | None:
        if self._applies(one) or one.name not in self.used or one.name in self.applying:
            return None
        return WrongMarker(one.name, one.file, one.line, str(one.parsed.marker) if one.parsed is not None else "")

    def _unpinned(self, one: Declaration) -> Unpinned | None:
        is_path = one.is_place and "://" not in one.text  # on the project's own disk: no version could say more
        if one.is_pinned or is_path or one.name in self.constrained or not self._applies(one):
            return None
        name = self.names[id(one)]
        return Unpinned(name, one.file, one.line, one.text, self.installed.get(name))

    def _unused(self, one: Declaration) -> Unused | None:
        name = self.names[id(one)]
        if not name or name in self.used or not self._applies(one):
            return None
        unseen = [entry for entry in self.record["unseen"] if name in _normalized(entry["distributions"])]
        return Unused(
            name=name,
            file=one.file,
            line=one.line,
            loaded=name in _normalized(self.record["loaded"]),
            unseen=[Place(entry["file"], entry["line"]) for entry in unseen],
        )

    def _unseen(self, entry: Mapping[str, Any]) -> UnseenImport:
        names = {self.names[id(one)] for one in self.wanted}
        declared = bool(names.intersection(_normalized(entry["distributions"])))
        return UnseenImport(**entry, declared=declared)

    def _applies(self, one: Declaration) -> bool:
        if one.parsed is None or one.parsed.marker is None:
            return True
        try:
            return one.parsed.marker.evaluate(self.markers)
        except ValueError:  # a marker that compares what cannot be compared; the reader of the file cannot know
            return True

    def _name_by_origin(self, one: Declaration) -> str:
        """The name of what was installed from the path or URL that a declaration gives without one."""
        place = re.sub(r"^(-e|--editable)[=\s]*", "", one.text).partition("#")[0].strip()
        url = place.partition("+")[2] if re.match(r"[a-z]+\+[a-z]+:", place) else place
        if "://" not in url:
            project = self.declared.path.absolute().parent
            folders = (project, (project / one.file).parent)
            urls = {Path(os.path.normpath(folder / place)).as_uri() for folder in folders}
        else:
            urls = {url, url.rpartition("@")[0]}
        origins: Mapping[str, str] = self.record["origins"]
        names = [name for name, origin in origins.items() if origin.rstrip("/") in {item.rstrip("/") for item in urls}]
        return canonicalize_name(names[0]) if names else ""


def _found(findings: Iterable[_Finding | None]) -> list[_Finding]:
    return [finding for finding in findings if finding is not None]


def _normalized(names: Iterable[str]) -> set[str]:
    return {canonicalize_name(name) for name in names}


def _places(places: Sequence[Sequence[Any]]) -> list[Place]:
    return [Place(file, line) for file, line in places]
