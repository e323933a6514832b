"""The promises of the backend, on the project's own sample events. Run them with `python -m pytest`.

The fixtures `backend` and `sample_events` come with Packflow: `packflow env sync` puts it into `.venv`.
"""

import pytest

from packflow_runtime.testing import check_backend


def test_the_backend_keeps_its_promises(backend, sample_events):
    check_backend(backend, sample_events)


def test_an_event_without_text_is_an_error_that_names_the_field(backend):
    with pytest.raises(Exception, match="holds no text"):
        backend({"nothing": 1})
