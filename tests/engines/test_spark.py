"""Spark as it runs: a master and two workers; an executor is killed in mid-job, a driver is killed and goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine_processes import EVENTS, SparkCluster, Work, end, event, outcome_of, spark_cluster, wait_for, without_line

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(
        shutil.which("java") is None, reason="needs Java 17 or later: apt-get install default-jre-headless"
    ),
]

SESSION = """
import json
from pyspark.sql import SparkSession
from packflow_runtime.engines.spark import score
master, archive, marks = sys.argv[1:4]
spark = (SparkSession.builder.master(master).config("spark.ui.enabled", "false")
         .config("spark.executor.memory", "512m").config("spark.sql.shuffle.partitions", "4").getOrCreate())
settings = {"codec": "stdlib", "config": {"seconds": 0.004, "marks": marks}}
"""
BATCH = """
lines = open(sys.argv[4]).read().splitlines()
events = spark.createDataFrame([*enumerate(lines, 1)], "line int, value string").repartition(8)
score(events, archive, index="line", **settings).write.json(sys.argv[5])
"""
STREAM = """
events = spark.readStream.option("maxFilesPerTrigger", 1).text(sys.argv[4])
query = (score(events, archive, **settings).select("value", "output", "error").writeStream.format("json")
         .option("checkpointLocation", sys.argv[6]).trigger(availableNow=True).start(sys.argv[5]))
query.awaitTermination()
found = spark.read.schema("value string, output string, error string").json(sys.argv[5])
for row in found.collect():
    print("@@" + json.dumps(row.asDict()))
"""
SMALL = """
from pyspark.sql.functions import lit
def told(make):
    try:
        make()
    except Exception as error:
        print("@@" + json.dumps([type(error).__name__, error.code, str(error), error.hint]))
events = spark.createDataFrame([('{"n": 1}', 1), (None, 2), ('{"n": 3}', 3)], "value string, n int").coalesce(1)
kinds = score(events, archive, **settings)
for row in kinds.collect():
    print("@@" + json.dumps(row.asDict(recursive=True)))
# The same Python processes go on to resolve whatever Spark itself pickles.
print("@@" + json.dumps(kinds.rdd.map(lambda row: __import__("os").path.basename("a/b")).distinct().collect()))
told(lambda: score(events, archive, column="missing"))
told(lambda: score(events, archive, column="n"))
told(lambda: score(events, archive, index="value"))
told(lambda: score(events.withColumn("output", lit(1)), archive))
told(lambda: score(events, sys.argv[4]))
told(lambda: score(events, archive + "x"))
"""


@pytest.fixture(scope="module")
def cluster(work: Work, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    with spark_cluster(work, tmp_path_factory.mktemp("spark")) as found:
        yield found


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


def told(text: str) -> list[object]:
    return [json.loads(line[2:]) for line in text.splitlines() if line.startswith("@@")]


def test_a_batch_survives_the_death_of_an_executor(
    work: Work, cluster: SparkCluster, tmp_path: Path, marks: Path
) -> None:
    log, out = tmp_path / "driver.log", tmp_path / "out"
    words = (cluster.address, work.archive, marks, work.events, out)
    process = work.start_program(SESSION + BATCH, *words, log=log)
    try:
        wait_for(lambda: len(list(marks.iterdir())) >= 2, f"the model's load in both executors ({log})")
        executors = cluster.executors()
        assert len(executors) == 2
        os.kill(executors[0], signal.SIGKILL)
    finally:
        work.finish(process, log)
    rows = [json.loads(line) for file in out.glob("part-*.json") for line in file.read_text().splitlines()]
    assert Counter(row["line"] for row in rows) == Counter(range(1, EVENTS + 1))
    found = {row["index"]: outcome_of(row.get("output"), row.get("error")) for row in rows}
    assert [found[line] for line in sorted(found)] == work.alone
    assert all(row["value"] == event(row["line"]) for row in rows)
    loads = [mark.read_text() for mark in marks.iterdir()]
    assert set(loads) == {"loaded\n"}  # once in each process, whatever number of tasks it had


def test_a_stream_goes_on_where_its_driver_was_killed(
    work: Work, cluster: SparkCluster, tmp_path: Path, marks: Path
) -> None:
    log, out, checkpoint = tmp_path / "driver.log", tmp_path / "out", tmp_path / "checkpoint"
    source = tmp_path / "source"
    source.mkdir()
    lines = work.events.read_text().splitlines(keepends=True)
    for number in range(12):
        (source / f"{number:02}.txt").write_text("".join(lines[number * 100 : (number + 1) * 100]))
    words = (cluster.address, work.archive, marks, source, out, checkpoint)
    process = work.start_program(SESSION + STREAM, *words, log=log)
    try:
        commits = checkpoint / "commits"
        wait_for(lambda: len([*commits.glob("[0-9]*")]) >= 2, f"two batches ({log})")
        os.kill(cluster.executors()[0], signal.SIGKILL)
        wait_for(lambda: len([*commits.glob("[0-9]*")]) >= 5, f"batches after an executor's death ({log})")
        assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    finally:
        end(process)
    done = {file.name for file in commits.glob("[0-9]*")}
    assert 5 <= len(done) < 12
    rows = told(work.program(SESSION + STREAM, *words, log=tmp_path / "again.log"))
    assert {file.name for file in commits.glob("[0-9]*")} >= done
    found = {
        row["value"]: outcome_of(row.get("output"), row["error"] and json.loads(row["error"]))
        for row in rows
        if isinstance(row, dict)
    }
    assert len(rows) == len(found) == EVENTS  # exactly once
    for line, outcome in enumerate(work.alone, 1):
        assert without_line(found[event(line)]) == without_line(outcome)


def test_rows_columns_and_refusals(work: Work, cluster: SparkCluster, tmp_path: Path, marks: Path) -> None:
    broken = tmp_path / "broken.zip"
    data = bytearray(work.archive.read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(data)
    text = work.program(SESSION + SMALL, cluster.address, work.archive, marks, broken, log=tmp_path / "log")
    first, null, last, own, *refused = told(text)
    assert first == {"value": '{"n": 1}', "n": 1, "output": '{"n":11,"kind":"Decimal"}', "error": None, "index": 1}
    assert (last["output"], last["index"]) == ('{"n":13,"kind":"Decimal"}', 3)
    assert (null["output"], null["error"]["code"], null["error"]["line"]) == (None, "not-json", 2)
    assert own == ["b"]
    codes = ["column-missing", "column-type", "column-type", "column-exists"]
    assert [code for _, code, *_ in refused[:4]] == codes
    assert "to_json(struct('*'))" in refused[1][3]
    assert refused[4][0] in ("ManifestError", "ArchiveFormatError")
    assert refused[5][1] == "archive-not-found"


def test_a_run_of_a_person_survives_the_death_of_an_executor(
    work: Work, cluster: SparkCluster, tmp_path: Path, marks: Path
) -> None:
    out, dead, log = tmp_path / "out.ndjson", tmp_path / "dead.ndjson", tmp_path / "log"
    options = ["--engine", "spark", "--engine-address", cluster.address, "--codec", "stdlib", "--progress"]
    options += ["--set", "seconds=0.004", "--set", f"marks={marks}", "-o", out, "--dead-letters", dead, "--json"]
    process = work.start_run(work.archive, work.events, *options, log=log)
    try:
        wait_for(lambda: len(list(marks.iterdir())) >= 2, f"the model's load in both executors ({log})")
        os.kill(cluster.executors()[0], signal.SIGKILL)
    finally:
        text = work.finish(process, log)
    failed = [line for line in work.alone if line.startswith('{"packflow_error"')]
    assert out.read_text().splitlines() == [line for line in work.alone if line not in failed]  # in the input's order
    letters = [json.loads(line) for line in dead.read_text().splitlines()]
    assert [{"packflow_error": letter["packflow_error"]} for letter in letters] == [json.loads(line) for line in failed]
    assert [letter["raw"] for letter in letters] == [event(letter["packflow_error"]["line"]) for letter in letters]
    assert f"{EVENTS:,} events, {EVENTS - len(failed):,} outputs" in text
    told_at_end, _ = json.JSONDecoder().raw_decode(text[text.index('{\n  "schema"') :])
    assert (told_at_end["data"]["events"], told_at_end["data"]["failed"]) == (EVENTS, len(failed))
