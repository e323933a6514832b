"""``packflow verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from packflow_app.actions.verify import BytesVerified, VerifiedArchive, VerifyOptions, verify
from packflow_app.cli.env import describe_progress as describe_step
from packflow_app.cli.options import JsonOption, NoInputOption, terminal_of
from packflow_app.cli.terminal import Terminal, bar, visible
from packflow_app.cli.wording import counted
from packflow_app.environments.tools import EnvironmentProgressed
from packflow_app.result import Result
from packflow_app.runtime import DEMANDS

if TYPE_CHECKING:
    from packflow_app.actions.replay import ReplayDone
    from packflow_app.runtime import Verification

_BAR_WIDTH = 20
_MARKS = {True: "[green]✓ ok[/]", False: "[red]✗ failed[/]", None: "[dim]– not done[/]"}
_RUNTIMES = {
    True: "is byte for byte the one that checks here",
    False: "has other files than the one that checks here",
    None: "is of another version than the one that checks here",
}


def command(
    context: typer.Context,
    archives: Annotated[list[Path], typer.Argument(metavar="ARCHIVE...", help="The archives to check.")],
    *,
    require: Annotated[
        str | None, typer.Option(metavar="WORDS", help=f"Demand more, with commas: {', '.join(DEMANDS)}.")
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", metavar="PUB", help="Demand a signature by this public key (repeatable)."),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="DIR", help="Demand one by a key of this folder (*.pub, *.pem).")
    ] = None,
    signature: Annotated[
        Path | None, typer.Option("--signature", metavar="FILE", help="The signature (default: ARCHIVE.sig).")
    ] = None,
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Also run its golden events, in an environment made of its lock for that alone."),
    ] = False,
    wheelhouse: Annotated[
        Path | None,
        typer.Option("--wheelhouse", metavar="DIR", help="Where a replay takes packages from, and nowhere else."),
    ] = None,
    python: Annotated[
        str | None, typer.Option("--python", metavar="PYTHON", help="The Python of a replay (default: one that fits).")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show what was checked here, and what the builder only claims.")
    ] = False,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    del no_input  # nothing is asked
    terminal = terminal_of(context, as_json=as_json)

    def progress(event: BytesVerified | EnvironmentProgressed) -> None:
        if isinstance(event, EnvironmentProgressed):
            terminal.progress(describe_step(event))
            return
        share = event.done / event.total if event.total else 1.0
        terminal.progress(f"{bar(share, _BAR_WIDTH):<{_BAR_WIDTH}} {share:4.0%}  {visible(event.path.name)}")

    options = VerifyOptions(archives, require, key or [], keys, signature, replay, wheelhouse, python)
    finished = verify(options, report=progress)
    for one in finished.archives:
        _show(terminal, one, verbose=verbose)
    errors = [problem for one in finished.archives for problem in one.problems]
    told = [verified_data(one, with_replay=replay) for one in finished.archives]
    return terminal.emit(Result({"archives": told}, errors, exit_code=finished.exit_code))


def _show(terminal: Terminal, one: VerifiedArchive, *, verbose: bool) -> None:
    path, found = escape(str(one.path)), one.found
    if found is not None and found.manifest is not None and one.is_good:
        manifest = found.manifest
        model = escape(f"{manifest.name} {manifest.version}")
        facts = f"{counted(found.files, 'file')}, {found.size:,} bytes, sha256 {found.sha256}"
        terminal.say(f"[green]✓[/] {path}  [bold]{model}[/]  {facts}{_signed(found)}")
    else:
        terminal.say(f"[red]✗[/] {path}  {escape(_in_short(one))}")
    if one.replay is not None:
        terminal.say(f"  {_replay_text(one.replay)}")
    if verbose and found is not None:
        _show_checked(terminal, found)
        _show_claimed(terminal, found)


def _signed(found: Verification) -> str:
    return "" if found.signature is None else f", {escape(visible(found.signature.in_short()))}"


def _in_short(one: VerifiedArchive) -> str:
    if one.found is None:
        return "not checked"
    if one.has_passed:
        return "verified, but the replay differs" if one.error is None else "verified, but not replayed"
    checks = dict.fromkeys(fault.check for fault in one.found.faults)
    return ", ".join([*checks, *(f"require {unmet.demand}" for unmet in one.unmet)])


def _replay_text(replay: ReplayDone) -> str:
    """What a replay gave, in one line."""
    equal = replay.events - replay.differing - replay.ties
    told = f"replayed on Python {replay.python}: {equal:,} of {replay.events:,} golden events equal"
    ties = f", {replay.ties:,} ties" if replay.ties else ""
    different = f", {replay.differing:,} DIFFERENT" if replay.differing else ""
    exact = f"; {replay.not_bit_equal:,} of {replay.values:,} values not bit-equal"
    return escape(f"{told}{ties}{different}{exact}{'' if replay.locked else '; it has no lock'}")


def _show_checked(terminal: Terminal, found: Verification) -> None:
    terminal.say("  [bold]Checked here[/]")
    table = _block()
    for check in found.checks:
        table.add_row("", check.name, _MARKS[check.passed], escape(visible(check.detail)))
    if found.manifest is not None:
        version = escape(found.manifest.runtime_version)
        table.add_row("", "runtime", "", f"the runtime {version} inside {_RUNTIMES[found.same_runtime]}")
        table.add_row("", "pickles", "", _pickles_in_short(found))
    if found.signature is not None:
        signature = found.signature
        mark = _MARKS[{"valid": True, "invalid": False}.get(signature.state)]
        table.add_row("", "signature", mark, escape(visible(signature.message)))
    for pickle in found.pickles:
        for remark in pickle.remarks():
            table.add_row("", "", "", escape(visible(remark)))
    terminal.show(table)


def _pickles_in_short(found: Verification) -> str:
    holding = [pickle for pickle in found.pickles if pickle.pickles]
    if not found.pickles:
        return "no file of the project holds a pickle"
    names = {name for pickle in holding for name in pickle.globals}
    unsure = sum(bool(pickle.problems) for pickle in found.pickles)
    told = f"{counted(len(holding), 'file')} with pickles, which ask for {counted(len(names), 'global')}"
    return told + (f"; {counted(unsure, 'file')} could not be read to the end" if unsure else "")


def _show_claimed(terminal: Terminal, found: Verification) -> None:
    if not found.passed:
        return
    terminal.say("  [bold]Claimed by its builder, and not checked[/]")
    table = _block()
    for key, value in found.claims().items():
        table.add_row("", key.replace("_", " "), escape(visible(json.dumps(value, ensure_ascii=False))))
    terminal.show(table)


def _block() -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(width=2)
    return table


def verified_data(one: VerifiedArchive, *, with_replay: bool) -> dict[str, Any]:
    """What was found of one archive, for ``--json``."""
    if one.found is None:
        data: dict[str, Any] = {"path": str(one.path), "ok": False, "unmet": []}
    else:
        data = {**one.found.as_json(), "ok": one.is_good, "unmet": [vars(unmet) for unmet in one.unmet]}
    if with_replay:
        data["replay"] = one.replay.data if one.replay is not None else None
    return data
