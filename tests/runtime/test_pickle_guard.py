"""The guard refuses and notes what our own loads resolve, and leaves everybody else in the process alone."""

from __future__ import annotations

import array
import asyncio
import collections
import concurrent.futures
import contextlib
import io
import multiprocessing
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import timeit
import unittest
from pathlib import Path

import packflow_runtime
from packflow_runtime.errors import ExitCode, InferenceBackendError
from packflow_runtime.pickle_guard import Mode, PickleGuard, PickleNotAllowedError, refusal_in

HONEST = pickle.dumps(collections.OrderedDict(a=array.array("d", [0.5])))
GETCWD = pickle.dumps(os.getcwd)  # os.getcwd is called posix.getcwd, or nt.getcwd
GETCWD_NAME = f"{os.getcwd.__module__}.getcwd"
SOURCES = str(Path(packflow_runtime.__file__).parents[1])


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    start = f"import sys; sys.path.insert(0, {SOURCES!r})\n"
    command = [sys.executable, "-I", "-S", "-c", start + program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class Refusing(unittest.TestCase):
    def test_what_is_reviewed_resolves_and_is_noted(self) -> None:
        guard = PickleGuard()
        with guard.active():
            self.assertEqual(pickle.loads(HONEST)["a"][0], 0.5)
        self.assertEqual(guard.resolved, {"collections.OrderedDict", "array._array_reconstructor", "array.array"})
        self.assertEqual(guard.refused, set())

    def test_anything_else_is_refused_by_both_unpicklers(self) -> None:
        for load in (pickle.loads, lambda data: pickle._Unpickler(io.BytesIO(data)).load()):  # type: ignore[attr-defined]
            guard = PickleGuard()
            with self.assertRaises(PickleNotAllowedError) as caught, guard.active():
                load(GETCWD)
            self.assertEqual(guard.refused, {GETCWD_NAME})
            self.assertEqual(guard.resolved, set())
            self.assertEqual(caught.exception.global_name, GETCWD_NAME)

    def test_the_error_says_what_where_and_what_next(self) -> None:
        error = PickleNotAllowedError("os.system", file="models/model.pkl")
        self.assertIsInstance(error, InferenceBackendError)
        self.assertEqual((error.code, error.exit_code), ("pickle-not-allowed", ExitCode.CHECK_FAILED))
        self.assertEqual(error.title, "A pickle asks for os.system, which is not allowed.")
        self.assertEqual(error.detail, "It starts programs and changes files. Nothing of it has run.")
        self.assertEqual(error.where, "models/model.pkl")
        self.assertIn("--trust-pickle os.system", error.hint)
        self.assertIn("model.pkl", error.hint)
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual((again.title, again.file, again.global_name), (error.title, error.file, "os.system"))

    def test_a_class_of_a_script_is_sent_home(self) -> None:
        self.assertIn("Move Scorer from the script", PickleNotAllowedError("__main__.Scorer").hint)

    def test_subclasses_that_ask_super_are_covered(self) -> None:
        class Own(pickle.Unpickler):
            def find_class(self, module: str, name: str) -> object:
                return super().find_class(module, name)

        with self.assertRaises(PickleNotAllowedError), PickleGuard().active():
            Own(io.BytesIO(GETCWD)).load()

    def test_trusted_names_pass(self) -> None:
        with PickleGuard({GETCWD_NAME}).active():
            self.assertEqual(pickle.loads(GETCWD), os.getcwd)

    def test_without_the_reviewed_list_only_what_is_named_passes(self) -> None:
        with self.assertRaises(PickleNotAllowedError), PickleGuard(reviewed=False).active():
            pickle.loads(HONEST)
        names = {"collections.OrderedDict", "array._array_reconstructor", "array.array"}
        with PickleGuard(names, reviewed=False).active():
            pickle.loads(HONEST)

    def test_names_of_python_2_count_as_those_of_python_3(self) -> None:
        guard = PickleGuard()
        with guard.active():
            self.assertEqual(pickle.loads(pickle.dumps({1, 2}, 2)), {1, 2})
        self.assertEqual(guard.resolved, {"builtins.set"})
        with self.assertRaises(PickleNotAllowedError), guard.active():
            pickle.loads(pickle.dumps(eval, 0))
        self.assertEqual(guard.refused, {"builtins.eval"})

    def test_recording_refuses_nothing(self) -> None:
        guard = PickleGuard(mode=Mode.RECORD)
        with guard.active():
            pickle.loads(GETCWD)
        self.assertEqual(guard.resolved, {GETCWD_NAME})

    def test_a_refusal_that_a_library_wraps_comes_out_as_itself(self) -> None:
        with self.assertRaises(PickleNotAllowedError) as caught, PickleGuard().active():
            try:
                pickle.loads(GETCWD)
            except Exception as error:
                raise ValueError("the library could not load it") from error
        self.assertIsInstance(caught.exception.__cause__, ValueError)

    def test_other_errors_pass_as_they_are(self) -> None:
        with self.assertRaises(ZeroDivisionError), PickleGuard().active():
            print(1 / 0)
        self.assertIsNone(refusal_in(ValueError("x")))

    def test_refusals_are_found_behind_a_backends_error(self) -> None:
        error = InferenceBackendError("initialize raised")
        error.original = PickleNotAllowedError("os.system")
        self.assertIs(refusal_in(error), error.original)


class LeavingOthersAlone(unittest.TestCase):
    def test_outside_the_load_nothing_is_refused(self) -> None:
        guard = PickleGuard()
        with guard.active():
            pass
        self.assertEqual(pickle.loads(GETCWD), os.getcwd)
        with contextlib.suppress(PickleNotAllowedError), guard.active():
            pickle.loads(GETCWD)
        self.assertEqual(pickle.loads(GETCWD), os.getcwd)

    def test_guards_nest(self) -> None:
        with PickleGuard().active():
            with PickleGuard({GETCWD_NAME}).active():
                pickle.loads(GETCWD)
            with self.assertRaises(PickleNotAllowedError):
                pickle.loads(GETCWD)

    def test_other_threads_go_on_while_a_guard_is_active(self) -> None:
        with PickleGuard().active(), concurrent.futures.ThreadPoolExecutor(4) as pool:
            found = list(pool.map(pickle.loads, [GETCWD] * 200))
        self.assertEqual(found, [os.getcwd] * 200)

    def test_each_thread_has_the_guard_it_entered(self) -> None:
        strict, loose, failures = PickleGuard(), PickleGuard({GETCWD_NAME}), []
        start = threading.Barrier(4)

        def work(guard: PickleGuard) -> None:
            start.wait()
            for _ in range(300):
                try:
                    with guard.active():
                        pickle.loads(GETCWD)
                    refused = False
                except PickleNotAllowedError:
                    refused = True
                if refused is not (guard is strict):
                    failures.append(guard)

        threads = [threading.Thread(target=work, args=(guard,)) for guard in (strict, loose) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual((strict.refused, loose.resolved), ({GETCWD_NAME}, {GETCWD_NAME}))

    def test_other_tasks_of_an_event_loop_go_on(self) -> None:
        async def guarded(entered: asyncio.Event, done: asyncio.Event) -> None:
            with PickleGuard().active():
                entered.set()
                await done.wait()

        async def main() -> object:
            entered, done = asyncio.Event(), asyncio.Event()
            task = asyncio.ensure_future(guarded(entered, done))
            await entered.wait()
            found = pickle.loads(GETCWD)
            done.set()
            await task
            return found

        self.assertEqual(asyncio.run(main()), os.getcwd)

    def test_what_other_processes_send_passes(self) -> None:
        one, other = multiprocessing.Pipe()
        with PickleGuard().active(), one, other:
            one.send(os.getcwd)
            self.assertEqual(other.recv(), os.getcwd)

    def test_pools_work_in_guarded_processes(self) -> None:
        program = """
import multiprocessing, os, pickle
from concurrent.futures import ProcessPoolExecutor
from packflow_runtime.pickle_guard import PickleGuard
PickleGuard().guard_process()
fork = multiprocessing.get_context("fork")
with fork.Pool(2) as pool:
    print(pool.map(os.path.basename, ["a/b"] * 5)[-1])
with ProcessPoolExecutor(1, mp_context=fork) as pool:
    print(pool.submit(os.stat, "/").result().st_uid)
"""
        if "fork" not in multiprocessing.get_all_start_methods():
            self.skipTest("needs a system that forks")
        done = run_python(program)
        self.assertEqual((done.stdout.split(), done.returncode), (["b", "0"], 0), done.stderr)


class WholeProcesses(unittest.TestCase):
    PROGRAM = """
import pickle, sys, threading
from packflow_runtime.pickle_guard import PickleGuard, PickleNotAllowedError
guard = PickleGuard()
guard.guard_process()
def load():
    try:
        pickle.loads(b"cos\\ngetcwd\\n.")
        print("resolved")
    except PickleNotAllowedError as error:
        print(error.global_name)
load()
thread = threading.Thread(target=load); thread.start(); thread.join()
"""

    def test_every_thread_is_guarded(self) -> None:
        done = run_python(self.PROGRAM)
        self.assertEqual(done.stdout.split(), ["os.getcwd", "os.getcwd"], done.stderr)


class Files(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def written(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def test_a_file_is_listed_before_it_is_first_opened(self) -> None:
        path = self.written("model.pkl", HONEST)
        guard = PickleGuard(check_files=True)
        with guard.active():
            pickle.loads(path.read_bytes())
            first = guard.listings[str(path)]
            pickle.loads(path.read_bytes())
        self.assertEqual(list(guard.listings), [str(path)])
        self.assertIs(guard.listings[str(path)], first)
        self.assertIn("collections.OrderedDict", guard.listings[str(path)].names)

    def test_a_hostile_one_is_refused_unopened_however_it_is_opened(self) -> None:
        path = self.written("model.bin", GETCWD)
        openers = [
            path.read_bytes,
            lambda: open(str(path), "rb").close(),  # noqa: PTH123 - as users do
            lambda: open(os.fsencode(path), "r+b").close(),  # noqa: PTH123 - as users do
            lambda: os.close(os.open(path, os.O_RDONLY)),
            lambda: open(os.path.relpath(path), "rb").close(),  # noqa: PTH123 - as users do
            lambda: io.FileIO(str(path)).close(),
        ]
        for number, opener in enumerate(openers):
            with self.subTest(number):
                guard = PickleGuard(check_files=True)
                for _ in range(2):
                    with self.assertRaises(PickleNotAllowedError) as caught, guard.active():
                        opener()
                    self.assertEqual(caught.exception.file, str(path))

    def test_one_that_has_changed_is_listed_again(self) -> None:
        path = self.written("model.pkl", HONEST)
        guard = PickleGuard(check_files=True)
        with guard.active():
            path.read_bytes()
            path.write_bytes(GETCWD)
            with self.assertRaises(PickleNotAllowedError):
                path.read_bytes()

    def test_what_is_written_missing_or_no_file_is_left_alone(self) -> None:
        path = self.written("model.pkl", GETCWD)
        guard = PickleGuard(check_files=True)
        with guard.active():
            path.write_bytes(GETCWD)
            with self.assertRaises(FileNotFoundError):
                (self.folder / "absent").read_bytes()
            self.assertEqual(Path(os.devnull).read_bytes(), b"")
        self.assertEqual(guard.listings, {})

    def test_recording_lists_and_opens(self) -> None:
        path = self.written("model.pkl", GETCWD)
        guard = PickleGuard(mode=Mode.RECORD, check_files=True)
        with guard.active():
            self.assertEqual(path.read_bytes(), GETCWD)
        self.assertEqual(guard.listings[str(path)].names, (GETCWD_NAME,))

    def test_files_are_not_read_unless_that_is_asked_for(self) -> None:
        path = self.written("model.pkl", GETCWD)
        guard = PickleGuard()
        with guard.active():
            path.read_bytes()
        self.assertEqual(guard.listings, {})

    def test_the_file_is_named_where_only_loading_finds_the_global(self) -> None:
        path = self.written("model.pkl", GETCWD)
        guard = PickleGuard(mode=Mode.RECORD, check_files=True)
        with guard.active():
            data = path.read_bytes()
        guard.mode = Mode.ENFORCE
        with self.assertRaises(PickleNotAllowedError) as caught, guard.active():
            pickle.loads(data)
        self.assertEqual(caught.exception.file, str(path))

    def test_several_threads_wait_for_one_verdict(self) -> None:
        path = self.written("model.pkl", pickle.dumps({f"term {number}": number for number in range(20_000)}))
        guard = PickleGuard(check_files=True)

        def read() -> int:
            with guard.active():
                return len(path.read_bytes())

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            sizes = [future.result() for future in [pool.submit(read) for _ in range(8)]]
        self.assertEqual(set(sizes), {path.stat().st_size})
        self.assertEqual(guard.listings[str(path)].pickles, 1)


class Cost(unittest.TestCase):
    def test_an_idle_hook_costs_little(self) -> None:
        with PickleGuard().active():
            pass
        seconds = min(timeit.repeat(lambda: sys.audit("packflow.test"), number=20_000, repeat=5)) / 20_000
        self.assertLess(seconds, 5e-6)  # 0.2 microseconds on an idle machine


if __name__ == "__main__":
    unittest.main()
