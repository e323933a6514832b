"""The profile: a line for each path, its conflicts standing out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from packflow_app.tui.widgets.tables import Table
from packflow_app.wording import visible

if TYPE_CHECKING:
    from packflow_app.events.profile import EventsProfile, PathProfile

COLUMNS = ("path", "present", "null", "type", "values", "distinct", "example")
_LONGEST = 32


class ProfileTable(Table):
    """Filled at once; a path that has several types is marked by word and colour."""

    def __init__(self) -> None:
        super().__init__(id="profile", cursor_type="row", zebra_stripes=False, cell_padding=1)

    def show(self, profile: EventsProfile) -> None:
        """Show another profile."""
        self.fill(COLUMNS, ((path.path, _cells(path)) for path in profile.paths))


def _cells(path: PathProfile) -> list[Text]:
    share = path.present / path.parents if path.parents else 0.0
    nulls = path.nulls / path.present if path.present else 0.0
    kinds = " | ".join(seen.name for seen in path.types)
    about = "" if path.distinct_is_exact else "≈"
    return [
        Text(_short(path.path), "bold"),
        Text(_percent(share), justify="right"),
        Text(_percent(nulls) if nulls else "", justify="right"),
        Text(f"● {kinds}" if path.conflict else kinds, "bold yellow" if path.conflict else ""),
        Text(_short(_values(path))),
        Text(f"{about}{path.distinct:,}" if path.distinct else "", justify="right"),
        Text(_short(path.top[0].value if path.top else "")),
    ]


def _values(path: PathProfile) -> str:
    """The range of numbers, else what all strings are, else the most frequent values."""
    if path.map_keys is not None:
        return f"{path.map_keys:,} keys"
    if path.numbers is not None:
        return f"{path.numbers.least:g} … {path.numbers.greatest:g}"
    if path.strings is not None and path.strings.pattern:
        return path.strings.pattern
    if path.items is not None:
        return f"{path.items.fewest:,} … {path.items.most:,} items"
    return ", ".join(seen.value for seen in path.top[:3])


def _percent(share: float) -> str:
    """Whole percents; neither 0 nor 100 unless it is exactly that."""
    if 0 < share < 0.01:
        return "<1%"
    return ">99%" if 0.99 < share < 1 else f"{share:.0%}"


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
