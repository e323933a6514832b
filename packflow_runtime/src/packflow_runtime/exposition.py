"""The Prometheus text format, version 0.0.4, written by hand: families of samples with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def family(name: str, kind: str, explanation: str, samples: Iterable[tuple[str, dict[str, str], float]]) -> str:
    """One metric family: HELP, TYPE and a line per sample, each ended by a newline.

    A sample is the suffix of its name (such as ``_sum``), its labels, and its value. ``kind`` is counter, gauge,
    summary or histogram; ``explanation`` one line.
    """
    lines = [f"# HELP {name} {explanation}\n", f"# TYPE {name} {kind}\n"]
    for suffix, labels, value in samples:
        shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        lines.append(
            f"{name}{suffix}{{{shown}}} {_spelled(value)}\n" if shown else f"{name}{suffix} {_spelled(value)}\n"
        )
    return "".join(lines)


def _escaped(text: str) -> str:
    clean = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return clean.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _spelled(value: float) -> str:
    return "NaN" if value != value else repr(value)  # noqa: PLR0124 - NaN alone differs from itself
