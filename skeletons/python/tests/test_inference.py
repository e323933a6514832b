"""The promises of the backend, on the project's own sample events. Run them with `python -m pytest`.

The fixtures `backend` and `sample_events` come with Packflow: `packflow env sync` puts it into `.venv`.
"""

from packflow_runtime.testing import check_backend


def test_the_backend_keeps_its_promises(backend, sample_events):
    check_backend(backend, sample_events)


def test_an_event_without_numbers_scores_zero(backend):
    assert backend({"message": "hello"}) == {"score": 0.0, "unusual": False, "field": None, "fields": 0}
