"""Which distributions a model file needs, and the versions it was saved with, as far as its bytes tell."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import sys
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from packflow_app.runtime import PickleListing

_CHUNK = 1 << 20
_OVERLAP = 256
_MOST_BYTES = 1 << 30  # looked through, unpacked
# Modules whose distribution is called otherwise.
_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "imblearn": "imbalanced-learn",
    "skimage": "scikit-image",
    "cv2": "opencv-python-headless",
    "yaml": "pyyaml",
    "PIL": "pillow",
    "dateutil": "python-dateutil",
    "category_encoders": "category-encoders",
}
_STARTS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open, b"\x5d\x00": lzma.open}
# A pickled text: its opcode and length after the name's, with what protocols put between (MEMOIZE, BINPUT, FRAME).
_SKLEARN = re.compile(rb"_sklearn_version(?:\x94|q.|r.{4})?(?:\x95.{8})?(?:\x8c(.)|X(.)\0\0\0)", re.DOTALL)
_RELEASE = re.compile(r"\d+(\.\d+)+(rc\d+)?\Z")  # others are on no index
_XGBOOST_JSON = re.compile(rb'"version"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]')
_XGBOOST_UBJ = re.compile(rb"version\[#L\0{7}\x03[iU](.)[iU](.)[iU](.)", re.DOTALL)


def saved_versions(
    path: Path, packages: Sequence[str], head: bytes, listing: PickleListing | None
) -> dict[str, str | None]:
    """The distributions that the file needs to be loaded, each with the version it was saved with (None: not told)."""
    needed: dict[str, str | None] = dict.fromkeys(packages)
    for name in _named_by(listing) if listing is not None else ():
        needed.setdefault(name)
    told = _told(path, head, needed)
    needed |= {name: version for name, version in told.items() if name in needed}
    return needed


def _named_by(listing: PickleListing) -> Iterator[str]:
    """The distributions of the modules that a file's pickles name, in alphabetical order of the globals."""
    for name in listing.names:
        module = name.partition(":")[0] if ":" in name else name
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top.startswith("__") or not top.isidentifier():
            continue
        yield _DISTRIBUTIONS.get(top, top.replace("_", "-").lower())
        if name.startswith(("xgboost.sklearn", "lightgbm.sklearn")):
            yield "scikit-learn"


def _told(path: Path, head: bytes, needed: dict[str, str | None]) -> dict[str, str]:
    found: dict[str, str] = {}
    wanted = {name for name in ("scikit-learn", "xgboost") if name in needed}
    if not wanted:
        return found
    for piece in _pieces(path, head):
        sklearn = _SKLEARN.search(piece) if "scikit-learn" in wanted else None
        if sklearn is not None:
            size = (sklearn[1] or sklearn[2])[0]
            version = piece[sklearn.end() : sklearn.end() + size].decode("utf-8", "replace")
            if _RELEASE.match(version):
                found.setdefault("scikit-learn", version)
        if "xgboost" in wanted:
            found |= _xgboost(piece)
        if {*found} == wanted:
            break
    return found


def _xgboost(piece: bytes) -> dict[str, str]:
    text = _XGBOOST_JSON.search(piece)
    if text is not None:
        return {"xgboost": ".".join(part.decode() for part in text.groups())}
    binary = _XGBOOST_UBJ.search(piece)
    return {"xgboost": ".".join(str(part[0]) for part in binary.groups())} if binary is not None else {}


def _pieces(path: Path, head: bytes) -> Iterator[bytes]:
    """The unpacked bytes of a file, in pieces that overlap; what is damaged ends early, since only hints are wanted."""
    before, left = b"", _MOST_BYTES
    try:
        for piece in _unpacked(path, head):
            yield before + piece
            before, left = piece[-_OVERLAP:], left - len(piece)
            if left < 0:
                return
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return


def _unpacked(path: Path, head: bytes) -> Iterator[bytes]:
    if head[:1] == b"\x78" and head[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"):
        yield from _inflated(path)
        return
    opener = next((opener for magic, opener in _STARTS.items() if head.startswith(magic)), open)
    file: IO[bytes]
    with opener(path, "rb") as file:  # type: ignore[operator]
        while piece := file.read(_CHUNK):
            yield piece


def _inflated(path: Path) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    with path.open("rb") as file:
        while packed := file.read(_CHUNK):
            while packed:
                yield unpacker.decompress(packed, _CHUNK)
                packed = unpacker.unconsumed_tail
