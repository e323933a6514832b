"""Preprocessing and call paths against code written by hand for one case each, and against packflow 0.4.1.

    python benchmarks/preprocessing.py [--peer-python PYTHON] [--case TEXT] [--slices N]

PYTHON is an interpreter that has packflow 0.4.1. Each case runs in slices of about 1.5 ms of thread CPU time, bare,
ours, bare, ours, ..., without garbage collection; the smallest time of each counts. numpy cases need numpy.
"""

# ruff: noqa: ANN401, PLC0415 - events and results of any kind; either side is imported only where it is measured

from __future__ import annotations

import argparse
import gc
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

SLICE_SECONDS = 1.5e-3
BATCH = 256
Event = dict[str, Any]


class Case(NamedTuple):
    """One row of the table; ``goal`` is the ratio to bare that is aimed at."""

    name: str
    goal: float | None
    bare: Callable[[Any], Any]
    config: dict[str, Any]
    events: list[Event]
    single: bool = False
    through_call: bool = False
    has_peer: bool = True


def flat_event(number: int) -> Event:
    return {f"field_{index}": number + index * 0.5 for index in range(20)}


def nested_event(number: int) -> Event:
    return {
        "ts": 1.7e9 + number,
        "uid": f"C{number}",
        "id": {"orig_h": 1.0, "orig_p": 51000 + number, "resp_h": 2.0, "resp_p": 443, "proto": 6},
        "conn": {"orig": {"bytes": number * 3, "pkts": number}, "resp": {"bytes": number * 5, "pkts": 2}},
        "host": {"risk": 0.5, "age": 3.25},
    }


NESTED = ["id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "conn.orig.bytes", "conn.orig.pkts"]
NESTED += ["conn.resp.bytes", "host.risk", "conn.resp.pkts", "host.age"]


def wide_event(number: int) -> Event:
    """31 leaves in three levels."""
    return {
        "ts": number,
        "a": {f"k{index}": index for index in range(8)},
        "b": {"c": {f"n{index}": "text" for index in range(8)}, "d": {f"m{index}": 0.5 for index in range(7)}},
        "e": {"f": None, "g": {"h": True, "i": [], "j": {}}, "l": 1, "m": 2, "n": "x"},
    }


def listed_event(number: int) -> Event:
    return {
        "ts": number,
        "dns": {"answers": [{"ttl": 60, "data": "a"}, {"ttl": 30, "data": "b"}, {"ttl": 1, "data": "c"}]},
        "tags": ["x", "y", "z"],
        "a": {f"k{index}": index for index in range(8)},
    }


def bare_flatten(event: Event, prefix: str = "", flat: Event | None = None) -> Event:
    flat = {} if flat is None else flat
    for key, value in event.items():
        if isinstance(value, dict) and value:
            bare_flatten(value, f"{prefix}{key}.", flat)
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def bare_flatten_lists(event: Any, prefix: str = "", flat: Event | None = None) -> Event:
    flat = {} if flat is None else flat
    for key, value in event.items() if isinstance(event, dict) else enumerate(event):
        if isinstance(value, (dict, list)) and value:
            bare_flatten_lists(value, f"{prefix}{key}.", flat)
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def bare_nested(e: Event) -> Event:
    return {
        "id": {
            "orig_h": e["id"]["orig_h"],
            "orig_p": e["id"]["orig_p"],
            "resp_h": e["id"]["resp_h"],
            "resp_p": e["id"]["resp_p"],
        },
        "conn": {
            "orig": {"bytes": e["conn"]["orig"]["bytes"], "pkts": e["conn"]["orig"]["pkts"]},
            "resp": {"bytes": e["conn"]["resp"]["bytes"]},
        },
        "host": {"risk": e["host"]["risk"]},
    }


def written_out(display: str, names: dict[str, Any] | None = None, argument: str = "records") -> Callable[[Any], Any]:
    """``lambda records: DISPLAY``, for code by hand that would be long to type."""
    return eval(f"lambda {argument}: {display}", names or {})  # type: ignore[no-any-return]


RENAME = {f"field_{index}": f"renamed_{index}" for index in range(0, 10, 2)}
SELECT = [RENAME.get(f"field_{index}", f"field_{index}") for index in range(10)]
SELECTED = ", ".join(f"{RENAME.get(f'field_{i}', f'field_{i}')!r}: e['field_{i}']" for i in range(10))
FLAT_ROW = ", ".join(f"e['field_{index}']" for index in range(10))
NESTED_ROW = ", ".join("e" + "".join(f"[{key!r}]" for key in name.split(".")) for name in NESTED)


class BarePassthrough:
    """What someone writes who needs neither checks nor preprocessing."""

    def __call__(self, events: Any) -> Any:
        return self.execute([events])[0] if isinstance(events, dict) else self.execute(events)

    def execute(self, records: list[Event]) -> list[Event]:
        return [{"score": event["field_0"] * 0.5, "label": "high"} for event in records]


def checked_passthrough() -> Callable[[Any], Any]:
    """The same with the check that makes outputs JSON-safe, which both sides then pay for."""
    from packflow_runtime.outputs import checked_outputs

    class Checked(BarePassthrough):
        def __call__(self, events: Any) -> Any:
            if isinstance(events, dict):
                return checked_outputs(self.execute([events]), 1)[0]
            return checked_outputs(self.execute(events), len(events))

    return Checked()


def cases() -> list[Case]:
    flat = [flat_event(number) for number in range(BATCH)]
    nested = [nested_event(number) for number in range(BATCH)]
    wide = [wide_event(number) for number in range(BATCH)]
    lists = [listed_event(number) for number in range(BATCH)]
    select = {"rename_fields": RENAME, "feature_names": SELECT}
    flatten = {"flatten_nested_inputs": True}
    flatten_lists = {"flatten_nested_inputs": True, "flatten_lists": True}
    by_hand = written_out(f"[{{{SELECTED}}} for e in records]")
    one_by_hand = written_out(f"[{{{SELECTED}}}]", argument="e")
    found = [
        Case(
            "passthrough, single, outputs checked by both",
            1.75,
            checked_passthrough(),
            {},
            flat,
            True,
            True,
            has_peer=False,
        ),
        Case(
            "passthrough, batch 256, outputs checked by both",
            1.05,
            checked_passthrough(),
            {},
            flat,
            False,
            True,
            has_peer=False,
        ),
        Case("passthrough, single, bare without any check", None, BarePassthrough(), {}, flat, True, True),
        Case("passthrough, batch 256, bare without any check", None, BarePassthrough(), {}, flat, False, True),
        Case("rename + select 10 of 20, single", None, one_by_hand, select, flat, True),
        Case("rename + select 10 of 20, batch 256", 1.1, by_hand, select, flat),
        Case("8 nested paths, single", 1.3, lambda e: [bare_nested(e)], {"feature_names": NESTED[:8]}, nested, True),
        Case(
            "8 nested paths, batch 256",
            1.1,
            lambda r: [bare_nested(e) for e in r],
            {"feature_names": NESTED[:8]},
            nested,
        ),
        Case("flatten 31 leaves, single", 0.75, lambda e: [bare_flatten(e)], flatten, wide, True),
        Case("flatten 31 leaves, batch 256", 0.85, lambda r: [bare_flatten(e) for e in r], flatten, wide),
        Case("flatten with lists, single", 0.85, lambda e: [bare_flatten_lists(e)], flatten_lists, lists, True),
        Case("flatten with lists, batch 256", 0.85, lambda r: [bare_flatten_lists(e) for e in r], flatten_lists, lists),
    ]
    try:
        names = {"numpy": importlib.import_module("numpy")}
    except ImportError:
        print("numpy cases left out: pip install numpy", file=sys.stderr)
        return found
    flat_names = [f"field_{index}" for index in range(10)]
    as_array = "numpy.array([[{row}] for e in records], dtype=float)"
    rows = {"input_format": "numpy"}
    return [
        *found,
        Case(
            "numpy 10 flat, batch 256",
            1.0,
            written_out(as_array.format(row=FLAT_ROW), names),
            {**rows, "feature_names": flat_names},
            flat,
        ),
        Case(
            "numpy 10 nested, batch 256",
            1.0,
            written_out(as_array.format(row=NESTED_ROW), names),
            {**rows, "feature_names": NESTED},
            nested,
        ),
    ]


def ours(case: Case) -> Callable[[Any], Any]:
    from packflow_runtime import BackendConfig, InferenceBackend
    from packflow_runtime.preprocessing import compile_preprocessing

    if case.through_call:
        return type("Backend", (InferenceBackend,), {"execute": BarePassthrough.execute})(**case.config)
    preprocessor = compile_preprocessing(BackendConfig(**case.config))
    return preprocessor.run_one if case.single else preprocessor.run_many


def peers(case: Case) -> Callable[[Any], Any]:
    """The same work by packflow 0.4.1, which has no calls for single events."""
    from packflow.backend import InferenceBackend  # type: ignore[import-not-found]
    from packflow.backend.configuration import BackendConfig  # type: ignore[import-not-found]
    from packflow.backend.preprocessors import get_preprocessor  # type: ignore[import-not-found]

    if case.through_call:
        return type("Backend", (InferenceBackend,), {"execute": BarePassthrough.execute})(**case.config)  # type: ignore[no-any-return]
    preprocessor = get_preprocessor(BackendConfig(**case.config))
    return (lambda event: preprocessor([event])) if case.single else preprocessor


def smallest_times(functions: list[Callable[[Any], Any]], argument: Any, slices: int) -> list[float]:
    """Seconds of thread CPU time per call of each function, the smallest over interleaved slices."""
    counts = []
    for function in functions:
        started = time.thread_time()
        calls = 0
        while time.thread_time() - started < SLICE_SECONDS:
            function(argument)
            calls += 1
        counts.append(max(1, calls))
    best = [float("inf")] * len(functions)
    for _ in range(slices):
        for index, function in enumerate(functions):
            repeat = range(counts[index])
            started = time.thread_time()
            for _ in repeat:
                function(argument)
            best[index] = min(best[index], (time.thread_time() - started) / counts[index])
    return best


def measured(case: Case, make: Callable[[Case], Callable[[Any], Any]], slices: int) -> tuple[float, float]:
    argument = case.events[7] if case.single else case.events
    function = make(case)
    if make is ours:
        expected, given = case.bare(argument), function(argument)
        assert getattr(given, "tolist", lambda: given)() == getattr(expected, "tolist", lambda: expected)(), case.name
    bare, other = smallest_times([case.bare, function], argument, slices)
    return bare, other


def measure_peer(python: str, case_filter: str, slices: int) -> dict[str, tuple[float, float]]:
    command = [python, __file__, "--as-peer", "--case", case_filter, "--slices", str(slices)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{python} could not run packflow 0.4.1:\n{done.stderr[-2000:]}")
    found: dict[str, tuple[float, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="an interpreter that has packflow 0.4.1")
    parser.add_argument("--case", default="", help="only cases whose name has this text")
    parser.add_argument("--slices", type=int, default=150)
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "packflow_runtime" / "src"))
    chosen = [case for case in cases() if options.case in case.name]
    gc.disable()
    if options.as_peer:
        print(json.dumps({case.name: measured(case, peers, options.slices) for case in chosen if case.has_peer}))
        return
    peer = measure_peer(options.peer_python, options.case, options.slices) if options.peer_python else {}
    print(f"{'case':50} {'bare':>9} {'ours':>9} {'ratio':>6} {'goal':>6} {'0.4.1':>7} {'faster':>7}")
    for case in chosen:
        bare, our = measured(case, ours, options.slices)
        line = f"{case.name:50} {bare * 1e6:7.2f}µs {our * 1e6:7.2f}µs {our / bare:5.2f}x"
        line += f" {case.goal:5.2f}x" if case.goal else " " * 7
        if case.name in peer:
            peer_bare, peer_own = peer[case.name]
            line += f" {peer_own / peer_bare:6.1f}x {peer_own / peer_bare / (our / bare):6.1f}x"
        print(line)


if __name__ == "__main__":
    main()
