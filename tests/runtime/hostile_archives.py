"""Hostile archives of every class, made from a good one: each with the reason for which it must be refused.

Whoever made them could rewrite the manifest too, so it lists what is inside wherever a manifest can.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from packflow_runtime.canonical_zip import end_records
from packflow_runtime.zip_reader import open_entry, read_entries

MANIFEST = "packflow-info/manifest.json"
CONFIG = "project/packflow.yaml"
UTF8 = 0x0800
LOCAL, CENTRAL, END = 30, 46, 22
LIMIT32 = 0xFFFFFFFF


@dataclass(frozen=True)
class Hostile:
    """One archive: its class and what is wrong, and the stable reason and some words of the refusal."""

    kind: str
    what: str
    data: bytes = field(repr=False)
    reason: str
    words: str


@dataclass(frozen=True)
class Part:
    """One entry as a writer that checks nothing puts it down; ``local`` and ``central`` change its two headers."""

    name: bytes
    data: bytes
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    after: bytes = b""

    def header(self) -> bytes:
        crc, size = zlib.crc32(self.data), len(self.data)
        told = {
            "needs": 10,
            "flags": UTF8,
            "method": 0,
            "time": 0,
            "date": 33,
            "crc": crc,
            "packed": size,
            "size": size,
        }
        told = {**told, "name": self.name, "extra": b"", **self.local}
        name, extra = told.pop("name"), told.pop("extra")
        return struct.pack("<4s5H3L2H", b"PK\3\4", *told.values(), len(name), len(extra)) + name + extra

    def record(self, offset: int) -> bytes:
        crc, size = zlib.crc32(self.data), len(self.data)
        told = {"made": 0x0314, "needs": 10, "flags": UTF8, "method": 0, "time": 0, "date": 33, "crc": crc}
        told |= {"packed": size, "size": size, "disk": 0, "internal": 0, "mode": 0o100644 << 16, "offset": offset}
        told = {**told, "name": self.name, "extra": b"", "comment": b"", **self.central}
        name, extra, comment = told.pop("name"), told.pop("extra"), told.pop("comment")
        fields = list(told.values())
        lengths = (len(name), len(extra), len(comment))
        return struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields[:9], *lengths, *fields[9:]) + name + extra + comment


def written(parts: list[Part], *, hidden: frozenset[bytes] = frozenset(), end: bytes | None = None) -> bytes:
    """A zip of ``parts`` in their order; those in ``hidden`` are in no directory."""
    body, records, count = b"", b"", 0
    for part in parts:
        if part.name not in hidden:
            records += part.record(len(body))
            count += 1
        body += part.header() + part.data + part.after
    return body + records + (end if end is not None else end_records(count, len(records), len(body)))


def files_of(archive: bytes) -> dict[str, bytes]:
    file = io.BytesIO(archive)
    return {entry.name: open_entry(file, entry).read() for entry in read_entries(file)}


def dumped(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True).encode("utf-8", "surrogatepass") + b"\n"


class Forge:
    """Makes archives like ``good``, with one thing changed."""

    def __init__(self, good: bytes) -> None:
        self.good = good
        self.files = files_of(good)
        self.manifest = json.loads(self.files.pop(MANIFEST))
        self.victim = min(name for name in self.files if name.startswith("project/") and self.files[name])

    def listed(self, files: dict[str, bytes], /, **changes: Any) -> bytes:
        records = {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
        }
        return dumped({**self.manifest, "files": records, **changes})

    def parts(self, files: dict[str, bytes] | None = None, manifest: bytes | None = None) -> list[Part]:
        files = self.files if files is None else files
        every = {**files, MANIFEST: self.listed(files) if manifest is None else manifest}
        return [Part(name.encode("utf-8", "surrogatepass"), every[name]) for name in sorted(every, key=_utf8)]

    def with_files(self, more: dict[str, bytes]) -> bytes:
        return written(self.parts({**self.files, **more}))

    def with_manifest(self, manifest: bytes) -> bytes:
        return written(self.parts(manifest=manifest))

    def with_claims(self, **changes: Any) -> bytes:
        return self.with_manifest(self.listed(self.files, **changes))

    def changed(self, change: Callable[[Part], Part], name: str | None = None) -> bytes:
        """One entry, by default a file of the project, put down differently."""
        wanted = (name or self.victim).encode()
        return written([change(part) if part.name == wanted else part for part in self.parts()])


def _utf8(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def hostile_archives(good: bytes) -> Iterator[Hostile]:
    """The whole corpus, one after another; ``good`` is an archive that runs."""
    forge = Forge(good)
    for maker in (
        _paths, _types, _duplicates, _structure, _headers, _methods, _bombs, _corruption, _manifests, _contents
    ):  # fmt: skip
        yield from maker(forge)


def _paths(forge: Forge) -> Iterator[Hostile]:
    for what, name, reason in (
        ("parent folder", "../evil", "name-dots"),
        ("parent further in", "project/a/../../b", "name-dots"),
        ("parent alone", "..", "name-dots"),
        ("this folder", "./project/evil", "name-dots"),
        ("this folder further in", "project/./evil", "name-dots"),
        ("absolute", "/etc/evil", "name-absolute"),
        ("two slashes", "//server/share/evil", "name-absolute"),
        ("empty component", "project/a//b", "name-empty-component"),
        ("drive", "C:/evil", "name-character"),
        ("drive without a slash", "C:evil", "name-character"),
        ("backslash", "project\\evil", "name-backslash"),
        ("backslashes and parents", "..\\..\\evil", "name-backslash"),
        ("UNC", "\\\\server\\share\\evil", "name-backslash"),
        ("dot at the end", "project/evil.", "name-edge"),
        ("space at the end", "project/evil ", "name-edge"),
        ("space at the beginning", "project/ evil", "name-edge"),
        ("device", "project/CON", "name-device"),
        ("device with an extension", "project/aux.json", "name-device"),
        ("device with a raised digit", "project/COM\xb9", "name-device"),
        ("stream", "project/evil.txt:stream", "name-character"),
        *((f"character {char}", f"project/e{char}vil", "name-character") for char in '<>|?*"'),
        ("terminal escape", "project/\x1b[31mevil", "name-control"),
        ("newline", "project/evil\nok  project/good", "name-control"),
        ("NUL", "project/evil.txt\0.png", "name-control"),
        ("line separator", "project/e\u2028vil", "name-control"),
        ("bidirectional override", "project/\u202etxt.exe", "name-format"),
        ("zero width", "project/e\u200bvil", "name-format"),
        ("unassigned", "project/e\u0378vil", "name-unassigned"),
        ("over-long component", f"project/{'x' * 256}", "name-component-too-long"),
        ("over-long path", "project/" + "/".join(["x" * 200] * 6), "name-too-long"),
        ("thousands of levels", "project/" + "d/" * 5000 + "x", "name-too-long"),
        ("many levels", "project/" + "/".join("d" * 100), "name-too-deep"),
        ("a folder's name with content", "project/folder/", "name-directory"),
        ("empty", "", "name-empty"),
    ):
        yield Hostile("path", what, forge.with_files({name: b"evil"}), reason, "The name ")
    parts = forge.parts()
    parts.insert(-1, Part(b"project/\xff\xfe", b"evil"))
    yield Hostile("path", "undecodable", written(sorted(parts, key=_name)), "name-not-utf8", "not in UTF-8")
    parts[-2] = Part(b"project/\xed\xa0\x80", b"evil")
    yield Hostile("path", "surrogate", written(sorted(parts, key=_name)), "name-not-utf8", "not in UTF-8")


def _name(part: Part) -> bytes:
    return part.name


def _types(forge: Forge) -> Iterator[Hostile]:
    words = "is not a regular file of mode 0644"
    for what, mode in (
        ("symlink", 0o120777),
        ("fifo", 0o010644),
        ("character device", 0o020644),
        ("block device", 0o060644),
        ("socket", 0o140644),
        ("setuid", 0o104755),
        ("setgid", 0o102755),
        ("executable", 0o100755),
        ("directory", 0o040755),
        ("no type", 0),
    ):
        data = forge.changed(lambda part, mode=mode: replace(part, central={"mode": mode << 16}))
        yield Hostile("type", what, data, "attributes", words)
    dos = forge.changed(lambda part: replace(part, central={"mode": 0o100644 << 16 | 0x10}))
    yield Hostile("type", "directory bit of DOS", dos, "attributes", words)
    through = sorted(
        [*forge.parts(), Part(b"project/l", b"/tmp", central={"mode": 0o120777 << 16}), Part(b"project/l/x", b"evil")],
        key=_name,
    )
    yield Hostile("type", "symlink, then a file through it", written(through), "attributes", words)


def _duplicates(forge: Forge) -> Iterator[Hostile]:
    twice = sorted([*forge.parts(), Part(forge.victim.encode(), b"evil")], key=_name)
    yield Hostile("duplicate", "exact", written(twice), "name-duplicate", "Two entries have the name")
    for what, first, second, reason, words in (
        ("by case", "project/Evil", "project/evil", "name-clash", "one file where case does not count"),
        ("sharp s", "project/stra\xdfe", "project/STRASSE", "name-clash", "one file where case does not count"),
        ("NFC and NFD", "project/\xe9", "project/e\u0301", "name-not-nfc", "composed form"),
        ("file and folder", "project/evil", "project/evil/x", "name-file-and-folder", "is a file, and a folder in"),
        (
            "file and folder by case",
            "project/EVIL",
            "project/evil/x",
            "name-file-and-folder",
            "is a file, and a folder",
        ),
    ):
        yield Hostile("duplicate", what, forge.with_files({first: b"1", second: b"2"}), reason, words)
    backwards = written(forge.parts()[::-1])
    yield Hostile("duplicate", "out of order", backwards, "unsorted", "comes after")


def _structure(forge: Forge) -> Iterator[Hostile]:
    good, parts = forge.good, forge.parts()
    count, size, offset = len(parts), *_place(good)
    hidden = sorted([*parts, Part(b"project/hidden.py", b"evil")], key=_name)
    yield Hostile(
        "structure", "hidden entry", written(hidden, hidden=frozenset({b"project/hidden.py"})), "gap", "does not begin"
    )
    junk = forge.changed(lambda part: replace(part, after=b"junk"))
    yield Hostile("structure", "bytes between entries", junk, "gap", "does not begin where it must")
    before_directory = good[:offset] + b"junk" + good[offset:-END] + end_records(count, size, offset + 4)
    yield Hostile("structure", "bytes before the directory", before_directory, "gap", "belong to no entry")
    for what, prefix in (("shebang", b"#!/usr/bin/env python3\n"), ("ELF", b"\x7fELF" + bytes(60)), ("NUL", b"\0")):
        yield Hostile("structure", f"prefix: {what}", prefix + good, "prefix", "does not begin as an archive does")
    yield Hostile("structure", "trailing bytes", good + b"\n", "suffix", "Something follows the end")
    yield Hostile("structure", "archive comment", good[:-2] + b"\4\0evil", "archive-comment", "has a comment")
    yield Hostile("structure", "two archives", good + good, "directory-misplaced", "right before the end")
    yield Hostile("structure", "two end records", good + good[-END:], "directory-misplaced", "right before the end")
    inner = good[:-2] + struct.pack("<H", END) + good[-END:]
    yield Hostile("structure", "end record in a comment", inner, "directory-misplaced", "right before the end")
    yield Hostile(
        "structure", "empty second directory", good + end_records(0, 0, len(good)), "gap", "belong to no entry"
    )
    for what, end, reason, words in (
        ("fewer entries", end_records(count - 1, size, offset), "directory-size", "more than its entries"),
        ("more entries", end_records(count + 1, size, offset), "directory-size", "fewer records"),
        ("two counts", _end(count, size, offset, on_disk=count - 1), "end-record", "not in the one form"),
        ("another disk", _end(count, size, offset, disk=1), "end-record", "not in the one form"),
        ("offset too small", _end(count, size, offset - 1), "directory-misplaced", "right before the end"),
        ("offset too large", _end(count, size, offset + 1), "directory-misplaced", "right before the end"),
        ("offset far away", _end(count, size, LIMIT32), "directory-misplaced", "right before the end"),
        ("directory begins in a file", _end(count, size + 9, offset - 9), "directory-size", "fewer records"),
        ("needless ZIP64", _wide_end(count, size, offset), "end-record", "not in the one form"),
    ):
        yield Hostile("structure", what, good[:-END] + end, reason, words)
    shifted = forge.changed(lambda part: replace(part, central={"offset": 1}))
    yield Hostile("structure", "an entry's offset", shifted, "overlap", "does not begin where it must")
    without = replace(parts[0], local={"extra": b""})
    descriptor = struct.pack("<4s3L", b"PK\7\10", zlib.crc32(without.data), len(without.data), len(without.data))
    late = {"flags": UTF8 | 8}
    described = forge.changed(
        lambda part: replace(part, local={**late, "crc": 0, "packed": 0, "size": 0}, central=late, after=descriptor)
    )
    yield Hostile("structure", "data descriptor", described, "data-descriptor", "data descriptor")
    commented = forge.changed(lambda part: replace(part, central={"comment": b"evil"}))
    yield Hostile("structure", "comment of an entry", commented, "comment", "has a comment")


def _place(archive: bytes) -> tuple[int, int]:
    size, offset = struct.unpack_from("<2L", archive, len(archive) - 10)
    return size, offset


def _end(count: int, size: int, offset: int, *, on_disk: int | None = None, disk: int = 0) -> bytes:
    first = count if on_disk is None else on_disk
    return struct.pack("<4s4H2LH", b"PK\5\6", disk, 0, first, count, size, offset, 0)


def _wide_end(count: int, size: int, offset: int) -> bytes:
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 0x0314, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, offset + size, 1)
    return wide + locator + _end(0xFFFF, LIMIT32, LIMIT32)


def _headers(forge: Forge) -> Iterator[Hostile]:
    unicode_path = struct.pack("<2HBL", 0x7075, 9, 1, zlib.crc32(forge.victim.encode())) + b"evil"
    wide = struct.pack("<2H2Q", 1, 16, 5, 5)
    stamp = struct.pack("<2HBL", 0x5455, 5, 1, 0)
    for what, local, central, reason, words in (
        ("name", {"name": b"X" * len(forge.victim)}, {}, "name", "has another name than the directory"),
        ("CRC", {"crc": 1}, {}, "crc", "has another checksum than the directory"),
        ("CRC of the directory", {}, {"crc": 1}, "crc", "has another checksum than the directory"),
        ("size", {"packed": 1, "size": 1}, {}, "size", "gives its size wrongly"),
        ("packed size", {"packed": 0}, {}, "size", "gives its size wrongly"),
        ("size of the directory", {}, {"size": 1 << 30}, "size", "gives its size wrongly"),
        ("method", {"method": 8}, {}, "method", "says that it is compressed"),
        ("flags", {"flags": 0}, {}, "flags", "has flags other than"),
        ("no UTF-8 flag", {"flags": 0}, {"flags": 0}, "flags", "has flags other than"),
        ("version", {"needs": 63}, {}, "version", "asks for another zip version"),
        ("creator", {}, {"made": 20}, "creator", "names another creator"),
        ("time", {"date": 0x5A21}, {"date": 0x5A21}, "time", "has a time other than"),
        ("time in one place", {"time": 1}, {}, "time", "has a time other than"),
        ("disk of an entry", {}, {"disk": 1}, "disk", "lies on another disk"),
        ("text bit", {}, {"internal": 1}, "attributes", "is not a regular file"),
        ("extra field", {}, {"extra": stamp}, "extra-field", "has an extra field"),
        ("unicode path", {}, {"extra": unicode_path}, "extra-field", "has an extra field"),
        ("ZIP64 for nothing", {}, {"extra": wide}, "extra-field", "has an extra field"),
        ("ZIP64 that lies", {}, {"needs": 45, "packed": LIMIT32, "size": LIMIT32, "extra": wide}, "version", "version"),
        ("half an extra field", {}, {"extra": b"\1"}, "extra-field", "has an extra field"),
    ):
        data = forge.changed(lambda part, local=local, central=central: replace(part, local=local, central=central))
        yield Hostile("header", what, data, reason, words)
    both = forge.changed(lambda part: replace(part, local={"extra": stamp}))
    yield Hostile("header", "extra field of the local header", both, "gap", "does not begin where it must")


def _methods(forge: Forge) -> Iterator[Hostile]:
    for what, flags, method, reason, words in (
        ("encrypted", UTF8 | 1, 0, "encrypted", "says that it is encrypted"),
        ("strongly encrypted", UTF8 | 0x41, 0, "encrypted", "says that it is encrypted"),
        ("AES", UTF8 | 1, 99, "encrypted", "says that it is encrypted"),
        ("AES without its flag", UTF8, 99, "method", "says that it is compressed"),
        ("deflate64", UTF8, 9, "method", "says that it is compressed"),
        ("bzip2", UTF8, 12, "method", "says that it is compressed"),
        ("LZMA", UTF8, 14, "method", "says that it is compressed"),
        ("zstd", UTF8, 93, "method", "says that it is compressed"),
        ("patched data", UTF8 | 0x20, 0, "flags", "has flags other than"),
        ("masked headers", UTF8 | 0x2000, 0, "flags", "has flags other than"),
    ):
        told = {"flags": flags, "method": method}
        data = forge.changed(lambda part, told=told: replace(part, local=told, central=told))
        yield Hostile("method", what, data, reason, words)
    told = {"method": 8}
    packed = forge.changed(lambda part: replace(part, local=told, central=told), MANIFEST)
    yield Hostile("method", "a manifest that is badly packed", packed, "method", "says that it is compressed")


def _bombs(forge: Forge) -> Iterator[Hostile]:
    packed = zlib.compress(bytes(50_000_000), 9)[2:-4]
    told = {"method": 8, "crc": zlib.crc32(bytes(50_000_000)), "size": 50_000_000, "packed": len(packed)}
    ratio = forge.changed(lambda part: replace(part, data=packed, local=told, central=told))
    yield Hostile("bomb", "ratio 1:1000", ratio, "method", "says that it is compressed")
    kernel = Part(b"project/k0000", bytes(10_000))
    body, records = _until(forge, kernel.name)
    start, count = len(body), records.count(b"PK\1\2")
    body += kernel.header() + kernel.data
    for number in range(1000):
        records += replace(kernel, name=b"project/k%04d" % number).record(start)
    overlap = body + records + end_records(count + 1000, len(records), len(body))
    yield Hostile("bomb", "a thousand entries share one content", overlap, "overlap", "does not begin where it must")
    yield Hostile("bomb", "entries that quote one another", _quotes(forge), "overlap", "does not begin where it must")
    good, (size, offset) = forge.good, _place(forge.good)
    for count in (150_001, 1 << 40):
        many = good[:-END] + end_records(count, size, offset)
        yield Hostile("bomb", f"{count:,} entries are said", many, "too-many-entries", "more than 150,000 entries")
    wide = good[:offset] + bytes((32 << 20) + 1) + end_records(65_000, (32 << 20) + 1, offset)
    yield Hostile("bomb", "a directory of 32 MiB", wide, "directory-too-large", "larger than 32 MiB")
    yield Hostile("bomb", "a file of 4 EiB", _huge(forge), "overlap", "reaches into the directory")


def _quotes(forge: Forge) -> bytes:
    """Three entries, each of whose contents is the header and the content of the next."""
    body, records = _until(forge, b"project/q0")
    quoted: list[Part] = []
    for number in (2, 1, 0):
        inner = quoted[-1].header() + quoted[-1].data if quoted else b""
        quoted.append(Part(b"project/q%d" % number, inner))
    first, count = quoted[-1], records.count(b"PK\1\2") + 3
    for number, part in enumerate(reversed(quoted)):
        records += part.record(len(body) + number * len(first.header()))
    body += first.header() + first.data
    return body + records + end_records(count, len(records), len(body))


def _until(forge: Forge, name: bytes) -> tuple[bytes, bytes]:
    """The entries before ``name`` and their records."""
    body = records = b""
    for part in forge.parts():
        if part.name < name:
            records += part.record(len(body))
            body += part.header() + part.data
    return body, records


def _huge(forge: Forge) -> bytes:
    body, records = _until(forge, b"project/a")
    wide = struct.pack("<2H2Q", 1, 16, 1 << 62, 1 << 62)
    told = {"needs": 45, "packed": LIMIT32, "size": LIMIT32, "extra": wide}
    part = Part(b"project/a", b"", local=told, central=told)
    count, records = records.count(b"PK\1\2") + 1, records + part.record(len(body))
    body += part.header()
    return body + records + end_records(count, len(records), len(body))


def _corruption(forge: Forge) -> Iterator[Hostile]:
    good, (_, offset) = forge.good, _place(forge.good)
    for what, at in (
        ("in the first header", 20),
        ("in a file", offset // 2),
        ("before the directory", offset),
        ("in the directory", offset + 60),
        ("before the end record", len(good) - END),
        ("by one byte", len(good) - 1),
    ):
        yield Hostile("corruption", f"cut {what}", good[:at], "truncated", "end record is missing")
    (victim,) = (entry for entry in read_entries(io.BytesIO(good)) if entry.name == forge.victim)
    damaged = bytearray(good)
    damaged[victim.data_offset] ^= 0x20
    yield Hostile("corruption", "one flipped bit", bytes(damaged), "damaged", "its checksum differs")
    crlf = good[:offset].replace(b"\n", b"\r\n") + good[offset:]  # an end record that holds a newline breaks sooner
    yield Hostile("corruption", "CRLF", crlf, "directory-misplaced", "right before the end")
    as_text = good[:offset].decode("latin-1").encode() + good[offset:]
    yield Hostile("corruption", "sent as text", as_text, "directory-misplaced", "right before the end")
    middle = good[: offset // 2] + good[offset // 2 + 100 :]
    yield Hostile("corruption", "a hole in the middle", middle, "directory-misplaced", "right before the end")
    zeros = good[: offset // 2] + bytes(len(good) - offset // 2)
    yield Hostile("corruption", "the second half is zeros", zeros, "truncated", "end record is missing")
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
    yield Hostile("corruption", "Git LFS pointer", pointer, "lfs-pointer", "Git LFS pointer")
    yield Hostile("corruption", "nothing at all", b"", "empty-file", "The file is empty")
    yield Hostile("corruption", "a web page", b"<!doctype html>\n<title>404</title>\n", "prefix", "does not begin as")


def _manifests(forge: Forge) -> Iterator[Hostile]:
    files, manifest = forge.files, forge.listed(forge.files)
    victim, record = forge.victim, {"size": 4, "sha256": hashlib.sha256(b"evil").hexdigest()}
    every = json.loads(manifest)["files"]
    unlisted = written(forge.parts({**files, "project/evil.py": b"evil"}, manifest))
    yield Hostile("manifest", "a file that is not listed", unlisted, "file-unlisted", "project/evil.py is not listed")
    for what, records, reason, words in (
        ("a file that is absent", {"project/evil.py": record}, "file-absent", "lists project/evil.py, which is not in"),
        ("a path out of the archive", {"../../evil": record}, "file-absent", "lists ../../evil, which is not in"),
        ("an absolute path", {"/etc/evil": record}, "file-absent", "lists /etc/evil, which is not in"),
        ("a path with an escape", {"\x1b[2J": record}, "file-absent", "lists \\x1b[2J, which is not in"),
        ("itself", {MANIFEST: record}, "file-absent", f"lists {MANIFEST}, which is not in"),
        ("another digest", {victim: {**every[victim], "sha256": "0" * 64}}, "file-digest", "its SHA-256 differs"),
        ("another size", {victim: {**every[victim], "size": 1 << 40}}, "file-size", "the manifest says"),
        ("a negative size", {victim: {**every[victim], "size": -1}}, "manifest-field", "no valid size and sha256"),
        ("no digest", {victim: {**every[victim], "sha256": "G" * 64}}, "manifest-field", "no valid size and sha256"),
    ):
        yield Hostile("manifest", what, forge.with_claims(files={**every, **records}), reason, words)
    again = manifest.replace(b'  "format": 1,', b'  "format": 1,\n  "format": 1,')
    yield Hostile("manifest", "a key twice", forge.with_manifest(again), "manifest-duplicate-key", "'format' twice")
    for what, content, reason, words in (
        ("absurd depth", b'{"a":' * 100_000, "manifest-too-deep", "nested deeper than 200"),
        ("not JSON", b"name: evil\n", "manifest-not-json", "is not a JSON object"),
        ("empty", b"", "manifest-not-json", "is not a JSON object"),
        ("a list", b"[]\n", "manifest-not-object", "is not a JSON object"),
        ("not UTF-8", manifest.replace(b'"name"', b'"\xff"', 1), "manifest-not-utf8", "is not UTF-8"),
        ("UTF-16", manifest.decode().encode("utf-16"), "manifest-not-utf8", "is not UTF-8"),
        (
            "half a character",
            manifest.replace(b'"format": 1', b'"format": "\\ud800"'),
            "manifest-lone-surrogate",
            "surrogate",
        ),
        ("a huge integer", b'{"format": 1' + b"0" * 5000 + b"}\n", "manifest-number-too-long", "4,300 digits"),
        ("infinity", b'{"format": 1e999}\n', "manifest-number-out-of-range", "largest 64-bit float"),
        ("another spelling", manifest.replace(b"  ", b" "), "manifest-not-canonical", "not in canonical form"),
        ("a byte order mark", b"\xef\xbb\xbf" + manifest, "manifest-not-json", "is not a JSON object"),
        ("another format", manifest.replace(b'"format": 1', b'"format": 2'), "format-unknown", "is of format 2"),
        ("a format of another type", manifest.replace(b'"format": 1', b'"format": true'), "format-unknown", "True"),
        ("millions of values", b'{"format": 1, "x": [' + b"[]," * 1_000_001, "manifest-too-many-values", "1,000,000"),
        ("17 MB", b" " * (17 << 20), "manifest-too-large", "larger than 16,777,216 bytes"),
    ):
        yield Hostile("manifest", what, forge.with_manifest(content), reason, words)
    golden = {"golden_events": 0 if forge.manifest["golden_events"] else 9}
    for what, changes, reason, words in (
        ("a missing field", {"name": None}, "manifest-field", "name "),
        ("a field of another type", {"requirements": "numpy"}, "manifest-field", "requirements "),
        ("another name than the configuration's", {"name": "other"}, "manifest-disagrees", "name disagrees"),
        ("another entry point", {"entry_point": "evil:Backend"}, "manifest-disagrees", "entry_point disagrees"),
        ("golden events that are not as it says", golden, "manifest-disagrees", "golden_events disagrees"),
        ("an unknown key of the configuration", {"config": {"name": "x", "evil": 1}}, "manifest-config", "evil"),
    ):
        yield Hostile("manifest", what, forge.with_claims(**changes), reason, words)
    without = written([part for part in forge.parts() if part.name != MANIFEST.encode()])
    yield Hostile("manifest", "none", without, "manifest-missing", "it has no manifest")


def _contents(forge: Forge) -> Iterator[Hostile]:
    for what, name, reason, words in (
        ("compiled code beside its source", "packflow_runtime/__init__.pyc", "compiled-code", "is compiled code"),
        ("compiled code of the project", "project/inference.pyc", "compiled-code", "is compiled code"),
        ("a cache of compiled code", "project/__pycache__/x.txt", "compiled-code", "is compiled code"),
        ("a module that shadows the standard library", "json.py", "file-misplaced", "json.py stands outside"),
        ("a module that shadows runpy", "runpy.py", "file-misplaced", "runpy.py stands outside"),
        ("a package that shadows", "zipfile/__init__.py", "file-misplaced", "zipfile/__init__.py stands outside"),
        ("a module beside the runtime", "packflow_runtime.py", "file-misplaced", "stands outside"),
        ("a folder of its own", "evil/x.txt", "file-misplaced", "evil/x.txt stands outside"),
    ):
        yield Hostile("contents", what, forge.with_files({name: b""}), reason, words)
    for name in ("__main__.py", "packflow_runtime/__init__.py", CONFIG):
        left = {key: data for key, data in forge.files.items() if key != name}
        yield Hostile("contents", f"no {name}", written(forge.parts(left)), "part-missing", f"{name} is missing")
    for what, config, reason, words in (
        (
            "another configuration",
            forge.files[CONFIG] + b"env: {LD_PRELOAD: evil.so}\n",
            "config-differs",
            "something else",
        ),
        ("an empty configuration", b"", "config-differs", "something else"),
        ("a configuration with an anchor", b"name: &a evil\n", "config-invalid", "is not valid"),
        ("a configuration that is no text", b"\xff\xfe\0", "config-invalid", "is not valid"),
        ("a configuration of 2 MB", b"# " + b"x" * (2 << 20), "config-too-large", "larger than 1,048,576 bytes"),
    ):
        yield Hostile("contents", what, forge.with_files({CONFIG: config}), reason, words)
    other = written(forge.parts({**forge.files, forge.victim: b"evil"}, forge.listed(forge.files)))
    same_size = written(
        forge.parts({**forge.files, forge.victim: forge.files[forge.victim][::-1]}, forge.listed(forge.files))
    )
    yield Hostile("contents", "another file", other, "file-size", "the manifest says")
    yield Hostile("contents", "another file of the same size", same_size, "file-digest", "its SHA-256 differs")
