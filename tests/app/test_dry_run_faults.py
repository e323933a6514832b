"""Whatever the model does to its process: one clear error, the right exit code, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions.dry_run import DryRunOptions, dry_run
from packflow_app.dryrun.model_look import describe_model
from packflow_app.dryrun.report import kept_dry_run
from packflow_app.environments.interpreters import find_interpreter
from packflow_app.errors import CancelledError, ModelFailedError, NotFoundError
from packflow_app.models.model_file import read_model_file
from packflow_app.runtime import ExitCode
from projects import HONEST, backend, run_dry, write_project

CRASH = "ctypes.string_at(0)"


def fail(tmp_path: Path, execute: str, extra: str = "", **options: Any) -> ModelFailedError:
    project = write_project(tmp_path / "model", backend(execute, extra))
    with pytest.raises(ModelFailedError) as caught:
        run_dry(project, **options)
    assert caught.value.exit_code == ExitCode.MODEL_FAILED == 4
    assert caught.value.hint
    assert kept_dry_run(project) is None, "a run that died leaves no verdict"
    return caught.value


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Marks every process started in the test by its environment; gives the command lines of those that live."""
    marker = f"PACKFLOW_TEST_MARKER={uuid.uuid4().hex}"
    monkeypatch.setenv(*marker.split("="))

    def living() -> list[str]:
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                folder = Path("/proc", name)
                try:
                    state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                    if state != "Z" and marker.encode() in (folder / "environ").read_bytes():
                        found.append((folder / "cmdline").read_bytes().decode().replace("\0", " "))
                except OSError:
                    continue
        return found

    return living


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def test_a_crash_in_native_code_is_named_with_its_place(tmp_path: Path) -> None:
    error = fail(tmp_path, f"{CRASH}\nreturn inputs")
    assert error.title == "The model's process was killed by SIGSEGV (a crash in native code) at event 1."
    assert (error.file, error.line) == ("inference.py", 7)
    assert "Segmentation fault" in error.log


def test_the_event_in_hand_is_named(tmp_path: Path) -> None:
    error = fail(tmp_path, f"if inputs[0]['n'] == 13: {CRASH}\nreturn inputs")
    assert "at event 14." in error.title


@pytest.mark.parametrize("code", [0, 3])
def test_ending_the_process_is_named_with_its_code(tmp_path: Path, code: int) -> None:
    error = fail(tmp_path, f"os._exit({code})")
    ended = "ended without an answer" if code == 0 else f"ended itself with exit code {code} at event 1"
    assert ended in error.title


def test_sys_exit_is_an_error_of_the_event_not_the_end(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", backend("sys.exit(3)"), events=[{"n": 1}, {"n": 2}])
    report = run_dry(project).report
    assert report.failed == 2
    assert report.failures[0].type == "SystemExit"


def test_a_hang_is_ended_after_the_timeout(tmp_path: Path) -> None:
    started = time.monotonic()
    error = fail(tmp_path, "time.sleep(60)", timeout=0.5)
    assert error.title == "The model did not answer within 0.5 s at event 1."
    assert error.code == "model-timeout"
    assert time.monotonic() - started < 10


def test_a_hang_that_ignores_signals_is_ended_too(tmp_path: Path) -> None:
    error = fail(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass", timeout=0.5)
    assert error.code == "model-timeout"


def test_a_slow_start_is_ended_after_its_own_timeout(tmp_path: Path) -> None:
    error = fail(tmp_path, "return inputs", "def initialize(self): time.sleep(60)", init_timeout=0.5)
    assert error.title == "The model did not answer within 0.5 s while it was imported and initialized."
    assert "--init-timeout" in error.hint


def test_many_short_calls_may_together_take_longer_than_the_timeout(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", backend("time.sleep(0.03)\nreturn [{} for _ in inputs]"))
    assert run_dry(project, timeout=0.5, batch_sizes=[8]).report.ok


def test_too_much_memory_is_ended(tmp_path: Path) -> None:
    error = fail(tmp_path, "kept = bytearray(600 << 20)\ntime.sleep(5)\nreturn inputs", memory=200 << 20)
    assert error.title == "The model took more than 209,715,200 bytes of memory at event 1."


def test_megabytes_of_prints_harm_nothing(tmp_path: Path) -> None:
    noisy = backend(
        """
        print("x" * 3_000_000)
        os.write(1, b"from python's os.write " * 10_000)
        libc = ctypes.CDLL(None)
        libc.puts(b"from C")
        libc.fflush(None)
        return [{"n": event["n"]} for event in inputs]
        """
    )
    project = write_project(tmp_path / "model", noisy, events=[{"n": 1}, {"n": 2}])
    report = run_dry(project, batch_sizes=[2]).report
    assert report.ok
    assert "from C" in report.log
    assert len(report.log) <= 64 * 1024


def test_reading_standard_input_gets_nothing(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", backend('return [{"read": sys.stdin.read()} for _ in inputs]'))
    done = run_dry(project)
    kept = kept_dry_run(project)
    assert done.report.ok
    assert kept is not None
    assert set(kept.outputs) == {b'{"read":""}'}


def test_nothing_is_left_behind_not_even_what_left_its_session(tmp_path: Path, marked: Callable[[], list[str]]) -> None:
    spawn = """
        import subprocess
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execvp("sleep", ["sleep", "601"])
            os._exit(0)
        time.sleep(0.2)
        return [{"n": 1} for _ in inputs]
        """
    project = write_project(tmp_path / "model", backend(spawn), events=[{"n": 1}])
    assert run_dry(project, batch_sizes=[]).report.failed == 0
    assert marked() == []
    error = fail(tmp_path, spawn.replace("time.sleep(0.2)", "time.sleep(60)"), timeout=1.0)
    assert error.code == "model-timeout"
    assert marked() == []


def test_stopping_takes_less_than_a_second(tmp_path: Path, marked: Callable[[], list[str]]) -> None:
    project = write_project(tmp_path / "model", backend("time.sleep(60)"))
    cancel = threading.Event()
    stopped_at = []

    def stop() -> None:
        wait_for(lambda: any("packflow_runtime.worker" in line for line in marked()))
        time.sleep(0.5)
        stopped_at.append(time.monotonic())
        cancel.set()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(CancelledError) as caught:
        dry_run(DryRunOptions(project=project), cancel=cancel)
    thread.join()
    assert time.monotonic() - stopped_at[0] < 1.0
    assert caught.value.exit_code == 130
    assert marked() == []


def test_a_worker_killed_from_outside_is_named(tmp_path: Path) -> None:
    error = fail(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert "killed by SIGKILL at event 1" in error.title


@pytest.mark.parametrize(
    ("extra", "step"),
    [
        ("def transform_inputs(self, records): raise KeyError('gone')", "transform_inputs"),
        ("def transform_outputs(self, outputs): raise KeyError('gone')", "transform_outputs"),
    ],
)
def test_a_hook_that_raises_is_named_with_its_place(tmp_path: Path, extra: str, step: str) -> None:
    project = write_project(tmp_path / "model", backend("return [{} for _ in inputs]", extra), events=[{"n": 1}])
    failure = run_dry(project, batch_sizes=[]).report.failures[0]
    assert (failure.step, failure.type, failure.message) == (step, "KeyError", "'gone'")
    assert (failure.file, failure.line) == ("inference.py", 9)


def test_raising_in_initialize_shows_the_users_line(tmp_path: Path) -> None:
    error = fail(tmp_path, "return inputs", "def initialize(self): raise ValueError('no weights')")
    assert error.title == "initialize raised ValueError: no weights"
    assert (error.file, error.line) == ("inference.py", 9)


def test_raising_at_import_shows_the_users_line(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", "x = 1\nraise RuntimeError('broken')\n")
    with pytest.raises(ModelFailedError) as caught:
        run_dry(project)
    assert caught.value.title == "Importing inference raised RuntimeError: broken"
    assert (caught.value.file, caught.value.line) == ("inference.py", 2)


def test_a_relative_path_fails_here_rather_than_at_the_receiver(tmp_path: Path) -> None:
    project = write_project(
        tmp_path / "model",
        backend("return inputs", "def initialize(self): open('weights.bin')"),
        files={"weights.bin": b"1"},
    )
    with pytest.raises(ModelFailedError) as caught:
        run_dry(project)
    assert "self.project_dir" in caught.value.hint


@pytest.mark.parametrize(
    ("execute", "code"),
    [
        ("return inputs[:-1]", "output-invalid"),
        ("return (event for event in inputs)", "output-invalid"),
        ("return [1 for _ in inputs]", "output-invalid"),
        ('return [{"x": float("nan")} for _ in inputs]', "output-invalid"),
        ('return [{"x": object()} for _ in inputs]', "output-invalid"),
        ('return [{"x": "\\ud800"} for _ in inputs]', "output-invalid"),
        ("loop = {}; loop['x'] = loop; return [loop for _ in inputs]", "output-invalid"),
        ("return None", "output-invalid"),
    ],
)
def test_garbage_outputs_are_errors_of_their_events(tmp_path: Path, execute: str, code: str) -> None:
    project = write_project(tmp_path / "model", backend(execute), events=[{"n": 1}])
    report = run_dry(project, batch_sizes=[]).report
    assert [failure.code for failure in report.failures] == [code]


def test_only_the_events_that_fail_are_failed(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", backend("return [{'x': 1 // (event['n'] % 10)} for event in inputs]"))
    report = run_dry(project).report
    assert [failure.event for failure in report.failures] == [1, 11, 21, 31]
    assert report.parity is not None
    assert report.parity.equal, "a poisoned batch gives its mates what they get alone"


def test_an_interpreter_that_cannot_start_is_reported(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST)
    with pytest.raises(NotFoundError) as caught:
        run_dry(project, python="no-such-python")
    assert caught.value.exit_code == 3
    environment = project / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("home = /nowhere\n")
    (environment / "bin" / "python").symlink_to("/nowhere/python3")
    with pytest.raises(NotFoundError) as caught:
        run_dry(project)
    assert "does not run as a Python" in caught.value.title


def test_the_dry_run_writes_nothing_but_its_report(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", HONEST, files={"helper.py": "VALUE = 1\n"})
    (project / "inference.py").write_text("import helper\n" + (project / "inference.py").read_text())
    before = {path.relative_to(project) for path in project.rglob("*")}
    run_dry(project)
    after = {path.relative_to(project) for path in project.rglob("*")}
    assert {path.parts[0] for path in after - before} == {".packflow"}


def test_user_code_named_like_standard_modules_harms_nothing(tmp_path: Path) -> None:
    broken = "raise ImportError('shadowed')\n"
    names = ["json.py", "runpy.py", "__main__.py", "struct.py", "os.py", "site.py", "packflow_runtime.py"]
    project = write_project(tmp_path / "model", HONEST, files=dict.fromkeys(names, broken))
    assert run_dry(project).report.ok


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_the_end_of_the_app_is_the_end_of_the_worker(
    tmp_path: Path, marked: Callable[[], list[str]], number: int, code: int
) -> None:
    project = write_project(tmp_path / "model", backend("time.sleep(60)"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "packflow_app", "-C", str(project), "dry-run"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    wait_for(lambda: any("packflow_runtime.worker" in line for line in marked()))
    time.sleep(0.3)
    assert len(list(temporary.iterdir())) == 1
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert b"Traceback" not in out + err
    wait_for(lambda: marked() == [], seconds=3)
    wait_for(lambda: not any(temporary.iterdir()), seconds=3)


def test_a_module_that_a_model_needs_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"cno_such_module.parts\nModel\n.")
    file = read_model_file(tmp_path / "m.pkl")
    found = find_interpreter(tmp_path, sys.executable)
    with pytest.raises(NotFoundError, match=r"m\.pkl needs the module no_such_module, which ") as caught:
        describe_model(file, found, tmp_path, ["no_such_module.parts.Model"], threading.Event())
    assert caught.value.code == "package-missing"


def test_a_python_that_goes_away_before_it_is_started(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"N.")
    gone = replace(find_interpreter(tmp_path, sys.executable), path=tmp_path / "gone")
    with pytest.raises(NotFoundError, match=r"/gone could not be started: .+\.$") as caught:
        describe_model(read_model_file(tmp_path / "m.pkl"), gone, tmp_path, [], threading.Event())
    assert caught.value.code == "python-broken"


def test_a_project_that_names_no_events(tmp_path: Path) -> None:
    project = write_project(tmp_path / "p", HONEST)
    config = project / "packflow.yaml"
    config.write_text(config.read_text().replace("  events: samples/events.ndjson\n", ""))
    with pytest.raises(NotFoundError, match=r"The project names no sample events\.") as caught:
        dry_run(DryRunOptions(project=project))
    assert (caught.value.code, caught.value.file) == ("events-not-found", str(config))
