"""The dry run's page: whole, self-contained, safe against what a model or an event says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from packflow_app.dryrun.html_report import html_report
from packflow_app.errors import NotWritableError
from projects import backend, run_dry, write_project

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Checks that tags close in order; collects text and what would be fetched."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.fetched: list[str] = []
        self.tags: set[str] = set()
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def page_of(folder: Path, source: str, **options: object) -> Page:
    path = folder / "report.html"
    run_dry(write_project(folder / "model", source, [{"n": n, "x": n} for n in range(70)]), html=path, **options)
    return Page(path.read_text("utf-8"))


def test_a_good_run(tmp_path: Path) -> None:
    page = page_of(tmp_path, backend("return [{'y': e['x']} for e in inputs]"))
    assert "✓ 70 of 70" in page.text
    assert "single with second process" in page.text
    assert "svg" in page.tags
    assert page.fetched == []
    assert "script" not in page.tags
    assert {path.name for path in tmp_path.iterdir()} == {"model", "report.html"}


def test_what_the_model_says_is_text(tmp_path: Path) -> None:
    source = backend(
        "print('<script>alert(1)</script>')\n"
        "if any(e['n'] == 3 for e in inputs): raise ValueError('<img src=x>')\n"
        "return [{'y': '<b>' * (len(inputs) > 1)} for e in inputs]"
    )
    page = page_of(tmp_path, source)
    assert not page.tags & {"script", "img"}
    for text in ("<script>alert(1)</script>", "ValueError: <img src=x>", "inference.py:", "✗ 1 of 70", "✗ 1 "):
        assert text in page.text
    assert "The first difference" in page.text
    assert "look for a mean" in page.text


def test_equal_reports_give_equal_pages(tmp_path: Path) -> None:
    report = run_dry(write_project(tmp_path / "model")).report.as_json()
    assert html_report(report) == html_report(report)
    assert str(tmp_path) not in html_report(report)


def test_a_model_that_fails_on_everything(tmp_path: Path) -> None:
    page = page_of(tmp_path, backend("raise ValueError('never')"))
    assert "✗ 70" in page.text
    assert "The first 50 of 70." in page.text


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model")
    with pytest.raises(NotWritableError):
        run_dry(project, html=tmp_path / "none" / "report.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotWritableError):
        run_dry(project, html=tmp_path / "folder")
    assert {path.name for path in tmp_path.iterdir()} == {"model", "folder"}
