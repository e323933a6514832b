"""One job of ``benchmarks.engines``, in the Python that has the engines: prints its times as JSON.

``start`` is what it takes until a first, small job is done; ``seconds`` is the job that is measured, from a file of
events to files of outcomes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SCORED = "coalesce(output, to_json(error)) AS outcome"


def main(engine: str, processes: str, archive: str, events: str, folder: str) -> None:
    """Run the job once for a few events, and once for all."""
    began = time.perf_counter()
    job = {"spark": _spark, "ray": _ray}[engine](int(processes), archive)
    few = Path(folder, "few.ndjson")
    few.write_bytes(b"".join(Path(events).read_bytes().splitlines(keepends=True)[:200]))
    job(str(few), f"{folder}/first")
    started = time.perf_counter()
    job(events, f"{folder}/out")
    print("@@" + json.dumps({"start": started - began, "seconds": time.perf_counter() - started}))


def _spark(cores: int, archive: str) -> Callable[[str, str], None]:
    from pyspark.sql import SparkSession  # noqa: PLC0415 - of the engine that is measured alone

    from packflow_runtime.engines.spark import score  # noqa: PLC0415 - of the engine that is measured alone

    builder = SparkSession.builder.master(f"local[{cores}]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()

    def job(events: str, out: str) -> None:
        size = Path(events).stat().st_size
        spark.conf.set("spark.sql.files.maxPartitionBytes", size // (4 * cores) + 1)
        score(spark.read.text(events), archive).selectExpr(SCORED).write.text(out)

    return job


def _ray(actors: int, archive: str) -> Callable[[str, str], None]:
    import pyarrow as pa  # noqa: PLC0415 - of the engine that is measured alone
    import ray  # noqa: PLC0415 - of the engine that is measured alone

    from packflow_runtime.engines.ray import Scorer, put  # noqa: PLC0415 - of the engine that is measured alone

    # One CPU more than actors: what reads and writes blocks must not wait for them.
    ray.init("local", num_cpus=actors + 1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    shipped = put(archive)

    def job(events: str, out: str) -> None:
        lines = Path(events).read_text(encoding="utf-8").splitlines()
        blocks: Any = ray.data.from_arrow(pa.table({"text": lines})).repartition(4 * actors)
        scored = blocks.map_batches(
            Scorer,
            fn_constructor_args=(shipped,),
            compute=ray.data.ActorPoolStrategy(size=actors),
            batch_size=4096,
            batch_format="pyarrow",
        )
        scored.select_columns(["output", "error"]).write_parquet(out)

    return job


if __name__ == "__main__":
    main(*sys.argv[1:])
