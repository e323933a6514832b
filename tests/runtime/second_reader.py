"""A second reader of archives, written from docs/archive-format.md alone: it shares no code with the runtime's.

It only says whether an archive is one. ``packflow.yaml`` is read as far as the archives of the tests need: block maps,
lists and flow collections of plain and quoted scalars; what it does not know it refuses.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import unicodedata
import zlib
from typing import Any

FULL = 0xFFFFFFFF
MANIFEST = "packflow-info/manifest.json"
YAML = "project/packflow.yaml"


class RefusedError(Exception):
    """The archive breaks the rule that is named."""


def demand(holds: object, rule: str) -> None:
    if not holds:
        raise RefusedError(rule)


def read(data: bytes) -> dict[str, Any]:
    """The manifest of an archive that keeps every rule; raises RefusedError for any other bytes."""
    contents = _contents(data)
    names = list(contents)
    for name in names:
        _check_name(name)
    _check_meetings(names)
    for name in names:
        top, slash, _ = name.partition("/")
        placed = name == "__main__.py" or (slash and top in ("packflow-info", "packflow_runtime", "project"))
        demand(placed, "3: place")
        demand(not name.endswith((".pyc", ".pyo")) and "__pycache__" not in name.split("/")[:-1], "3: compiled code")
    for name in ("__main__.py", MANIFEST, "packflow_runtime/__init__.py", YAML):
        demand(name in contents, "3: parts")
    return _manifest(contents)


# --- 1: the bytes


def _contents(data: bytes) -> dict[str, bytes]:
    """What is inside, read by the directory; the bytes that this must have are then built and compared."""
    count, size, offset = _end(data)
    demand(count <= 150_000 and size <= 32 << 20, "1: bounds")
    contents: dict[str, bytes] = {}
    place, last = offset, offset + size
    for _ in range(count):
        demand(place + 46 <= last, "1.2: record")
        length, extra_length = struct.unpack_from("<2H", data, place + 28)
        record_size, record_offset = (
            struct.unpack_from("<L", data, place + 24)[0],
            struct.unpack_from("<L", data, place + 42)[0],
        )
        raw = data[place + 46 : place + 46 + length]
        extra = data[place + 46 + length : place + 46 + length + extra_length]
        wide = list(struct.unpack_from(f"<{max(0, len(extra) - 4) // 8}Q", extra, 4)) if len(extra) >= 4 else []
        if record_size == FULL:
            demand(len(wide) >= 2, "1.3: sizes")
            record_size, wide = wide[0], wide[2:]
        if record_offset == FULL:
            demand(wide, "1.3: offset")
            record_offset = wide[0]
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            raise RefusedError("2: UTF-8") from None
        demand(name not in contents, "1: each name once")
        start = record_offset + 30 + length + (20 if record_size >= FULL else 0)
        demand(start + record_size <= offset, "1: content")
        contents[name] = data[start : start + record_size]
        place += 46 + length + extra_length
    demand(list(contents) == sorted(contents, key=str.encode), "1: order")
    demand(_built(contents) == data, "1: the one representation")
    return contents


def _end(data: bytes) -> tuple[int, int, int]:
    demand(len(data) >= 22 and data[-22:-18] == b"PK\5\6", "1.4: end record")
    count, size, offset = struct.unpack("<H2L", data[-12:-2])
    if offset + size + 22 == len(data):
        return count, size, offset
    demand(len(data) >= 98 and data[-98:-94] == b"PK\6\6", "1.4: ZIP64")
    count, size, offset = struct.unpack("<3Q", data[-66:-42])
    demand(offset + size + 98 == len(data), "1.4: place")
    return count, size, offset


def _built(contents: dict[str, bytes]) -> bytes:
    """The bytes that an archive with these contents has, by sections 1.1 to 1.4."""
    body, records = [], []
    place = 0
    for name, content in contents.items():
        raw, size, crc = name.encode(), len(content), zlib.crc32(content)
        extra = struct.pack("<2H2Q", 1, 16, size, size) if size >= FULL else b""
        short = min(size, FULL)
        common = struct.pack("<4H3L", 0x0800, 0, 0, 0x21, crc, short, short)
        needed = struct.pack("<H", 45 if extra else 10)
        body += [b"PK\3\4", needed, common, struct.pack("<2H", len(raw), len(extra)), raw, extra, content]
        wide = ([size, size] if size >= FULL else []) + ([place] if place >= FULL else [])
        field = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        needed = struct.pack("<H", 45 if wide else 10)
        tail = struct.pack("<5H2L", len(raw), len(field), 0, 0, 0, 0x81A40000, min(place, FULL))
        records += [b"PK\1\2\x14\3", needed, common, tail, raw, field]
        place += 30 + len(raw) + len(extra) + size
    directory = b"".join(records)
    count, size = len(contents), len(directory)
    end = b""
    if count > 65535 or size >= FULL or place >= FULL:
        end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 0x0314, 45, 0, 0, count, count, size, place)
        end += struct.pack("<4sLQL", b"PK\6\7", 0, place + size, 1)
    short = min(count, 65535)
    end += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, short, short, min(size, FULL), min(place, FULL), 0)
    return b"".join(body) + directory + end


# --- 2: names


def _check_name(name: str) -> None:
    parts = name.split("/")
    demand(all(parts), "2: empty component")
    demand(len(name.encode()) <= 1024 and len(parts) <= 64, "2: length")
    demand(not set(name) & set('\\<>:"|?*'), "2: character")
    demand(not {"Cc", "Cf", "Cs", "Zl", "Zp", "Cn"} & {unicodedata.category(char) for char in name}, "2: category")
    demand(unicodedata.normalize("NFC", name) == name, "2: NFC")
    for part in parts:
        demand(part not in (".", "..") and part[0] != " " and part[-1] not in ". ", "2: edge")
        demand(len(part.encode()) <= 255, "2: component")
        stem = part.partition(".")[0].rstrip(" ").lower()
        numbered = len(stem) == 4 and stem[:3] in ("com", "lpt") and stem[3] in "0123456789¹²³"
        demand(stem not in ("con", "prn", "aux", "nul", "conin$", "conout$") and not numbered, "2: device")


def _check_meetings(names: list[str]) -> None:
    folded = [unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold()) for name in names]
    files = set(folded)
    demand(len(files) == len(names), "2: case")
    for name in folded:
        for place, char in enumerate(name):
            demand(char != "/" or name[:place] not in files, "2: file and folder")


# --- 4: the manifest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    demand(len(dict(pairs)) == len(pairs), "4: a key twice")
    return dict(pairs)


def _manifest(contents: dict[str, bytes]) -> dict[str, Any]:
    source = contents[MANIFEST]
    demand(len(source) <= 16 << 20 and sum(source.count(mark) for mark in (b",", b"[", b"{")) <= 1_000_000, "4: bounds")
    try:
        found = json.loads(source.decode(), object_pairs_hook=_once)
        spelled = json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (ValueError, RecursionError):
        raise RefusedError("4: JSON") from None
    demand(isinstance(found, dict) and spelled == source and _depth(found) <= 200, "4: spelling")
    demand(type(found.get("format")) is int and found["format"] == 1, "4: format")
    text, listing = (str,), lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value)
    for key, kinds in (
        ("name", text), ("version", text), ("entry_point", text), ("python_requires", text), ("runtime_version", text),
        ("config", (dict,)), ("files", (dict,)), ("parity", (dict, type(None))), ("golden_events", (int,)),
        ("stateful", (bool,)), ("provenance", (dict,)), ("created", (str, type(None))),
    ):  # fmt: skip
        demand(key in found and type(found[key]) in kinds, f"4: {key}")
    demand(listing(found.get("requirements")) and listing(found.get("pickle_allowlist")), "4: lists")
    parity, provenance = found["parity"], found["provenance"]
    if parity is not None:
        kinds = (type(parity.get("equal")), type(parity.get("events")), type(parity.get("rule")))
        demand(kinds == (bool, int, dict), "4: parity")
    demand({"commit", "clean"} <= provenance.keys(), "4: provenance")
    demand(
        type(provenance["commit"]) in (str, type(None)) and type(provenance["clean"]) in (bool, type(None)), "4: git"
    )
    _check_files(found["files"], contents)
    _check_config(found, contents)
    return found


def _depth(value: Any) -> int:
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(map(_depth, items), default=0)


def _check_files(files: dict[str, Any], contents: dict[str, bytes]) -> None:
    demand(files.keys() == contents.keys() - {MANIFEST}, "4: files")
    for name, record in files.items():
        demand(isinstance(record, dict) and type(record.get("size")) is int, "4: record")
        demand(record["size"] == len(contents[name]), "4: size")
        demand(record.get("sha256") == hashlib.sha256(contents[name]).hexdigest(), "4: SHA-256")


_KEYS = {
    "name", "version", "description", "maintainers", "inference_backend", "loader", "python_version", "python_requires",
    "stateful", "env", "backend_config", "output", "dry_run", "golden", "extra",
}  # fmt: skip


def _check_config(found: dict[str, Any], contents: dict[str, bytes]) -> None:
    config, source = found["config"], contents[YAML]
    demand(
        config.keys() <= _KEYS and re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", str(config.get("name"))), "4: config"
    )
    demand(config["name"] == found["name"], "4: name")
    demand(config.get("inference_backend", "inference:Backend") == found["entry_point"], "4: entry point")
    demand(found["stateful"] or config.get("stateful") not in ("true", "True", "TRUE", True), "4: stateful")
    for part in ("inputs", "outputs"):
        demand((found["golden_events"] > 0) == (f"packflow-info/golden/{part}.ndjson" in contents), "4: golden")
    demand(len(source) <= 1 << 20, "3: packflow.yaml")
    try:
        lines = [line for line in source.decode().split("\n") if line.strip() and not line.lstrip().startswith("#")]
    except UnicodeDecodeError:
        raise RefusedError("4: YAML is text") from None
    demand(lines and _block(lines, 0) == config and not lines, "4: packflow.yaml says the same")


def _block(lines: list[str], indent: int) -> Any:
    """A map or list of the lines that are indented so far; they are taken from ``lines``."""
    is_list = lines[0][indent:].startswith("- ")
    found: dict[str, Any] = {}
    items: list[Any] = []
    while lines and len(lines[0]) - len(lines[0].lstrip(" ")) == indent:
        line = lines.pop(0)[indent:]
        if is_list:
            demand(line.startswith("- "), "YAML: list")
            items.append(_flow(line[2:].strip()))
            continue
        key, colon, rest = line.partition(":")
        demand(colon and re.fullmatch(r"[\w.-]+", key) and key not in found and rest[:1] in ("", " "), "YAML: key")
        below = len(lines[0]) - len(lines[0].lstrip(" ")) if lines else 0
        if rest.strip():
            found[key] = _flow(rest.strip())
        else:
            found[key] = _block(lines, below) if below > indent else None
    return items if is_list else found


def _flow(text: str) -> Any:
    """A scalar, which is text, or a flow collection of scalars."""
    if text[0] in "[{":
        demand(text[-1] == {"[": "]", "{": "}"}[text[0]] and text.count(text[0]) == 1, "YAML: flow")
        parts = [part.strip() for part in text[1:-1].split(",") if part.strip()]
        if text[0] == "[":
            return [_flow(part) for part in parts]
        pairs = [part.partition(":") for part in parts]
        return {key.strip(): _flow(value.strip()) for key, _, value in pairs}
    if text[0] in "'\"":
        demand(len(text) > 1 and text[-1] == text[0] and text.count(text[0]) == 2 and "\\" not in text, "YAML: quotes")
        return text[1:-1]
    demand(text[0] not in "&*!|>%@`" and " #" not in text and ": " not in text, "YAML: plain")
    return None if text in ("null", "~") else text
