"""requirements.txt and its lock against what the model was seen to need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.dryrun.needs import public_version
from packflow_app.environments.lock import LockState
from packflow_app.environments.requirements import RUNTIME_NAME
from packflow_app.locations import LOCK_FILE
from packflow_app.projects.requirements import REQUIREMENTS_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context

_WRITE = "packflow dry-run --write-requirements"
_LOCK = "packflow env lock"


@check(
    "requirement-missing",
    Severity.ERROR,
    why="Where the archive is installed from its requirements, the model does not start.",
    fix=f"Add it; `{_WRITE}` does.",
    safe_fix=_WRITE,
)
def requirement_missing(context: Context) -> Iterator[Spot]:
    """The model uses a distribution that requirements.txt does not list, and that nothing it lists brings along."""
    for one in _needs(context, "missing"):
        if one.get("brought_by"):
            continue
        name, version = str(one.get("name")), str(one.get("version"))
        place = next((place for place in one.get("places") or [] if isinstance(place, dict)), {})
        others = one.get("alternatives") or []
        either = f" (or {', '.join(map(str, others))}, which has the module too)" if others else ""
        yield Spot(
            f"The model uses {name} {version}{either}, which {REQUIREMENTS_FILE} does not list.",
            place.get("file") or REQUIREMENTS_FILE,
            place.get("line"),
            f"Add {name}=={public_version(version)} to {REQUIREMENTS_FILE}"
            + ("." if others else f"; `{_WRITE}` does."),
        )


@check(
    "requirement-transitive",
    Severity.WARNING,
    why="It is installed as long as that other requirement needs it, in whatever version that allows.",
    fix=f"Add it; `{_WRITE}` does.",
    safe_fix=_WRITE,
)
def requirement_transitive(context: Context) -> Iterator[Spot]:
    """The model uses a distribution that requirements.txt does not list, and that one it lists brings along."""
    for one in _needs(context, "missing"):
        if not one.get("brought_by"):
            continue
        name, version = str(one.get("name")), str(one.get("version"))
        place = next((place for place in one.get("places") or [] if isinstance(place, dict)), {})
        yield Spot(
            f"The model uses {name} {version}, which only {one['brought_by']} asks for.",
            place.get("file") or REQUIREMENTS_FILE,
            place.get("line"),
            f"Add {name}=={public_version(version)} to {REQUIREMENTS_FILE}; `{_WRITE}` does.",
        )


@check(
    "requirement-marker",
    Severity.ERROR,
    why="Where the archive is installed from its requirements on such a system, the model does not start.",
    fix="Mend the marker.",
)
def requirement_marker(context: Context) -> Iterator[Spot]:
    """The model uses a distribution here, though its line says that it is not for such a system."""
    for one in _needs(context, "wrong_marker"):
        yield _at(one, f"The model uses {one.get('name')} here; its line is only for {one.get('marker')}.")


@check(
    "requirement-unknown",
    Severity.WARNING,
    why="Nothing installs it where the archive runs.",
    fix="Make it a distribution that requirements.txt can name, or move its code into the project.",
)
def requirement_unknown(context: Context) -> Iterator[Spot]:
    """The model imports a module from outside the project that no installed distribution owns."""
    for one in _needs(context, "unknown"):
        place = next((place for place in one.get("places") or [] if isinstance(place, dict)), {})
        yield Spot(f"Nothing that is installed owns {one.get('module')}.", place.get("file"), place.get("line"))


@check(
    "requirement-unpinned",
    Severity.WARNING,
    why="Another version may be installed where the archive runs than the one that the dry run is about.",
    fix=f"Pin it; `{_WRITE}` does.",
    safe_fix=_WRITE,
)
def requirement_unpinned(context: Context) -> Iterator[Spot]:
    """requirements.txt leaves a version open."""
    for one in _needs(context, "unpinned"):
        ran = f"; it ran with {one['installed']}" if one.get("installed") else ""
        yield _at(one, f"{one.get('wanted')} leaves the version open{ran}.")


@check(
    "requirement-unused",
    Severity.WARNING,
    why="Whoever installs the archive installs it too.",
    fix="Remove the line, unless a plugin or a rare event needs it.",
)
def requirement_unused(context: Context) -> Iterator[Spot]:
    """requirements.txt lists what nothing was seen using, neither the model nor a library of it."""
    for one in _needs(context, "unused"):
        if not one.get("loaded"):
            yield _at(one, f"{one.get('name')} was not seen in use.")


@check(
    "lock-missing",
    Severity.WARNING,
    why="Without it the archive installs whatever an index offers on that day.",
    fix=_LOCK,
    safe_fix=_LOCK,
)
def lock_missing(context: Context) -> Iterator[Spot]:
    """There are requirements and no requirements.lock."""
    if context.lock is LockState.MISSING and _asks_for_something(context):
        yield Spot(f"{LOCK_FILE} does not exist; the archive will ship none.", LOCK_FILE)


@check(
    "lock-stale",
    Severity.ERROR,
    why="It would install something else than requirements.txt asks for.",
    fix=_LOCK,
    safe_fix=_LOCK,
)
def lock_stale(context: Context) -> Iterator[Spot]:
    """requirements.lock is of other requirements, of another range of Pythons, or not Packflow's."""
    if context.lock is LockState.STALE:
        yield Spot(f"{LOCK_FILE} does not fit {REQUIREMENTS_FILE} and python_requires as they are now.", LOCK_FILE)


def _asks_for_something(context: Context) -> bool:
    return any(not one.is_constraint and one.name != RUNTIME_NAME for one in context.declared.declarations)


def _needs(context: Context, kind: str) -> list[dict[str, Any]]:
    """What the last dry run found of this kind, if it is about the project as it is."""
    found = context.verdict.part("needs").get(kind) if context.verdict.is_fresh else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _at(finding: dict[str, Any], message: str) -> Spot:
    return Spot(message, finding.get("file") or REQUIREMENTS_FILE, finding.get("line"))
