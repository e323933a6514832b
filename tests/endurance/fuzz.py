"""Fuzz the readers of what others write: event lines, packflow.yaml and an archive's manifest.

    python tests/endurance/fuzz.py [--minutes 10] [--seed N] [--case N] [line|yaml|manifest]

Every input follows from seed, target and case number alone; a finding prints them, with the input made as small as the
finding allows. Needs ruamel.yaml and hypothesis for yaml; orjson where it is installed.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Protocol

from proof import Proof, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_TARGETS = {"line": "fuzz_lines", "yaml": "fuzz_yaml", "manifest": "fuzz_manifest"}
_ENOUGH = 5  # findings on one target: more seldom say more


class Target(Protocol):
    """Makes inputs, and holds what a reader makes of one against what it should."""

    tally: dict[str, int]

    def generate(self, chance: Random) -> bytes:
        """An input."""

    def check(self, source: bytes, chance: Random) -> None:
        """Raises AssertionError, or whatever the reader raises that it should not."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="?", choices=[*_TARGETS], help="one reader (default: all, one after another)")
    parser.add_argument("--minutes", type=float, default=10.0, help="in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of all inputs (default: the time)")
    parser.add_argument("--case", type=int, help="only the input of this number")
    options = parser.parse_args()
    seed = int(time.time()) if options.seed is None else options.seed
    names = [options.target] if options.target else [*_TARGETS]
    proof = Proof(f"fuzz --seed {seed}")
    for name in names:
        target: Target = import_module(_TARGETS[name]).Target()
        numbers = count() if options.case is None else [options.case]
        fuzz(proof, name, target, seed, numbers, 60 * options.minutes / len(names))
    return proof.verdict()


def fuzz(proof: Proof, name: str, target: Target, seed: int, numbers: Iterable[int], seconds: float) -> None:
    """Check inputs until the time is over or enough was found."""
    started = time.monotonic()
    before, inputs, size, slowest = proof.findings, 0, 0, (0.0, 0)
    for number in numbers:
        source = target.generate(Random(f"{seed}/{name}/{number}"))
        clock = time.process_time()
        error = failure(target, source, number)
        slowest = max(slowest, (time.process_time() - clock, number))
        inputs, size = inputs + 1, size + len(source)
        if error is not None:
            small = shrunk(source, lambda smaller: type(failure(target, smaller, number)) is type(error))  # noqa: B023
            again = failure(target, small, number)
            proof.finding(f"{name} --seed {seed} --case {number}: {again!r}\n  input: {shown(small)}")
        if time.monotonic() - started > seconds or proof.findings - before >= _ENOUGH:
            break
    tally = ", ".join(f"{what} {times:,}" for what, times in sorted(target.tally.items()))
    proof.say(
        f"{name}: {inputs:,} inputs, {size / 1e6:,.0f} MB, {time.monotonic() - started:,.0f} s; {tally}; "
        f"slowest check {slowest[0]:.2f} s (case {slowest[1]})"
    )


def failure(target: Target, source: bytes, number: int) -> Exception | None:
    """What is wrong with what the reader makes of the input."""
    try:
        target.check(source, Random(number))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return error
    return None


def shrunk(source: bytes, fails: Callable[[bytes], bool], tries: int = 2000) -> bytes:
    """A smaller input that fails too, found by leaving parts out."""
    step = len(source) // 2
    while step and tries > 0:
        start, found = 0, False
        while start < len(source) and tries > 0:
            tries -= 1
            smaller = source[:start] + source[start + step :]
            if fails(smaller):
                source, found = smaller, True
            else:
                start += step
        step = step if found and step < len(source) else step // 2
    return source


if __name__ == "__main__":
    sys.exit(main())
