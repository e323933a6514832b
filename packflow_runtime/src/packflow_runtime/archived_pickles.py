"""The pickles in an archive, listed from its bytes: nothing is extracted, unpickled or written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from .known_globals import Verdict, judge
from .manifest import PROJECT_DIR
from .pickle_containers import list_pickles_in
from .pickle_sources import Limits, window

if TYPE_CHECKING:
    from .archive import Archive
    from .canonical_zip import Entry
    from .pickle_listing import PickleListing

_MOST_UNPACKED = 1 << 30  # bytes that one file may unpack to
_MOST_RATIO = 50  # of those to the file's own; honest ones stay far below
_IN_MEMORY = 32 << 20  # up to which a packed zip is held in memory; above it a temporary file would be written
_MOST_OPCODES = 1_500_000
_MOST_ON_STACK = 500_000
_MOST_PROBLEMS = 20  # of one file
_MOST_NAMED = 5


@dataclass(frozen=True)
class ArchivedPickle:
    """A file of the archive that holds pickles, or may: ``problems`` say what could not be looked into.

    ``unlisted`` are globals that the manifest's allowlist lacks; ``unreviewed`` are those that are neither reviewed nor
    the project's own, ``dangerous`` those of them that run code or reach out.
    """

    path: str
    kind: str
    pickles: int
    globals: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    unreviewed: tuple[str, ...] = ()
    dangerous: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def remarks(self) -> tuple[str, ...]:
        """What a receiver should know of the file, each in a sentence of its own."""
        asked = [(name, "runs code or reaches out") for name in self.dangerous]
        asked += [(name, "is not reviewed") for name in self.unreviewed if name not in self.dangerous]
        told = [f"{self.path} asks for {name}, which {why}" for name, why in asked[:_MOST_NAMED]]
        if len(asked) > _MOST_NAMED:
            told.append(f"{self.path} asks for {len(asked) - _MOST_NAMED:,} more that are not reviewed")
        if self.unlisted:
            names = ", ".join(self.unlisted[:_MOST_NAMED])
            more = f" and {len(self.unlisted) - _MOST_NAMED:,} more" if len(self.unlisted) > _MOST_NAMED else ""
            told.append(f"{self.path} asks for what is not on the archive's allowlist: {names}{more}")
        return (*told, *(f"{self.path}: {problem}" for problem in self.problems[:_MOST_NAMED]))


def pickles_in(archive: Archive) -> tuple[ArchivedPickle, ...]:
    """Look at every file of the project, by content; time and memory are bounded by the files' sizes."""
    modules = _own_modules(archive)
    found = (
        _judged(_listed(archive.file, entry), archive.manifest.pickle_allowlist, modules)
        for entry in archive.entries.values()
        if entry.name.startswith(f"{PROJECT_DIR}/")
    )
    return tuple(pickle for pickle in found if pickle.pickles or pickle.problems)


def _listed(file: BinaryIO, entry: Entry) -> PickleListing:
    limits = Limits(
        opcodes=_MOST_OPCODES,
        stack=_MOST_ON_STACK,
        unpacked=min(_MOST_UNPACKED, entry.size * _MOST_RATIO),
        spooled=_IN_MEMORY,
    )
    return list_pickles_in(window(file, entry.data_offset, entry.size), entry.name, limits=limits)


def _judged(listing: PickleListing, allowlist: list[str], modules: frozenset[str]) -> ArchivedPickle:
    verdicts = {name: judge(name).verdict for name in listing.names}
    unreviewed = [
        name
        for name, verdict in verdicts.items()
        if verdict is Verdict.DANGEROUS or (verdict is Verdict.ASK and _module(name) not in modules)
    ]
    return ArchivedPickle(
        listing.path,
        listing.kind,
        listing.pickles,
        globals=listing.names,
        unlisted=tuple(sorted(set(listing.names) - set(allowlist))),
        unreviewed=tuple(unreviewed),
        dangerous=tuple(name for name in unreviewed if verdicts[name] is Verdict.DANGEROUS),
        problems=tuple(str(problem) for problem in listing.problems[:_MOST_PROBLEMS]),
    )


def _own_modules(archive: Archive) -> frozenset[str]:
    """The modules of the project itself: its classes are reviewed by whoever reads its code."""
    prefix = f"{PROJECT_DIR}/"
    paths = (name[len(prefix) : -3] for name in archive.entries if name.startswith(prefix) and name.endswith(".py"))
    return frozenset(path.removesuffix("/__init__").replace("/", ".") for path in paths)


def _module(name: str) -> str:
    """The module of a global; names of nested classes have a colon after it."""
    return name.partition(":")[0] if ":" in name else name.rpartition(".")[0]
