"""The ways in which requirements.txt and a run of the model can disagree; every one has its place."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from packflow_app.projects.requirements import RequirementProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Place:
    """A line of a project's file; ``line`` is None where only the file is known."""

    file: str
    line: int | None


@dataclass(frozen=True)
class Missing:
    """A distribution that the model uses and requirements.txt does not declare.

    ``places`` import it, ``globals`` are names in the model's pickles. Where several distributions claim the module,
    ``name`` is the first and ``alternatives`` are the others: one of them is needed. ``brought_by`` is the requirement
    that installs it all the same, since it needs it itself.
    """

    name: str
    version: str
    modules: list[str]
    places: list[Place]
    globals: list[str]
    alternatives: list[str] = field(default_factory=list)
    brought_by: str | None = None


@dataclass(frozen=True)
class Unused:
    """A declared distribution that neither the project's code nor its pickles used in this run.

    That does not prove it useless: it may be a plugin, a command, or asked for by name at another time. ``loaded``:
    another library loaded it. ``unseen`` are imports of it in the sources that did not run.
    """

    name: str
    file: str
    line: int
    loaded: bool
    unseen: list[Place]


@dataclass(frozen=True)
class Unpinned:
    """A declared distribution whose version is open; ``installed`` is the one that the model was run with."""

    name: str
    file: str
    line: int
    wanted: str
    installed: str | None


@dataclass(frozen=True)
class DifferentVersion:
    """A declared distribution of which another version is installed than the declaration allows."""

    name: str
    file: str
    line: int
    wanted: str
    installed: str


@dataclass(frozen=True)
class WrongMarker:
    """A distribution that the model uses here, though its declaration says it is not for such an environment."""

    name: str
    file: str
    line: int
    marker: str


@dataclass(frozen=True)
class NotToBeListed:
    """A declaration of what Packflow itself puts in every environment."""

    name: str
    file: str
    line: int


@dataclass(frozen=True)
class UnknownSource:
    """A module that the model uses and no installed distribution owns, such as one on PYTHONPATH."""

    module: str
    places: list[Place]
    globals: list[str]


@dataclass(frozen=True)
class UnseenImport:
    """An import in the sources that did not run, of something that nothing else used.

    ``optional``: the code goes on without it. ``loaded``: its file took part in the run (a test or a script does not).
    ``declared``: requirements.txt has it; always False where ``distributions`` is empty, since nobody knows its name.
    """

    module: str
    distributions: list[str]
    file: str
    line: int
    optional: bool
    loaded: bool
    declared: bool


@dataclass(frozen=True)
class Needs:
    """Every way in which requirements.txt and the run disagree; ``used`` are the direct needs, name to version."""

    used: dict[str, str]
    missing: list[Missing]
    different: list[DifferentVersion]
    wrong_marker: list[WrongMarker]
    not_to_be_listed: list[NotToBeListed]
    unpinned: list[Unpinned]
    unused: list[Unused]
    unknown: list[UnknownSource]
    unseen: list[UnseenImport]
    problems: list[RequirementProblem]

    @property
    def ok(self) -> bool:
        """Whether what is declared is enough for the model to run elsewhere as it ran here."""
        return not (self.missing or self.different or self.wrong_marker or self.not_to_be_listed)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Needs:
        """What ``as_json`` gave; raises KeyError or TypeError for what another version of Packflow wrote."""
        return cls(
            used=dict(data["used"]),
            missing=[Missing(**{**one, "places": _places(one["places"])}) for one in data["missing"]],
            different=[DifferentVersion(**one) for one in data["different"]],
            wrong_marker=[WrongMarker(**one) for one in data["wrong_marker"]],
            not_to_be_listed=[NotToBeListed(**one) for one in data["not_to_be_listed"]],
            unpinned=[Unpinned(**one) for one in data["unpinned"]],
            unused=[Unused(**{**one, "unseen": _places(one["unseen"])}) for one in data["unused"]],
            unknown=[UnknownSource(**{**one, "places": _places(one["places"])}) for one in data["unknown"]],
            unseen=[UnseenImport(**one) for one in data["unseen"]],
            problems=[RequirementProblem(**one) for one in data["problems"]],
        )

    def as_json(self) -> dict[str, Any]:
        """The findings as plain JSON values."""
        return asdict(self)


def _places(places: Sequence[Mapping[str, Any]]) -> list[Place]:
    return [Place(**place) for place in places]
