"""A bundle: one folder from which Packflow itself installs without an index, for each target."""

from __future__ import annotations

import email
import re
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from packflow_app import __version__
from packflow_app.environments.failures import essence
from packflow_app.environments.installers import UV_VARIABLES, find_uv, uv_indexes, uv_missing
from packflow_app.environments.interpreters import probe_interpreter
from packflow_app.environments.runtime_wheel import carried_wheel
from packflow_app.environments.tools import ToolFailedError
from packflow_app.errors import CheckFailedError, NotFoundError, UsageError
from packflow_app.packaging.kit_folder import KitWheel, check_kit_place, collect_wheels, kit_folder, write_sums
from packflow_app.packaging.kit_readme import README_NAME
from packflow_app.packaging.own_wheel import write_own_wheel
from packflow_app.packaging.verifier import VERIFIER_NAME, verifier
from packflow_app.placing import absolute
from packflow_app.runtime import SUMS_NAME, WHEELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packflow_app.environments.tools import Toolbox
    from packflow_app.packaging.targets import Target

_OLDEST_MINOR = 10
_WANTED = "wanted.txt"
_LACKING = re.compile(r"\b([A-Za-z0-9][\w.-]*==[^\s,]+) has no (?:usable )?wheels")
_HINT = "Leave the target out, or give a folder that has wheels of all that Packflow needs: --wheelhouse DIR"
# What uv calls the machines that targets name.
_PLATFORMS = {
    "linux-x86_64": "x86_64-manylinux_2_28",
    "linux-aarch64": "aarch64-manylinux_2_28",
    "musllinux-x86_64": "x86_64-unknown-linux-musl",
    "musllinux-aarch64": "aarch64-unknown-linux-musl",
    "macos-arm64": "aarch64-apple-darwin",
    "macos-x86_64": "x86_64-apple-darwin",
    "windows-amd64": "x86_64-pc-windows-msvc",
    "windows-arm64": "aarch64-pc-windows-msvc",
}
LOCKS = "locks"
"""The folder of a bundle that has the versions and hashes for each target."""

_README = """\
Packflow {version}
{rule}

This folder installs Packflow, with all that it needs, on machines that reach no index: {targets}.

1. Check that every file is whole:

       python3 -I {verifier}

   {verifier} cannot vouch for itself: compare its SHA-256 with the one that the sender of this folder saw.

2. Install it, into an environment of its own, from {wheels}/ alone:

       python3 -m venv packflow-env
       packflow-env/bin/python -m pip install --no-index --find-links {wheels} "{wanted}"

   On Windows it is packflow-env\\Scripts\\python.

3. See that it works:

       packflow-env/bin/packflow doctor

{sums} lists every file here. {locks}/ has the versions and their hashes, for each kind of machine.
{wheels}/{runtime} is the runtime by itself, for those who import it.
"""


@dataclass(frozen=True)
class MadeBundle:
    """A bundle in its place; ``files`` has the SHA-256 of each file that SHA256SUMS lists, ``size`` is in bytes."""

    folder: Path
    version: str
    extras: tuple[str, ...]
    targets: tuple[Target, ...]
    wheels: tuple[KitWheel, ...]
    files: dict[str, str]
    size: int


def make_bundle(
    folder: Path,
    targets: Sequence[Target],
    tools: Toolbox,
    *,
    extras: Sequence[str] = (),
    wheelhouse: Path | None = None,
    force: bool = False,
) -> MadeBundle:
    """Make the bundle in ``folder``, which appears whole or not at all.

    Raises UsageError for a folder that is there (``force`` replaces one that is a bundle) and for an extra that there
    is not, CheckFailedError for a target that Packflow is not for or that lacks a wheel, NotFoundError without uv or
    pip, or where the index cannot be reached.
    """
    folder = absolute(folder)
    for target in targets:
        if target.minor < _OLDEST_MINOR:
            raise CheckFailedError(
                f"Packflow needs Python 3.{_OLDEST_MINOR} or later; {target.name} has Python 3.{target.minor}.",
                code="target-python",
                hint="Name targets with such a Python: --target linux-x86_64-cp312",
            )
    replaced = check_kit_place(folder, force=force, option="--bundle")
    with kit_folder(folder, replaced=replaced) as work:
        own = write_own_wheel(work / WHEELS, tools)
        wheels = _wheels(work, _requirements(own, extras), targets, tools, wheelhouse)
        runtime = carried_wheel()
        shutil.copyfile(runtime, work / WHEELS / runtime.name)
        (work / VERIFIER_NAME).write_bytes(verifier())
        (work / README_NAME).write_text(_readme(targets, extras, runtime.name), encoding="utf-8", newline="\n")
        files, _sums = write_sums(work)
        size = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    return MadeBundle(folder, __version__, tuple(extras), tuple(targets), wheels, files, size)


def _requirements(own: Path, extras: Sequence[str]) -> list[str]:
    """What Packflow's own wheel asks for, as lines of a requirements file."""
    with zipfile.ZipFile(own) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        told = email.message_from_bytes(wheel.read(name))
    known = told.get_all("Provides-Extra") or []
    unknown = [extra for extra in extras if extra not in known]
    if unknown:
        raise UsageError(
            f"Packflow has no extra {', '.join(unknown)}.",
            code="extra-unknown",
            hint=f"There are: {', '.join(known)}." if known else "Leave --extra out.",
        )
    lines = []
    for text in told.get_all("Requires-Dist") or []:
        one = Requirement(text)
        if one.marker is None or "extra" not in str(one.marker):
            lines.append(str(one))
        elif any(one.marker.evaluate({"extra": extra}) for extra in extras):
            lines.append(f"{one.name}{one.specifier}")
    return lines


def _wheels(
    work: Path, requirements: list[str], targets: Sequence[Target], tools: Toolbox, wheelhouse: Path | None
) -> tuple[KitWheel, ...]:
    """Resolve and fetch for each target; its lock stays in the bundle."""
    found: dict[str, list[str]] = {}
    (work / LOCKS).mkdir()
    for target in targets:
        lock = _locked(work, requirements, target, tools, wheelhouse)
        try:
            collected = collect_wheels(work, lock, [target], tools, wheelhouse)
        except CheckFailedError as error:  # its hint speaks of a project's lock
            raise CheckFailedError(error.title, code=error.code, hint=_HINT) from None
        for wheel in collected:
            found.setdefault(wheel.name, []).append(target.name)
    return tuple(KitWheel(name, tuple(names)) for name, names in sorted(found.items()))


def _locked(work: Path, requirements: list[str], target: Target, tools: Toolbox, wheelhouse: Path | None) -> bytes:
    """The versions for one target, with their hashes: those that have a wheel for it."""
    binary = find_uv()
    if binary is None:
        raise uv_missing("A bundle")
    wanted, lock = work / _WANTED, work / LOCKS / f"{target.name}.txt"
    wanted.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
    command = [binary, "pip", "compile", str(wanted), "-o", str(lock), "--no-header", "--no-annotate", "--quiet"]
    command += ["--generate-hashes", "--only-binary", ":all:", "--python", sys.executable]
    command += ["--python-platform", _PLATFORMS[target.place], "--python-version", f"3.{target.minor}"]
    indexes: dict[str, str] = {}
    if wheelhouse is not None:
        command += ["--no-index", "--find-links", str(absolute(wheelhouse))]
    else:
        indexes = uv_indexes(probe_interpreter(Path(sys.executable), "Packflow's own"), work, ())
    try:
        tools.run("lock", command, {**UV_VARIABLES, **indexes})
    except ToolFailedError as error:
        raise _not_resolved(str(error), target) from None
    finally:
        wanted.unlink(missing_ok=True)
    return lock.read_bytes()


def _not_resolved(said: str, target: Target) -> CheckFailedError | NotFoundError:
    lacking = list(dict.fromkeys(_LACKING.findall(said)))
    if lacking:
        return CheckFailedError(
            f"{', '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} no wheel for {target.name}.",
            code="target-without-wheel",
            hint=_HINT,
        )
    return NotFoundError(
        f"What Packflow needs could not be resolved for {target.name}.",
        code="bundle-not-resolved",
        detail=essence(said.splitlines()),
        hint="Mend the connection, or give a folder that has the wheels: --wheelhouse DIR",
    )


def _readme(targets: Sequence[Target], extras: Sequence[str], runtime: str) -> str:
    title = f"Packflow {__version__}"
    return _README.format(
        version=__version__,
        rule="=" * len(title),
        targets=", ".join(target.name for target in targets),
        verifier=VERIFIER_NAME,
        wheels=WHEELS,
        wanted=f"packflow{f'[{chr(44).join(extras)}]' if extras else ''}",
        sums=SUMS_NAME,
        locks=LOCKS,
        runtime=runtime,
    )
