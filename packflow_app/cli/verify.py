"""``packflow verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from packflow_app.actions.verify import VerifiedArchive, VerifyOptions, verify
from packflow_app.cli.env import describe_progress as describe_step
from packflow_app.cli.options import JsonOption, NoInputOption, terminal_of
from packflow_app.cli.terminal import Terminal, bar, visible
from packflow_app.cli.wording import counted
from packflow_app.result import Problem, Result
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

    def progress(path: Path, done: int, total: int) -> None:
        share = done / total if total else 1.0
        terminal.progress(f"{bar(share, _BAR_WIDTH):<{_BAR_WIDTH}} {share:4.0%}  {visible(path.name)}")

    options = VerifyOptions(archives, require, key or [], keys, signature, replay, wheelhouse, python)
    finished = verify(options, report=progress, report_step=lambda step: terminal.progress(describe_step(step)))
    for one in finished.archives:
        _show(terminal, one, verbose=verbose)
    errors = [problem for one in finished.archives for problem in _problems(one)]
    told = [_data(one) for one in finished.archives]
    if replay:
        for one, data in zip(finished.archives, told, strict=True):
            data["replay"] = one.replay.data if one.replay is not None else None
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


def _problems(one: VerifiedArchive) -> list[Problem]:
    """What is wrong with one archive: the check and the file come with each, for there may be many archives."""
    path = str(one.path)
    if one.error is not None:
        message = f"{one.error.title} {one.error.detail}".strip()
        return [Problem(one.error.code, message, path, hint=one.error.hint)]
    if one.found is None:
        return []
    if one.replay is not None and not one.replay.equal:
        message = f"The model gives other outputs here for {counted(one.replay.differing, 'golden event')}."
        hint = f"python {path} replay shows which; another processor or library may be the cause."
        return [Problem("golden-changed", message, path, hint=hint)]
    faults = [
        Problem(
            fault.code,
            f"{fault.message.rstrip('.')}. Found by the check of {fault.check}.",
            path if fault.entry is None else f"{path}: {fault.entry}",
            hint=fault.hint,
        )
        for fault in one.found.faults
    ]
    if one.found.more_faults:
        faults.append(Problem("more-faults", f"{one.found.more_faults:,} further files are wrong.", path))
    unmet = [
        Problem(one.code, f"{one.reason} Demanded by {_demanded(one.demand)}.", path, hint=one.hint)
        for one in one.unmet
    ]
    return faults + unmet


def _demanded(demand: str) -> str:
    return "--require signed, or by a key" if demand == "signed" else f"--require {demand}"


def _data(one: VerifiedArchive) -> dict[str, Any]:
    if one.found is None:
        return {"path": str(one.path), "ok": False, "unmet": []}
    return {**one.found.as_json(), "ok": one.is_good, "unmet": [vars(unmet) for unmet in one.unmet]}
