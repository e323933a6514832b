"""Engines as real processes on loopback, and one archive whose outcomes alone they must give again.

What is started here is ended here, by its own process id and those of its descendants.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import packflow_runtime
from runtime.archives import archive_of, manifest_of, runnable_files

LIBRARIES = ("pyspark>=4,<5", "pyarrow>=18", "pandas<3", "ray[data]>=2.50", "apache-beam>=2.60")
SOURCES = Path(packflow_runtime.__file__).parent.parent
EVENTS = 1200
TOKEN = secrets.token_hex(32)
BACKEND = """\
import os
import pickle
import time
from pathlib import Path

from packflow_runtime import BackendConfig, InferenceBackend


class Config(BackendConfig):
    seconds: float = 0.0
    marks: str = ""


class Backend(InferenceBackend):
    backend_config_model = Config

    def initialize(self):
        self.allowed = pickle.loads((self.project_dir / "allowed.pkl").read_bytes())
        if self.config.marks:
            with (Path(self.config.marks) / str(os.getpid())).open("a") as file:
                file.write("loaded\\n")

    def execute(self, inputs):
        time.sleep(self.config.seconds * len(inputs))
        return [self.answer(event) for event in inputs]

    def answer(self, event):
        kind = event.get("do")
        if kind == "raise":
            raise ValueError(f"no answer to {event['n']}")
        if kind == "pickle":
            pickle.loads(b"cposix\\nsystem\\n.")
        if kind == "die":
            os.kill(os.getpid(), 9)
        if kind == "gpu":
            return {"gpu": os.environ.get("CUDA_VISIBLE_DEVICES")}
        return {"n": event["n"] + 10, "kind": type(self.allowed).__name__}
"""
ALLOWED = b"cdecimal\nDecimal\n(V1.5\ntR."


def event(number: int) -> str:
    """The event at a line: most are good, some are none, some the model fails on."""
    if number % 97 == 0:
        return f"no event {number}"
    kind = {"do": "raise"} if number % 50 == 0 else {"do": "pickle"} if number % 83 == 0 else {}
    return json.dumps({"n": number, **kind})


@dataclass(frozen=True)
class Work:
    """An archive, a file of events, and the outcomes that its run alone gives, one a line."""

    python: Path
    folder: Path
    archive: Path
    events: Path
    alone: list[str]

    @classmethod
    def made(cls, python: Path, folder: Path) -> Work:
        files = {
            **runnable_files(backend=BACKEND),
            "project/allowed.pkl": ALLOWED,
        }
        manifest = manifest_of(files, pickle_allowlist=["decimal.Decimal"])
        archive, events = folder / "model-1.0.zip", folder / "events.ndjson"
        archive.write_bytes(archive_of(files, manifest))
        events.write_text("".join(f"{event(number)}\n" for number in range(1, EVENTS + 1)))
        work = cls(python, folder, archive, events, [])
        done = work.run("run", archive, events, "--codec", "stdlib", "-o", folder / "alone.ndjson")
        assert done.returncode == 0, done.stderr
        work.alone.extend((folder / "alone.ndjson").read_text().splitlines())
        assert len(work.alone) == EVENTS
        codes = {json.loads(line)["packflow_error"]["code"] for line in work.alone if line.startswith('{"packflow_e')}
        assert codes == {"not-json", "backend-raised", "pickle-not-allowed"}
        return work

    @property
    def environment(self) -> dict[str, str]:
        """Variables for every process: loopback alone, no telemetry, and a cache of these tests' own."""
        named = {
            "PACKFLOW_CACHE": str(self.folder / "cache"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={self.folder}",  # Spark's libraries are unpacked there, and left
            "PYSPARK_PYTHON": str(self.python),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",  # which a head may demand of those who join
            "RAY_AUTH_TOKEN": TOKEN,
            "PATH": os.pathsep.join([str(self.python.parent), os.environ.get("PATH", "")]),
        }
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {**kept, **named}

    def command(self, *words: object) -> list[str]:
        """The runtime's own command line, in the Python that has the engines."""
        start = (
            "import sys; sys.path.insert(0, sys.argv.pop(1)); from packflow_runtime.cli import main; sys.exit(main())"
        )
        return [str(self.python), "-c", start, str(SOURCES), *map(str, words)]

    def run(self, *words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **variables}
        return subprocess.run(
            self.command(*words), env=environment, capture_output=True, text=True, timeout=240, check=False
        )

    def start_program(self, source: str, *words: object, log: Path) -> subprocess.Popen[bytes]:
        """A program of somebody's that uses an adapter; only it finds the runtime, engines must bring it along."""
        program = f"import sys; sys.path.insert(0, {str(SOURCES)!r})\n{source}"
        with log.open("wb") as output:
            return subprocess.Popen(
                [self.python, "-c", program, *map(str, words)],
                env=self.environment,
                stdout=output,
                stderr=output,
                cwd=log.parent,
                start_new_session=True,
            )

    def start_run(self, *words: object, log: Path) -> subprocess.Popen[bytes]:
        """The command ``run``."""
        with log.open("wb") as output:
            return subprocess.Popen(
                self.command("run", *words),
                env=self.environment,
                stdout=output,
                stderr=output,
                cwd=log.parent,
                start_new_session=True,
            )

    def finish(self, process: subprocess.Popen[bytes], log: Path, timeout: float = 400.0) -> str:
        """Wait for a program to end well; returns what it said."""
        try:
            code = process.wait(timeout)
        finally:
            end(process)
        assert code == 0, log.read_text(errors="replace")[-6000:]
        return log.read_text(errors="replace")

    def program(self, source: str, *words: object, log: Path) -> str:
        return self.finish(self.start_program(source, *words, log=log), log)


def outcome_of(output: str | None, error: dict[str, Any] | None) -> str:
    """The line of a run alone that says what these columns say."""
    if error is None:
        assert output is not None
        return output
    assert output is None
    record = {name: error[name] for name in ("line", "code", "step", "type", "message")}
    return json.dumps({"packflow_error": record}, ensure_ascii=False, separators=(",", ":"))


def without_line(outcome: str) -> str:
    """An outcome, where events are told apart by something else than their line."""
    return re.sub(r'"line":\d+', '"line":0', outcome)


def wait_for(seen: Callable[[], Any], what: str, seconds: float = 240.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = seen()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds:g} s")


def descendants(pid: int) -> dict[int, str]:
    """The processes that come from this one, with their command lines."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        children = [child for child, of in parents.items() if of == parent]
        found += children
        waiting += children
    lines = {}
    for child in found:
        with contextlib.suppress(OSError):
            lines[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return lines


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that came from it; whoever is left after a polite word is killed."""
    family = descendants(process.pid)
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
    for pid, line in family.items():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace") == line:
                os.kill(pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
        process.wait()


@contextlib.contextmanager
def started(command: list[object], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            env=environment,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


@dataclass(frozen=True)
class SparkCluster:
    """A master and two workers of one core each."""

    address: str
    workers: list[subprocess.Popen[bytes]]

    def executors(self) -> list[int]:
        """The executors' process ids."""
        return [
            pid
            for worker in self.workers
            for pid, line in descendants(worker.pid).items()
            if "CoarseGrainedExecutorBackend" in line
        ]


@contextlib.contextmanager
def spark_cluster(work: Work, folder: Path) -> Iterator[SparkCluster]:
    """A standalone cluster; pip's pyspark has no scripts that start one, so its classes are."""
    found = subprocess.run(
        [work.python, "-c", "import pyspark; print(pyspark.__path__[0])"], capture_output=True, text=True, check=True
    )
    start, deploy = Path(found.stdout.strip()) / "bin" / "spark-class", "org.apache.spark.deploy"
    environment = {
        **work.environment,
        "SPARK_WORKER_DIR": str(folder / "workers"),
        "SPARK_HOME": str(start.parent.parent),
    }
    master_log = folder / "master.log"
    master = [start, f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
    with contextlib.ExitStack() as stack:
        stack.enter_context(started(master, environment, master_log))

        def address() -> str | None:
            told = re.search(r"Starting Spark master at (spark://\S+)", master_log.read_text())
            return told[1] if told else None

        url = wait_for(address, "the start of Spark's master")
        worker = [start, f"{deploy}.worker.Worker", "--host", "127.0.0.1", "--cores", "1", "--memory", "1g"]
        workers = [
            stack.enter_context(
                started([*worker, "--webui-port", "0", url], environment, folder / f"worker-{number}.log")
            )
            for number in range(2)
        ]
        wait_for(lambda: master_log.read_text().count("Registering worker") == 2, "the workers' registration")
        yield SparkCluster(url, workers)


@contextlib.contextmanager
def ray_cluster(work: Work, folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Two nodes of two CPUs, the second with what Ray takes for a GPU; gives the address and the nodes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    ray = work.python.parent / "ray"
    common = ["--node-ip-address=127.0.0.1", "--num-cpus=2", "--object-store-memory=200000000", "--block"]
    # A place of its own, so that no other Ray of this machine takes it for its cluster; sockets need a short path.
    place = tempfile.TemporaryDirectory(prefix="pfr-", dir="/tmp", ignore_cleanup_errors=True)
    head = [ray, "start", "--head", f"--port={port}", f"--temp-dir={place.name}", "--include-dashboard=false", *common]
    with place, started(head, work.environment, folder / "head.log") as first:
        wait_for(lambda: "Ray runtime started" in (folder / "head.log").read_text(), "the start of Ray's head")
        node = [ray, "start", f"--address={address}", "--num-gpus=1", *common]
        with started(node, work.environment, folder / "node.log") as second:
            wait_for(lambda: "Ray runtime started" in (folder / "node.log").read_text(), "the start of Ray's node")
            yield address, [first, second]
