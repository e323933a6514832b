"""docs/checks.md says of every check exactly what the registry says."""

from __future__ import annotations

import re
from pathlib import Path

from packflow_app.checks.registry import CHECKS, FAMILIES

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z][a-z-]*)` \| ((?:error|warning|info) .*) \|$", re.MULTILINE)


def test_every_check_has_its_line_in_the_order_of_the_registry() -> None:
    rows = [(check, *rest.split(" | ")) for check, rest in ROW.findall(TEXT)]
    assert rows == [
        (
            check.id,
            check.severity.value,
            check.title.removesuffix("."),
            check.why.removesuffix("."),
            check.fix.removesuffix("."),
            f"`{check.safe_fix}`" if check.safe_fix else "–",
        )
        for check in CHECKS
    ]


def test_every_family_has_its_section() -> None:
    sections = TEXT.split("\n## ")[1:]
    families = [section for section in sections if ROW.search(section)]
    assert [ROW.findall(section)[0][0] for section in families] == [
        next(check.id for check in vars(family).values() if check in CHECKS) for family in FAMILIES
    ]
    assert all(section.split("\n")[2] for section in families)
