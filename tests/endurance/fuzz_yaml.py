"""Fuzzing packflow.yaml: the strict reader against ruamel.yaml, against a renderer of random data, and against time."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import mutation
from proof import ROOT

from packflow_runtime.yaml_subset import Data, Node, YamlError, parse
from properties.test_yaml_subset_properties import BLOCK_PIECES, PIECES, SAMPLE, SPACED_PIECES, document, ruamel_data
from runtime.test_yaml_subset import ACCEPTED, REFUSED

if TYPE_CHECKING:
    from random import Random

_SPELLINGS = ["NuLL", "nULL", "NULL ", "True", "yes", "0o17", ".inf", "2026-01-02", "=", "0x1F", "1_000", "+1"]
_PIECES = [piece.encode() for piece in [*PIECES, *SPACED_PIECES, *SPACED_PIECES, *BLOCK_PIECES, *_SPELLINGS]]
_CHARACTERS = "ab \n\t'\"\\:#-,[]{}~|>&*!%@`é😀\x00\x85\u2028\ufeff?=<. 0"
_WORDS = (
    "3.10",
    "1.0",
    "no",
    "012",
    "12:30",
    "null",
    "~",
    "",
    "a b",
    "-",
    "--- x",
    "<<",
    "x\ny\n",
    "x\n\n\n y",
    "....",
)
_RENDERED = b"# rendered "  # a first line that holds the seed of the tree that must be read back
_REFERENCE_LIMIT = 3000  # bytes; ruamel.yaml takes a millisecond for a hundred


class Target:
    """Damaged files of projects, pieces of YAML that meet by chance, random data in random styles, long repetitions."""

    def __init__(self) -> None:
        self.tally: Counter[str] = Counter()
        samples = [text for text, _ in ACCEPTED.values()] + [text for text, _, _ in REFUSED.values()]
        raws = [text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text for text in samples]
        projects = [path.read_bytes() for path in sorted(ROOT.glob("skeletons/**/packflow.yaml*"))]
        self._samples = [*(raw for raw in raws if len(raw) < 2000), *(10 * [SAMPLE.encode(), *projects])]

    def generate(self, chance: Random) -> bytes:
        kind = chance.random()
        if kind < 0.3:
            seed = chance.getrandbits(48)
            return _RENDERED + f"{seed}\n".encode() + _rendered(seed)[1].encode()
        if kind < 0.6:
            return mutation.mutated(chance.choice(self._samples), _PIECES, chance)
        if kind < 0.99:
            return b"".join(chance.choice(_PIECES) for _ in range(chance.randint(1, 16)))
        repeated = b"".join(chance.choice(_PIECES) for _ in range(chance.randint(1, 4)))
        return chance.choice((b"", b"a: ", b"- [", b'a: "', b"a: |\n")) + repeated * chance.randint(1000, 30_000)

    def check(self, source: bytes, chance: Random) -> None:
        started = time.process_time()
        found = _read(source)
        seconds = time.process_time() - started
        assert seconds < 0.3 + len(source) * 1e-5, f"{seconds:.1f} s for {len(source):,} bytes"
        assert _read(source) == found, "read again, it is something else"
        self.tally["refused" if isinstance(found, tuple) else "accepted"] += 1
        if b"\r" not in source:
            assert _read(source.replace(b"\n", b"\r\n")) == found, "line ends count"
        if not isinstance(found, Node):
            line, detail, hint = found
            assert 1 <= line <= source.count(b"\n") + 1, f"the error is on line {line}"
            assert detail.isprintable()
            assert hint.isprintable()
            assert len(detail) + len(hint) < 2000
        elif len(source) < _REFERENCE_LIMIT:
            self.tally["compared with ruamel.yaml"] += 1
            theirs = ruamel_data(source.decode("utf-8-sig"))
            assert found.data() == theirs, f"ruamel.yaml reads {theirs!r}, we read {found.data()!r}"
        _check_rendered(source, found)


def _read(source: bytes) -> Node | tuple[int, str, str]:
    """What is read, or line, detail and hint of the refusal."""
    try:
        return parse(source)
    except YamlError as error:
        return error.line or 0, error.detail, error.hint


def _check_rendered(source: bytes, found: Node | tuple[int, str, str]) -> None:
    """Random data in any style must be accepted, and be the same data again."""
    head, _, text = source.partition(b"\n")
    seed = head.removeprefix(_RENDERED)
    if head == seed or not seed.isdigit():
        return
    tree, rendered = _rendered(int(seed))
    if rendered.encode() == text:
        assert isinstance(found, Node), f"valid YAML is refused: {found}"
        assert found.data() == tree, f"{tree!r} is read as {found.data()!r}"


def _rendered(seed: int) -> tuple[Data, str]:
    from random import Random

    chance = Random(seed)
    tree = _tree(chance)
    return tree, document(tree, chance)


def _tree(chance: Random, depth: int = 0) -> Data:
    kind = chance.randrange(6) if depth < 5 else 5
    if kind <= 1 or (depth == 0 and kind < 5):
        return {_text(chance) or "k": _tree(chance, depth + 1) for _ in range(chance.randrange(5))}
    if kind == 2:
        return [_tree(chance, depth + 1) for _ in range(chance.randrange(5))]
    return None if kind == 3 else _text(chance)


def _text(chance: Random) -> str:
    kind = chance.random()
    if kind < 0.3:
        return chance.choice(_WORDS)
    if kind < 0.6:
        return "a" + "".join(chance.choice("abcXYZ019._+/(=") for _ in range(chance.randrange(8)))
    return "".join(chance.choice(_CHARACTERS) for _ in range(chance.randrange(12)))
