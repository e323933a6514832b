"""An archive and its manifest: opened, extracted, checked to the last byte, and run as a program."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from packflow_runtime import __version__
from packflow_runtime.archive import Archive, check_tree, extract, is_archive, open_archive
from packflow_runtime.cli import COMMANDS
from packflow_runtime.errors import PackflowError
from packflow_runtime.extraction import extract_to_cache
from packflow_runtime.file_locks import try_lock
from packflow_runtime.manifest import MANIFEST_NAME, FileRecord, Manifest, ManifestError
from packflow_runtime.portable_names import ArchiveFormatError
from runtime.archives import RUNTIME, Files, archive_of, manifest_of, runnable_files, tiny_files, zipped

CONTRADICTION = "The archive contradicts its manifest: "


class Files_(unittest.TestCase):  # noqa: N801 - the base of the others
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.path = self.folder / "tiny.zip"


class Opening(Files_):
    def open_all(self, data: bytes) -> Archive:
        """Open the archive and read all of it, as a verifier does."""
        self.path.write_bytes(data)
        with open_archive(self.path) as archive:
            archive.verify_contents()
            return archive

    def refuse(self, data: bytes, reason: str) -> None:
        with self.subTest(reason):
            with self.assertRaises(ManifestError) as caught:
                self.open_all(data)
            error = caught.exception
            self.assertEqual(error.title, f"{CONTRADICTION}{reason}.")
            self.assertEqual((error.code, error.exit_code), ("archive-changed", 1))

    def test_a_valid_archive(self) -> None:
        files = tiny_files()
        manifest = manifest_of(files)
        self.path.write_bytes(archive_of(files))
        self.assertTrue(is_archive(self.path))
        with open_archive(self.path) as archive:
            self.assertEqual(archive.manifest, manifest)
            self.assertEqual(list(archive.entries), sorted([*files, MANIFEST_NAME], key=str.encode))
            self.assertEqual(archive.digest, hashlib.sha256(manifest.to_bytes()).hexdigest())
            self.assertEqual(archive.read("project/x.txt"), b"some bytes\n")
            self.assertEqual(archive.read(MANIFEST_NAME), manifest.to_bytes())
            archive.verify_contents()
            file = archive.file
        self.assertTrue(file.closed)

    def test_large_files_come_in_chunks(self) -> None:
        content = bytes(range(256)) * 10_000
        files = {**tiny_files(), "project/large.bin": content}
        self.path.write_bytes(archive_of(files))
        chunks: list[bytes] = []
        with open_archive(self.path) as archive:
            archive.copy("project/large.bin", chunks.append)
        self.assertEqual(b"".join(chunks), content)
        self.assertLessEqual(max(map(len, chunks)), 1 << 20)
        self.assertGreater(len(chunks), 1)

    def test_files_that_the_manifest_does_not_know(self) -> None:
        files = tiny_files()
        manifest = manifest_of(files)
        for name in ("project/extra.py", "packflow_runtime/extra.py", "packflow-info/extra.json"):
            self.refuse(archive_of({**files, name: b""}, manifest), f"{name} is not listed in the manifest")

    def test_files_that_the_manifest_lists_and_the_archive_lacks(self) -> None:
        files = tiny_files()
        manifest = manifest_of({**files, "project/gone.bin": b"x"})
        self.refuse(archive_of(files, manifest), "the manifest lists project/gone.bin, which is not in the archive")
        manifest = manifest_of({**files, MANIFEST_NAME: b"x"})
        self.refuse(archive_of(files, manifest), f"the manifest lists {MANIFEST_NAME}, which is not in the archive")

    def test_compiled_code(self) -> None:
        for name in ("packflow_runtime/cli.pyc", "project/__pycache__/inference.cpython-311.pyc", "project/x.pyo"):
            files = {**tiny_files(), name: b""}
            self.refuse(
                archive_of(files), f"{name} is compiled code, which could stand in for a source that was checked"
            )

    def test_a_manifest_that_disagrees_with_itself(self) -> None:
        files = tiny_files()
        manifest = manifest_of(files)
        for key, value in (("name", "other"), ("entry_point", "other:Backend"), ("golden_events", 3)):
            self.refuse(
                archive_of(files, replace(manifest, **{key: value})),
                f"the manifest's {key} disagrees with the rest of it",
            )

    def test_another_size(self) -> None:
        files = tiny_files()
        manifest = manifest_of({**files, "project/x.txt": b"x" * 1234})
        self.refuse(archive_of(files, manifest), "project/x.txt has 11 bytes, the manifest says 1,234")

    def test_another_content(self) -> None:
        files = tiny_files()
        for name in ("project/x.txt", "__main__.py", "project/packflow.yaml"):
            changed = {**files, name: files[name].swapcase()}
            reason = f"{name} is not the file that the manifest lists: its SHA-256 differs"
            self.refuse(archive_of(changed, manifest_of(files)), reason)

    def test_contents_are_checked_as_they_are_read(self) -> None:
        files = tiny_files()
        self.path.write_bytes(archive_of({**files, "project/x.txt": b"SOME BYTES\n"}, manifest_of(files)))
        with open_archive(self.path) as archive:
            self.assertEqual(archive.read("__main__.py"), b"pass\n")
            with self.assertRaises(ManifestError):
                archive.read("project/x.txt")

    def test_files_outside_of_the_archives_folders(self) -> None:
        for name in ("json.py", "runpy.py", "zipimport.py", "project", "packflow_runtime.py", "other/x", "src/a/b"):
            files = {**tiny_files(), name: b""}
            if name == "project":
                files = {key: data for key, data in files.items() if not key.startswith("project/")}
            self.refuse(archive_of(files), f"{name} stands outside the archive's folders")

    def test_what_every_archive_has(self) -> None:
        for name in ("__main__.py", "packflow_runtime/__init__.py", "project/packflow.yaml"):
            files = tiny_files()
            del files[name]
            self.refuse(archive_of(files), f"{name} is missing")

    def test_a_configuration_that_says_something_else(self) -> None:
        for source in (
            b"name: tiny\nversion: 1.1\n",
            b"name: tiny\n",
            b"name: tiny\nversion: 1.0\nenv: {A: b}\n",
            b"",
            b"- name\n",
        ):
            files = {**tiny_files(), "project/packflow.yaml": source}
            self.refuse(archive_of(files), "project/packflow.yaml says something else than the manifest")
        files = {**tiny_files(), "project/packflow.yaml": b"name: &a tiny\n"}
        self.refuse(archive_of(files), "project/packflow.yaml is not valid: Anchors (&name) are not read")

    def test_a_configuration_may_be_spelled_in_another_way(self) -> None:
        files = {**tiny_files(), "project/packflow.yaml": b"# the same\nversion: '1.0'\nname: \"tiny\"\n"}
        self.assertEqual(self.open_all(archive_of(files)).manifest.project_config.version, "1.0")

    def test_no_manifest(self) -> None:
        with self.assertRaises(ManifestError) as caught:
            self.open_all(zipped(tiny_files()))
        self.assertEqual(caught.exception.title, "The file is no Packflow archive: it has no manifest.")

    def test_a_manifest_that_is_not_valid(self) -> None:
        files = tiny_files()
        good = manifest_of(files).to_bytes()
        for manifest, code in (
            (b"", "manifest-invalid"),
            (b"\xff", "manifest-invalid"),
            (good + b"\n", "manifest-invalid"),
            (b"[" * 100_000, "manifest-invalid"),
            (good.replace(b'"version": "1.0"\n}', b'"version": "1.0",\n  "version": "1.0"\n}'), "manifest-invalid"),
            (good.replace(b'"format": 1', b'"format": 2'), "format-unknown"),
        ):
            with self.subTest(manifest[:40]), self.assertRaises(ManifestError) as caught:
                self.open_all(zipped({**files, MANIFEST_NAME: manifest}))
            self.assertEqual(caught.exception.code, code)

    def test_a_manifest_without_bounds(self) -> None:
        data = zipped({**tiny_files(), MANIFEST_NAME: b" " * ((16 << 20) + 1)})
        self.refuse(data, "the manifest is larger than 16,777,216 bytes")

    def verify(self) -> None:
        with open_archive(self.path) as archive:
            archive.verify_contents()

    def test_every_changed_byte_is_found(self) -> None:
        good = archive_of(tiny_files())
        self.path.write_bytes(good)
        self.verify()
        with self.path.open("r+b", buffering=0) as file:
            for place, byte in enumerate(good):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << place % 8]), place)
                with self.assertRaises((ManifestError, ArchiveFormatError), msg=f"byte {place}"):
                    self.verify()
                os.pwrite(file.fileno(), bytes([byte]), place)
        self.verify()

    def test_every_cut_is_found(self) -> None:
        good = archive_of(tiny_files())
        self.path.write_bytes(good)
        for size in reversed(range(len(good))):
            os.truncate(self.path, size)
            with self.assertRaises(ArchiveFormatError, msg=f"{size} bytes"):
                self.verify()

    def test_files_that_are_no_archive(self) -> None:
        for data in (b"", b"PK", b"name: tiny\n", b"\x1f\x8b\x08\x00"):
            self.path.write_bytes(data)
            self.assertFalse(is_archive(self.path))
            with self.assertRaises(ArchiveFormatError), open_archive(self.path):
                pass
        self.assertFalse(is_archive(self.folder))
        if hasattr(os, "mkfifo"):
            os.mkfifo(self.folder / "pipe")
            self.assertFalse(is_archive(self.folder / "pipe"))  # and does not wait for a writer
        for path in (self.folder / "none.zip", self.folder):
            self.assertFalse(is_archive(path))
            with self.assertRaises(PackflowError) as caught, open_archive(path):
                pass
            self.assertEqual((caught.exception.code, caught.exception.exit_code), ("archive-not-found", 3))


class Extracting(Files_):
    def test_every_file_is_written_and_read_only(self) -> None:
        files = tiny_files()
        self.path.write_bytes(archive_of(files))
        target = self.folder / "tree"
        target.mkdir()
        with open_archive(self.path) as archive:
            extract(archive, target)
        written = {
            path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()
        }
        self.assertEqual(written, {**files, MANIFEST_NAME: manifest_of(files).to_bytes()})
        if os.name == "posix":
            modes = {stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*") if path.is_file()}
            self.assertEqual(modes, {0o444})

    def test_what_is_zero_is_left_out_and_reads_the_same(self) -> None:
        chunk = 1 << 20
        contents = (
            bytes(8 * chunk),
            bytes(4 * chunk) + b"x",
            b"x" + bytes(3 * chunk),
            bytes(chunk - 1),
            bytes(2 * chunk),
        )
        files = {**tiny_files(), **{f"project/{number}.bin": data for number, data in enumerate(contents)}}
        self.path.write_bytes(archive_of(files))
        target = self.folder / "tree"
        target.mkdir()
        with open_archive(self.path) as archive:
            extract(archive, target)
        for number, data in enumerate(contents):
            self.assertEqual((target / "project" / f"{number}.bin").read_bytes(), data)

    def test_a_wrong_byte_ends_it(self) -> None:
        files = tiny_files()
        self.path.write_bytes(archive_of({**files, "project/x.txt": b"SOME BYTES\n"}, manifest_of(files)))
        target = self.folder / "tree"
        target.mkdir()
        with open_archive(self.path) as archive, self.assertRaises(ManifestError):
            extract(archive, target)

    def test_nothing_is_overwritten(self) -> None:
        self.path.write_bytes(archive_of(tiny_files()))
        (self.folder / "__main__.py").write_bytes(b"mine")
        with open_archive(self.path) as archive, self.assertRaises(FileExistsError):
            extract(archive, self.folder)
        self.assertEqual((self.folder / "__main__.py").read_bytes(), b"mine")


class Unzipped(Files_):
    def unzip(self, files: Files, manifest: Manifest | None = None) -> Path:
        self.path.write_bytes(archive_of(files, manifest))
        with zipfile.ZipFile(self.path) as archive:
            archive.extractall(self.folder / "tree")
        return self.folder / "tree"

    def refuse(self, tree: Path, title: str) -> None:
        with self.assertRaises(ManifestError) as caught:
            check_tree(tree)
        self.assertEqual(caught.exception.title, title)

    def test_a_whole_tree(self) -> None:
        tree = self.unzip(tiny_files())
        self.assertEqual(check_tree(tree), manifest_of(tiny_files()))

    def test_changed_and_missing_files(self) -> None:
        tree = self.unzip(tiny_files())
        for name in tiny_files():
            path = tree / name
            content = path.read_bytes()
            path.write_bytes(content + b" ")
            self.refuse(tree, f"{CONTRADICTION}{name} is not the file that the manifest lists: its SHA-256 differs.")
            path.unlink()
            self.refuse(tree, f"{CONTRADICTION}{name}: {os.strerror(2)}.")
            path.write_bytes(content)
        check_tree(tree)

    def test_added_files_and_links(self) -> None:
        tree = self.unzip(tiny_files())
        for name in (
            "project/steps/__init__.py",
            "packflow_runtime/__pycache__/cli.cpython-311.pyc",
            "packflow-info/x",
        ):
            path = tree / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"")
            self.refuse(tree, f"{CONTRADICTION}{name} is not listed in the manifest.")
            path.unlink()
        link = tree / "project" / "linked"
        link.symlink_to(self.folder, target_is_directory=True)
        self.refuse(tree, f"{CONTRADICTION}project/linked is not listed in the manifest.")
        link.unlink()
        (tree / "beside.txt").write_bytes(b"")  # outside of the archive's folders nothing is imported
        check_tree(tree)

    def test_a_manifest_that_leads_out_of_the_folder(self) -> None:
        tree = self.unzip(tiny_files())
        (self.folder / "outside").write_bytes(b"x")
        for name, error in (
            ("../outside", ArchiveFormatError),
            ("/dev/zero", ArchiveFormatError),
            ("x", ManifestError),
        ):
            manifest = manifest_of({**tiny_files(), name: b"x"})
            (tree / MANIFEST_NAME).write_bytes(manifest.to_bytes())
            with self.subTest(name), self.assertRaises(error):
                check_tree(tree)

    def test_no_manifest(self) -> None:
        self.refuse(self.folder, f"{self.folder} is no unzipped archive: {MANIFEST_NAME}: {os.strerror(2)}.")

    def test_sizes_are_those_of_the_manifest(self) -> None:
        files = tiny_files()
        manifest = manifest_of(files)
        lying = {**manifest.files, "project/x.txt": FileRecord(11, "0" * 64)}
        self.refuse(
            self.unzip(files, replace(manifest, files=lying)),
            f"{CONTRADICTION}project/x.txt is not the file that the manifest lists: its SHA-256 differs.",
        )


class Programs(Files_):
    """The archive in processes of their own, with a cache of their own."""

    def setUp(self) -> None:
        super().setUp()
        self.cache = self.folder / "cache"
        self.path.write_bytes(archive_of(runnable_files()))

    def start(
        self,
        *arguments: object,
        events: bytes | None = None,
        cwd: Path | None = None,
        flags: tuple[str, ...] = ("-S", "-W", "error"),
        **environment: str,
    ) -> subprocess.CompletedProcess[bytes]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PACKFLOW"))}
        return subprocess.run(
            [sys.executable, *flags, *map(str, arguments)],
            input=events if events is not None else b"",
            cwd=cwd or self.folder,
            env={**kept, "PACKFLOW_CACHE": str(self.cache), **environment},
            capture_output=True,
            timeout=60,
            check=False,
        )

    def assert_runs(self, *arguments: object, **options: Any) -> str:
        done = self.start(*arguments, events=b'{"n":1}\nbad\n{"n":2}', **options)
        lines = done.stdout.split(b"\n")
        said = done.stderr.decode()
        self.assertEqual((done.returncode, len(lines)), (0, 4), said)
        self.assertEqual((lines[0], lines[2], lines[3]), (b'{"n":11}', b'{"n":12}', b""))
        self.assertEqual(json.loads(lines[1])["packflow_error"]["line"], 2)
        self.assertIn("printed by the model\n", said)
        self.assertIn("packflow: 3 events, 2 outputs, 1 failed (not-json 1), ", said)
        return said

    def trees(self) -> list[str]:
        return sorted(os.listdir(self.cache / "archives"))

    def test_first_and_second_start(self) -> None:
        self.assert_runs(self.path, "run")
        digest = hashlib.sha256(manifest_of(runnable_files()).to_bytes()).hexdigest()
        self.assertEqual(self.trees(), [digest])
        tree = self.cache / "archives" / digest / "tree"
        before = {path: path.stat().st_ino for path in tree.rglob("*")}
        self.assertTrue(any((self.cache / "bytecode").rglob("*.pyc")))
        self.assert_runs(self.path, "run")
        self.assertEqual({path: path.stat().st_ino for path in tree.rglob("*")}, before)
        self.assertFalse(any(tree.rglob("*.pyc")))

    def test_events_piped_in_need_no_command(self) -> None:
        self.assert_runs(self.path)
        self.assert_runs(Path("..") / self.folder.name / "tiny.zip", "run", "--batch-size", "1", "--codec", "stdlib")

    def test_a_second_start_runs_the_checked_copy(self) -> None:
        self.assert_runs(self.path)
        data = bytearray(self.path.read_bytes())
        place = data.index(b"return n + offset")
        data[place + 9] = ord("-")
        self.path.write_bytes(data)
        self.assert_runs(self.path)

    def test_a_changed_copy_is_discarded(self) -> None:
        self.assert_runs(self.path)
        copy = self.cache / "archives" / self.trees()[0] / "tree" / "project" / "steps.py"
        copy.chmod(0o644)
        copy.write_bytes(copy.read_bytes().replace(b"+", b"-"))
        said = self.assert_runs(self.path)
        self.assertIn("packflow: the cached copy of this archive was changed; it is made again\n", said)
        self.assertIn(b"n + offset", copy.read_bytes())

    def test_a_changed_archive_does_not_start(self) -> None:
        good = self.path.read_bytes()
        for marker in (b"return n + offset", b"import steps"):
            data = bytearray(good)
            data[data.index(marker)] ^= 1
            self.path.write_bytes(data)
            done = self.start(self.path, "run", events=b'{"n":1}')
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            said = done.stderr.decode()
            self.assertTrue(said.startswith("error: The content of 'project/"), said)
            self.assertNotIn("Traceback", said)
            self.assertEqual(self.trees(), [])

    def test_info(self) -> None:
        for _ in range(2):
            done = self.start(self.path, "info", PYTHONIOENCODING="utf-8")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            rows = dict(line.split("  ", 1) for line in done.stdout.decode().splitlines())
            told = {label.strip(): value.strip() for label, value in rows.items()}
            files = runnable_files()
            self.assertEqual(
                told,
                {
                    "archive": str(self.path),
                    "model": "tiny 1.0",
                    "about": "–",
                    "python": ">=3.10",
                    "requires": "nothing beside Python",
                    "single = batch": "equal on 20 events (the builder's claim)",
                    "example events": "none",
                    "files": f"{len(files) + 1}, {sum(map(len, files.values())):,} bytes",
                    "runtime": __version__,
                    "created": "–",
                },
            )

    def test_files_of_events(self) -> None:
        plain, packed, cut = self.folder / "events.ndjson", self.folder / "events.gz", self.folder / "cut.gz"
        lines = b"".join(b'{"n":%d}\n' % number for number in range(100))
        plain.write_bytes(lines)
        packed.write_bytes(gzip.compress(lines))
        cut.write_bytes(gzip.compress(lines)[:-8])
        outputs = b"".join(b'{"n":%d}\n' % (number + 10) for number in range(100))
        for path in (plain, packed):
            done = self.start(self.path, "run", path)
            self.assertEqual((done.returncode, done.stdout), (0, outputs))
        done = self.start(self.path, "run", cut)
        self.assertEqual((done.returncode, done.stdout), (3, outputs))
        self.assertIn(b"error: The events cannot be read: ", done.stderr)
        done = self.start(self.path, "run", self.folder / "none.ndjson")
        self.assertEqual((done.returncode, done.stdout), (3, b""))
        self.assertIn(b"none.ndjson cannot be opened: ", done.stderr)

    def test_every_command_that_is_listed_answers(self) -> None:
        for start in ((self.path,), ("-m", "packflow_runtime")):
            shown = self.start(*start, "--help", PYTHONPATH=str(RUNTIME.parent)).stdout.decode()
            for name, text in COMMANDS.items():
                with self.subTest(start=start, name=name):
                    self.assertRegex(shown, rf"(?m)^ +{name} +{text}")
                    done = self.start(*start, name, "--help", PYTHONPATH=str(RUNTIME.parent))
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                    self.assertIn(f" {name} ".encode(), done.stdout)

    def test_the_runtime_outside_runs_it_too(self) -> None:
        self.assert_runs("-m", "packflow_runtime", "run", self.path, PYTHONPATH=str(RUNTIME.parent))
        done = self.start("-m", "packflow_runtime", "info", self.path, PYTHONPATH=str(RUNTIME.parent))
        self.assertIn(b"tiny 1.0", done.stdout)

    def test_the_runtime_inside_is_the_one_that_runs(self) -> None:
        elsewhere = self.folder / "elsewhere" / "packflow_runtime"
        elsewhere.mkdir(parents=True)
        (elsewhere / "__init__.py").write_text("raise AssertionError('another runtime')\n", encoding="utf-8")
        for _ in range(2):
            self.assert_runs(self.path, PYTHONPATH=str(elsewhere.parent))

    def test_files_beside_the_archive_are_not_imported(self) -> None:
        for name in ("json.py", "steps.py", "inference.py", "hashlib.py", "zipimport.py", "packflow_runtime.py"):
            (self.folder / name).write_text("raise AssertionError('a file beside the archive')\n", encoding="utf-8")
        for _ in range(2):
            self.assert_runs(self.path)

    def test_an_unzipped_archive(self) -> None:
        tree = self.folder / "tree"
        with zipfile.ZipFile(self.path) as archive:
            archive.extractall(tree)
        for arguments, cwd in (
            (("tree", "run"), self.folder),
            ((".",), tree),
            (("__main__.py", "run"), tree),
        ):
            with self.subTest(arguments):
                self.assert_runs(*arguments, cwd=cwd)
        self.assertFalse(self.cache.exists())
        self.assertFalse(any(path.suffix == ".pyc" for path in (tree / "project").rglob("*")))
        (tree / "project" / "steps.py").write_text("def add(n, offset):\n    return 0\n", encoding="utf-8")
        done = self.start(tree, "run", events=b'{"n":1}')
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"project/steps.py is not the file that the manifest lists", done.stderr)

    def test_a_cache_that_cannot_be_used(self) -> None:
        self.cache.write_text("a file", encoding="utf-8")
        temporary = self.folder / "tmp"
        temporary.mkdir()
        said = self.assert_runs(self.path, TMPDIR=str(temporary))
        self.assertIn(f"packflow: the cache {self.cache} cannot be used: ", said)
        self.assertEqual(list(temporary.iterdir()), [])

    @unittest.skipUnless(os.name == "posix", "home folders of POSIX systems")
    def test_a_home_that_is_only_there_to_be_read(self) -> None:
        home = self.folder / "home"
        home.mkdir()
        (home / ".cache").write_text("stands where the cache would", encoding="utf-8")
        said = self.assert_runs(
            self.path, HOME=str(home), XDG_CACHE_HOME="", PACKFLOW_CACHE="", TMPDIR=str(self.folder)
        )
        self.assertIn(f"packflow: the cache {home}/.cache/packflow cannot be used: ", said)
        self.assertEqual(list(self.folder.glob("packflow-copy-*")), [])

    @unittest.skipUnless(os.name == "posix", "needs POSIX locks")
    def test_private_copies_of_killed_processes_go_and_those_of_living_ones_stay(self) -> None:
        self.cache.write_text("a file", encoding="utf-8")
        for name in ("dead", "living"):
            (self.folder / f"packflow-copy-{name}" / "tree").mkdir(parents=True)
            (self.folder / f"packflow-copy-{name}" / "in-use").touch()
        with (self.folder / "packflow-copy-living" / "in-use").open() as held:
            self.assertTrue(try_lock(held.fileno()))
            self.assert_runs(self.path, TMPDIR=str(self.folder))
        self.assertEqual([path.name for path in self.folder.glob("packflow-copy-*")], ["packflow-copy-living"])

    def test_no_room_anywhere(self) -> None:
        self.cache.write_text("a file", encoding="utf-8")
        full = mock.patch("packflow_runtime.extraction.extract", side_effect=OSError(errno.ENOSPC, "No space left"))
        with full, mock.patch("packflow_runtime.extraction.print_notice"), self.assertRaises(PackflowError) as caught:
            extract_to_cache(self.path, str(self.cache))
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("not-writable", 5))
        self.assertIn("--cache DIR", caught.exception.hint)

    @unittest.skipUnless(os.name == "posix", "needs POSIX permissions")
    def test_a_cache_that_others_may_write_to(self) -> None:
        self.assert_runs(self.path)
        self.cache.chmod(0o777)
        said = self.assert_runs(self.path)
        self.assertNotIn("was changed", said)
        self.assertIn(f"packflow: the cache {self.cache} cannot be used: others may write to {self.cache}", said)

    def test_a_python_that_the_model_does_not_take(self) -> None:
        files = runnable_files()
        found = ".".join(map(str, sys.version_info[:3]))
        self.path.write_bytes(archive_of(files, manifest_of(files, python_requires=">=4")))
        done = self.start(self.path, "run", events=b'{"n":1}')
        self.assertEqual((done.returncode, done.stdout), (3, b""))
        self.assertEqual(
            done.stderr.decode().splitlines(),
            [f"error: tiny needs Python >=4; this is Python {found}.", "  next: Run it with one of those Pythons."],
        )
        self.assertEqual(self.start(self.path, "info").returncode, 0)

    def test_a_model_that_does_not_start(self) -> None:
        files = runnable_files(backend="import not_installed_here\n")
        self.path.write_bytes(archive_of(files))
        done = self.start(self.path, "run", events=b'{"n":1}')
        self.assertEqual((done.returncode, done.stdout), (4, b""))
        self.assertEqual(
            done.stderr.decode().splitlines(),
            [
                "error: Importing inference raised ModuleNotFoundError: No module named 'not_installed_here'",
                "  at inference.py:1",
                "  next: Install what provides 'not_installed_here' in the project's environment.",
            ],
        )

    def test_commands_it_does_not_have(self) -> None:
        for arguments in (("nothing",), ("run", "--batch-size", "0")):
            with self.subTest(arguments):
                done = self.start(self.path, *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, b""))
                self.assertRegex(done.stderr, rb"\Ausage: python3? tiny\.zip ")


if __name__ == "__main__":
    unittest.main()
