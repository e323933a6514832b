"""Preprocessing: what the configuration asks for, against code written by hand for that one configuration."""

# ruff: noqa: ANN401 - events and results of any kind

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from packflow.backend.configuration import BackendConfig as PeersConfig  # type: ignore[import-not-found]
from packflow.backend.preprocessors import get_preprocessor  # type: ignore[import-not-found]

from benchmarks.cases import BARE, OURS, PEER, Case, Goal, Row, calls
from benchmarks.events import BATCH, NESTED_PATHS, Event, flat_event, listed_event, nested_event, wide_event
from benchmarks.timing import Work
from packflow_runtime import BackendConfig
from packflow_runtime.preprocessing import compile_preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable

SINGLE = 7  # the event that single calls are made with


def select_by_hand(e: Event) -> Event:
    return {
        "renamed_0": e["field_0"],
        "field_1": e["field_1"],
        "renamed_2": e["field_2"],
        "field_3": e["field_3"],
        "renamed_4": e["field_4"],
        "field_5": e["field_5"],
        "renamed_6": e["field_6"],
        "field_7": e["field_7"],
        "renamed_8": e["field_8"],
        "field_9": e["field_9"],
    }


def nested_by_hand(e: Event) -> Event:
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


def flatten_by_hand(event: Event, prefix: str = "", flat: Event | None = None) -> Event:
    flat = {} if flat is None else flat
    for key, value in event.items():
        if isinstance(value, dict) and value:
            flatten_by_hand(value, f"{prefix}{key}.", flat)
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def flatten_lists_by_hand(event: Any, prefix: str = "", flat: Event | None = None) -> Event:
    flat = {} if flat is None else flat
    for key, value in event.items() if isinstance(event, dict) else enumerate(event):
        if isinstance(value, (dict, list)) and value:
            flatten_lists_by_hand(value, f"{prefix}{key}.", flat)
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def written_out(display: str, argument: str = "records") -> Callable[[Any], Any]:
    """``lambda records: DISPLAY``, for a row of ten fields written out by hand."""
    return eval(f"lambda {argument}: {display}", {"np": np})  # type: ignore[no-any-return]


RENAMED = {f"field_{index}": f"renamed_{index}" for index in range(0, 10, 2)}
SELECT = {
    "rename_fields": RENAMED,
    "feature_names": [RENAMED.get(f"field_{index}", f"field_{index}") for index in range(10)],
}
FLATTEN = {"flatten_nested_inputs": True}
FLATTEN_LISTS = {"flatten_nested_inputs": True, "flatten_lists": True}
EIGHT_PATHS = {"feature_names": NESTED_PATHS[:8]}
FLAT_ARRAY = {"input_format": "numpy", "feature_names": [f"field_{index}" for index in range(10)]}
NESTED_ARRAY = {"input_format": "numpy", "feature_names": NESTED_PATHS}


def cases() -> list[Case]:
    """Every kind of preprocessing, for one event and for a batch where the code differs."""
    return [
        *_pair("rename + select 10 of 20", SELECT, flat_event, select_by_hand, Goal(), Goal(1.1, faster=7)),
        *_pair("8 nested paths", EIGHT_PATHS, nested_event, nested_by_hand, Goal(1.3, faster=12), Goal(1.1, faster=12)),
        *_pair(
            "flatten 31 leaves", FLATTEN, wide_event, flatten_by_hand, Goal(0.75, faster=6.5), Goal(0.85, faster=6.5)
        ),
        *_pair("flatten with lists", FLATTEN_LISTS, listed_event, flatten_lists_by_hand, Goal(0.85), Goal(0.85)),
        _batch("numpy 10 flat", FLAT_ARRAY, flat_event, _array_by_hand(FLAT_ARRAY), Goal(1.0)),
        _batch("numpy 10 nested", NESTED_ARRAY, nested_event, _array_by_hand(NESTED_ARRAY), Goal(1.0, faster=250)),
    ]


def _pair(
    name: str,
    config: dict[str, Any],
    make: Callable[[int], Event],
    by_hand: Callable[[Event], Event],
    single: Goal,
    batch: Goal,
) -> list[Case]:
    def one() -> dict[str, Work]:
        event, ours, peers = make(SINGLE), compile_preprocessing(BackendConfig(**config)), _peers(config)
        works: dict[str, Callable[[Any], Any]] = {
            BARE: lambda event: [by_hand(event)],
            OURS: ours.run_one,
            PEER: lambda event: peers([event]),  # it has no call for single events
        }
        return {kind: Work(work, event) for kind, work in works.items()}

    return [
        calls([Row(f"{name}, single", single)], one),
        _batch(name, config, make, lambda records: [by_hand(event) for event in records], batch),
    ]


def _batch(
    name: str,
    config: dict[str, Any],
    make: Callable[[int], Event],
    by_hand: Callable[[list[Event]], Any],
    goal: Goal,
) -> Case:
    def many() -> dict[str, Work]:
        records = [make(number) for number in range(BATCH)]
        ours = compile_preprocessing(BackendConfig(**config)).run_many
        return {BARE: Work(by_hand, records), OURS: Work(ours, records), PEER: Work(_peers(config), records)}

    return calls([Row(f"{name}, batch {BATCH}", goal)], many, BATCH)


def _array_by_hand(config: dict[str, Any]) -> Callable[[list[Event]], Any]:
    fields = ("e" + "".join(f"[{key!r}]" for key in name.split(".")) for name in config["feature_names"])
    return written_out(f"np.array([[{', '.join(fields)}] for e in records], dtype=float)")


def _peers(config: dict[str, Any]) -> Callable[[Any], Any]:
    return get_preprocessor(PeersConfig(**config))  # type: ignore[no-any-return]
