"""The Python that a new project's model runs in: one that has what it needs, else the project's own .venv."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from packflow_app.actions.init_options import NEW_ENVIRONMENT
from packflow_app.environments.provision import Provision, check_can_make, existing_python, made_environment
from packflow_app.errors import NotFoundError
from packflow_app.projects.requirements import REQUIREMENTS_FILE
from packflow_app.projects.scaffold import workplace

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.environments.tools import EnvironmentProgressed

HEADER = """\
# What the model needs beside Python, one pinned requirement a line. The Packflow runtime travels in the archive.
"""


@dataclass
class Place:
    """Where a project is made: what to look for and whom to tell."""

    target: Path
    name: str
    python: str | None
    report: Callable[[EnvironmentProgressed], None]
    cancel: threading.Event

    @property
    def named(self) -> str | None:
        """The Python that was chosen by name, which ``new`` is none of."""
        return self.python if self.python != NEW_ENVIRONMENT else None


@dataclass
class ProjectPython:
    """A Python for the project; ``provision`` is None where none is needed, or where a plan only names what is.

    ``wanted`` are the requirements that were asked for at first, ``is_made`` tells whether .venv was made for them.
    """

    place: Place
    wanted: tuple[str, ...] = ()
    provision: Provision | None = None
    is_made: bool = False
    _pins: list[str] = field(default_factory=list)

    @property
    def interpreter(self) -> Interpreter | None:
        """The Python itself."""
        return self.provision.interpreter if self.provision is not None else None

    @property
    def is_needed(self) -> bool:
        """Whether the project is to have a Python that has more than Python."""
        return bool(self.wanted) or self.place.python == NEW_ENVIRONMENT

    def settle(self, more: Sequence[str]) -> list[str]:
        """Add what turned out to be needed, and give every requirement as it is pinned then."""
        if self.provision is None:
            return []
        names = list(dict.fromkeys(canonicalize_name(Requirement(one).name) for one in [*self.wanted, *more]))
        if self.is_made and any(name not in self.provision.installed.versions for name in names):
            self._install(self.provision.pinned(names))
        return self.provision.pinned(names)

    def install(self, requirements: bytes) -> None:
        """Bring .venv in line with the project's final requirements.txt, where it was made here."""
        if self.is_made:
            path = self.place.target / REQUIREMENTS_FILE
            if path.read_bytes() == requirements:
                self._sync()

    def _first_pinned(self) -> str:
        parsed = [Requirement(one) for one in self.wanted]
        return next((one.name for one in parsed if one.specifier), parsed[0].name)

    def _install(self, lines: Sequence[str]) -> None:
        path = self.place.target / REQUIREMENTS_FILE
        path.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
        self._sync()

    def _sync(self) -> None:
        place = self.place
        try:
            self.provision = made_environment(place.target, place.name, place.named, place.report, place.cancel)
        except NotFoundError as error:
            if error.code not in ("requirements-unsatisfiable", "installation-failed"):
                raise
            raise NotFoundError(
                f"What the model needs cannot be installed: {', '.join(self.wanted)}.",
                detail=error.detail,
                code=error.code,
                hint="Name another Python, such as --python 3.12, or other versions, such as --require "
                f"{self._first_pinned()}==VERSION.",
            ) from None


@contextmanager
def project_python(
    place: Place, wanted: Sequence[str], others: Sequence[str], *, plan: bool
) -> Iterator[ProjectPython]:
    """A Python that has ``wanted`` (and, where it is not made for them, ``others``, of which some will be needed).

    What the block leaves in the target folder stays; when it raises, an environment that was made goes again. Raises
    NotFoundError and what ``made_environment`` raises.
    """
    if not wanted and not others and place.python is None:
        yield ProjectPython(place)
        return
    found = existing_python(place.target, place.named, [*wanted, *others])
    if not found.missing and place.python != NEW_ENVIRONMENT:
        yield ProjectPython(place, tuple(wanted), found)
        return
    check_can_make(place.target, found, anew=place.python == NEW_ENVIRONMENT)
    if plan:
        yield ProjectPython(place, tuple(wanted))
        return
    with workplace(place.target):
        python = ProjectPython(place, tuple(wanted), is_made=True)
        if (place.target / REQUIREMENTS_FILE).exists() and not _is_ours(place.target):
            python.install((place.target / REQUIREMENTS_FILE).read_bytes())
            _check_has(place.target, python, wanted)
        else:
            python._install(wanted)  # noqa: SLF001 - of the same module
        yield python


def _is_ours(target: Path) -> bool:
    """Whether requirements.txt is what an init that was killed has left."""
    return (target / REQUIREMENTS_FILE).read_bytes().startswith(HEADER.encode())


def _check_has(target: Path, python: ProjectPython, wanted: Sequence[str]) -> None:
    lacking = existing_python(target, None, wanted).missing
    if lacking:
        raise NotFoundError(
            f"{REQUIREMENTS_FILE}, which is there already, does not list what the model needs: "
            f"{', '.join(one.wanted for one in lacking)}.",
            code="requirements-missing",
            file=REQUIREMENTS_FILE,
            hint="Add it there; packflow init changes no file that exists.",
        )
    assert python.provision is not None  # noqa: S101
