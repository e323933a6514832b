"""``cache list`` and ``cache clean``: what is there, what goes, and what stays since a process uses it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import unittest
from pathlib import Path
from unittest import mock

from packflow_runtime.cache_contents import cache_contents, clean
from packflow_runtime.commands.cache import contents_lines, shown_age, shown_size
from packflow_runtime.environments import MARK
from packflow_runtime.errors import PackflowError
from runtime.archive_programs import DOUBLING, ArchivePrograms, lines

SLOW = """\
import sys, time
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        sys.stderr.write("working\\n")
        sys.stderr.flush()
        time.sleep(60)
        return inputs
"""


class Cache(ArchivePrograms):
    def setUp(self) -> None:
        super().setUp()
        self.write()
        self.other = self.write(DOUBLING + "\n", path=self.folder / "other.zip")

    def fill(self) -> None:
        for path in (self.path, self.other):
            self.assertEqual(self.start(path, "run", events=lines({"n": 1})).returncode, 0)

    def names(self) -> list[str]:
        return sorted(name for name in os.listdir(self.cache / "archives"))

    def environment(self, name: str, *, finished: bool = True) -> Path:
        folder = self.cache / "environments" / name
        (folder / "bin").mkdir(parents=True)
        folder.parent.chmod(0o700)
        (folder / "bin" / "python").symlink_to(sys.executable)
        if finished:
            (folder / MARK).write_text(json.dumps({"python": "3.11.7", "packages": 7}))
        return folder

    def test_an_empty_cache(self) -> None:
        done = self.start(self.path, "cache", "list")
        self.assertEqual((done.returncode, done.stdout.decode()), (0, f"{self.cache}: 0 B\n"))
        self.assertFalse(self.cache.exists(), "looking makes nothing")
        self.assertEqual(self.answer("cache", "clean", "--all")["data"]["archives"], [])

    def test_what_is_there(self) -> None:
        self.fill()
        data = self.answer("cache", "list")["data"]
        self.assertEqual([one["name"] for one in data["archives"]], ["tiny", "tiny"])
        self.assertEqual(sorted(one["digest"] for one in data["archives"]), self.names())
        self.assertTrue(all(one["is_whole"] for one in data["archives"]))
        self.assertGreater(data["size"], 100_000)
        self.assertLess(abs(data["archives"][0]["last_used"] - time.time()), 60)
        for start in (self.start(self.path, "cache", "list"), self.outside("cache", "list")):
            self.assertEqual(start.stdout.decode().count("tiny 1.0"), 2)

    def test_the_option_for_another_cache_stands_anywhere(self) -> None:
        for words in (("--cache", "elsewhere", "run"), ("run", "--cache", "elsewhere"), ("run", "--cache=elsewhere")):
            done = self.start(self.path, *words, events=lines({"n": 1}))
            self.assertEqual((done.returncode, done.stdout), (0, lines({"n": 2})))
            self.assertFalse(self.cache.exists())
            self.assertEqual(len(os.listdir(self.folder / "elsewhere" / "archives")), 1)
            shutil.rmtree(self.folder / "elsewhere")
        done = self.start(self.path, "run", "--cache")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"expected one argument", done.stderr)

    def test_a_start_notes_when_a_copy_was_used_last(self) -> None:
        self.fill()
        stamps = [self.cache / "archives" / name / "stamps.json" for name in self.names()]
        for path in stamps:
            os.utime(path, (0, 0))
        self.assertEqual(self.start(self.path, "run", events=lines({"n": 1})).returncode, 0)
        self.assertEqual(sorted(path.stat().st_mtime > 0 for path in stamps), [False, True])
        self.answer("cache", "clean", "--older-than", "365")
        self.assertEqual(len(self.names()), 1)
        self.assertEqual(self.start(self.path, "run", events=lines({"n": 1})).stdout, lines({"n": 2}))

    def test_clean_by_name_by_digest_and_all(self) -> None:
        for word in ("tiny", "tiny-1.0", "--all"):
            self.fill()
            self.assertEqual(self.answer("cache", "clean", word)["data"]["archives"], ["tiny-1.0"] * 2)
            self.assertEqual(self.names(), [])
            self.assertEqual(sorted(path for path in (self.cache / "bytecode").rglob("*.pyc")), [])
        self.fill()
        first = self.names()[0]
        self.assertEqual(self.answer("cache", "clean", first[:8])["data"]["archives"], ["tiny-1.0"])
        self.assertNotIn(first, self.names())

    def test_without_a_word_only_what_is_of_no_use_goes(self) -> None:
        self.fill()
        changed, kept = self.names()
        (self.cache / "archives" / changed / "tree" / "project" / "steps.py").unlink()
        (self.cache / "archives" / f".extracting-{'a' * 64}-x" / "tree").mkdir(parents=True)
        self.environment("unfinished", finished=False)
        finished = self.environment("finished")
        self.assertFalse(
            next(one for one in cache_contents(str(self.cache)).archives if one.digest == changed).is_whole
        )
        data = self.answer("cache", "clean")["data"]
        self.assertEqual((data["environments"], self.names(), finished.exists()), (["unfinished"], [kept], True))

    def test_names_that_nothing_has(self) -> None:
        self.fill()
        for name in ("nothing", "abcdef", self.names()[0][:7]):
            told = self.answer("cache", "clean", name, code=3)
            self.assertEqual(told["errors"][0]["code"], "not-in-cache")
        self.assertEqual(len(self.names()), 2)

    def test_words_that_do_not_go_together(self) -> None:
        for words in (("--all", "tiny"), ("--older-than", "3", "tiny"), ("--older-than", "3", "--all")):
            self.assertEqual(self.answer("cache", "clean", *words, code=2)["errors"][0]["code"], "usage")
        for words in (("--older-than", "-1"), ("--older-than", "nan"), ("--older-than", "x"), ("nothing",), ()):
            done = self.start(self.path, "cache", "clean" if words[:1] == ("--older-than",) else "", *words)
            self.assertEqual((done.returncode, done.stdout), (2, b""))

    @unittest.skipUnless(os.name == "posix", "needs POSIX locks")
    def test_what_a_process_uses_stays(self) -> None:
        self.write(SLOW)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PACKFLOW"))}
        process = subprocess.Popen(
            [sys.executable, str(self.path), "run"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**kept, "PACKFLOW_CACHE": str(self.cache)},
        )
        try:
            assert process.stdin is not None
            assert process.stderr is not None
            process.stdin.write(b"{}\n")
            process.stdin.flush()
            while process.stderr.readline() != b"working\n":
                self.assertIsNone(process.poll())
            data = self.answer("cache", "clean", "--all")["data"]
            self.assertEqual((data["archives"], data["in_use"]), ([], ["tiny-1.0"]))
            self.assertEqual(len(self.names()), 1)
        finally:
            process.kill()
            process.communicate()
        self.assertEqual(self.answer("cache", "clean", "--all")["data"]["archives"], ["tiny-1.0"])

    def test_an_environment_goes_with_the_last_copy_that_it_is_for(self) -> None:
        self.write(requirements=["six==1.16.0"])
        self.fill()
        key = next(one.key for one in cache_contents(str(self.cache)).archives if one.key)
        mine, others = self.environment(f"{key}-cpython"), self.environment("0" * 16 + "-cpython")
        found = {one.name: one for one in cache_contents(str(self.cache)).environments}
        self.assertEqual(found[mine.name].models, ["tiny-1.0"])
        self.assertEqual(found[others.name].models, [])
        clean(str(self.cache), names=("tiny",))
        self.assertEqual((mine.exists(), others.exists()), (False, True))

    def test_an_environment_whose_python_is_gone_is_not_finished(self) -> None:
        folder = self.environment("x" * 16)
        (folder / "bin" / "python").unlink()
        found = cache_contents(str(self.cache)).environments[0]
        self.assertEqual((found.is_finished, found.python), (False, "3.11.7"))
        self.assertIn("not finished", contents_lines(cache_contents(str(self.cache)))[-1])

    @unittest.skipUnless(os.name == "posix", "needs POSIX permissions")
    def test_a_cache_that_others_may_write_to(self) -> None:
        self.fill()
        self.cache.chmod(0o777)
        for action in ("list", "clean"):
            self.assertEqual(self.answer("cache", action, code=5)["errors"][0]["code"], "cache-shared")
        self.cache.chmod(0o700)
        self.assertEqual(len(self.names()), 2)

    def test_a_kill_on_the_way_leaves_no_half_copy(self) -> None:
        self.fill()
        interrupted = mock.patch("packflow_runtime.cache.shutil.rmtree", side_effect=KeyboardInterrupt)
        with interrupted, self.assertRaises(KeyboardInterrupt):
            clean(str(self.cache), everything=True)
        self.assertEqual(len([name for name in self.names() if not name.startswith(".extracting-")]), 1)
        self.assertTrue(all(one.is_whole for one in cache_contents(str(self.cache)).archives))
        clean(str(self.cache))
        self.assertEqual(len(self.names()), 1)

    def test_what_cannot_be_removed_is_told(self) -> None:
        folder = self.environment("x" * 16)
        refusing = mock.patch("packflow_runtime.cache_contents.shutil.rmtree", side_effect=PermissionError(13, "no"))
        with refusing, self.assertRaises(PackflowError) as caught:
            clean(str(self.cache), everything=True)
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("not-writable", 5))
        self.assertFalse((folder / MARK).exists(), "what is half removed does not count")


class Shown(unittest.TestCase):
    def test_sizes(self) -> None:
        shown = [shown_size(size) for size in (0, 999, 1000, 123_456, 10**9, 5 * 10**12)]
        self.assertEqual(shown, ["0 B", "999 B", "1.0 kB", "123.5 kB", "1.0 GB", "5,000.0 GB"])

    def test_ages(self) -> None:
        now = time.time()
        shown = [shown_age(now - seconds) for seconds in (-5, 0, 59, 61, 7300, 86_400 * 3 + 5)]
        self.assertEqual(shown, ["just now"] * 3 + ["1 minute ago", "2 hours ago", "3 days ago"])


if __name__ == "__main__":
    unittest.main()
