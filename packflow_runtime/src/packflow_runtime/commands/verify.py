"""``python -m packflow_runtime verify ARCHIVE...``, and an archive's own ``verify``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..archive_demands import Unmet, demands_of, unmet_demands
from ..envelope import envelope, problem
from ..errors import ExitCode, PackflowError
from ..kits import SUMS_NAME, Kit, check_kit, is_kit
from ..public_keys import keys_given
from ..reporting import print_error, print_notice, printable
from ..stdio import not_writable, require_output
from ..verification import Verification, verify

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ..public_keys import PublicKey
    from ..signatures import SignatureCheck
    from ..target import Target

NEEDS_COPY = False
TAKES_PROJECT = False
DESCRIPTION = """\
Checks that archives are whole, canonical, and what their manifest says. Nothing of them runs and nothing is written.
What was checked here stands apart from what the builder only claims."""


def add_options_outside(parser: argparse.ArgumentParser) -> None:
    """The options of ``verify``, and the archives that it is to check."""
    parser.add_argument("targets", type=Path, nargs="+", metavar="ARCHIVE|KIT")
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``verify``."""
    parser.add_argument("--require", metavar="WORDS", help="demand more: parity,lock,no-pickle and others, with commas")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        type=Path,
        metavar="PUB",
        help="demand a signature by this public key (repeatable)",
    )
    parser.add_argument("--keys", type=Path, metavar="DIR", help="demand one by a key of this folder (*.pub, *.pem)")
    parser.add_argument("--signature", type=Path, metavar="FILE", help="the signature (default: ARCHIVE.sig)")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what was checked, and what is only claimed")
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")


def answer(target: Target | None, options: argparse.Namespace) -> int:
    """Check the archives that are named, or, started by an archive, that one."""
    return _verify_all(options.targets, options) if target is None else _verify_itself(target, options)


def _verify_all(archives: Sequence[Path], options: argparse.Namespace) -> int:
    """Check each archive, say of each what was found, and return 0, or the code of the worst."""
    require_output("Run it again with standard output open.")
    keys = keys_given(options.key, options.keys)
    demands = demands_of(options.require, with_key=bool(keys))
    kits = [_checked_kit(path, keys) for path in archives if is_kit(path)]
    in_kits = [Path(archive) for kit in kits for archive in kit.archives]
    archives = [path for path in archives if not is_kit(path)] + in_kits
    _check_usage(archives, options)
    found: list[dict[str, Any]] = []
    code, errors = _told_of_kits(kits, quiet=options.json)
    for path in archives:
        try:
            verification = verify(path, keys=keys, signature=options.signature)
        except PackflowError as error:
            errors.append(problem(error.code, error.title, file=str(path), hint=error.hint))
            code = code or error.exit_code
            if not options.json:
                _print(f"failed  {path}: {error.code}")
                print_error(error)
            continue
        unmet = unmet_demands(verification, demands)
        is_good = verification.passed and not unmet
        found.append({**verification.as_json(), "ok": is_good, "unmet": [vars(one) for one in unmet]})
        errors += [problem(fault.code, fault.message, file=str(path), hint=fault.hint) for fault in verification.faults]
        errors += [problem(one.code, one.reason, file=str(path), hint=one.hint) for one in unmet]
        if verification.faults or unmet:
            code = ExitCode.CHECK_FAILED
        if not options.json:
            _show(verification, unmet, verbose=options.verbose)
    if options.json:
        _print_json(found, errors, code)
    return int(code)


def _check_usage(archives: Sequence[Path], options: argparse.Namespace) -> None:
    if options.signature is not None and len(archives) > 1:
        raise PackflowError(
            "--signature names the signature of one archive, and several archives are named.",
            code="usage",
            exit_code=ExitCode.USAGE,
            hint="Check them one by one, or put each signature beside its archive as ARCHIVE.sig.",
        )


def _checked_kit(folder: Path, keys: Sequence[PublicKey]) -> Kit:
    try:
        return check_kit(folder, keys)
    except OSError as error:
        raise PackflowError(
            f"{folder / SUMS_NAME} cannot be read: {error.strerror}.",
            code="kit-unreadable",
            exit_code=ExitCode.NOT_FOUND,
            hint="Mend its permissions.",
        ) from None


def _told_of_kits(kits: Sequence[Kit], *, quiet: bool) -> tuple[ExitCode, list[dict[str, Any]]]:
    """Show what was found of each kit; the exit code, and the errors."""
    if not quiet:
        for kit in kits:
            _show_kit(kit)
    faults = [(kit.folder, fault) for kit in kits for fault in kit.faults]
    errors = [problem(one.code, one.message, file=os.path.join(at, one.file), hint=one.hint) for at, one in faults]
    return ExitCode.CHECK_FAILED if faults else ExitCode.OK, errors


def _show_kit(kit: Kit) -> None:
    if kit.faults:
        _print(f"failed  {kit.folder}: {', '.join(dict.fromkeys(fault.file for fault in kit.faults))}")
    else:
        signed = f", {SUMS_NAME} {kit.signature.in_short()}" if kit.signature is not None else ""
        _print(f"ok      {kit.folder}: all {len(kit.files)} files are those that {SUMS_NAME} lists{signed}")
    for fault in kit.faults:
        print_error(PackflowError(fault.message, detail=kit.folder, hint=fault.hint))


def _verify_itself(target: Target, options: argparse.Namespace) -> int:
    """Check the archive that this code comes from, and say what that is worth.

    The code that checks is the archive's own, so this finds accidents; whoever means to deceive changes it too.
    """
    name = os.path.basename(target.name)
    if target.is_unzipped:
        code = int(ExitCode.OK)  # a folder does not start unless it agrees with its manifest
        outside = "`packflow verify` on the archive that it was unzipped from"
        if options.json:
            _print_json([], [], code)
        else:
            _print(f"ok      {target.name}: every file is the one that the manifest lists")
    else:
        code = _verify_all([Path(target.name)], options)
        outside = f"`packflow verify {name}`, or `python -m packflow_runtime verify {name}` of an installed runtime"
    print_notice(f"an archive cannot vouch for itself: its own code did this check. Check it from outside: {outside}")
    return code


def _show(verification: Verification, unmet: tuple[Unmet, ...], *, verbose: bool) -> None:
    path, manifest = verification.path, verification.manifest
    if manifest is not None and not unmet:
        told = f"{manifest.name} {manifest.version}, {verification.files:,} files, {verification.size:,} bytes"
        signed = f", {verification.signature.in_short()}" if verification.signature is not None else ""
        _print(f"ok      {path}: {told}, sha256 {verification.sha256}{signed}")
    else:
        checks = dict.fromkeys(fault.check for fault in verification.faults)
        _print(f"failed  {path}: {', '.join([*checks, *(f'require {one.demand}' for one in unmet)])}")
    if verbose:
        _show_blocks(verification)
    for fault in verification.faults:
        where = f" in {fault.entry}" if fault.entry is not None else ""
        print_error(PackflowError(fault.message, detail=f"{path}: check of {fault.check}{where}", hint=fault.hint))
    for one in unmet:
        print_error(PackflowError(one.reason, detail=f"{path}: --require {one.demand}", hint=one.hint))
    if verification.more_faults:
        print_notice(f"and {verification.more_faults:,} further files of {path}")


def _show_blocks(verification: Verification) -> None:
    _print("  checked here")
    marks = {True: "ok", False: "failed", None: "-"}
    for check in verification.checks:
        _print(f"    {check.name:<14} {marks[check.passed]:<7} {check.detail}")
    for pickle in verification.pickles:
        _print(f"    {'pickle':<14} {'':<7} {pickle.path}: {len(pickle.globals):,} globals")
        for remark in pickle.remarks():
            _print(f"    {'':<22} {remark}")
    if verification.manifest is not None:
        same = {True: "is this one, byte for byte", False: "has other files than this one", None: "is another version"}
        _print(f"    {'runtime':<14} {'':<7} the runtime inside {same[verification.same_runtime]}")
        if verification.signature is not None:
            found = verification.signature
            _print(f"    {'signature':<14} {found.state:<7} {found.message}{_key_of(found)}")
        _print("  claimed by its builder, and not checked")
        for key, value in verification.claims().items():
            _print(f"    {key:<17} {json.dumps(value, ensure_ascii=False)}")


def _key_of(found: SignatureCheck) -> str:
    if found.fingerprint is None:
        return ""
    return f" Key {found.fingerprint}." if found.state == "valid" else f" It names key {found.fingerprint}."


def _print_json(archives: list[dict[str, Any]], errors: list[dict[str, Any]], code: int) -> None:
    _write(envelope("verify", {"archives": archives}, errors, ok=code == ExitCode.OK))


def _print(text: str) -> None:
    _write(printable(text).encode(sys.stdout.encoding or "utf-8", "backslashreplace") + b"\n")


def _write(line: bytes) -> None:
    """Write to standard output; where nobody reads it any more, the exit code still tells."""
    try:
        sys.stdout.buffer.write(line)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise not_writable("Standard output", error) from None
