"""The promises of the backend, on the project's own sample events. Run them with `python -m pytest`.

The fixtures `backend` and `sample_events` come with Packflow: `packflow env sync` puts it into `.venv`.
"""

import json

from packflow_runtime.testing import check_backend


def test_the_backend_keeps_its_promises(backend, sample_events):
    check_backend(backend, sample_events)


def test_a_restored_backend_goes_on_as_if_nothing_had_happened(backend, sample_events):
    half = len(sample_events) // 2
    backend(sample_events[:half])
    kept = json.loads(json.dumps(backend.snapshot()))
    expected = backend(sample_events[half:])
    backend.restore(kept)
    assert backend(sample_events[half:]) == expected


def test_the_first_event_is_alone_in_its_window(backend, sample_events):
    assert backend(sample_events[0])["count"] == 1
