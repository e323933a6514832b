"""A pipeline of Beam: outputs and dead letters, each with its event's time and window, by this machine's runners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine_processes import EVENTS, Work, event, without_line

pytestmark = pytest.mark.engines

PIPELINE = """
import json
import logging
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.window import FixedWindows, TimestampedValue
from packflow_runtime.engines.beam import RunPackflow
logging.disable()
runner, archive, events, out = sys.argv[1:5]

def placed(text, moment=beam.DoFn.TimestampParam, window=beam.DoFn.WindowParam):
    return json.dumps([text, float(moment), float(window.start)])

if __name__ == "__main__":
    with beam.Pipeline(runner, options=PipelineOptions(sys.argv[5:])) as pipeline:
        lines = [*enumerate(open(events).read().splitlines(), 1)]
        found = (pipeline | beam.Create(lines) | beam.Map(lambda line: TimestampedValue(line[1], line[0]))
                 | beam.WindowInto(FixedWindows(500)) | RunPackflow(archive, batch_size=16, codec="stdlib"))
        for name in ("outputs", "dead_letters"):
            places = getattr(found, name) | f"place {name}" >> beam.Map(placed)
            places | f"write {name}" >> beam.io.WriteToText(f"{out}/{name}", shard_name_template="")
"""
REFUSED = """
from packflow_runtime.engines.beam import RunPackflow
for archive in sys.argv[1:]:
    try:
        RunPackflow(archive)
    except Exception as error:
        print("@@" + type(error).__name__, error.code)
"""


@pytest.mark.parametrize(
    ("runner", "options"),
    [("DirectRunner", ["--direct_running_mode=in_memory"]), ("BundleBasedDirectRunner", [])],
    ids=["in memory", "bundle based"],
)
def test_outputs_and_dead_letters(work: Work, tmp_path: Path, runner: str, options: list[str]) -> None:
    work.program(PIPELINE, runner, work.archive, work.events, tmp_path, *options, log=tmp_path / "log")

    def read(name: str) -> list[Any]:
        return [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]

    outputs, letters = read("outputs"), [(json.loads(text), *place) for text, *place in read("dead_letters")]
    expected = {
        line: outcome for line, outcome in enumerate(work.alone, 1) if not outcome.startswith('{"packflow_error"')
    }
    assert len(outputs) + len(letters) == EVENTS
    assert {int(moment): text for text, moment, _ in outputs} == expected
    assert {int(moment) for _, moment, _ in letters} == set(range(1, EVENTS + 1)) - set(expected)
    assert all(start == moment // 500 * 500 for _, moment, start in [*outputs, *letters])
    for letter, moment, _ in letters:
        line = int(moment)
        assert letter.pop("raw") == event(line)
        found = json.dumps(letter, ensure_ascii=False, separators=(",", ":"))
        assert without_line(found) == without_line(work.alone[line - 1])


def test_an_archive_that_does_not_verify_makes_no_pipeline(work: Work, tmp_path: Path) -> None:
    data = bytearray(work.archive.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "broken.zip").write_bytes(data)
    text = work.program(REFUSED, tmp_path / "broken.zip", tmp_path / "absent.zip", log=tmp_path / "log")
    refusals = [line.split()[-1] for line in text.splitlines() if line.startswith("@@")]
    assert refusals[0] in ("manifest-invalid", "archive-damaged", "archive-invalid")
    assert refusals[1] == "archive-not-found"
