"""No flipped byte passes, in an archive that was really exported: by verification, and by cold starts.

    python tests/endurance/flips.py [--starts 2000] [--seed N] [--step 50]

Verification is tried on every byte of the headers, the directory, packflow-info and the project, and on each --step-th
byte of the runtime (--step 1: on all). Cold starts, with a fresh cache for each, are tried on --starts bytes: those
outside of the code that checks must all be refused; of those inside it is counted how many are.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from pathlib import Path

from proof import Proof, temporary_folder, write_project

from packflow_app.actions.export import ExportOptions, export
from packflow_runtime.verification import verify
from runtime.flips import CHECKING, loaded_from_archive, places_outside, refused_at_start

_BACKEND = """\
from packflow_runtime import InferenceBackend


class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"n": event["n"] + 10} for event in inputs]
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--starts", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--step", type=int, default=50)
    options = parser.parse_args()
    proof = Proof("flipped bytes")
    with temporary_folder() as folder:
        project = write_project(folder / "tiny", _BACKEND)
        (project / "packflow.yaml").write_text("name: tiny\npython_requires: '>=3.10'\ndry_run:\n  events: e.ndjson\n")
        (project / "e.ndjson").write_text("".join(f'{{"n":{number}}}\n' for number in range(20)))
        good = export(ExportOptions(project=project, output=folder)).exported.path.read_bytes()
        path = folder / "flipped.zip"
        path.write_bytes(good)
        proof.say(f"an exported archive of {len(good):,} bytes, seed {options.seed}")
        proof.expect(loaded_from_archive(Path(sys.executable), path) == CHECKING, "a cold start loads other modules")
        _verify(proof, path, good, options.step)
        _start(proof, path, good, options.starts, random.Random(options.seed))
    return proof.verdict()


def _verify(proof: Proof, path: Path, good: bytes, step: int) -> None:
    runtime = set(range(len(good))) - set(_places_of_interest(path, good))
    places = [place for place in range(len(good)) if place not in runtime or place % step == 0]
    with path.open("r+b", buffering=0) as file:
        for place in places:
            os.pwrite(file.fileno(), bytes([good[place] ^ 1 << place % 8]), place)
            proof.expect(not verify(path).passed, f"verification passes byte {place}")
            os.pwrite(file.fileno(), good[place : place + 1], place)
    proof.expect(verify(path).passed, "the archive is not as it was")
    proof.say(f"verification: {len(places):,} bytes flipped, of the runtime's contents each {step}th")


def _places_of_interest(path: Path, good: bytes) -> list[int]:
    from packflow_runtime.archive import open_archive

    with open_archive(path) as archive:
        inside = [entry for entry in archive.entries.values() if entry.name.startswith("packflow_runtime/")]
    runtime = {place for entry in inside for place in range(entry.data_offset, entry.data_offset + entry.size)}
    return [place for place in range(len(good)) if place not in runtime]


def _start(proof: Proof, path: Path, good: bytes, starts: int, chance: random.Random) -> None:
    outside = places_outside(good)
    inside = sorted(set(range(len(good))) - set(outside))
    tried = chance.sample(outside, min(starts, len(outside)))
    for place in tried:
        proof.expect(not (wrong := refused_at_start(Path(sys.executable), good, place, path)), wrong)
    proof.say(
        f"cold starts: {len(tried):,} of {len(outside):,} bytes outside of the code that checks, all tried refused"
    )
    believed = chance.sample(inside, min(starts // 10, len(inside)))
    found = sum(not refused_at_start(Path(sys.executable), good, place, path) for place in believed)
    proof.say(f"cold starts: {found:,} of {len(believed):,} tried inside the code that checks are refused as well")


if __name__ == "__main__":
    sys.exit(main())
