"""Kill `run --resume` at random points and go on: the bytes are those of a run that was never killed.

    python tests/endurance/kills.py [--points 200] [--seed N]

A point is one SIGKILL: after a random time, at a random size of the output, or from inside, at a system call that
changes a file, more often one of the last (a write is then half done). Ways to run differ in model, batch size, codec,
compression, dead letters and processes; each run is gone on with, and killed again, until it is complete.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

from proof import Proof, environment, run_command, run_to_end, temporary_folder, write_project

_PLAIN = """\
import time
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        time.sleep(0.001)
        if any(event["n"] % 131 == 130 for event in inputs):
            raise ValueError("it does not like this one")
        return [{"n": event["n"], "third": event["n"] / 3} for event in inputs]
"""
_COUNTING = """\
import time
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    stateful = True

    def initialize(self):
        self.total = 0

    def execute(self, inputs):
        time.sleep(0.001)
        return [{"total": self.add(event)} for event in inputs]

    def add(self, event):
        self.total += event["n"]
        if event["n"] % 131 == 130:
            raise ValueError("it counts, and fails")
        return self.total

    def snapshot(self):
        return self.total

    def restore(self, value):
        self.total = value
"""
_DYING = """\
import os, signal, sys

left = total = int(sys.argv.pop(1))

def dying(name):
    call = getattr(os, name)

    def counted(*arguments, **keywords):
        global left
        left -= 1
        if left < 0:
            if name == "write":
                call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **keywords)

    setattr(os, name, counted)

for name in ("write", "fsync", "replace", "ftruncate", "unlink", "open", "close"):
    dying(name)
from packflow_runtime.cli import main
code = main()
print("calls:", total - left, file=sys.stderr)
sys.exit(code)
"""
_EVENTS = 500
_WAYS = 12
_LAST_CALLS = 6  # closing and renaming the output, removing the checkpoint
_ENOUGH_RUNS = 60  # of one trial; then the last goes on undisturbed


@dataclass(frozen=True)
class Trial:
    """One way to run, with what it gives undisturbed, in so many seconds and system calls that change files."""

    model: str
    events: Path
    options: tuple[str, ...]
    with_letters: bool
    expected: dict[str, bytes]
    seconds: float
    calls: int

    @property
    def name(self) -> str:
        letters = " with dead letters" if self.with_letters else ""
        return f"{self.model}, {self.events.name}, {' '.join(self.options)}{letters}"


class Kills:
    """The trials of one command, in a folder of their own."""

    def __init__(self, proof: Proof, folder: Path, chance: Random) -> None:
        self.proof = proof
        self.folder = folder
        self.chance = chance
        self.points: Counter[str] = Counter()
        for name, backend in (("plain", _PLAIN), ("counting", _COUNTING)):
            write_project(folder / name, backend)
        lines = ["nonsense" if n % 83 == 7 else f'{{"n":{n}}}' + ("\n" if n % 97 == 0 else "") for n in range(_EVENTS)]
        self.plain, self.packed, empty = (folder / name for name in ("events.ndjson", "events.gz", "empty"))
        self.plain.write_text("\n".join(lines), encoding="utf-8")
        self.packed.write_bytes(gzip.compress(self.plain.read_bytes(), mtime=0))
        empty.touch()
        started = time.monotonic()
        run_to_end(run_command(folder / "plain", empty, "-o", folder / "nothing"))
        self.startup = time.monotonic() - started

    def a_way(self) -> Trial:
        """A way to run, chosen by chance, and what it gives undisturbed."""
        chance = self.chance
        model = chance.choice(("plain", "counting"))
        options = ["--batch-size", chance.choice(("1", "7", "16", "64")), "--codec", chance.choice(("stdlib", "auto"))]
        if model == "plain" and chance.random() < 0.2:
            options += chance.choice((["--supervise"], ["--workers", "2"]))
        events = chance.choice((self.plain, self.plain, self.packed))
        with_letters = chance.random() < 0.4
        return self._undisturbed(model, events, tuple(options), with_letters)

    def _undisturbed(self, model: str, events: Path, options: tuple[str, ...], with_letters: bool) -> Trial:
        place = self._empty_place("whole", with_letters)
        plain = Trial(model, events, options, with_letters, {}, 0.0, 0)
        started = time.monotonic()
        done = run_to_end(self._command(plain, place))
        seconds = time.monotonic() - started
        if done.returncode != 0:
            self.proof.finding(f"{plain.name}: undisturbed, it ends with {done.returncode}: {done.stderr.decode()}")
        expected = contents(place)
        again = self._empty_place("again", with_letters)
        resumable = run_to_end(self._command(plain, again, "--resume", "--checkpoint-every", "0", dies_at=10**9))
        calls = int(resumable.stderr.decode().rpartition("calls: ")[2] or 0)
        self.proof.expect(contents(again) == expected, f"{plain.name}: --resume alone changes the bytes")
        return Trial(model, events, options, with_letters, expected, seconds, calls)

    def _empty_place(self, name: str, with_letters: bool) -> Path:
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        if with_letters:  # letters of an earlier run stay
            (place / "letters").write_text("earlier\n", encoding="utf-8")
        return place

    def _command(self, trial: Trial, place: Path, *more: str, dies_at: int | None = None) -> list[str]:
        letters = ["--dead-letters", str(place / "letters")] if trial.with_letters else []
        arguments = [trial.events, "-o", place / "out", *trial.options, *letters, *more]
        command = run_command(self.folder / trial.model, *arguments)
        if dies_at is None:
            return command
        return [command[0], "-c", _DYING, str(dies_at), *command[3:]]

    def run(self, trial: Trial, most: int) -> None:
        """Kill and go on until the run is complete, at most so often; then look at what is there."""
        place = self._empty_place("place", trial.with_letters)
        every = self.chance.choice(("0", "0", "0.02"))
        history: list[str] = []
        for turn in range(_ENOUGH_RUNS):
            kills = len(history) < most and turn < _ENOUGH_RUNS - 1
            code, what, text = self._run_once(trial, place, every, kills=kills, is_first=turn == 0)
            if code != -signal.SIGKILL:
                break
            history.append(what)
            self.points[what.partition(" ")[0]] += 1
            found = contents(place)
            if "out" in found and found["out"] != trial.expected["out"]:
                self.proof.finding(f"{trial.name}: after {history}, OUT has its name and not its bytes")
                return
            if "out" in found and "out.checkpoint" not in found:
                break  # it was killed when all was done: to go on would be another run
        where = f"{trial.name}, --checkpoint-every {every}, killed at {history}"
        if code not in (0, -signal.SIGKILL):
            left = {name: len(found) for name, found in contents(place).items()}
            self.proof.finding(f"{where}: going on ends with {code}, left are {left}: {text}")
            return
        found = contents(place)
        self.proof.expect(set(found) == set(trial.expected), f"{where}: left are {sorted(found)}")
        for name, expected in trial.expected.items():
            self.proof.expect(found.get(name) == expected, f"{where}: {name} has other bytes")

    def _run_once(self, trial: Trial, place: Path, every: str, *, kills: bool, is_first: bool) -> tuple[int, str, str]:
        """Run until it ends or is killed: its exit code, what killed it, what it said."""
        chance = self.chance
        dies_at, seconds, size = None, float("inf"), sys.maxsize
        kind = chance.choice(("time", "bytes", "call")) if kills else ""
        if is_first and chance.random() < 0.5:
            kind = "last"
        if kind == "time":
            seconds = chance.uniform(self.startup * 0.7, trial.seconds + 0.05)
            what = f"time {seconds:.3f} s"
        elif kind == "bytes":
            size = chance.randrange(len(trial.expected["out"]))
            what = f"bytes {size}"
        else:
            near = chance.randrange(trial.calls if is_first else 16)
            dies_at = near if kind == "call" else trial.calls - 1 - chance.randrange(_LAST_CALLS)
            what = f"{kind} {dies_at}"
        if not kills:
            dies_at = None
        command = self._command(trial, place, "--resume", "--checkpoint-every", every, dies_at=dies_at)
        started = time.monotonic()
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment()) as process:
            while process.poll() is None and kills and dies_at is None:
                if time.monotonic() - started > seconds or size_of(place / "out.partial") > size:
                    process.kill()
                    break
                time.sleep(0.001)
            assert process.stderr is not None
            text = process.stderr.read().decode()
        return process.returncode, what, text


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def contents(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=200, help="how many kills (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the points (default: %(default)s)")
    options = parser.parse_args()
    proof = Proof(f"kills --seed {options.seed}")
    trials: Counter[str] = Counter()
    with temporary_folder() as folder:
        kills = Kills(proof, folder, Random(options.seed))
        ways = [kills.a_way() for _ in range(_WAYS)]
        while kills.points.total() < options.points and proof.findings < 10:
            trial = kills.chance.choice(ways)
            trials[trial.model] += 1
            kills.run(trial, options.points - kills.points.total())
    proof.say(
        f"{kills.points.total()} kills ({', '.join(f'{kind} {n}' for kind, n in sorted(kills.points.items()))}) in "
        f"{trials.total()} runs to the end ({', '.join(f'{model} {n}' for model, n in sorted(trials.items()))}), "
        f"{len(ways)} ways to run"
    )
    return proof.verdict()


if __name__ == "__main__":
    sys.exit(main())
