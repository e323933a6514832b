"""What was found in one file: each pickle global by name, and what could not be told."""

from __future__ import annotations

from dataclasses import dataclass

# What each problem means to whoever must decide about the file.
MEANINGS = {
    "truncated": "a pickle ends in the middle",
    "undecodable": "a pickle goes on with bytes that are no opcode",
    "damaged": "packed data cannot be unpacked to its end",
    "unreadable": "its contents cannot be read here",
    "inconsistent": "programs would read it differently",
    "too-deep": "it holds containers within containers, too deep to follow",
    "too-large": "it is too large to read to its end",
    "inner-too-large": "it holds a pickle within a pickle that is too large to follow",
    "array-unclear": "the size of an array in it cannot be told, so that what follows is unknown",
    "frames-disagree": "its frames make readers go on at different places",
    "readers-disagree": "joblib.load and pickle.load would read different things",
    "changes-global": "it changes a class or function itself",
}


@dataclass(frozen=True, order=True)
class PickleGlobal:
    """A global that loading would resolve; ``unknown`` where only running the pickle would tell its name.

    ``uses`` are the opcodes that call it (REDUCE, NEWOBJ, NEWOBJ_EX, OBJ, INST) or hand it a state (BUILD), none where
    it is only named. ``offset`` is the first mention, in bytes of ``member`` (unpacked), which is empty for the file.
    """

    name: str
    uses: tuple[str, ...] = ()
    offset: int = 0
    member: str = ""


@dataclass(frozen=True, order=True)
class PickleProblem:
    """Something that could not be told, by a stable ``code``; ``detail`` adds what ``MEANINGS`` cannot know."""

    code: str
    member: str = ""
    offset: int = 0
    detail: str = ""

    def __str__(self) -> str:
        place = f"{self.member}: " if self.member else ""
        return f"{place}{MEANINGS[self.code]}{f' ({self.detail})' if self.detail else ''}"


@dataclass(frozen=True)
class PickleListing:
    """All pickles of a file, sorted by name; ``kind`` says what the file is.

    Kinds: raw, joblib, torch, torch-legacy, npy, npz, zip, tar, gzip, bz2, xz, lzma, zlib, lz4, zstd; ``none`` where
    nothing in it is a pickle.
    """

    path: str
    kind: str = "none"
    globals: tuple[PickleGlobal, ...] = ()
    problems: tuple[PickleProblem, ...] = ()
    pickles: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all globals, sorted, each once."""
        return tuple(found.name for found in self.globals)
