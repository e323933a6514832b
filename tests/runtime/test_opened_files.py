"""What of a project was read, seen in a process of its own, since an audit hook stays for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "packflow_runtime" / "src"
PROGRAM = """
import json, mmap, os, pathlib, sys
sys.path.insert(0, sys.argv[1])
from packflow_runtime.opened_files import OpenedFiles
open("before.txt").close()
opened = OpenedFiles(sys.argv[2])
{body}
print(json.dumps(opened.names()))
"""


class Opened(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.project = Path(os.path.realpath(folder.name), "model")
        (self.project / "deep").mkdir(parents=True)
        for name in ("before.txt", "a.txt", "deep/b.bin", "deep/module.py", "c.txt"):
            (self.project / name).write_bytes(b"x = 1\n")
        (self.project.parent / "outside.txt").write_bytes(b"1")

    def names(self, body: str, project: str = "") -> list[str]:
        command = [
            sys.executable,
            "-I",
            "-S",
            "-B",
            "-c",
            PROGRAM.format(body=body),
            str(SOURCES),
            project or str(self.project),
        ]
        ran = subprocess.run(command, cwd=self.project, capture_output=True, text=True, check=False)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        found: list[str] = json.loads(ran.stdout)
        return found

    def test_every_way_to_read(self) -> None:
        self.assertEqual(self.names("open('a.txt').close()"), ["a.txt"])
        self.assertEqual(self.names("open(b'deep/b.bin', 'rb').close()"), ["deep/b.bin"])
        self.assertEqual(self.names("pathlib.Path('deep', 'b.bin').read_bytes()"), ["deep/b.bin"])
        self.assertEqual(self.names("os.close(os.open('c.txt', os.O_RDONLY))"), ["c.txt"])
        self.assertEqual(self.names("open(os.path.abspath('a.txt'), 'r+').close()"), ["a.txt"])
        self.assertEqual(self.names("sys.path.insert(0, 'deep'); import module"), ["deep/module.py"])

    def test_what_does_not_count(self) -> None:
        self.assertEqual(self.names("pass"), [])
        self.assertEqual(self.names("open('new.txt', 'w').close(); open('c.txt', 'ab').close()"), [])
        self.assertEqual(self.names("open('../outside.txt').close(); open(os.devnull).close()"), [])
        self.assertEqual(self.names("os.listdir('deep'); os.stat('a.txt')"), [])
        missing = "try:\n    open('nowhere.txt')\nexcept OSError:\n    pass"
        self.assertEqual(self.names(missing), [])
        self.assertEqual(self.names("open(os.open('a.txt', os.O_WRONLY), 'w').close()"), [])

    def test_what_is_gone_is_not_told(self) -> None:
        self.assertEqual(self.names("open('a.txt').close(); os.remove('a.txt')"), [])

    def test_a_link_to_the_project_is_the_project(self) -> None:
        link = self.project.parent / "link"
        link.symlink_to(self.project)
        self.assertEqual(
            self.names("open(sys.argv[2] + '/a.txt').close(); open('c.txt').close()", str(link)), ["a.txt", "c.txt"]
        )

    @unittest.skipUnless(sys.platform == "linux", "other systems do not tell what is mapped: Linux would un-skip this")
    def test_what_is_mapped_without_being_opened_here(self) -> None:
        body = (
            "sock, other = __import__('socket').socketpair()\n"
            "if os.fork() == 0:\n"
            "    __import__('socket').send_fds(sock, [b'x'], [os.open('deep/b.bin', os.O_RDONLY)])\n"
            "    os._exit(0)\n"
            "descriptor = __import__('socket').recv_fds(other, 1, 1)[1][0]\n"
            "mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)\n"
        )
        self.assertEqual(self.names(body), ["deep/b.bin"])


if __name__ == "__main__":
    unittest.main()
