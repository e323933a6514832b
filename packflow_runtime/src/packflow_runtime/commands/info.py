"""``info``: what an archive holds and needs, from its manifest alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode
from ..manifest import LOCK_NAME
from ..reporting import printable
from ..stdio import require_output

if TYPE_CHECKING:
    import argparse

    from ..manifest import Manifest
    from ..target import Target

NEEDS_COPY = False
TAKES_PROJECT = False
DESCRIPTION = "Says what the archive holds and needs. Nothing is extracted and nothing is run."


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``info``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def answer(target: Target, options: argparse.Namespace) -> int:
    """Print it."""
    require_output("Run it again with standard output open.")
    manifest = target.manifest
    assert manifest is not None  # noqa: S101 - an archive has one
    if options.json:
        from ..envelope import envelope  # noqa: PLC0415 - only with --json

        sys.stdout.buffer.write(envelope("info", _data(target, manifest)))
        return ExitCode.OK
    rows = _rows(target, manifest)
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        print(f"{label:<{width}}  {printable(str(value))}")  # noqa: T201
    return ExitCode.OK


def _rows(target: Target, manifest: Manifest) -> list[tuple[str, Any]]:
    golden = f"{manifest.golden_events} with their outputs" if manifest.golden_events else "none"
    rows = [
        ("archive", target.name),
        ("model", f"{manifest.name} {manifest.version}"),
        ("about", manifest.project_config.description or "–"),
        ("python", manifest.python_requires),
        ("requires", ", ".join(manifest.requirements) or "nothing beside Python"),
        *_environment_rows(manifest),
        ("single = batch", _parity_text(manifest)),
        ("example events", golden),
        ("files", f"{len(manifest.files) + 1}, {_size(manifest):,} bytes"),
        ("runtime", manifest.runtime_version),
        ("created", manifest.created or "–"),
    ]
    if _needs_zip64(target):
        place = printable(target.name)
        rows.append(("starts by itself", f"from Python 3.13 on; before: python -m packflow_runtime run {place}"))
    return rows


def _environment_rows(manifest: Manifest) -> list[tuple[str, str]]:
    if not manifest.requirements:
        return []
    from ..environments import find_environment  # noqa: PLC0415 - only for what requires something

    lock = "pinned and hashed" if LOCK_NAME in manifest.files else "none: `install` takes what the index has"
    found = find_environment(manifest)
    installed = "no" if found is None else f"Python {found.version} in {found.folder}"
    return [("lock", lock), ("installed", installed)]


def _data(target: Target, manifest: Manifest) -> dict[str, Any]:
    data = {name: value for name, value in vars(manifest).items() if name not in ("files", "config")}
    data |= {
        "archive": target.name,
        "description": manifest.project_config.description,
        "files": len(manifest.files) + 1,
        "size": _size(manifest),
        "locked": LOCK_NAME in manifest.files,
        "needs_zip64": _needs_zip64(target),
        "parity": None if manifest.parity is None else vars(manifest.parity),
        "provenance": vars(manifest.provenance),
    }
    return data


def _size(manifest: Manifest) -> int:
    return sum(record.size for record in manifest.files.values())


def _needs_zip64(target: Target) -> bool:
    if target.is_unzipped:
        return False
    from ..archive import open_archive  # noqa: PLC0415 - only here

    with open_archive(Path(target.name)) as archive:
        return archive.needs_zip64


def _parity_text(manifest: Manifest) -> str:
    if manifest.parity is None:
        return "not checked"
    verdict = "equal" if manifest.parity.equal else "DIFFERENT"
    return f"{verdict} on {manifest.parity.events} events (the builder's claim)"
