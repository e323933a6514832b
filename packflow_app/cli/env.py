"""``packflow env``: sync, lock, wheel, info and remove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from packflow_app.actions import environment
from packflow_app.actions.environment import LockOptions, SyncOptions
from packflow_app.cli.env_info import broken_pythons, info_data, info_warnings, show_info
from packflow_app.cli.options import JsonOption, NoInputOption, terminal_of
from packflow_app.cli.terminal import Terminal
from packflow_app.cli.wording import counted, shown_path
from packflow_app.environments.installers import InstallerName
from packflow_app.environments.interpreters import Interpreter
from packflow_app.environments.lock import LockState
from packflow_app.environments.sync import Synced
from packflow_app.environments.tools import EnvironmentProgressed
from packflow_app.result import Problem, Result
from packflow_app.wording import ENVIRONMENT_STEPS

group = typer.Typer(add_completion=False, rich_markup_mode=None, epilog="Each of them takes --json.")

ProjectArgument = Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.")]
BasePythonOption = Annotated[
    str | None,
    typer.Option(
        "--python",
        metavar="PYTHON",
        help="A path, a command or a version such as 3.12 (default: as `packflow env info` lists).",
    ),
]
_SHOWN_CHANGES = 12
_WIDEST = 76  # a changing line that wraps cannot be taken back


@group.command("sync", help="Make the project's .venv, or bring it in line with its requirements.")
def sync(
    context: typer.Context,
    project: ProjectArgument = Path(),
    *,
    python: BasePythonOption = None,
    wheelhouse: Annotated[
        Path | None, typer.Option("--wheelhouse", metavar="DIR", help="Install from this folder of wheels only.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use no network: what was downloaded before.")] = False,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Take the newest versions that the requirements allow.")
    ] = False,
    installer: Annotated[
        InstallerName, typer.Option(envvar="PACKFLOW_INSTALLER", help="What installs (auto: uv where it is there).")
    ] = "auto",
    download_python: Annotated[
        bool, typer.Option("--download-python", help="Let uv fetch the version that --python names.")
    ] = False,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    del no_input  # nothing is asked
    terminal = terminal_of(context, as_json=as_json)
    options = SyncOptions(project, python, wheelhouse, offline, upgrade, installer, download_python)
    done = environment.sync(options, report=lambda progress: terminal.progress(describe_progress(progress)))
    _show_sync(terminal, done)
    data = {
        "action": "sync",
        "environment": str(done.folder),
        "python": _python_data(done.interpreter),
        "source": done.source,
        "lock": done.lock.value,
        "installer": done.installer,
        "unchanged": done.installer is None,
        "created": done.created,
        "replaced": done.replaced,
        "packages": done.packages,
        "changes": [{"name": name, "before": pair[0], "after": pair[1]} for name, pair in done.changes.items()],
    }
    return terminal.emit(Result(data, warnings=broken_pythons(done.interpreter) + _lock_warnings(done.lock)))


@group.command("lock", help="Pin and hash every requirement in requirements.lock, for each system.")
def lock(
    context: typer.Context,
    project: ProjectArgument = Path(),
    *,
    python: BasePythonOption = None,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Take the newest versions instead of those locked before.")
    ] = False,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    del no_input  # nothing is asked
    terminal = terminal_of(context, as_json=as_json)
    options = LockOptions(project, python, upgrade)
    done = environment.lock(options, report=lambda progress: terminal.progress(describe_progress(progress)))
    state = "unchanged" if done.unchanged else "wrote"
    terminal.say(f"[bold]{state} {escape(shown_path(done.path))}[/]")
    terminal.say(f"  {counted(done.packages, 'package')}, for Python {done.python} and later on every system")
    data = {
        "action": "lock",
        "path": str(done.path),
        "packages": done.packages,
        "python": done.python,
        "unchanged": done.unchanged,
    }
    return terminal.emit(Result(data))


@group.command("wheel", help="Write the runtime's wheel, to install it elsewhere.")
def wheel(
    context: typer.Context,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write it.")] = Path(),
    *,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    done = environment.wheel(output)
    terminal.say(f"[bold]{'unchanged' if done.unchanged else 'wrote'} {escape(shown_path(done.path))}[/]")
    terminal.say(f"  {done.size:,} bytes, sha256 {done.sha256}")
    data = {
        "action": "wheel",
        "path": str(done.path),
        "size": done.size,
        "sha256": done.sha256,
        "unchanged": done.unchanged,
    }
    return terminal.emit(Result(data))


@group.command("info", help="Tell which Python runs the project and why, and what its environment holds.")
def info(
    context: typer.Context,
    project: ProjectArgument = Path(),
    *,
    python: BasePythonOption = None,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    found = environment.info(project, python)
    show_info(terminal, found)
    return terminal.emit(Result({"action": "info", **info_data(found)}, warnings=info_warnings(found)))


@group.command("remove", help="Remove the project's .venv.")
def remove(
    context: typer.Context,
    project: ProjectArgument = Path(),
    *,
    force: Annotated[bool, typer.Option("--force", help="Also one that Packflow did not make.")] = False,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    del no_input  # nothing is asked
    terminal = terminal_of(context, as_json=as_json)
    removed = environment.remove(project, force=force)
    terminal.say(f"[bold]removed {escape(shown_path(removed))}[/]")
    return terminal.emit(Result({"action": "remove", "environment": str(removed)}))


def describe_progress(progress: EnvironmentProgressed) -> str:
    """One line about what is being done, with what the tool at work says."""
    text = ENVIRONMENT_STEPS[progress.step]
    line = f"{text}: {progress.text.strip()}" if progress.text else text
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"


def _python_data(interpreter: Interpreter) -> dict[str, str]:
    return {"path": str(interpreter.path), "version": interpreter.version_text, "origin": interpreter.origin}


def _show_sync(terminal: Terminal, done: Synced) -> None:
    place = escape(shown_path(done.folder))
    python = f"Python {done.interpreter.version_text}"
    if done.installer is None:
        terminal.say(f"[bold]{place} is in sync[/] with {done.source}: {counted(done.packages, 'package')}, {python}")
        return
    verb = "made anew" if done.replaced else "made" if done.created else "brought up to date"
    count = counted(done.packages, "package")
    terminal.say(f"[bold]{place} {verb}[/] from {done.source}: {count}, {python}, by {done.installer}")
    for name, (before, after) in list(done.changes.items())[:_SHOWN_CHANGES]:
        sign = "[green]+[/]" if before is None else "[red]-[/]" if after is None else "~"
        versions = " → ".join(version for version in (before, after) if version is not None)
        terminal.say(f"  {sign} {escape(name)} {escape(versions)}")
    if not done.changes:
        terminal.say("  no version had to change")
    if len(done.changes) > _SHOWN_CHANGES:
        terminal.say(f"  … and {len(done.changes) - _SHOWN_CHANGES} more")


def _lock_warnings(state: LockState) -> list[Problem]:
    if state is not LockState.STALE:
        return []
    return [
        Problem(
            "lock-stale",
            "requirements.lock does not fit these requirements, so requirements.txt was installed.",
            "requirements.lock",
            hint="Lock them again: packflow env lock",
        )
    ]
