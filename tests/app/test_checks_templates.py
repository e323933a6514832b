"""When a document counts as untouched since `packflow init` wrote it."""

from __future__ import annotations

import pytest

from packflow_app.checks import templates
from packflow_app.checks.templates import is_unchanged
from packflow_app.locations import skeletons_dir
from packflow_app.projects.rendering import render_skeleton
from packflow_app.projects.skeletons import read_skeleton, skeleton_kinds
from skeleton_values import skeleton_values

VALUES = {
    "name": "dns-score",
    "description": "Scores (a+b)* names, or .* of them.",
    "events_seen": 1234,
    "field_count": 7,
    "sample_events": "samples/events.ndjson",
}


def written(kind: str, name: str) -> str:
    skeleton = read_skeleton(skeletons_dir() / kind)
    return render_skeleton(skeleton, skeleton_values(skeleton, **VALUES))[name].decode("utf-8")


@pytest.mark.parametrize("kind", skeleton_kinds())
@pytest.mark.parametrize("name", ["README.md", "MODEL_CARD.md"])
class TestSkeletons:
    def test_as_written(self, kind: str, name: str) -> None:
        assert is_unchanged(name, written(kind, name))

    def test_line_ends_and_blanks_at_the_end_make_no_difference(self, kind: str, name: str) -> None:
        lines = written(kind, name).splitlines()
        assert is_unchanged(name, "\r\n".join(f"{line}  " for line in lines) + "\r\n\r\n")

    def test_a_word_of_ones_own_makes_one(self, kind: str, name: str) -> None:
        text = written(kind, name)
        assert not is_unchanged(name, f"{text}\nWe run it at night.\n")
        assert not is_unchanged(name, text[: len(text) // 2])
        line = max(text.splitlines(), key=len)
        assert not is_unchanged(name, text.replace(line, line[::-1]))


def test_a_file_is_compared_with_the_one_of_its_name_only() -> None:
    assert not is_unchanged("MODEL_CARD.md", written("python", "README.md"))
    assert not is_unchanged("README.md", "")
    assert not is_unchanged("README.md", "# dns-score\n")


def test_every_skeleton_has_been_looked_at() -> None:
    assert {path.name for path in skeletons_dir().iterdir() if path.is_dir()} >= set(skeleton_kinds())
    assert skeleton_kinds()


@pytest.mark.parametrize(
    ("text", "unchanged"),
    [
        ("# a\nRows: 5.\n\n\nEnd.", True),
        ("# a b c\nRows: 5.\nTen or more.\n\nEnd.", True),
        ("# a\n# b\nRows: 5.\n\n\nEnd.", False),
        ("# a\nRows: 5.\n\n\nEnd. Not yet.", False),
        ("# a\nRows (5).\n\n\nEnd.", False),
    ],
)
def test_values_stay_in_their_line_and_choices_may_take_more(
    monkeypatch: pytest.MonkeyPatch, text: str, unchanged: bool
) -> None:
    template = "# {{ name }}\nRows: {{ rows }}.\n{% if rows > 9 %}Ten or more.{% endif %}\n{# never shown #}\nEnd."
    monkeypatch.setattr(templates, "_templates", lambda _name: iter([template]))
    assert is_unchanged("README.md", text) is unchanged


def test_a_long_file_is_looked_at_in_no_time() -> None:
    text = written("python", "README.md")
    assert not is_unchanged("README.md", text + "x" * 10_000_000)
    assert not is_unchanged("README.md", text.replace("dns-score", "dns-score " * 900, 1) + "\nmore")
