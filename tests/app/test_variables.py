"""Every environment variable that the code reads is documented, and none is documented that it does not read."""

from __future__ import annotations

import re
from pathlib import Path

from packflow_app.variables import HONOURED, INTERNAL, TESTS, VARIABLES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "environment-variables.md").read_text("utf-8")
SOURCES = [
    path
    for folder in ("packflow_app", "packflow_runtime/src/packflow_runtime", "skeletons")
    for path in (ROOT / folder).rglob("*.py")
    if path.name != "variables.py"
]


def read_in(sources: list[Path]) -> set[str]:
    """Names in quotes, as a variable stands in ``os.environ``; a name that ends in _ begins others."""
    texts = (path.read_text("utf-8") for path in sources)
    return {name for text in texts for name in re.findall(r"[\"'](PACKFLOW_[A-Z0-9_]+[A-Z0-9])[\"']", text)}


def test_every_variable_of_the_code_is_known() -> None:
    assert read_in(SOURCES) - {*TESTS} == {*VARIABLES, *INTERNAL}


def test_the_document_has_them_all_and_no_other() -> None:
    documented = {*re.findall(r"`(PACKFLOW_[A-Z0-9_]+[A-Z0-9])`", DOCUMENT)}
    assert documented - {*TESTS} == {*VARIABLES, *INTERNAL}
    assert {name for name in HONOURED if f"`{name}`" not in DOCUMENT} == set()
