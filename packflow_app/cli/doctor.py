"""``packflow doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from packflow_app.actions.bundle import BundleOptions, bundle
from packflow_app.actions.doctor import Diagnosis, doctor
from packflow_app.cli.doctor_view import show, show_bundle
from packflow_app.cli.env import describe_progress
from packflow_app.cli.options import JsonOption, terminal_of
from packflow_app.cli.terminal import Terminal
from packflow_app.errors import UsageError
from packflow_app.health.finding import Finding, State
from packflow_app.packaging.app_bundle import MadeBundle
from packflow_app.packaging.verifier import VERIFIER_NAME
from packflow_app.result import Problem, Result

_ONE_OF_TWO = "Look at this machine with `packflow doctor`, or make a folder with `packflow doctor --bundle DIR`."


def command(
    context: typer.Context,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    bundle_folder: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            metavar="DIR",
            help="Look at nothing; make a folder from which Packflow installs without an index.",
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="TARGET",
            help="For --bundle: also for such machines, as linux-x86_64-cp311 (repeatable; default: this one).",
        ),
    ] = None,
    extra: Annotated[
        list[str] | None,
        typer.Option("--extra", metavar="NAME", help="For --bundle: with this extra, as sign (repeatable)."),
    ] = None,
    wheelhouse: Annotated[
        Path | None, typer.Option("--wheelhouse", metavar="DIR", help="For --bundle: take wheels from here only.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is there.")] = False,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    if bundle_folder is not None:
        if strict:
            raise UsageError("--strict is about what is looked at, and --bundle looks at nothing.", hint=_ONE_OF_TWO)
        options = BundleOptions(bundle_folder, tuple(target or ()), tuple(extra or ()), wheelhouse, force)
        return _bundle(terminal, options)
    if target or extra or wheelhouse is not None or force:
        raise UsageError("--target, --extra, --wheelhouse and --force are for --bundle DIR.", hint=_ONE_OF_TWO)
    found = doctor(report=lambda title: terminal.progress(f"looking at {title}"))
    exit_code = found.exit_code(strict=strict)
    if not as_json:
        show(terminal, found, strict=strict)
        return int(exit_code)
    errors, warnings = ([_problem(one) for one in found.of(state)] for state in (State.ERROR, State.WARNING))
    return terminal.emit(Result(doctor_data(found), errors, warnings, exit_code))


def _bundle(terminal: Terminal, options: BundleOptions) -> int:
    made = bundle(options, report=lambda progress: terminal.progress(describe_progress(progress)))
    show_bundle(terminal, made)
    return terminal.emit(Result(bundle_data(made)))


def bundle_data(made: MadeBundle) -> dict[str, Any]:
    """The bundle for ``--json``."""
    return {
        "action": "bundle",
        "path": str(made.folder),
        "version": made.version,
        "extras": list(made.extras),
        "targets": [target.name for target in made.targets],
        "wheels": [{"name": wheel.name, "targets": list(wheel.targets)} for wheel in made.wheels],
        "files": [{"path": name, "sha256": sha256} for name, sha256 in made.files.items()],
        "verifier_sha256": made.files[VERIFIER_NAME],
        "size": made.size,
    }


def doctor_data(found: Diagnosis) -> dict[str, Any]:
    """The diagnosis for ``--json``."""
    return {
        "action": "examine",
        "counts": {state.value: len(found.of(state)) for state in State},
        "findings": [_finding(subject.name, one) for subject in found.subjects for one in subject.findings],
    }


def _finding(subject: str, one: Finding) -> dict[str, Any]:
    return {"subject": subject, **vars(one), "state": one.state.value}


def _problem(one: Finding) -> Problem:
    return Problem(one.code, one.message, one.file, one.line, one.fix)
