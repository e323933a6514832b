"""The promises of the backend, on the project's own sample events. Run them with `python -m pytest`."""

import json
from pathlib import Path

import packflow_runtime
import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def backend():
    return packflow_runtime.load(PROJECT)


@pytest.fixture(scope="module")
def events():
    lines = (PROJECT / "samples" / "events.ndjson").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line.strip()]


def test_one_by_one_equals_batch(backend, events):
    assert [backend(event) for event in events] == backend(events)


def test_an_event_without_numbers_scores_zero(backend):
    assert backend({"message": "hello"}) == {"score": 0.0, "unusual": False, "field": None, "fields": 0}
