"""The line above the events: which file, what is in it, and which of them are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from packflow_app.wording import counted, sized, visible

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.events.profile import EventsProfile
    from packflow_app.tui.screens.events.filtering import Filter

_Part = str | tuple[str, str]


def about(file: Path | None, profile: EventsProfile | None, chosen: Filter) -> Content:
    """The line; without a file it names the key that opens one, without a profile it tells nothing of the content."""
    if file is None:
        return Content.assemble(
            "No events are open. Press ", ("o", "bold $key"), " to open a file: JSON, CSV or Parquet."
        )
    parts: list[_Part] = [(visible(file.name), "bold")]
    if profile is not None:
        parts += _content(profile)
    if chosen:
        kind = "where" if chosen.is_sql else "with"
        count = f"{len(chosen.found):,} shown " if chosen.found is not None else ""
        parts.append((f"  {count}{kind} {visible(chosen.expression)}", "bold $primary"))
    return Content.assemble(*parts)


def _content(profile: EventsProfile) -> list[_Part]:
    is_sample = profile.sampling is not None
    parts: list[_Part] = [f"  {'about ' if is_sample else ''}{counted(profile.events, 'event')}", ("  ", "")]
    invalid = counted(profile.invalid_count, "invalid line")
    parts.append((f"✗ {invalid}", "$error") if profile.invalid_count else ("✓ no invalid lines", "$success"))
    if profile.conflicts:
        parts.append((f"  ● {counted(len(profile.conflicts), 'conflict')} of types", "$warning"))
    sampled = ", sampled: o reads all of it" if is_sample else ""
    parts.append((f"  {profile.format}, {sized(profile.bytes)}{sampled}", "$muted"))
    return parts
