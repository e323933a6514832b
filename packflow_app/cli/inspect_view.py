"""A profile of events for people: every field on a line, then what is odd about the events."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.markup import escape

from packflow_app.cli.terminal import Terminal, columns, visible
from packflow_app.cli.wording import counted
from packflow_app.events.comparison import CHANGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packflow_app.events.comparison import FieldChange
    from packflow_app.events.profile import EventsProfile, PathProfile, Sampling
    from packflow_app.events.suggestions import Suggestions

_SHOWN_INVALID = 5
_SHOWN_SHAPES = 5
_SHOWN_TOP = 3
_LONGEST_PATH = 44
_LEAST_WIDTH = 12
_FIELD_HEADERS = ("field", "in", "types", "range", "different", "most frequent")
_LONGEST_VALUE = 24
_FEW = 0.001
_SHOWN_CATEGORIES = 12
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[./][A-Za-z0-9_]+)*").fullmatch


def show_profile(terminal: Terminal, profile: EventsProfile, label: str) -> None:
    """Print the profile of the file called ``label``."""
    facts = [profile.format, counted(profile.events, "event"), f"{profile.invalid_count:,} invalid"]
    facts += [counted(len(profile.paths), "field"), counted(profile.shape_count, "shape")]
    terminal.say(f"[bold]{escape(visible(label))}[/]  {escape(' · '.join(facts))}")
    if profile.sampling is not None:
        terminal.say(f"  [yellow]a sample:[/] {_sampling_text(profile.sampling)}; --full reads all")
    for note in profile.notes:
        terminal.say(f"  [dim]{escape(visible(note))}[/]")
    if profile.paths:
        terminal.say()
        _show_fields(terminal, profile.paths)
    if profile.paths_left_out:
        terminal.say(f"  and {profile.paths_left_out:,} further fields")
    for title, lines in (("conflicts", _conflict_lines(profile)), ("large integers", _large_lines(profile))):
        _show_list(terminal, title, lines)
    show_invalid(terminal, profile, _SHOWN_INVALID)
    if profile.shape_count > 1:
        _show_list(terminal, "shapes", _shape_lines(profile))


def show_invalid(terminal: Terminal, profile: EventsProfile, most: int | None = None) -> None:
    """Print the lines that are no events, or the first of them."""
    shown = profile.invalid if most is None else profile.invalid[:most]
    lines = []
    for one in shown:
        column = f", column {one.column}" if one.column is not None else ""
        lines.append(f"line {one.position:,}{column}: {escape(visible(one.message))}")
    if profile.invalid_count > len(shown):
        codes = ", ".join(f"{code} {count:,}" for code, count in profile.invalid_codes.items())
        lines.append(f"[dim]{profile.invalid_count:,} in all: {escape(codes)}[/]")
    _show_list(terminal, "invalid lines", lines)


def show_changes(terminal: Terminal, changes: tuple[FieldChange, ...], other: EventsProfile, label: str) -> None:
    """Print what the second file, called ``label``, has changed."""
    terminal.say()
    terminal.say(f"[bold]{escape(visible(label))}[/] has {counted(other.events, 'event')}")
    if not changes:
        terminal.say("  [green]the same fields, types and ranges[/]")
        return
    table = columns("", "field", "change", "before", "after")
    table.columns[1].max_width = _LONGEST_PATH
    for change in changes:
        table.add_row(
            "[red]![/]" if change.is_breaking else "",
            escape(visible(change.path)),
            CHANGES[change.kind],
            escape(visible(_short(change.before))),
            escape(visible(_short(change.after))),
        )
    terminal.show(table)
    if any(change.is_breaking for change in changes):
        terminal.say("  [red]![/] may break a model that was made for the first file")


def show_suggestions(terminal: Terminal, suggestions: Suggestions) -> None:
    """Print what may go into packflow.yaml, ready to paste, each key after its reason."""
    if not suggestions.settings and not suggestions.categorical:
        return
    terminal.say()
    terminal.say("[bold]for packflow.yaml[/], to choose from")
    for key, value in suggestions.settings.items():
        terminal.say(f"  [dim]# {escape(visible(suggestions.reasons[key]))}[/]")
        for line in yaml_lines(key, value):
            terminal.say(f"  {escape(visible(line))}")
    if suggestions.categorical:
        named = ", ".join(suggestions.categorical[:_SHOWN_CATEGORIES])
        more = len(suggestions.categorical) - _SHOWN_CATEGORIES
        terminal.say(
            f"  [dim]# text with few values, to be encoded: {escape(visible(named))}[/]"
            + (f" [dim]and {more} more[/]" if more > 0 else "")
        )


def yaml_lines(key: str, value: object) -> list[str]:
    """A setting as lines of packflow.yaml; what is not a plain word is quoted as in JSON, which YAML reads alike."""
    if isinstance(value, list):
        return [f"{key}:", *(f"  - {_quoted(one)}" for one in value)]
    if isinstance(value, dict):
        return [f"{key}:", *(f"  {_quoted(old)}: {_quoted(new)}" for old, new in value.items())]
    return [f"{key}: {str(value).lower() if isinstance(value, bool) else _quoted(value)}"]


def _quoted(value: object) -> str:
    text = str(value)
    return text if _WORD(text) else json.dumps(text, ensure_ascii=False)


def _show_list(terminal: Terminal, title: str, lines: list[str]) -> None:
    if lines:
        terminal.say()
        terminal.say(f"[bold]{title}[/]")
        for line in lines:
            terminal.say(f"  {line}")


def _sampling_text(sampling: Sampling) -> str:
    read = sum(end - start for start, end in sampling.ranges)
    return f"{read / 2**20:,.0f} of {sampling.size / 2**20:,.0f} MiB, from the start, the end and between"


def _show_fields(terminal: Terminal, paths: Iterable[PathProfile]) -> None:
    """A line for each field; what does not fit is cut, the most frequent values first."""
    rows = [_FIELD_HEADERS]
    rows += [
        (
            path.path,
            _share(path.present, path.parents),
            ("! " if path.conflict else "") + _types_text(path),
            _range_text(path),
            _distinct_text(path),
            _top_text(path),
        )
        for path in paths
    ]
    shown = [[visible(text) for text in row] for row in rows]
    widths = [max(cell_len(row[index]) for row in shown) for index in range(len(_FIELD_HEADERS))]
    width = terminal.width
    for index, most in ((0, width * 3 // 10), (2, width // 4), (3, width // 5)):
        widths[index] = min(widths[index], max(most, _LEAST_WIDTH))
    widths[-1] = max(0, min(widths[-1], width - sum(widths[:-1]) - 2 * (len(widths) - 1)))
    for number, row in enumerate(shown):
        cells = [set_cell_size(_cut(text, size), size) for text, size in zip(row, widths, strict=True)]
        for index in (1, 4):
            cells[index] = cells[index].strip().rjust(widths[index])
        line = escape("  ".join(cells).rstrip())
        terminal.say(
            f"[bold]{line}[/]" if number == 0 else line.replace("! ", "[red]![/] ", 1) if "! " in row[2] else line
        )


def _cut(text: str, size: int) -> str:
    return text if cell_len(text) <= size else f"{set_cell_size(text, size - 1)}…" if size else ""


def _share(part: int, whole: int) -> str:
    """Whole percent, and never 100 % or 0 % of what is not all or nothing."""
    if part == whole:
        return "100 %"
    share = part / whole if whole else 0.0
    return "<1 %" if share < 0.01 else f"{min(99, round(share * 100))} %"


def _types_text(path: PathProfile) -> str:
    pattern = path.strings.pattern if path.strings is not None else None
    names = [f"string ({pattern})" if seen.name == "string" and pattern else seen.name for seen in path.types]
    if len(names) == 1:
        return names[0]
    return ", ".join(f"{name} {seen.count:,}" for name, seen in zip(names, path.types, strict=True))


def _range_text(path: PathProfile) -> str:
    if path.numbers is not None:
        return f"{_number(path.numbers.least)} … {_number(path.numbers.greatest)}"
    if path.strings is not None:
        short, long = path.strings.shortest, path.strings.longest
        return f"{short:,} chars" if short == long else f"{short:,} … {long:,} chars"
    if path.items is not None:
        few, many = path.items.fewest, path.items.most
        return counted(few, "item") if few == many else f"{few:,} … {many:,} items"
    return ""


def _number(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**15 else f"{value:.3e}" if abs(value) < 10**300 else "huge"
    return f"{value:,.6g}"


def _distinct_text(path: PathProfile) -> str:
    if not path.distinct:
        return ""
    return f"{'' if path.distinct_is_exact else '~'}{path.distinct:,}"


def _top_text(path: PathProfile) -> str:
    if path.map_keys is not None:
        return f"{path.map_keys:,} different keys"
    scalars = sum(seen.count for seen in path.types if seen.name not in ("array", "object"))
    if not path.top or path.top[0].count <= max(1, scalars * _FEW):
        return ""
    return "  ".join(f"{_short(seen.value)} {_share(seen.count, scalars)}" for seen in path.top[:_SHOWN_TOP])


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _conflict_lines(profile: EventsProfile) -> list[str]:
    return [
        f"{escape(visible(path.path))}: "
        + ", ".join(f"{seen.name} {seen.count:,} (first line {seen.first:,})" for seen in path.conflict)
        for path in profile.conflicts
    ]


def _large_lines(profile: EventsProfile) -> list[str]:
    return [
        f"{escape(visible(path.path))}: {path.numbers.beyond_64_bits:,} beyond 64 bits, "
        f"first line {path.numbers.first_beyond or 0:,}"
        for path in profile.paths
        if path.numbers is not None and path.numbers.beyond_64_bits
    ]


def _shape_lines(profile: EventsProfile) -> list[str]:
    common = set(profile.shapes[0].keys)
    lines = [f"{profile.shapes[0].count:,} events with {counted(len(common), 'key')}"]
    for shape in profile.shapes[1:_SHOWN_SHAPES]:
        keys = set(shape.keys)
        changes = [f"+{key}" for key in shape.keys if key not in common]
        changes += [f"-{key}" for key in profile.shapes[0].keys if key not in keys]
        told = ", ".join(changes[:6]) + (", …" if len(changes) > 6 else "")
        lines.append(f"{shape.count:,} events: {escape(visible(told)) or 'the same keys in another order'}")
    if profile.shape_count > _SHOWN_SHAPES:
        lines.append(f"[dim]and {profile.shape_count - _SHOWN_SHAPES:,} more[/]")
    return lines
