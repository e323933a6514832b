"""The Python that runs the model: there, and the one that packflow.yaml means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.runtime import CONFIG_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context

_VERSION = re.compile(r"\d+(\.\d+){0,2}")


@check(
    "python-missing",
    Severity.ERROR,
    why="The model can be run only in an environment of its own, never in Packflow's.",
    fix="Make one with `packflow env sync`, or name one with --python.",
    needed_to_run=True,
)
def python_missing(context: Context) -> Iterator[Spot]:
    """No Python was found to run the model, or the project's own does not run."""
    if context.python.error is not None:
        yield context.spot_of(context.python.error)


@check(
    "python-version",
    Severity.WARNING,
    why="The model is tried on another Python than the one it is said to be for.",
    fix="Make the environment with that Python (packflow env sync --python VERSION), or change python_version.",
)
def python_version(context: Context) -> Iterator[Spot]:
    """python_version names another Python than the one that runs the model."""
    wanted, found = context.config.python_version, context.python.interpreter
    if wanted is None or found is None:
        return
    line = context.lines.get("python_version")
    fits = _fits(found.version_text, wanted)
    if fits is None:
        yield Spot(f"{wanted!r} is not a Python version.", CONFIG_FILE, line, "Write for example python_version: 3.11")
    elif not fits:
        yield Spot(f"python_version is {wanted}; {found.origin} is Python {found.version_text}.", CONFIG_FILE, line)


@check(
    "python-requires",
    Severity.WARNING,
    why="Nothing shows that the model works on a Python that its archive accepts.",
    fix="Make the environment with a Python in that range, or change python_requires.",
)
def python_requires(context: Context) -> Iterator[Spot]:
    """The Python that runs the model is outside python_requires."""
    wanted, found = context.config.python_requires, context.python.interpreter
    if wanted is not None and found is not None and _fits(found.version_text, wanted) is False:
        yield Spot(
            f"python_requires is {wanted}; {found.origin} is Python {found.version_text}.",
            CONFIG_FILE,
            context.lines.get("python_requires"),
        )


@check(
    "dry-run-python",
    Severity.WARNING,
    why="Its verdict is about a Python on which the archive will not start.",
    fix="Run `packflow dry-run` on a Python in that range, or change python_requires.",
)
def dry_run_python(context: Context) -> Iterator[Spot]:
    """The last dry run ran on a Python outside python_requires."""
    wanted, ran_on = context.config.python_requires, context.verdict.report.get("python")
    if wanted is None or not isinstance(ran_on, str) or not context.verdict.is_fresh:
        return
    if _fits(ran_on, wanted) is False:
        yield Spot(
            f"python_requires is {wanted}; the dry run ran on Python {ran_on}.",
            CONFIG_FILE,
            context.lines.get("python_requires"),
        )


def _fits(version: str, wanted: str) -> bool | None:
    """Whether a version is what ``wanted`` means: a version as far as it is given, or a range; None for neither."""
    text = wanted.strip()
    if _VERSION.fullmatch(text):
        parts = text.split(".")
        return version.split(".")[: len(parts)] == parts
    try:
        return SpecifierSet(text).contains(version, prereleases=True)
    except InvalidSpecifier:
        return None
