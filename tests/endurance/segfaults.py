"""A model that segfaults loses exactly the events it dies of, under `--supervise` and with workers.

python tests/endurance/segfaults.py [--events 10000] [--deaths 3] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from random import Random

from proof import Proof, run_command, run_to_end, temporary_folder, write_project

_BACKEND = """\
import ctypes, os, signal
from packflow_runtime import BackendConfig, InferenceBackend

class Config(BackendConfig):
    deadly: list[int] = []
    by_signal: bool = False

class Backend(InferenceBackend):
    backend_config_model = Config

    def initialize(self):
        self.deadly = set(self.config.deadly)

    def execute(self, inputs):
        for event in inputs:
            if event["n"] in self.deadly:
                if self.config.by_signal:
                    os.kill(os.getpid(), signal.SIGSEGV)
                ctypes.string_at(0)
        return [{"n": event["n"], "third": event["n"] / 3} for event in inputs]
"""
_WAYS = (("--supervise",), ("--supervise", "--workers", "2"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000, help="how many (default: %(default)s)")
    parser.add_argument("--deaths", type=int, default=3, help="of them, those it dies of (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of them (default: %(default)s)")
    options = parser.parse_args()
    chance = Random(options.seed)
    proof = Proof(f"segfaults --seed {options.seed}")
    with temporary_folder() as folder:
        project = write_project(folder / "model", _BACKEND)
        events = folder / "events.ndjson"
        # A blank line now and then: an outcome's line is not its place.
        lines = [f'{{"n":{n}}}\n' + "\n" * (n % 50 == 49) for n in range(options.events)]
        events.write_text("".join(lines), encoding="utf-8")
        command = run_command(project, events, "--codec", "stdlib")
        clean = run_to_end(command)
        expected = clean.stdout.splitlines()
        proof.expect(clean.returncode == 0 and len(expected) == options.events, f"a clean run: {clean.stderr.decode()}")
        for way in _WAYS:
            for by_signal in (False, True):
                deadly = sorted(chance.sample(range(options.events), options.deaths))
                check(proof, folder, [*command, *way], expected, deadly, by_signal=by_signal)
        check_neighbours(proof, folder, command, expected, options.events)
    return proof.verdict()


def check_neighbours(proof: Proof, folder: Path, command: list[str], expected: list[bytes], count: int) -> None:
    """The first event, the last, and three in a row in one batch."""
    middle = count // 2 // 64 * 64
    deadly = sorted({0, middle, middle + 1, middle + 2, count - 1})
    check(proof, folder, [*command, "--workers", "2"], expected, deadly, by_signal=False)


def check(
    proof: Proof, folder: Path, command: list[str], expected: list[bytes], deadly: list[int], *, by_signal: bool
) -> None:
    """Outcome i belongs to event i: an error record that names its line, or the bytes of the clean run."""
    way = f"{' '.join(command[8:])}, dies of {deadly} by {'a signal' if by_signal else 'reading address 0'}"
    config = folder / "config.json"
    config.write_text(json.dumps({"deadly": deadly, "by_signal": by_signal}), encoding="utf-8")
    started = time.monotonic()
    done = run_to_end([*command, "--config", str(config)], timeout=600)
    seconds = time.monotonic() - started
    outcomes = done.stdout.splitlines()
    log = "\n".join(done.stderr.decode().splitlines()[-5:])
    proof.expect(done.returncode == 0, f"{way}: it ends with {done.returncode}: {log}")
    proof.expect(len(outcomes) == len(expected), f"{way}: {len(outcomes):,} outcomes of {len(expected):,} events")
    equal = records = 0
    for n, (outcome, clean) in enumerate(zip(outcomes, expected)):  # noqa: B905 - a difference in length is reported
        if n not in deadly:
            equal += outcome == clean
            proof.expect(outcome == clean, f"{way}: event {n} gives {outcome!r}, a clean run {clean!r}")
            continue
        record = json.loads(outcome).get("packflow_error", {})
        seen = tuple(record.get(key) for key in ("line", "code", "step"))
        wanted = (n + n // 50 + 1, "model-died", "process")
        records += seen == wanted and "SIGSEGV" in record["message"]
        proof.expect(seen == wanted, f"{way}: event {n} gives {outcome!r}, not {wanted}")
        proof.expect("SIGSEGV" in record.get("message", ""), f"{way}: the error of event {n} names no SIGSEGV")
    proof.say(f"{way}: {equal:,} outputs equal to a clean run's, {records} error records; {seconds:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
