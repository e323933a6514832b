"""The promises of the backend, on the project's own sample events. Run them with `python -m pytest`.

The fixtures `backend` and `sample_events` come with Packflow: `packflow env sync` puts it into `.venv`.
"""

from packflow_runtime.testing import check_backend


def test_the_backend_keeps_its_promises(backend, sample_events):
    check_backend(backend, sample_events)


def test_every_event_gets_values(backend, sample_events):
    for output in backend(sample_events[:20]):
        assert output["values"]
