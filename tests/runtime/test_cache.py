"""The cache of extracted archives: whole copies only, whoever else is at work, whatever happened to the last one."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import packflow_runtime
from packflow_runtime.cache import store_tree
from packflow_runtime.cache_option import choose_cache
from packflow_runtime.cached_copies import bytecode_dir, cache_root, find_tree
from packflow_runtime.file_locks import exclusive

SOURCES = str(Path(packflow_runtime.__file__).parents[1])
DIGEST = "d" * 64
FILES = {"project/a.txt": "one", "project/deep/b.txt": "two", "c.txt": ""}
posix_only = unittest.skipUnless(os.name == "posix", "needs POSIX permissions")


def fill(folder: Path) -> None:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o444)


def contents(folder: str) -> dict[str, str]:
    root = Path(folder)
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in root.rglob("*") if path.is_file()}


class Cached(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = os.path.join(folder.name, "cache")  # noqa: PTH118 - the cache's paths are text

    def archives(self) -> list[str]:
        return sorted(os.listdir(Path(self.root, "archives")))


class Storing(Cached):
    def test_nothing_is_there_at_first(self) -> None:
        self.assertIsNone(find_tree(self.root, DIGEST))
        self.assertFalse(Path(self.root).exists())

    def test_a_copy_is_found_again(self) -> None:
        tree = store_tree(self.root, DIGEST, fill)
        self.assertEqual(tree, str(Path(self.root, "archives", DIGEST, "tree")))
        self.assertEqual(contents(tree), FILES)
        self.assertEqual(find_tree(self.root, DIGEST), tree)
        self.assertIsNone(find_tree(self.root, "e" * 64))
        self.assertEqual(self.archives(), [DIGEST])

    def test_two_archives_stand_beside_each_other(self) -> None:
        first = store_tree(self.root, DIGEST, fill)
        second = store_tree(self.root, "e" * 64, lambda folder: (folder / "b").touch())
        self.assertEqual((contents(first), contents(second)), (FILES, {"b": ""}))
        self.assertEqual(self.archives(), [DIGEST, "e" * 64])

    def test_storing_again_keeps_the_whole_copy_that_is_there(self) -> None:
        tree = store_tree(self.root, DIGEST, fill)
        before = Path(tree, "c.txt").stat().st_ino
        self.assertEqual(store_tree(self.root, DIGEST, fill), tree)
        self.assertEqual(Path(tree, "c.txt").stat().st_ino, before)
        self.assertEqual(self.archives(), [DIGEST])

    def test_a_fill_that_fails_leaves_nothing(self) -> None:
        def failing(folder: Path) -> None:
            fill(folder)
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            store_tree(self.root, DIGEST, failing)
        self.assertEqual(self.archives(), [])
        self.assertIsNone(find_tree(self.root, DIGEST))

    def test_a_whole_copy_is_not_filled_again(self) -> None:
        tree = store_tree(self.root, DIGEST, fill)

        def failing(folder: Path) -> None:
            raise AssertionError("there is a copy")

        self.assertEqual(store_tree(self.root, DIGEST, failing), tree)
        self.assertEqual((self.archives(), contents(tree)), ([DIGEST], FILES))

    def test_a_full_disk_leaves_nothing_of_a_new_copy(self) -> None:
        def failing(folder: Path) -> None:
            fill(folder)
            raise OSError(errno.ENOSPC, "No space left on device")

        with self.assertRaises(OSError):
            store_tree(self.root, DIGEST, failing)
        self.assertEqual(self.archives(), [])

    def test_a_root_that_cannot_be_made(self) -> None:
        Path(self.root).write_text("a file", encoding="utf-8")
        with self.assertRaises(OSError):
            store_tree(self.root, DIGEST, fill)
        self.assertEqual(Path(self.root).read_text("utf-8"), "a file")


class Changed(Cached):
    def test_any_change_discards_the_copy(self) -> None:
        def edit(path: Path) -> None:
            path.chmod(0o644)
            path.write_text("0ne", encoding="utf-8")

        def edit_and_hide(path: Path) -> None:
            times = path.stat()
            edit(path)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

        def replace(path: Path) -> None:
            other = path.with_name("other")
            other.write_text("one", encoding="utf-8")
            other.replace(path)

        def link(path: Path) -> None:
            other = Path(self.root, "elsewhere")
            path.replace(other)
            path.symlink_to(other)

        def cut(path: Path) -> None:
            path.chmod(0o644)
            os.truncate(path, 1)

        for change in (edit, edit_and_hide, replace, link, cut, Path.unlink):
            with self.subTest(change):
                tree = store_tree(self.root, DIGEST, fill)
                change(Path(tree, "project", "a.txt"))
                self.assertIsNone(find_tree(self.root, DIGEST))
                self.assertEqual(store_tree(self.root, DIGEST, fill), tree)
                self.assertEqual((contents(tree), self.archives()), (FILES, [DIGEST]))
                self.assertEqual(find_tree(self.root, DIGEST), tree)

    def test_stamps_that_cannot_be_read(self) -> None:
        stamps = Path(self.root, "archives", DIGEST, "stamps.json")
        for text in (
            b"",
            b"[]",
            b"null",
            b"5",
            b"{",
            b"\xff",
            b'{"c.txt":null}',
            b'{"c.txt":[0,0]}',
            b'{"\\u0000":[]}',
        ):
            with self.subTest(text):
                store_tree(self.root, DIGEST, fill)
                stamps.write_bytes(text)
                self.assertIsNone(find_tree(self.root, DIGEST))
        self.assertEqual(contents(store_tree(self.root, DIGEST, fill)), FILES)

    def test_a_copy_that_changes_while_it_is_made_is_not_given(self) -> None:
        with (
            mock.patch("packflow_runtime.cache.find_tree", return_value=None),
            self.assertRaises(OSError) as caught,
        ):
            store_tree(self.root, DIGEST, fill)
        self.assertIn("changed while it was being made", str(caught.exception))


@posix_only
class Permissions(Cached):
    def test_the_umask_does_not_matter(self) -> None:
        for umask in (0o000, 0o002, 0o022, 0o077):
            before = os.umask(umask)
            try:
                root = f"{self.root}/{umask:o}/packflow"
                self.assertEqual(contents(store_tree(root, DIGEST, fill)), FILES)
            finally:
                os.umask(before)
            for folder in (root, f"{root}/archives", f"{root}/archives/{DIGEST}"):
                self.assertEqual(Path(folder).stat().st_mode & 0o777, 0o700, folder)

    def test_a_cache_that_others_may_write_to_is_not_used(self) -> None:
        store_tree(self.root, DIGEST, fill)
        for folder in (Path(self.root), Path(self.root, "archives")):
            for mode in (0o777, 0o770, 0o1777, 0o702):
                with self.subTest(folder=folder.name, mode=oct(mode)):
                    folder.chmod(mode)
                    with self.assertRaises(PermissionError) as caught:
                        store_tree(self.root, "e" * 64, fill)
                    self.assertEqual(str(caught.exception), f"others may write to {folder}")
                    self.assertIsNone(find_tree(self.root, DIGEST))
                    folder.chmod(0o700)
        self.assertEqual(self.archives(), [DIGEST])
        self.assertIsNotNone(find_tree(self.root, DIGEST))

    def test_bytecode_and_environments_that_others_may_write_to_are_not_used_either(self) -> None:
        store_tree(self.root, DIGEST, fill)
        Path(self.root, "environments").mkdir(mode=0o700)
        for name in ("bytecode", "environments"):
            folder = Path(self.root, name)
            folder.chmod(0o777)
            with self.assertRaises(PermissionError):
                store_tree(self.root, "e" * 64, fill)
            self.assertIsNone(find_tree(self.root, DIGEST))
            folder.chmod(0o700)
        self.assertIsNotNone(find_tree(self.root, DIGEST))

    def test_the_folder_for_bytecode_is_made_before_python_makes_it_as_the_umask_has_it(self) -> None:
        before = os.umask(0)
        try:
            store_tree(self.root, DIGEST, fill)
        finally:
            os.umask(before)
        self.assertEqual(Path(bytecode_dir(self.root)).stat().st_mode & 0o777, 0o700)


_STORE = """
import os, sys, time
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from packflow_runtime.cache import store_tree
from test_cache import DIGEST, contents, fill, FILES
def slow(folder):
    fill(folder)
    time.sleep(0.05)
sys.stdin.buffer.read(1)
tree = store_tree(sys.argv[3], DIGEST, slow)
print(contents(tree) == FILES, tree)
"""


class Leftovers(Cached):
    """What processes that were killed left, at whatever point."""

    def left(self, digest: str, name: str = "abc", *, lock: bool = True) -> Path:
        archives = Path(self.root, "archives")
        work = archives / f".extracting-{digest}-{name}"
        fill(work / "tree")
        if lock:
            (archives / f".extracting-{digest}.lock").touch()
        for folder in (Path(self.root), archives):
            folder.chmod(0o700)
        return work

    @posix_only
    def test_those_of_the_same_archive_and_of_others_go_with_the_next_extraction(self) -> None:
        self.left(DIGEST)
        self.left(DIGEST, "old")
        self.left("e" * 64)
        self.left("f" * 64, lock=False)
        store_tree(self.root, DIGEST, fill)
        self.assertEqual(self.archives(), [DIGEST])

    @posix_only
    def test_what_a_living_process_works_on_stays(self) -> None:
        work = self.left("e" * 64)
        with exclusive(str(Path(self.root, "archives", f".extracting-{'e' * 64}.lock"))):
            store_tree(self.root, DIGEST, fill)
            self.assertTrue((work / "tree").exists())
        store_tree(self.root, "f" * 64, fill)
        self.assertFalse(work.exists())

    def test_where_locks_tell_nothing_only_what_is_old_goes(self) -> None:
        young, old = self.left("e" * 64), self.left("f" * 64)
        long_ago = time.time() - 2 * 24 * 3600
        os.utime(old, (long_ago, long_ago))
        with mock.patch("packflow_runtime.cache._locks_tell", return_value=False):
            store_tree(self.root, DIGEST, fill)
        self.assertEqual((young.exists(), old.exists()), (True, False))

    def test_a_copy_that_is_discarded_is_told_once_and_only_then(self) -> None:
        told = []
        for change in (False, False, True, False):
            tree = Path(self.root, "archives", DIGEST, "tree")
            if change:
                (tree / "c.txt").unlink()
            store_tree(self.root, DIGEST, fill, discarding=lambda: told.append("discarded"))
        self.assertEqual(told, ["discarded"])


class Concurrent(Cached):
    def test_several_processes_leave_one_whole_copy(self) -> None:
        here = str(Path(__file__).parent)
        command = [sys.executable, "-I", "-S", "-c", _STORE, SOURCES, here, self.root]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(5)]  # type: ignore[call-overload]
        for process in processes:
            process.stdin.write("x")
            process.stdin.flush()
        answers = [(*process.communicate(timeout=60), process.returncode) for process in processes]
        tree = str(Path(self.root, "archives", DIGEST, "tree"))
        self.assertEqual(answers, [(f"True {tree}\n", "", 0)] * 5)
        self.assertEqual((self.archives(), contents(tree)), ([DIGEST], FILES))
        self.assertEqual(find_tree(self.root, DIGEST), tree)

    def test_a_process_that_is_killed_leaves_nothing_that_is_taken_for_a_copy(self) -> None:
        work = Path(self.root, "archives", ".extracting-abc")
        fill(work / "tree")
        (work / "stamps.json").write_text(json.dumps({}), encoding="utf-8")
        for folder in (Path(self.root), work.parent):
            folder.chmod(0o700)
        self.assertIsNone(find_tree(self.root, DIGEST))
        self.assertEqual(contents(store_tree(self.root, DIGEST, fill)), FILES)


class Places(unittest.TestCase):
    def root_with(self, platform: str, **environment: str) -> str:
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch.object(sys, "platform", platform),
            mock.patch("os.path.expanduser", lambda path: path.replace("~", "HOME")),
        ):
            return cache_root()

    def test_the_environment_comes_first(self) -> None:
        for platform in ("linux", "darwin", "win32"):
            chosen = self.root_with(platform, PACKFLOW_CACHE="some/where", XDG_CACHE_HOME="/x", LOCALAPPDATA="/y")
            self.assertEqual(chosen, str(Path.cwd() / "some" / "where"))

    def test_each_platform_has_its_place(self) -> None:
        join = os.path.join
        self.assertEqual(self.root_with("linux"), join("HOME/.cache", "packflow"))
        self.assertEqual(self.root_with("linux", PACKFLOW_CACHE="", XDG_CACHE_HOME="/x"), join("/x", "packflow"))
        self.assertEqual(self.root_with("darwin", XDG_CACHE_HOME="/x"), join("HOME/Library/Caches", "packflow"))
        self.assertEqual(self.root_with("win32", LOCALAPPDATA="L"), join("L", "packflow"))
        self.assertEqual(self.root_with("win32"), join("HOME\\AppData\\Local", "packflow"))

    def test_the_option_names_another(self) -> None:
        for words, left in (
            (["model.zip", "run", "--cache", "some/where", "x"], ["model.zip", "run", "x"]),
            (["model.zip", "--cache=some/where"], ["model.zip"]),
        ):
            with mock.patch.dict(os.environ, {"PACKFLOW_CACHE": "/x"}):
                choose_cache(words)
                self.assertEqual((words, cache_root()), (left, str(Path.cwd() / "some" / "where")))

    def test_what_is_no_option_is_left_to_the_parser(self) -> None:
        for words in (
            ["run", "--cache"],
            ["run", "--", "--cache", "x"],
            ["--cache="],
            ["--cache", "--json"],
            ["--cachex"],
        ):
            with mock.patch.dict(os.environ, {"PACKFLOW_CACHE": "/x"}):
                before = [*words]
                choose_cache(words)
                self.assertEqual((words, os.environ["PACKFLOW_CACHE"]), (before, "/x"))

    def test_bytecode_stands_beside_the_copies(self) -> None:
        self.assertEqual(bytecode_dir("root"), str(Path("root", "bytecode")))


if __name__ == "__main__":
    unittest.main()
