"""A strict reader of the Prometheus text format, as far as Packflow writes it."""

from __future__ import annotations

import math
import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
_SAMPLE = re.compile(rf"(?P<name>{_NAME})(?:\{{(?P<labels>{_LABEL}(?:,{_LABEL})*)\}})? (?P<value>\S+)\Z")
_KINDS = {"counter", "gauge", "summary", "histogram"}
_SUFFIXES = {"summary": ("", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


def parse_exposition(text: str) -> dict[tuple[str, str], float]:
    """Samples by name and labels as written; raises AssertionError where the text is not valid."""
    assert not text or text.endswith("\n")
    samples: dict[tuple[str, str], float] = {}
    helped: set[str] = set()
    kinds: dict[str, str] = {}
    family = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert family not in helped, f"{family} is told twice"
            helped.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family, line
            assert kind in _KINDS, line
            kinds[name] = kind
        else:
            match = _SAMPLE.match(line)
            assert match, line
            assert match["name"] in {family + suffix for suffix in _SUFFIXES[kinds[family]]}, line
            key = (match["name"], match["labels"] or "")
            assert key not in samples, line
            samples[key] = float(match["value"])
            assert kinds[family] != "counter" or samples[key] >= 0, line
            assert not math.isinf(samples[key]), line
    assert helped == set(kinds)
    return samples
