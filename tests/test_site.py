"""The documentation's site is complete, and its map is what the code is. `make docs` builds it, strictly."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
CONFIG = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
LISTED = set(re.findall(r"^ +(?:# )?- .+: ([\w/-]+\.md)$", CONFIG, re.MULTILINE))
MADE = {"reference/cli.md", "reference/packflow-yaml.md", "reference/exit-codes.md", "contributing.md", "changelog.md"}
"""Pages that are made when the site is built."""


def test_the_map_of_the_rooms_is_what_they_import() -> None:
    drawn = runpy.run_path(str(DOCS / "rooms.py"))["block"]()
    assert "cli " in drawn
    assert drawn in (DOCS / "architecture.md").read_text(encoding="utf-8"), "run: python docs/rooms.py"


def test_the_map_of_the_modules_has_each_once() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n## The map\n")[2].partition("\n## ")[0]
    rows = "".join(re.findall(r"^\| (`.*?) \|", text.partition("| module |")[2], re.MULTILINE))
    told = re.findall(r"`([^`]+)`", rows)
    families = [name.removesuffix("*") for name in told if name.endswith("*")]
    there = modules_of(ROOT / "packflow_runtime" / "src" / "packflow_runtime")
    members = {name for name in there if name.startswith(tuple(families))}
    assert sorted(name for name in told if not name.endswith("*")) == sorted(there - members)
    (block,) = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    rooms = re.findall(r"^\w+/|\w+\.py\b", block, re.MULTILINE)
    assert sorted(name.removesuffix(".py") for name in rooms) == sorted(modules_of(ROOT / "packflow_app"))


def test_the_comparison_is_the_same_table_in_both_places() -> None:
    first, second = (
        re.findall(r"^\|.*\|$", text[text.index("| | Packflow ") :].partition("\n\n")[0], re.MULTILINE)
        for text in ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/comparison.md"))
    )
    assert first == second
    assert len({row.count("|") for row in first}) == 1
    prose = (DOCS / "comparison.md").read_text(encoding="utf-8")
    for tool in re.findall(r"\| (\w+ \d[\d.]+)(?= \|)", first[0].replace("|", "| |")):
        assert tool.startswith("Packflow ") or tool in prose.partition("\n| ")[0]


def modules_of(package: Path) -> set[str]:
    """The modules by name and the packages by name and slash, but for those that every package has."""
    files = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    return files | {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}


def test_every_page_has_its_place() -> None:
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert pages <= LISTED
    assert LISTED - pages <= MADE | {"brokers.md", "scale-out.md"}


def test_the_pages_that_are_made_of_the_code() -> None:
    made = runpy.run_path(str(DOCS / "reference_pages.py"))["pages"]()
    assert {*made} | {"contributing.md", "changelog.md"} == MADE
    for word in ("## packflow dry-run", "## packflow create", "--supervise", "packflow env lock [OPTIONS]"):
        assert word in made["reference/cli.md"]
    for row in (
        "| `name` | text | required |",
        "| `batch_sizes` | list of whole number | `[8, 64]` |",
        "| `missing` | one of `omit`, `null`, `error` | `omit` |",
        "| `input_format` | one of `passthrough`, `records`, `numpy`, `pandas` | `records` |",
    ):
        assert row in made["reference/packflow-yaml.md"]
    assert "| 4 | `MODEL_FAILED` | the model raised, timed out or died |" in made["reference/exit-codes.md"]


@pytest.mark.parametrize("heading", ["packflow.yaml", "Exit codes"])
def test_formats_tells_all_that_the_code_knows(heading: str) -> None:
    made = runpy.run_path(str(DOCS / "reference_pages.py"))["pages"]()
    text = (DOCS / "formats.md").read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    page = made[f"reference/{heading.lower().replace('.', '-').replace(' ', '-')}.md"].partition("\n## ")[0]
    known = re.findall(r"^\| `?(\w+)`? \|", page, re.MULTILINE)
    told = re.findall(r"\w+", "\n".join(re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)))
    assert [name for name in known if name not in told] == []
