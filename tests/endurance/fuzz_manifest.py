"""Fuzzing an archive's manifest: only its canonical bytes are accepted, and every refusal is one printable error."""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import mutation
import proof  # noqa: F401 - makes the imports below possible
from reference_json import RefusedError, read_event

from packflow_runtime.jsonlines import DEFAULT_LIMITS
from packflow_runtime.manifest import Manifest, ManifestError, parse_manifest
from runtime.test_codec import NUMBERS
from runtime.test_manifest import CANONICAL, MANIFEST, SHA

if TYPE_CHECKING:
    from random import Random

_LONGEST_ERROR = 1000
_PIECES = [
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b" ", b"  ", b"\n", b"\r\n", b"\0", b"\x7f", b"null", b"true"),
    *(
        b"\\u00e9",
        b"\\ud800",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xc3",
        b"\\/",
        b"\\u001b[31m",
        b"\x1b",
        b"1.0",
        b"-0",
    ),
    *(b'"format": 2', b'"format": 1', b'"name": "x",\n  ', b"{}", b"[]", b"1e400", b"NaN", b'"a": 1', b',\n  "z": 1'),
    *(b"\xe2\x80\xa8", b"\xc2\x9b31m", b'"\\"', b"0" * 64, b"-1", b"[" * 300, b'{"a":' * 300, b"9" * 5000),
    *(number.encode() for number in NUMBERS),
]
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.0, -0.0, 1e-05, 2**64, 10**4299, -(10**4299), "", "1", "é", "x" * 5000, SHA),
    *("\x1b[31m", "\x9b31m", "\u202egnp", "a\nb", "\x00", "none", "inference:Backend", ">=3.10", ">=", "1.0+a", "../x"),
    *([], {}, [1], [None], [[]], {"": ""}, {"a": {"b": [1.5]}}, {"equal": True}, {"size": 1, "sha256": SHA}),
)
_KEYS = (
    "",
    "size",
    "sha256",
    "a",
    "\x1b[31m",
    "x" * 5000,
    "\u202e",
    "golden",
    "env",
    "output",
    "keep",
    "under",
    "rtol",
)


class Target:
    """Manifests with values of any type in any place, written canonically, and canonical bytes that were damaged."""

    def __init__(self) -> None:
        self.tally: Counter[str] = Counter()
        full = {**asdict(MANIFEST), "sbom": {"digest": SHA}}
        full["config"] = {**full["config"], "dry_run": {"rtol": 0.1}, "output": {"keep": ["id"]}, "env": {"A": "b"}}
        bare = asdict(replace(MANIFEST, parity=None, created=None, files={}, config={}, requirements=[]))
        self._samples: list[Any] = [json.loads(CANONICAL), full, bare]

    def generate(self, chance: Random) -> bytes:
        data = json.loads(json.dumps(chance.choice(self._samples)))
        if chance.random() < 0.7:
            for _ in range(chance.choice((1, 1, 2, 4))):
                _change(data, chance)
        source = _canonical(data)
        return mutation.mutated(source, _PIECES, chance) if chance.random() < 0.4 else source

    def check(self, source: bytes, chance: Random) -> None:
        try:
            manifest = parse_manifest(source)
        except ManifestError as error:
            self.tally["refused"] += 1
            _check_error(error)
            return
        self.tally["accepted"] += 1
        try:
            data = read_event(source, DEFAULT_LIMITS)
        except RefusedError as refused:
            raise AssertionError(f"accepted, though it is {refused}") from None
        assert source == _canonical(data), "accepted in a form that is not canonical"
        assert data["format"] == 1
        _check_fields(manifest, data)
        written = manifest.to_bytes()
        assert parse_manifest(written) == manifest, "written again, it is another"
        assert written == source or len(written) < len(source), "fields are lost that are known"
        _check_configuration(manifest)


def _change(data: Any, chance: Random) -> None:
    """Put something odd in a place of the data, or take something out."""
    while True:
        keys = [*data] if isinstance(data, dict) else [*range(len(data))]
        key = chance.choice(keys) if keys else None
        if key is None or not isinstance(data[key], (dict, list)) or chance.random() < 0.4:
            break
        data = data[key]
    kind = chance.random()
    if kind < 0.2 and key is not None:
        del data[key]
    elif kind < 0.8 and key is not None:
        data[key] = deepcopy(chance.choice(_ODD))
    elif isinstance(data, dict):
        data[chance.choice(_KEYS)] = deepcopy(chance.choice(_ODD))
    else:
        data.append(deepcopy(chance.choice(_ODD)))


def _canonical(data: Any) -> bytes:
    return (json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def _check_error(error: ManifestError) -> None:
    shown = [error.title, error.detail, error.hint]
    assert all(text.isprintable() for text in shown), f"the error holds what a terminal acts on: {error.title[:200]!r}"
    assert sum(map(len, shown)) < _LONGEST_ERROR, "the error is too long to be read"
    assert error.exit_code == 1


def _check_fields(manifest: Manifest, data: dict[str, Any]) -> None:
    """What it says is what it holds, type by type: True is no 1, and 1.0 neither."""
    for key, value in asdict(manifest).items():
        known = data[key]
        if key == "files":
            known = {name: {field: record[field] for field in ("size", "sha256")} for name, record in known.items()}
        elif key in ("parity", "provenance") and known is not None:
            known = {field: known.get(field) for field in value}
        assert repr(value) == repr(known), f"{key} is {value!r}, and was {known!r}"


def _check_configuration(manifest: Manifest) -> None:
    try:
        manifest.project_config  # noqa: B018 - it is checked when it is asked for
    except ManifestError as error:
        _check_error(error)
