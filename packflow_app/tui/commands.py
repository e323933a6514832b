"""The shell command that does what an action is about to do, word by word."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.events.sample import SAMPLE_EVENTS
from packflow_app.tui.here import current_folder

if TYPE_CHECKING:
    from packflow_app.actions.dry_run import DryRunOptions
    from packflow_app.actions.environment import LockOptions, SyncOptions
    from packflow_app.actions.export import ExportOptions
    from packflow_app.actions.inspect import InspectOptions
    from packflow_app.actions.show import ShowOptions
    from packflow_app.actions.validate import ValidateOptions
    from packflow_app.actions.verify import VerifyOptions

Words = list[str]


def shown(words: Words) -> str:
    """The words as a shell takes them."""
    return shlex.join(words)


def inspect_words(options: InspectOptions) -> Words:
    """``packflow inspect``."""
    words = ["packflow", "inspect", _path(Path(str(options.source)))]
    words += ["--format", options.format] if options.format else []
    words += ["--limit", str(options.limit)] if options.limit is not None else []
    words += ["--full"] * options.full
    words += ["--filter", options.filter] if options.filter else []
    words += ["--save", _path(options.save)] if options.save else []
    for mask in options.masks:
        words += ["--mask", mask]
    return words + ["--force"] * options.force


def dry_run_words(options: DryRunOptions) -> Words:
    """``packflow dry-run``."""
    usual = type(options.limits)()
    python = options.python
    if python is not None and "/" in python:
        python = _path(Path(python), options.project)
    words = [*_in_project(options.project), "dry-run"]
    words += [_path(options.events, options.project)] if options.events else []
    if options.batch_sizes == []:
        words += ["--mode", "single"]
    else:
        words += ["--mode", "batch"] * (not options.single)
        words += ["--batch-size", ",".join(map(str, options.batch_sizes))] if options.batch_sizes is not None else []
    words += ["--limit", str(options.limit)] if options.limit != SAMPLE_EVENTS else []
    for flag, value, default in (
        ("--rtol", options.rtol, None),
        ("--atol", options.atol, None),
        ("--timeout", options.limits.timeout, usual.timeout),
        ("--init-timeout", options.limits.init_timeout, usual.init_timeout),
        ("--memory", options.limits.memory, None),
        ("--python", python, None),
    ):
        words += [flag, str(value)] if value != default else []
    for flag, values in (("--ignore", options.ignore), ("--trust-pickle", options.trust_pickles)):
        for one in values:
            words += [flag, one]
    for flag, path in (("--against", options.against), ("--report", options.html)):
        words += [flag, _path(path, options.project)] if path is not None else []
    words += ["--sync"] * options.sync + ["--no-probes"] * (not options.probes)
    return words + ["--write-requirements"] * options.write_requirements


def validate_words(options: ValidateOptions) -> Words:
    """``packflow validate``."""
    words = ["packflow", "validate", *_project(options.project), *["--no-run"] * (not options.run)]
    words += ["--fix"] * options.fix
    for check in options.only:
        words += ["--only", check]
    return words + ["--plan"] * options.plan


def export_words(options: ExportOptions) -> Words:
    """``packflow export``; a passphrase is in no command, which asks for it."""
    words = ["packflow", "export", *_project(options.project)]
    words += ["-o", _path(options.output)] if not _is_here(options.output) else []
    words += ["--golden", _golden(options.golden)] if options.golden is not None else []
    words += ["--format", options.form] if options.form != "zip" else []
    words += ["--kit", _path(options.kit)] if options.kit is not None else []
    for target in options.targets:
        words += ["--target", target]
    key = options.signing_key
    if key is not None:
        words += ["--sign", _path(key.key)] if key.key is not None else []
        words += ["--sign-command", key.command] if key.command is not None else []
        words += ["--public-key", _path(key.public_key)] if key.public_key is not None else []
    words += {None: [], True: ["--rebuild"], False: ["--no-rebuild"]}[options.rebuild]
    words += ["--strict"] * options.strict + ["--no-run"] * (not options.run)
    return words + ["--force"] * options.force


def export_plan_words(options: ExportOptions) -> Words:
    """``packflow export --plan``."""
    return [*export_words(options), "--plan"]


def verify_words(options: VerifyOptions) -> Words:
    """``packflow verify``."""
    words = ["packflow", "verify", *map(_path, options.archives)]
    for key in options.keys:
        words += ["--key", _path(key)]
    words += ["--keys", _path(options.key_folder)] if options.key_folder is not None else []
    words += ["--signature", _path(options.signature)] if options.signature is not None else []
    words += ["--require", options.require] if options.require else []
    words += ["--replay"] * options.replay
    words += ["--wheelhouse", _path(options.wheelhouse)] if options.wheelhouse is not None else []
    return words + (["--python", options.python] if options.python is not None else [])


def show_words(options: ShowOptions) -> Words:
    """``packflow show``, of one archive or two."""
    words = ["packflow", "show", _path(options.archive)]
    words += [_path(options.other)] if options.other is not None else []
    return words + (["--file", options.file] if options.file is not None else [])


def sync_words(options: SyncOptions) -> Words:
    """``packflow env sync``."""
    return [*_in_project(options.project), "env", "sync"]


def lock_words(options: LockOptions) -> Words:
    """``packflow env lock``."""
    return [*_in_project(options.project), "env", "lock"]


def run_words(archive: Path, events: Path | None) -> str:
    """What runs an archive, as a shell takes it."""
    return f"python3 {shlex.quote(_path(archive))} < {shlex.quote(_path(events)) if events else 'events.ndjson'}"


def _golden(golden: int | Path) -> str:
    return str(golden) if isinstance(golden, int) else _path(golden)


def _in_project(project: Path) -> Words:
    return ["packflow", *([] if _is_here(project) else ["-C", _path(project)])]


def _project(project: Path) -> Words:
    return [] if _is_here(project) else [_path(project)]


def _is_here(path: Path) -> bool:
    here = current_folder()
    return path.absolute() == here


def _path(path: Path, here: Path | None = None) -> str:
    """Relative where that is short, since people read it; ``here`` is where the command works (see ``-C``)."""
    here = current_folder() if here is None else here.absolute()
    absolute = Path(os.path.normpath(path.absolute()))
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
