"""``run --engine spark``: a Spark job for every few thousand lines, two at a time."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, PackflowError
from ..reporting import print_notice
from ..supervised import ChildModels, load_error
from .installed import engine_module
from .interrupts import interrupted_afterwards
from .running import EngineProcess, outcomes_of
from .spark_files import SparkFetch, ship

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ..outcomes import BatchOutcomes
    from .shipped import ShippedModel

_JOBS_AT_ONCE = 2  # so that executors work while this process reads and writes
_REASON = re.compile(r"^(?:Caused by: )?[\w.$]+(?:Error|Exception): .+", re.MULTILINE)


def spark_models(model: ShippedModel, archive: Path, options: argparse.Namespace) -> ChildModels:
    """The model in Spark's executors; ``--workers`` says into how many parts a job is split. Raises PackflowError."""
    session = _session(options)
    context = session.sparkContext
    try:
        ship(session, archive, model)
        parts = options.workers or context.defaultParallelism
        print_notice(f"Spark {context.version} at {context.master}: {parts} {'part' if parts == 1 else 'parts'} a job")
        process = EngineProcess(model, SparkFetch(model.file_name))
        children = [SparkChild(context, process, parts, model.batch_size) for _ in range(_JOBS_AT_ONCE)]
    except BaseException:
        session.stop()
        raise
    return ChildModels(children, release=session.stop)


class SparkChild:
    """Jobs, one after another; Spark itself repeats what an executor was lost with."""

    def __init__(self, context: Any, process: EngineProcess, parts: int, batch_size: int) -> None:  # noqa: ANN401 - Spark's
        self._context = context
        self._process = process
        self._parts = parts
        self._batch_size = batch_size

    def start(self) -> dict[str, Any]:
        """Load the model in one executor, to see that it does; raises PackflowError."""
        process = self._process
        told: dict[str, Any] = self._job([None], lambda _: process.about())[0]
        if told["op"] == "failed":
            raise load_error(told["error"])
        return told

    def run(self, numbers: Sequence[int], raws: Sequence[bytes]) -> BatchOutcomes:
        """One outcome per line; raises PackflowError where Spark gives the job up."""
        process, size = self._process, self._batch_size
        parts = [slice(start, start + size) for start in range(0, len(raws), size)]
        rows = [(list(numbers[part]), b"\n".join(raws[part])) for part in parts]
        answers = self._job(rows, lambda row: process.run(*row))
        for told, _ in answers:
            if told["op"] == "failed":
                raise load_error(told["error"])
        return outcomes_of(answers)

    def stop(self) -> None:
        """Nothing is left between jobs."""

    def _job(self, rows: list[Any], work: Callable[[Any], Any]) -> list[Any]:
        try:
            found: list[Any] = self._context.parallelize(rows, min(len(rows), self._parts)).map(work).collect()
        except Exception as error:
            reasons = _REASON.findall(str(error))
            raise PackflowError(
                "Spark gave the job up.",
                detail=reasons[-1] if reasons else str(error).partition("\n")[0],
                code="engine-failed",
                exit_code=ExitCode.MODEL_FAILED,
                hint="The executors' logs say more; an event that ends the process: run it alone with --supervise.",
            ) from error
        return found


def _session(options: argparse.Namespace) -> Any:  # noqa: ANN401 - a SparkSession
    sql = engine_module("pyspark.sql")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    address = options.engine_address or "local[*]"
    builder = sql.SparkSession.builder.appName("packflow run").master(address)
    builder = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
    if address.startswith("local"):  # nobody else is to reach it
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    try:
        with interrupted_afterwards():
            session = builder.getOrCreate()
    except Exception as error:
        raise PackflowError(
            f"Spark could not be started with the master {address}.",
            detail=str(error).partition("\n")[0],
            code="engine-not-started",
            exit_code=ExitCode.NOT_FOUND,
            hint="It needs Java 17 or later: apt-get install default-jre-headless."
            if "JAVA_GATEWAY" in str(error)
            else "Check the address; a standalone master has spark://HOST:7077.",
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    return session
