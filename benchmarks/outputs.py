"""Native types: outputs of numpy scalars as plain JSON values, against ``float(v)``."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from packflow.utils.normalize import ensure_native_types  # type: ignore[import-not-found]

from benchmarks.cases import BARE, OURS, PEER, Case, Goal, Row, calls
from benchmarks.timing import Work
from packflow_runtime.outputs import checked_outputs

EVENTS = 64
ANY_KEYS = "bare, any keys"
Rows = list[dict[str, Any]]


def known_keys(rows: Rows) -> Rows:
    return [{"score": float(row["score"]), "margin": float(row["margin"])} for row in rows]


def any_keys(rows: Rows) -> Rows:
    return [{key: float(value) for key, value in row.items()} for row in rows]


def cases() -> list[Case]:
    """Two float32 scalars an event; bare knows that they are floats, and in its first kind also their keys."""
    name = "native types, 2 numpy scalars an event"
    return [calls([Row(name, Goal(2.5)), Row(name, bare=ANY_KEYS)], _native, EVENTS)]


def _native() -> dict[str, Work]:
    rows = [{"score": np.float32(i * 0.1), "margin": np.float32(-i)} for i in range(EVENTS)]
    works = {
        BARE: known_keys,
        ANY_KEYS: any_keys,
        OURS: partial(checked_outputs, expected=EVENTS),
        PEER: ensure_native_types,
    }
    return {kind: Work(work, rows) for kind, work in works.items()}
