"""The command line of an archive (``python model.zip``) and of the runtime (``python -m packflow_runtime``)."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .errors import ExitCode, PackflowError
from .jsonlines import Limits
from .manifest import MANIFEST_NAME, PROJECT_DIR, Manifest, parse_manifest
from .python_versions import satisfies
from .reporting import print_error, printable
from .run_options import RUN_HELP, add_run_options
from .stdio import reopen_closed_streams, require_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from .backend import InferenceBackend
    from .supervised import ChildModels


LATER_COMMANDS = {
    "install": "make an environment from the archive's lock",
    "verify": "check that an archive is whole and canonical",
    "replay": "run the golden events again and compare their outputs",
    "compare": "show how two models differ on the same events",
    "cache": "list or remove extracted copies",
}


@dataclass(frozen=True)
class Target:
    """What a command works on: an extracted archive (with its manifest) or a project folder."""

    folder: Path
    name: str
    manifest: Manifest | None = None
    bytecode_dir: str | None = None

    def load(self, overrides: dict[str, Any]) -> InferenceBackend:
        """Build the backend, with ``overrides`` over its configuration."""
        from .loading import load_backend, load_project, shipped_drift  # noqa: PLC0415 - `info` needs no user's code

        if self.manifest is None:
            return load_project(self.folder, overrides)
        config = self.manifest.project_config
        backend = load_backend(self.folder / PROJECT_DIR, config, overrides, bytecode_dir=self.bytecode_dir)
        backend.drift = shipped_drift(self.folder)
        return backend

    def digest(self) -> str:
        """What tells this model from another: the manifest's SHA-256, or what the file system says of a project."""
        import hashlib  # noqa: PLC0415 - only --resume asks

        if self.manifest is not None:
            return hashlib.sha256(self.manifest.to_bytes()).hexdigest()
        files = sorted(path for path in self.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        stamps = [f"{path.relative_to(self.folder)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
        return hashlib.sha256("\n".join(stamps).encode("utf-8", "surrogateescape")).hexdigest()

    def load_children(self, overrides: dict[str, Any], options: argparse.Namespace) -> ChildModels:
        """Build the backend in processes of its own."""
        from .supervised import ChildModels, ModelSource  # noqa: PLC0415 - only where it is asked for

        archived = self.manifest is not None
        source = ModelSource(
            self.folder / PROJECT_DIR if archived else self.folder,
            self.manifest.config if self.manifest is not None else None,
            overrides,
            self.bytecode_dir,
            options.codec,
            Limits(options.max_line_bytes, options.max_depth),
        )
        return ChildModels(source, count=options.workers, timeout=options.timeout)


def main_of_archive(tree: str, archive: str, bytecode_dir: str | None, *, unzipped: bool = False) -> int:
    """Run the archive whose extracted copy is ``tree``; ``archive`` is what the user started."""
    reopen_closed_streams()
    try:
        folder = Path(tree)
        if unzipped:
            from .archive import check_tree  # noqa: PLC0415 - an extracted copy is checked already

            return _archive_command(Target(folder, archive, check_tree(folder), bytecode_dir), sys.argv[1:])
        manifest = parse_manifest((folder / MANIFEST_NAME).read_bytes())
        return _archive_command(Target(folder, archive, manifest, bytecode_dir), sys.argv[1:])
    except PackflowError as error:
        return print_error(error)


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m packflow_runtime``; returns the exit code."""
    from .archive import is_archive, open_archive  # noqa: PLC0415 - a warm start of an archive does without it

    reopen_closed_streams()
    parser = argparse.ArgumentParser(
        prog="python -m packflow_runtime",
        description="Run a Packflow archive or project, or look into an archive.",
    )
    parser.add_argument("--version", action="version", version=f"packflow-runtime {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the model on a stream of events", description=RUN_HELP)
    run.add_argument("target", type=Path, metavar="ARCHIVE|PROJECT")
    add_run_options(run)
    info = commands.add_parser("info", help="say what an archive holds and needs")
    info.add_argument("target", type=Path, metavar="ARCHIVE")
    options = _parsed(parser, commands, sys.argv[1:] if arguments is None else arguments)
    try:
        if options.command == "info":
            with open_archive(options.target) as archive:
                return _info(archive.manifest, str(options.target))
        if not is_archive(options.target):
            return _run(Target(options.target, str(options.target)), options)
        return _run_archive(options)
    except PackflowError as error:
        return print_error(error)


def _run_archive(options: argparse.Namespace) -> int:
    from .cached_copies import cache_root  # noqa: PLC0415 - only here
    from .extraction import with_extracted_tree  # noqa: PLC0415 - only here

    def run(tree: str, archive: str, bytecode_dir: str | None) -> int:
        manifest = parse_manifest((Path(tree) / MANIFEST_NAME).read_bytes())
        return _run(Target(Path(tree), archive, manifest, bytecode_dir), options)

    return with_extracted_tree(str(options.target), cache_root(), run)


def cold_start(archive: str, cache_dir: str, run: Callable[[str, str, str | None], int]) -> int:
    """Answer for an archive that has no extracted copy yet; only `run` makes one, and goes on with ``run``."""
    reopen_closed_streams()
    from .archive import open_archive  # noqa: PLC0415
    from .extraction import with_extracted_tree  # noqa: PLC0415 - a warm start does without it

    try:
        with open_archive(Path(archive)) as opened:
            manifest = opened.manifest
        if _archive_options(archive, manifest, sys.argv[1:]).command != "run":
            return _archive_command(Target(Path(), archive, manifest), sys.argv[1:])
    except PackflowError as error:
        return print_error(error)
    return with_extracted_tree(archive, cache_dir, run)


def _archive_command(target: Target, arguments: list[str]) -> int:
    assert target.manifest is not None  # noqa: S101 - an archive's target has one
    options = _archive_options(target.name, target.manifest, arguments)
    if options.command == "run":
        return _run(target, options)
    return _info(target.manifest, target.name)


def _archive_options(name: str, manifest: Manifest, arguments: list[str]) -> argparse.Namespace:
    """Parse the command line of an archive; help is printed, and ends the process, here."""
    parser = argparse.ArgumentParser(
        prog=f"python3 {os.path.basename(name)}",
        description=f"{manifest.name} {manifest.version}. {manifest.project_config.description}".strip(),
        epilog="Without a command: `run`, when events are piped in; this help otherwise.",
    )
    commands = parser.add_subparsers(dest="command")
    run = commands.add_parser("run", help="run the model on a stream of events", description=RUN_HELP)
    add_run_options(run)
    commands.add_parser("info", help="say what the archive holds and needs")
    if not arguments:
        piped = sys.stdin is not None and not sys.stdin.isatty()
        arguments = ["run"] if piped else ["--help"]
    return _parsed(parser, commands, arguments)


def _parsed(
    parser: argparse.ArgumentParser,
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    arguments: list[str],
) -> argparse.Namespace:
    """Parse; commands that are to come are listed, and answered rather than taken for mistakes, whatever follows."""
    for name, meaning in LATER_COMMANDS.items():
        commands.add_parser(name, help=f"{meaning} (not in this version)")
    if arguments and arguments[0] in LATER_COMMANDS:
        error = PackflowError(
            f"`{arguments[0]}` is not in runtime {__version__}.",
            code="not-available",
            exit_code=ExitCode.USAGE,
            hint="This version has `run` and `info`.",
        )
        parser.exit(print_error(error))
    return parser.parse_args(arguments)


def _run(target: Target, options: argparse.Namespace) -> int:
    from .run_command import run_command  # noqa: PLC0415 - `info` does without it

    _check_python(target)
    return run_command(target.load, target.load_children, target.digest, options)


def _check_python(target: Target) -> None:
    if target.manifest is None or satisfies(tuple(sys.version_info[:3]), target.manifest.python_requires):
        return
    found = ".".join(str(part) for part in sys.version_info[:3])
    raise PackflowError(
        f"{target.manifest.name} needs Python {target.manifest.python_requires}; this is Python {found}.",
        code="python-too-old",
        exit_code=ExitCode.NOT_FOUND,
        hint="Run it with one of those Pythons.",
    )


def _info(manifest: Manifest, name: str) -> int:
    require_output("Run it again with standard output open.")
    golden = f"{manifest.golden_events} with their outputs" if manifest.golden_events else "none"
    rows: list[tuple[str, Any]] = [
        ("archive", name),
        ("model", f"{manifest.name} {manifest.version}"),
        ("about", manifest.project_config.description or "–"),
        ("python", manifest.python_requires),
        ("requires", ", ".join(manifest.requirements) or "nothing beside Python"),
        ("single = batch", _parity_text(manifest)),
        ("example events", golden),
        (
            "files",
            f"{len(manifest.files) + 1}, {sum(record.size for record in manifest.files.values()):,} bytes",
        ),
        ("runtime", manifest.runtime_version),
        ("created", manifest.created or "–"),
    ]
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        print(f"{label:<{width}}  {printable(str(value))}")  # noqa: T201
    return ExitCode.OK


def _parity_text(manifest: Manifest) -> str:
    if manifest.parity is None:
        return "not checked"
    verdict = "equal" if manifest.parity.equal else "DIFFERENT"
    return f"{verdict} on {manifest.parity.events} events (the builder's claim)"
