"""Every code block of the tutorial, the how-tos and the README runs, in order, and prints what its page shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages import ROOT, run_page

DOCS = ROOT / "docs"
QUICK = [ROOT / "README.md", DOCS / "tutorial.md", DOCS / "migrating.md", *sorted((DOCS / "howto").glob("*.md"))]
PAGES = [*QUICK, DOCS / "air-gap.md"]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_block_runs(page: Path, tmp_path: Path) -> None:
    run_page(page.read_text(encoding="utf-8"), tmp_path / "reader")
