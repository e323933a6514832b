"""What packflow.yaml says, and whether what it names is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.runtime import CONFIG_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context


@check(
    "config-invalid",
    Severity.ERROR,
    why="Everything else starts from what packflow.yaml says.",
    fix="Mend the line that is named.",
    needed_to_run=True,
    reads_config=False,
)
def config_invalid(context: Context) -> Iterator[Spot]:
    """packflow.yaml cannot be read, is empty, or says what it must not."""
    if context.config_error is not None:
        yield context.spot_of(context.config_error, CONFIG_FILE)


@check(
    "backend-file-missing",
    Severity.ERROR,
    why="Without it there is no model to run.",
    fix="Create the file, or set inference_backend to the module that has the backend.",
    needed_to_run=True,
)
def backend_file_missing(context: Context) -> Iterator[Spot]:
    """The file that inference_backend names does not exist."""
    file = context.project.backend_file
    package = file.with_suffix("") / "__init__.py"
    if context.config.loader == "local" and not file.is_file() and not package.is_file():
        name = file.relative_to(context.folder).as_posix()
        named = context.config.inference_backend
        yield Spot(
            f"{named} stands in {name}, which does not exist.", CONFIG_FILE, context.lines.get("inference_backend")
        )


@check(
    "contents-invalid",
    Severity.ERROR,
    why="An archive holds plain files only, the same on every system.",
    fix="Replace it by a plain file, or move it out of the project.",
    needed_to_run=True,
)
def contents_invalid(context: Context) -> Iterator[Spot]:
    """The project holds what an archive cannot: a symbolic link, a device, a file that cannot be read."""
    if context.contents_error is not None:
        yield context.spot_of(context.contents_error)


@check(
    "version-invalid",
    Severity.ERROR,
    why="The archive is named by it, and whoever receives two must see which is newer.",
    fix="Write for example version: 1.0.0.",
)
def version_invalid(context: Context) -> Iterator[Spot]:
    """The version is none by PEP 440."""
    try:
        Version(context.config.version)
    except InvalidVersion:
        yield Spot(f"{context.config.version!r} is not a version.", CONFIG_FILE, context.lines.get("version"))


@check(
    "description-empty",
    Severity.WARNING,
    why="It is the first thing that whoever receives the archive reads about it.",
    fix="Say in one sentence what the model does.",
)
def description_empty(context: Context) -> Iterator[Spot]:
    """The description is empty."""
    if not context.config.description.strip():
        yield Spot("description is empty.", CONFIG_FILE, context.lines.get("description"))


@check(
    "maintainers-empty",
    Severity.WARNING,
    why="Whoever runs the archive wants to know whom to ask.",
    fix="Name somebody: maintainers: [Ada Lovelace <ada@example.org>]",
)
def maintainers_empty(context: Context) -> Iterator[Spot]:
    """No maintainers are named."""
    if not any(name.strip() for name in context.config.maintainers):
        yield Spot("maintainers is empty.", CONFIG_FILE, context.lines.get("maintainers"))


@check(
    "stateful-unexplained",
    Severity.WARNING,
    why="A stateful model is compared less strictly and runs slower; a reader cannot tell whether that is meant.",
    fix="Say why under dry_run: reason, or make each output depend on its own event only.",
)
def stateful_unexplained(context: Context) -> Iterator[Spot]:
    """The model keeps state between events, and no reason is given."""
    declared = context.config.stateful or (context.verdict.is_fresh and context.verdict.report.get("stateful") is True)
    if declared and not (context.config.dry_run.reason or "").strip():
        yield Spot("The model is stateful; dry_run.reason is empty.", CONFIG_FILE, context.lines.get("stateful"))


@check(
    "tolerance-unexplained",
    Severity.WARNING,
    why="single = batch says less under a wider rule, and the archive repeats that verdict.",
    fix="Say why under dry_run: reason, or remove the key.",
)
def tolerance_unexplained(context: Context) -> Iterator[Spot]:
    """The equality rule is widened, and no reason is given."""
    written = context.config.dry_run
    if (written.reason or "").strip():
        return
    for key, is_set in (("rtol", written.rtol is not None), ("atol", written.atol > 0), ("ignore", written.ignore)):
        if is_set:
            yield Spot(
                f"dry_run.{key} is set; dry_run.reason is empty.", CONFIG_FILE, context.lines.get(f"dry_run.{key}")
            )
