"""``replay``: the golden events again, compared with the outputs that the builder recorded."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from ..environment_start import add_environment_option, enter_environment
from ..errors import ExitCode
from ..reporting import printable
from ..run_options import seconds_option
from ..stdio import require_output

if TYPE_CHECKING:
    import argparse

    from ..differences import Comparison
    from ..machine import Library
    from ..replaying import Replay
    from ..target import Target

NEEDS_COPY = True
TAKES_PROJECT = True
DESCRIPTION = """\
Runs the golden events that came with the model once more, here, and compares the outputs with the recorded ones by the
equality rule. Exits 0 where all are equal, 1 where some differ, 3 where there are no golden events."""
_SHOWN = 5
_LONGEST = 60


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``replay``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_timeout_option(parser)
    add_environment_option(parser)


def add_timeout_option(parser: argparse.ArgumentParser) -> None:
    """How long a call of the model may take, for commands that run it in a process of its own."""
    parser.add_argument(
        "--timeout",
        type=seconds_option,
        default=30.0,
        metavar="SECONDS",
        help="the longest a call of the model may take (default: 30)",
    )


def answer(target: Target, options: argparse.Namespace) -> int:
    """Replay, and show the verdict."""
    enter_environment(target, options)
    require_output("Run it again with standard output open.")
    target.check_python()
    from ..replaying import replay  # noqa: PLC0415 - not needed to go on in the environment

    found = replay(target, timeout=options.timeout)
    code = ExitCode.OK if found.comparison.equal else ExitCode.CHECK_FAILED
    if options.json:
        from ..envelope import envelope, problem  # noqa: PLC0415 - only with --json

        errors = [] if found.comparison.equal else [problem("golden-changed", _verdict(found.comparison))]
        sys.stdout.buffer.write(envelope("replay", found.as_json(), errors, ok=code == ExitCode.OK))
        return code
    for line in _lines(target, found):
        print(printable(line))  # noqa: T201
    return code


def _lines(target: Target, found: Replay) -> list[str]:
    comparison, machine = found.comparison, found.machine
    lines = [_verdict(comparison)]
    for mismatch in comparison.mismatches[:_SHOWN]:
        shown: dict[str, Any] = mismatch.as_json()
        field = f", field {mismatch.path}" if mismatch.path else ""
        lines.append(
            f"  event {mismatch.event + 1}{field}: {_short(shown['left'])} recorded, {_short(shown['right'])} here"
        )
    if comparison.differing > _SHOWN:
        lines.append(f"  and {comparison.differing - min(_SHOWN, len(comparison.mismatches)):,} events more")
    largest = comparison.largest
    if largest is not None and largest.difference:
        lines.append(f"largest |Δ|    {largest.difference:.3g} in {largest.path}, event {largest.event + 1}")
    lines.append(f"not bit-equal  {comparison.not_bit_equal:,} of {comparison.values:,} values")
    lines.append(f"rule           {_rule(comparison)}")
    wanted = "" if target.manifest is None else f" (it is for {target.manifest.python_requires})"
    lines.append(f"python         {machine.python}{wanted}")
    features = f" ({', '.join(machine.features)})" if machine.features else ""
    lines.append(f"cpu            {machine.cpu}{features}; the archive does not name its builder's")
    return lines + _library_lines(found.libraries, locked=found.is_locked)


def _verdict(comparison: Comparison) -> str:
    equal = comparison.events - comparison.differing - comparison.ties
    ties = f", {comparison.ties:,} ties" if comparison.ties else ""
    different = f", {comparison.differing:,} DIFFERENT" if comparison.differing else ""
    return f"golden events  {equal:,} of {comparison.events:,} equal{ties}{different}"


def _rule(comparison: Comparison) -> str:
    rule = comparison.rule
    relative = f"rtol {rule.rtol:g}" if rule.rtol is not None else "rtol 1e-5 for 32-bit floats, 1e-9 for others"
    ignored = f", without {', '.join(rule.ignore)}" if rule.ignore else ""
    return f"{relative}, atol {rule.atol:g}{ignored}"


def _library_lines(libraries: list[Library], *, locked: bool) -> list[str]:
    if not libraries:
        return []
    source = "lock" if locked else "requirements"
    others = [one for one in libraries if not one.is_same]
    lines = [f"libraries      {len(libraries) - len(others)} of {len(libraries)} as in the {source}"]
    return lines + [
        f"  {one.name}: {one.here or 'not installed'} here, {' or '.join(one.recorded)} in the {source}"
        for one in others
    ]


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
