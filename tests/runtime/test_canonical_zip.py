"""The canonical zip: its exact bytes, and every class of hostile archive refused with its own reason."""

from __future__ import annotations

import io
import struct
import tempfile
import unittest
import zipfile
import zlib
from itertools import product
from unittest import mock

from packflow_runtime import canonical_zip, portable_names
from packflow_runtime.canonical_zip import Entry, central_record, end_records, local_header
from packflow_runtime.portable_names import ArchiveFormatError, check_name, check_names
from packflow_runtime.zip_reader import open_entry, read_entries
from packflow_runtime.zip_writer import SourceChangedError, Writer

GIB = 1 << 30
LOCAL, CENTRAL, END = 30, 46, 22  # sizes of the fixed parts
FILES = (("a.txt", b"hello"), ("b/c.bin", b"\0" * 9), ("é/😀", b""))

# A file "a" that holds "hi\n", whose CRC-32 is 0xed6f7a7a: typed from the specification, not made by the code.
TINY = bytes.fromhex(
    "504b0304 0a00 0008 0000 0000 2100 CRC32CRC 03000000 03000000 0100 0000 61"
    "68690a"
    "504b0102 1403 0a00 0008 0000 0000 2100 CRC32CRC 03000000 03000000 0100 0000"
    "0000 0000 0000 0000a481 00000000 61"
    "504b0506 0000 0000 0100 0100 2f000000 22000000 0000".replace("CRC32CRC", "7a7a6fed")
)


def build(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    writer = Writer(out)
    for name, data in files:
        writer.add_bytes(name, data)
    writer.finish()
    return out.getvalue()


def forge(*files: tuple[str, bytes]) -> bytes:
    """Build what a writer that checks nothing would."""
    body, records = b"", b""
    for name, data in files:
        records += central_record(name, len(data), zlib.crc32(data), len(body))
        body += local_header(name, len(data), zlib.crc32(data)) + data
    return body + records + end_records(len(files), len(records), len(body))


def patch(data: bytes, at: int, form: str, *values: int) -> bytes:
    new = struct.pack("<" + form, *values)
    at %= len(data)
    return data[:at] + new + data[at + len(new) :]


def join(body: bytes, records: bytes, count: int) -> bytes:
    return body + records + end_records(count, len(records), len(body))


def read_all(data: bytes) -> list[tuple[str, bytes]]:
    file = io.BytesIO(data)
    return [(entry.name, open_entry(file, entry).read()) for entry in read_entries(file)]


class WritingTest(unittest.TestCase):
    def test_exact_bytes(self) -> None:
        self.assertEqual(build(("a", b"hi\n")), TINY)
        self.assertEqual(build(), bytes.fromhex("504b0506" + "00" * 18))

    def test_streamed_and_in_memory_writes_are_the_same(self) -> None:
        out = io.BytesIO()
        writer = Writer(out)
        for name, data in FILES:
            writer.add(name, io.BytesIO(data), len(data))
        writer.finish()
        self.assertEqual(out.getvalue(), build(*FILES))

    def test_zipfile_reads_what_was_written(self) -> None:
        with zipfile.ZipFile(io.BytesIO(build(*FILES))) as archive:
            self.assertIsNone(archive.testzip())
            self.assertEqual([(info.filename, archive.read(info)) for info in archive.infolist()], list(FILES))
            for info in archive.infolist():
                self.assertEqual(info.external_attr, 0o100644 << 16)
                self.assertEqual(info.date_time, (1980, 1, 1, 0, 0, 0))

    def test_entries_say_where_contents_are(self) -> None:
        data = build(*FILES)
        entries = read_entries(io.BytesIO(data))
        self.assertEqual([entry.name for entry in entries], [name for name, _ in FILES])
        for entry, (_, content) in zip(entries, FILES, strict=True):
            self.assertEqual(data[entry.data_offset : entry.data_offset + entry.size], content)

    def test_large_sources_are_copied_in_pieces(self) -> None:
        content = bytes(range(256)) * 10_000
        pieces: list[bytes] = []
        out = io.BytesIO()
        writer = Writer(out)
        entry = writer.add("big", io.BytesIO(content), len(content), lambda view: pieces.append(bytes(view)))
        writer.finish()
        self.assertEqual(b"".join(pieces), content)
        self.assertEqual(len(pieces), 3)
        self.assertEqual(entry, Entry("big", len(content), zlib.crc32(content), 0))
        self.assertEqual(read_entries(out), [entry])
        self.assertEqual(open_entry(out, entry).read(), content)

    def test_a_source_that_gives_less_than_is_asked_for(self) -> None:
        content = io.BytesIO(b"hi\n")
        source = mock.Mock(
            spec=["read", "readinto"], read=content.read, readinto=lambda view: content.readinto(view[:1])
        )
        out = io.BytesIO()
        writer = Writer(out)
        writer.add("a", source, 3)
        writer.finish()
        self.assertEqual(out.getvalue(), TINY)

    def test_a_source_that_changed(self) -> None:
        for size, word in ((2, "more"), (0, "more"), (4, "fewer")):
            writer = Writer(io.BytesIO())
            with self.assertRaises(SourceChangedError) as caught:
                writer.add("a", io.BytesIO(b"hi\n"), size)
            self.assertIn(word, caught.exception.detail)
            self.assertEqual(caught.exception.code, "source-changed")
            with self.assertRaises(ValueError):
                writer.finish()

    def test_a_file_that_takes_less_than_it_is_given(self) -> None:
        with self.assertRaises(OSError):
            Writer(mock.Mock(write=lambda data: len(data) - 1)).add_bytes("a", b"")

    def test_a_finished_writer_takes_no_more(self) -> None:
        writer = Writer(io.BytesIO())
        writer.finish()
        for late in (writer.finish, lambda: writer.add_bytes("a", b"")):
            with self.assertRaises(ValueError):
                late()

    def test_names_are_checked_as_they_come(self) -> None:
        for names, reason in (
            (("b", "a"), "unsorted"),
            (("a", "a"), "name-duplicate"),
            (("../a",), "name-dots"),
            (("\U0001f600", "\uffee"), "unsorted"),  # UTF-16 would order these the other way round
            (("A", "a"), "name-clash"),
        ):
            with self.subTest(names), self.assertRaises(ArchiveFormatError) as caught:
                build(*((name, b"") for name in names))
            self.assertEqual(caught.exception.reason, reason)

    def test_a_writer_keeps_the_readers_limits(self) -> None:
        for limit, reason in (("MAX_ENTRIES", "too-many-entries"), ("MAX_DIRECTORY", "directory-too-large")):
            with mock.patch.object(canonical_zip, limit, 2), self.assertRaises(ArchiveFormatError) as caught:
                build(*FILES)
            self.assertEqual(caught.exception.reason, reason)


class ReadingTest(unittest.TestCase):
    def test_contents_come_back(self) -> None:
        self.assertEqual(read_all(build(*FILES)), list(FILES))
        self.assertEqual(read_all(build()), [])

    def test_two_open_entries_do_not_disturb_each_other(self) -> None:
        file = io.BytesIO(build(("a", b"1" * 5000 + b"\n"), ("b", b"2" * 5000 + b"\n")))
        first, second = (open_entry(file, entry) for entry in read_entries(file))
        both = [(first.read(1000), second.read(1000)) for _ in range(5)]
        self.assertEqual(set(both), {(b"1" * 1000, b"2" * 1000)})
        self.assertEqual((first.readline(), second.readline()), (b"\n", b"\n"))
        first.close()
        second.close()
        self.assertFalse(file.closed)

    def test_unbuffered_files_and_short_reads(self) -> None:
        data = build(*FILES)
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(data)
            self.assertEqual([open_entry(file, entry).read() for entry in read_entries(file)], [d for _, d in FILES])
        slow = io.BytesIO(data)
        drip = mock.Mock(
            spec=["read", "readinto", "seek"],
            seek=slow.seek,
            read=lambda size: slow.read(min(size, 3)),
            readinto=lambda view: slow.readinto(view[:3]),
        )
        self.assertEqual([open_entry(drip, entry).read() for entry in read_entries(drip)], [d for _, d in FILES])

    def test_damaged_content(self) -> None:
        for name, content in (("a", b"hello"), ("a", b"x" * 3_000_000)):
            data = build((name, content))
            file = io.BytesIO(patch(data, LOCAL + 1 + len(content) - 1, "B", 0))
            (entry,) = read_entries(file)
            reader = open_entry(file, entry)
            with self.assertRaises(ArchiveFormatError) as caught:
                while reader.read(1 << 20):
                    pass
            self.assertEqual(caught.exception.reason, "damaged")

    def test_an_empty_entry_with_a_checksum(self) -> None:
        data = join(local_header("a", 0, 1), central_record("a", 0, 1, 0), 1)
        with self.assertRaises(ArchiveFormatError) as caught:
            read_all(data)
        self.assertEqual(caught.exception.reason, "damaged")

    def test_a_file_cut_short_while_it_is_read(self) -> None:
        file = io.BytesIO(TINY)
        (entry,) = read_entries(file)
        file.truncate(LOCAL + 2)
        with self.assertRaises(ArchiveFormatError) as caught:
            open_entry(file, entry).read()
        self.assertEqual(caught.exception.reason, "truncated")


class HostileTest(unittest.TestCase):
    def assert_refused(self, data: bytes, *reasons: str, title: str = "") -> None:
        with self.assertRaises(ArchiveFormatError) as caught:
            read_entries(io.BytesIO(data))
        self.assertIn(caught.exception.reason, reasons, caught.exception.title)
        self.assertIn(title, caught.exception.title)
        self.assertTrue(caught.exception.title.isprintable())
        self.assertTrue(caught.exception.hint)

    def test_every_flipped_bit(self) -> None:
        data = build(*FILES)
        entries = read_entries(io.BytesIO(data))
        contents = {at for entry in entries for at in range(entry.data_offset, entry.data_offset + entry.size)}
        for at, bit in product(range(len(data)), range(8)):
            damaged = patch(data, at, "B", data[at] ^ 1 << bit)
            with self.assertRaises(ArchiveFormatError, msg=(at, bit)) as caught:
                if at in contents:
                    read_all(damaged)
                else:
                    read_entries(io.BytesIO(damaged))
            self.assertEqual(caught.exception.reason == "damaged", at in contents, (at, bit))

    def test_truncation_and_removal_at_every_point(self) -> None:
        data = build(*FILES)
        self.assert_refused(b"", "empty-file")
        self.assert_refused(data[:3], "prefix")
        for at in range(4, len(data)):
            self.assert_refused(data[:at], "truncated")
        for at in range(len(data)):
            for damaged in (data[:at] + data[at + 1 :], data[:at] + b"\0" + data[at:]):
                with self.assertRaises(ArchiveFormatError, msg=at):
                    read_entries(io.BytesIO(damaged))

    def test_what_stands_around_an_archive(self) -> None:
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
        with_comment = patch(TINY, -2, "H", 3) + b"abc"
        for data, *reasons in (
            (pointer, "lfs-pointer"),
            (b"#!/usr/bin/env python3\n" + TINY, "prefix"),
            (b"\x7fELF" + TINY, "prefix"),
            (b"<html>not found</html>", "prefix"),
            (TINY + b"\0", "suffix"),
            (TINY + b"\n" * 70_000, "truncated"),
            (TINY + TINY[-END:], "directory-misplaced"),
            (TINY + TINY, "directory-misplaced"),
            (TINY + end_records(0, 0, len(TINY)), "gap"),
            (with_comment, "archive-comment"),
            (patch(TINY, -2, "H", END) + TINY[-END:], "directory-misplaced"),
            (patch(TINY, -2, "H", 1), "end-record"),
            (TINY.replace(b"\n", b"\r\n"), "directory-misplaced"),
        ):
            with self.subTest(data[-40:]):
                self.assert_refused(data, *reasons)

    def test_wrong_counts_and_places(self) -> None:
        data = build(*FILES)
        for at, form, values, *reasons in (
            (-18, "H", (1,), "end-record"),  # disks
            (-16, "H", (1,), "end-record"),
            (-14, "HH", (2, 2), "directory-size"),
            (-14, "HH", (4, 4), "directory-size"),
            (-14, "HH", (3, 2), "directory-size", "end-record"),
            (-14, "HH", (2, 3), "end-record"),
            (-14, "HH", (0xFFFF, 0xFFFF), "directory-size"),
            (-10, "L", (0xFFFFFFFF,), "directory-misplaced"),
            (-6, "L", (0xFFFFFFFF,), "directory-misplaced"),
            (-6, "L", (0,), "directory-misplaced"),
        ):
            with self.subTest(at=at, values=values):
                self.assert_refused(patch(data, at, form, *values), *reasons)

    def test_directory_records_out_of_form(self) -> None:
        record = TINY.index(b"PK\x01\x02")
        for at, form, value, *reasons in (
            (0, "L", 0, "directory-size"),
            (4, "H", 20, "creator"),
            (6, "H", 20, "version"),
            (8, "H", 0x0801, "encrypted"),
            (8, "H", 0x0808, "data-descriptor"),
            (8, "H", 0, "flags"),
            (10, "H", 8, "method"),
            (10, "H", 99, "method"),
            (12, "H", 1, "time"),
            (14, "H", 0x5A21, "time"),
            (16, "L", 1, "crc"),
            (20, "L", 2, "size"),
            (24, "L", 2, "size"),
            (24, "L", 0xFFFFFFFF, "version", "size"),
            (28, "H", 0, "name-empty", "extra-field"),
            (28, "H", 2, "directory-size"),
            (30, "H", 1, "directory-size"),
            (32, "H", 0xFFFF, "directory-size"),
            (34, "H", 1, "disk"),
            (36, "H", 1, "attributes"),
            (38, "L", 0, "attributes"),
            (38, "L", 0o120777 << 16, "attributes"),  # symlink
            (38, "L", 0o010644 << 16, "attributes"),  # fifo
            (38, "L", 0o020644 << 16, "attributes"),  # device
            (38, "L", 0o104755 << 16, "attributes"),  # setuid
            (38, "L", 0o040755 << 16 | 0x10, "attributes"),  # directory
            (42, "L", 1, "gap"),
            (42, "L", 0xFFFFFFFF, "version"),
            (46, "B", 0xFF, "name-not-utf8"),
            (46, "B", ord("b"), "name"),
            (46, "B", ord("/"), "name-absolute"),
        ):
            with self.subTest(at=at, value=value):
                self.assert_refused(patch(TINY, record + at, form, value), *reasons)

    def test_local_headers_out_of_form(self) -> None:
        for at, form, value, *reasons in (
            (0, "L", 0x02014B50, "prefix"),
            (4, "H", 45, "version"),
            (6, "H", 0x0801, "encrypted"),
            (6, "H", 0x0808, "data-descriptor"),
            (6, "H", 0, "flags"),
            (8, "H", 8, "method"),
            (10, "H", 1, "time"),
            (12, "H", 0, "time"),
            (14, "L", 1, "crc"),
            (18, "L", 4, "size"),
            (22, "L", 0, "size"),
            (26, "H", 0, "name"),
            (28, "H", 1, "extra-field"),
            (30, "B", ord("b"), "name"),
        ):
            with self.subTest(at=at, value=value):
                self.assert_refused(patch(TINY, at, form, value), *reasons)
        data = build(*FILES)
        second = read_entries(io.BytesIO(data))[1].header_offset
        self.assert_refused(patch(data, second, "L", 0), "signature")

    def test_extra_fields_and_comments_on_entries(self) -> None:
        local, record = local_header("a", 0, 0), central_record("a", 0, 0, 0)
        unicode_path = struct.pack("<2HBLc", 0x7075, 6, 1, zlib.crc32(b"a"), b"b")
        wide = struct.pack("<2HQ", 1, 8, 0)
        for extra in (unicode_path, wide, b"\0" * 3, b"\0" * 4):
            longer = patch(record, 30, "H", len(extra)) + extra
            self.assert_refused(join(local, longer, 1), "extra-field")
            self.assert_refused(join(patch(local, 28, "H", len(extra)) + extra, record, 1), "gap")
        self.assert_refused(join(local, patch(record, 32, "H", 3) + b"abc", 1), "comment")

    def test_hidden_bytes_and_entries(self) -> None:
        one, two, three = (local_header(name, 0, 0) for name in "abc")
        first, second = central_record("a", 0, 0, 0), central_record("b", 0, 0, len(one))
        self.assertEqual(len(read_entries(io.BytesIO(join(one + two, first + second, 2)))), 2)
        late = central_record("b", 0, 0, 2 * len(one))
        twice = central_record("b", 0, 0, 0)
        for body, records, count, reason in (
            (one + two, first, 1, "gap"),  # an entry the directory does not name, at the end
            (one + three + two, first + late, 2, "gap"),  # in the middle
            (one + two, second, 1, "gap"),  # at the beginning
            (one + two + b"junk", first + second, 2, "gap"),
            (one, first + twice, 2, "overlap"),
            (one + two, first + twice, 2, "overlap"),
            (one + two, first + second + b"junk", 2, "directory-size"),
            (one + two, first + second, 1, "directory-size"),
            (one + two, first + second, 3, "directory-size"),
            (one, central_record("a", 1, 0, 0), 1, "overlap"),
            (one + two, central_record("a", len(two), 0, 0), 1, "size"),  # one entry quotes another
            (one + two, central_record("a", len(two), 0, 0) + second, 2, "overlap"),
            (b"", first, 1, "prefix"),
        ):
            with self.subTest(reason=reason, body=body):
                self.assert_refused(join(body, records, count), reason)

    def test_archives_of_other_writers(self) -> None:
        def other(*, method: int = zipfile.ZIP_STORED, name: str = "é", force: bool = False) -> bytes:
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", method) as archive, archive.open(name, "w", force_zip64=force) as file:
                file.write(b"hello")
            return out.getvalue()

        # What differs first depends on the Python whose zipfile wrote it.
        reasons = {"creator", "version", "attributes", "flags", "method"}
        for data in (other(), other(method=zipfile.ZIP_DEFLATED), other(name="d/"), other(force=True)):
            self.assert_refused(data, *reasons)

    def test_bombs(self) -> None:
        wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 0x0314, 45, 0, 0, 1_000_001, 1_000_001, 0, 0)
        tail = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1) + end_records(0xFFFF, 0, 0)
        self.assertEqual(wide + tail, end_records(1_000_001, 0, 0))
        start = local_header("a", 0, 0)
        self.assert_refused(start + end_records(1_000_001, 0, len(start)), "too-many-entries")
        self.assert_refused(start + end_records(1 << 60, 0, len(start)), "too-many-entries")
        self.assert_refused(start + end_records(1, 1 << 62, 1 << 62), "directory-misplaced")
        self.assert_refused(start + end_records(0xFFFF, 0, len(start)), "directory-size")
        with tempfile.TemporaryFile() as file:
            file.write(start)
            file.seek(300 << 20, io.SEEK_CUR)
            file.write(end_records(1, 300 << 20, len(start)))
            with self.assertRaises(ArchiveFormatError) as caught:
                read_entries(file)
        self.assertEqual(caught.exception.reason, "directory-too-large")

    def test_names_in_an_archive(self) -> None:
        for names, reason in (
            (("../a",), "name-dots"),
            (("/a",), "name-absolute"),
            (("a/",), "name-directory"),
            (("",), "name-empty"),
            (("b", "a"), "unsorted"),
            (("a", "a"), "name-duplicate"),
            (("A", "a"), "name-clash"),
            (("a", "a/b"), "name-file-and-folder"),
            (("x" * 0xFFFF,), "name-too-long"),
        ):
            with self.subTest(names[0][:9]):
                self.assert_refused(forge(*((name, b"x") for name in names)), reason)


class NameTest(unittest.TestCase):
    def test_names_that_are_fine(self) -> None:
        for name in (
            "a", "a b", ".hidden", "a/b/c.txt", "...a", "é", "ß", "日本語/ファイル", "😀", "a~1", "a'b", "#&;!", "-rf",
            "console", "com", "com10", "lpt", "nul_", "auxiliary.txt", "xcon", "con_/x", "CLOCK$", "COM¹0",
            "x" * 255, "é" * 127, "/".join(["x" * 15] * 64), "/".join("a" * 64),
        ):  # fmt: skip
            with self.subTest(name):
                check_name(name)

    def test_names_that_are_not(self) -> None:
        refused = {
            "name-empty": [""],
            "name-absolute": ["/", "/a", "//a", "//server/share"],
            "name-directory": ["a/", "a//"],
            "name-empty-component": ["a//b"],
            "name-dots": [".", "..", "../a", "a/../../b", "a/..", "./a", "a/./b", "a/."],
            "name-edge": [" ", " a", "a ", "a.", "...", "a./b", "a /b", "a/ b", "con.", "a.txt "],
            "name-backslash": ["a\\b", "\\", "..\\a", "\\\\server\\share", "C:\\x"],
            "name-character": ["C:x", "c:/x", "a:b", "a<", "a>", 'a"', "a|b", "a?", "*", "a/b::$DATA"],
            "name-control": ["a\0", "\n", "a\rb", "\x1b[31m", "\x7f", "\x80", "\x9f", "a\u2028b", "\u2029"],
            "name-format": ["a\u202eb", "\u200b", "a\u200d", "\ufeffa", "a\u2066", "a\xadb", "\U000e0041"],
            "name-surrogate": ["\ud800", "a\udfff", "\udcff.txt", "\ude00\ud83d"],
            "name-unassigned": ["\u0378", "\uffff", "\U0010ffff"],
            "name-not-nfc": ["e\u0301", "\u212b", "a/o\u0308", "\u1100\u1161"],
            "name-device": [
                "CON", "con", "a/PRN", "aux.json", "NUL.tar.gz", "nul/x", "Com0", "COM1", "com9.x", "COM\xb9",
                "lpt\xb2.a", "LPT\xb3", "lpt0", "conin$", "CONOUT$.txt", "aux .json", "CON  .x.y",
            ],
            "name-component-too-long": ["x" * 256, "a/" + "é" * 128],
            "name-too-long": ["x" * 1025, "/".join(["é" * 100] * 6), "../" * 400, "\ud800" * 400],
            "name-too-deep": ["/".join("a" * 65), "a/" * 400 + "a"],
        }  # fmt: skip
        for reason, names in refused.items():
            for name in names:
                with self.subTest(name=ascii(name)), self.assertRaises(ArchiveFormatError) as caught:
                    check_name(name)
                self.assertEqual(caught.exception.reason, reason)
                self.assertTrue(caught.exception.title.isprintable(), "a title must be safe to show")
                self.assertLess(len(caught.exception.title), 1600)

    def test_every_ascii_character(self) -> None:
        for code in range(128):
            fine = chr(code).isprintable() and chr(code) not in '/\\<>:"|?*'
            with self.subTest(code):
                if fine:
                    check_name(f"a{chr(code)}b")
                elif chr(code) != "/":
                    self.assertRaises(ArchiveFormatError, check_name, f"a{chr(code)}b")

    def test_names_that_meet_on_disk(self) -> None:
        for first, second, reason in (
            ("a", "a", "name-duplicate"),
            ("README.md", "readme.MD", "name-clash"),
            ("straße", "STRASSE", "name-clash"),
            ("É", "é", "name-clash"),
            ("\u1e9e", "ss", "name-clash"),
            ("ς", "Σ", "name-clash"),
            ("\u01f0", "J\u030c", "name-clash"),  # only one of them has a composed form
            ("a/B/c", "A/b/C", "name-clash"),
            ("a", "a/b", "name-file-and-folder"),
            ("A", "a/b", "name-file-and-folder"),
            ("x/straße", "x/STRASSE/a/b", "name-file-and-folder"),
        ):
            # Names that sort between the two must not part them.
            for names in ((first, second), (second, first), ("a!b", "a.b", "a-b", second, "a0", first, "zz")):
                with self.subTest(names), self.assertRaises(ArchiveFormatError) as caught:
                    check_names(names)
                self.assertEqual(caught.exception.reason, reason)
        check_names(["a/b", "a/c", "ab", "a-b/c", "A/d", "b", "a.b", "i", "\u0131"])
        with self.assertRaises(ArchiveFormatError):
            check_names(iter(["a", "b\\"]))

    def test_a_file_that_shrinks_while_it_is_read(self) -> None:
        class Shrinking(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                return super().read(size) if self.tell() == 0 else b""

        with self.assertRaises(ArchiveFormatError) as caught:
            read_entries(Shrinking(build(("a", b"x" * 1000))))
        self.assertEqual((caught.exception.reason, caught.exception.title), ("truncated", "The archive ends too early"))

    def test_an_error_says_what_to_do(self) -> None:
        with self.assertRaises(ArchiveFormatError) as caught:
            check_name("a\u202etxt.exe")
        error = caught.exception
        self.assertEqual((error.code, error.exit_code), ("archive-invalid", 1))
        self.assertEqual(error.title, "The name 'a\\u202etxt.exe' holds an invisible formatting character")
        self.assertEqual(error.hint, "Rename the file and export again.")


class Zip64Test(unittest.TestCase):
    def test_headers_at_the_limit(self) -> None:
        for size, extra in (
            (0xFFFFFFFE, b""),
            (0xFFFFFFFF, struct.pack("<2H2Q", 1, 16, 0xFFFFFFFF, 0xFFFFFFFF)),
            (5 * GIB, struct.pack("<2H2Q", 1, 16, 5 * GIB, 5 * GIB)),
        ):
            header = local_header("a", size, 7)
            short = min(size, 0xFFFFFFFF)
            self.assertEqual(header[LOCAL + 1 :], extra)
            self.assertEqual(struct.unpack_from("<H", header, 4)[0], 45 if extra else 10)
            self.assertEqual(struct.unpack_from("<3L2H", header, 14), (7, short, short, 1, len(extra)))
            self.assertEqual(Entry("a", size, 7, 100).data_offset, 100 + len(header))

    def test_records_hold_what_overflows_and_nothing_else(self) -> None:
        limit = 0xFFFFFFFF
        for size, offset, wide in (
            (limit - 1, limit - 1, ()),
            (limit, 3, (limit, limit)),
            (3, limit, (limit,)),
            (5 * GIB, 6 * GIB, (5 * GIB, 5 * GIB, 6 * GIB)),
        ):
            record = central_record("a", size, 7, offset)
            extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
            self.assertEqual(record[CENTRAL + 1 :], extra)
            self.assertEqual(struct.unpack_from("<H", record, 6)[0], 45 if wide else 10)
            self.assertEqual(struct.unpack_from("<2L", record, 20), (min(size, limit),) * 2)
            self.assertEqual(struct.unpack_from("<L", record, 42)[0], min(offset, limit))

    def test_end_records(self) -> None:
        limit = 0xFFFFFFFF
        for count, size, offset in ((0xFFFF, 5, 6), (1, limit - 1, 6), (1, 5, limit - 1)):
            plain = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, size, offset, 0)
            self.assertEqual(end_records(count, size, offset), plain)
        for count, size, offset in ((0x10000, 5, 6), (1, limit, 6), (1, 5, limit), (1, 5, 6 * GIB)):
            short = min(count, 0xFFFF)
            expected = (
                struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 0x0314, 45, 0, 0, count, count, size, offset)
                + struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + size, 1)
                + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, short, short, min(size, limit), min(offset, limit), 0)
            )
            self.assertEqual(end_records(count, size, offset), expected)

    def read_sparse(self, *files: tuple[str, int | bytes], damage: tuple[int, bytes] | None = None) -> list[Entry]:
        """Read an archive whose files given by size are holes; their checksums are never looked at."""
        with tempfile.TemporaryFile() as file:
            records = b""
            for name, content in files:
                data = b"" if isinstance(content, int) else content
                size = content if isinstance(content, int) else len(content)
                records += central_record(name, size, zlib.crc32(data), file.tell())
                file.write(local_header(name, size, zlib.crc32(data)) + data)
                file.seek(size - len(data), io.SEEK_CUR)
            offset = file.tell()
            file.write(records + end_records(len(files), len(records), offset))
            if damage is not None:
                file.seek(offset + damage[0])
                file.write(damage[1])
            entries = read_entries(file)
            with zipfile.ZipFile(file) as peer:
                seen = [(info.filename, info.file_size, info.header_offset) for info in peer.infolist()]
                self.assertEqual(seen, [(entry.name, entry.size, entry.header_offset) for entry in entries])
                for entry, (name, content) in zip(entries, files, strict=True):
                    if isinstance(content, bytes):
                        self.assertEqual(open_entry(file, entry).read(), content)
                        self.assertEqual(peer.read(name), content)
            return entries

    def test_archives_with_large_files(self) -> None:
        for sizes in ((3 * GIB,), (0xFFFFFFFE,), (0xFFFFFFFF,), (5 * GIB,), (3 * GIB, 3 * GIB), (5 * GIB, 6 * GIB)):
            holes = [(f"m{number}", size) for number, size in enumerate(sizes)]
            with self.subTest(sizes):
                entries = self.read_sparse(("a", b"first"), *holes, ("z", b"last"))
                self.assertEqual(tuple(entry.size for entry in entries[1:-1]), sizes)
        # One whose directory, though none of its entries, lies beyond 4 GiB.
        self.read_sparse(("a", 3 * GIB), ("b", 2 * GIB))
        # One whose directory begins at the limit exactly, and just before it.
        self.read_sparse(("a", 0xFFFFFFFF - 31))
        self.read_sparse(("a", 0xFFFFFFFE - 31))

    def test_large_archives_out_of_form(self) -> None:
        files = (("a", 5 * GIB), ("b", b"x"))
        length = len(central_record("a", 5 * GIB, 0, 0) + central_record("b", 1, 0, 5 * GIB))
        for at, data, reason in (
            (CENTRAL + 1, b"\x02", "extra-field"),
            (CENTRAL + 5, b"\x01", "extra-field"),  # the size and not the stored size
            (CENTRAL + 5, struct.pack("<2Q", 5 * GIB + 1, 5 * GIB + 1), "overlap"),
            (CENTRAL + 5, struct.pack("<2Q", 5 * GIB - 1, 5 * GIB - 1), "gap"),
            (CENTRAL + 5, struct.pack("<2Q", 5, 5), "version"),
            (CENTRAL + 5, b"\xff" * 16, "overlap"),
            (24, b"\0\0\0\0", "version"),  # which a size of 0 would not need
            (length + 4, b"\x2d", "end-record"),
            (length + 24, b"\x03", "end-record"),
            (length + 24, struct.pack("<2Q", 3, 3), "end-record"),
            (length + 24, struct.pack("<2Q", 70_000, 70_000), "end-record"),
            (length + 32, b"\x03", "end-record"),
            (length + 40, b"\xff" * 16, "directory-misplaced"),
            (length + 56, b"PK\x07\x08", "end-record"),
            (length + 56 + 8, b"\0", "end-record"),
            (length + 56 + 20 + 16, b"\0\0\0\0", "end-record"),
        ):
            with self.subTest(at), self.assertRaises(ArchiveFormatError) as caught:
                self.read_sparse(*files, damage=(at, data))
            self.assertEqual(caught.exception.reason, reason)

    def test_zip64_where_it_is_not_needed(self) -> None:
        local, record = local_header("a", 0, 0), central_record("a", 0, 0, 0)
        wide = struct.pack(
            "<4sQ2H2L4Q4sLQL", b"PK\x06\x06", 44, 0x0314, 45, 0, 0, 1, 1, len(record), len(local),
            b"PK\x06\x07", 0, len(local) + len(record), 1,
        )  # fmt: skip
        for short in (end_records(1, len(record), len(local)), end_records(0xFFFF, 0xFFFFFFFE, 0xFFFFFFFE)):
            self.assert_reason(local + record + wide + short, "end-record")
        lie = patch(patch(record, 20, "2L", 0xFFFFFFFF, 0xFFFFFFFF), 6, "H", 45)
        lie = patch(lie, 30, "H", 20) + struct.pack("<2H2Q", 1, 16, 0, 0)
        self.assert_reason(join(local, lie, 1), "version")
        self.assert_reason(join(local, patch(lie, 6, "H", 10), 1), "size")

    def assert_reason(self, data: bytes, reason: str) -> None:
        with self.assertRaises(ArchiveFormatError) as caught:
            read_entries(io.BytesIO(data))
        self.assertEqual(caught.exception.reason, reason)

    def test_many_entries(self) -> None:
        body, records = io.BytesIO(), io.BytesIO()
        for number in range(0x10000):
            name = f"{number:05}"
            records.write(central_record(name, 0, 0, body.tell()))
            body.write(local_header(name, 0, 0))
            if number + 1 >= 0xFFFF:
                data = join(body.getvalue(), records.getvalue(), number + 1)
                with mock.patch.object(portable_names, "check_name", len):  # it is slow, and not the point here
                    self.assertEqual(len(read_entries(io.BytesIO(data))), number + 1)
        with zipfile.ZipFile(io.BytesIO(data)) as peer:
            self.assertEqual(len(peer.infolist()), 0x10000)

    def test_a_directory_whose_end_looks_like_a_locator(self) -> None:
        """Its last 20 bytes may be an offset that spells the locator's mark, and a name of 16 bytes."""
        offset, name = int.from_bytes(b"PK\x06\x07", "little"), "n" * 16
        records = central_record("a", offset - LOCAL - 1, 0, 0) + central_record(name, 0, 0, offset)
        self.assertEqual(records[-20:-16], b"PK\x06\x07")
        with tempfile.TemporaryFile() as file:
            file.write(local_header("a", offset - LOCAL - 1, 0))
            file.seek(offset)
            file.write(local_header(name, 0, 0))
            file.write(records + end_records(2, len(records), file.tell()))
            self.assertEqual([entry.name for entry in read_entries(file)], ["a", name])


if __name__ == "__main__":
    unittest.main()
