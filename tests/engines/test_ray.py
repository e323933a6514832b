"""Ray as it runs: two nodes; an actor is killed in mid-job, an event kills its actor, a model runs where a GPU is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine_processes import EVENTS, SOURCES, Work, event, outcome_of, ray_cluster, wait_for

pytestmark = pytest.mark.engines

DATA = f"""
import json
import pyarrow as pa
import ray
from packflow_runtime.engines.ray import Scorer, put
address, archive, marks = sys.argv[1:4]
ray.init(address=address, log_to_driver=False, runtime_env={{"py_modules": [{str(SOURCES / "packflow_runtime")!r}]}})
ray.data.DataContext.get_current().enable_progress_bars = False
settings = {{"codec": "stdlib", "config": {{"seconds": 0.004, "marks": marks}}}}
shipped = put(archive)

def scored(table, size, **options):
    actors = ray.data.ActorPoolStrategy(size=size)
    options = {{"batch_size": 64, "compute": actors, "batch_format": "pyarrow", **options}}
    keywords = {{**settings, **options.pop("keywords", {{}})}}
    blocks = ray.data.from_arrow(table).repartition(8)
    model = {{"fn_constructor_args": (shipped,), "fn_constructor_kwargs": keywords}}
    return blocks.map_batches(Scorer, **model, **options).take_all()
"""
BATCH = """
lines = open(sys.argv[4]).read().splitlines()
table = pa.table({"line": range(1, len(lines) + 1), "text": lines})
for row in scored(table, 2, keywords={"index": "line"}):
    print("@@" + json.dumps(row))
"""
SMALL = """
table = pa.table({"text": ['{"do": "gpu"}'] * 3})
for row in scored(table, 1, num_gpus=1):
    print("@@" + json.dumps(row["output"]))
try:
    scored(table, 1, keywords={"column": "missing"})
except Exception as error:
    print("@@" + json.dumps(str(error)))
wrong = [
    ({"index": "missing"}, table), ({}, {"text": []}), ({}, pa.table({"text": [1, 2]})), ({"index": "text"}, table),
]
for options, batch in wrong:
    try:
        Scorer(archive, **settings, **options)(batch)
    except Exception as error:
        print("@@" + json.dumps(str(error)))
"""


@pytest.fixture(scope="module")
def cluster(
    work: Work, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    with ray_cluster(work, tmp_path_factory.mktemp("ray")) as found:
        yield found


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


def told(text: str) -> list[Any]:
    return [json.loads(line[2:]) for line in text.splitlines() if line.startswith("@@")]


def kill_one(marks: Path, log: Path) -> None:
    """Kill the first of two actors, once both have the model."""
    wait_for(lambda: len(list(marks.iterdir())) >= 2, f"the model's load in two actors ({log})")
    os.kill(int(min(mark.name for mark in marks.iterdir())), signal.SIGKILL)


def test_a_dataset_survives_the_death_of_an_actor(work: Work, cluster: Any, tmp_path: Path, marks: Path) -> None:
    log = tmp_path / "driver.log"
    process = work.start_program(DATA + BATCH, cluster[0], work.archive, marks, work.events, log=log)
    try:
        kill_one(marks, log)
    finally:
        text = work.finish(process, log)
    rows = told(text)
    assert Counter(row["line"] for row in rows) == Counter(range(1, EVENTS + 1))
    found = {row["line"]: outcome_of(row["output"], row["error"]) for row in rows}
    assert [found[line] for line in sorted(found)] == work.alone
    assert all(row["text"] == event(row["line"]) for row in rows)
    loads = [mark.read_text() for mark in marks.iterdir()]
    assert set(loads) == {"loaded\n"}


def test_a_gpu_and_refusals(work: Work, cluster: Any, tmp_path: Path, marks: Path) -> None:
    *outputs, column, index, batch_format, kind, number = told(
        work.program(DATA + SMALL, cluster[0], work.archive, marks, log=tmp_path / "log")
    )
    assert outputs == ['{"gpu":"0"}'] * 3
    assert "There is no column missing." in column
    assert "There is no column missing." in index
    assert "not as Arrow's Table" in batch_format
    assert "The column text is of type int64" in kind
    assert "The column text is of type string; expected is a whole number" in number


def test_a_run_of_a_person_survives_an_actor_and_an_event_that_kills(
    work: Work, cluster: Any, tmp_path: Path, marks: Path
) -> None:
    events, out, dead, log = (tmp_path / name for name in ("events.ndjson", "out.ndjson", "dead.ndjson", "log"))
    lines = work.events.read_text().splitlines()
    lines[699] = '{"n": 700, "do": "die"}'
    events.write_text("\n".join(lines))
    options = ["--engine", "ray", "--engine-address", cluster[0], "--workers", 2, "--codec", "stdlib", "--progress"]
    options += ["--set", "seconds=0.004", "--set", f"marks={marks}", "-o", out, "--dead-letters", dead]
    process = work.start_run(work.archive, events, *options, log=log)
    try:
        kill_one(marks, log)
    finally:
        text = work.finish(process, log)
    expected = list(work.alone)
    expected[699] = ""
    failed = [line for line in expected if line.startswith('{"packflow_error"')]
    assert out.read_text().splitlines() == [line for line in expected if line and line not in failed]
    letters = [json.loads(line) for line in dead.read_text().splitlines()]
    (died,) = [letter for letter in letters if letter["packflow_error"]["code"] == "model-died"]
    assert (died["packflow_error"]["line"], died["raw"]) == (700, lines[699])
    others = [{"packflow_error": letter["packflow_error"]} for letter in letters if letter is not died]
    assert others == [json.loads(line) for line in failed]
    assert f"{EVENTS:,} events" in text
    assert "model-died 1" in text
    assert "events/s" in text
