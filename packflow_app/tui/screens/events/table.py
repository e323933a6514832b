"""The table of events: as many rows as the file has positions, of which only those on the screen are ever read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from packflow_app.tui.screens.events.opened import Page, Row
from packflow_app.wording import visible

PAGE = 128
_MOST_CACHED = 4096
_WIDEST = 20
_NARROWEST = 6


class EventTable(ScrollView, can_focus=True):
    """Asks for the rows it lacks by a message, and shows dots until they come."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("home,g", "jump(0)", show=False),
        Binding("end,G", "jump(-1)", show=False),
        Binding("right,l", "screen.columns(1)", show=False),
        Binding("left,h", "screen.columns(-1)", show=False),
    ]
    DEFAULT_CSS = """
    EventTable { height: 1fr; width: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-gutter: stable; }
    """

    cursor: reactive[int] = reactive(0)

    @dataclass
    class RowsWanted(Message):
        """Rows came into view that are not known."""

        first: int
        count: int

    class CursorMoved(Message):
        """Another row is under the cursor, or it became known."""

    def __init__(self) -> None:
        super().__init__(id="events")
        self.count = 0
        self.columns: list[str] = []
        self.first_column = 0
        self._widths: dict[str, int] = {}
        self._last: set[str] = set()
        self._rows: dict[int, Row] = {}
        self._wanted: tuple[int, int] | None = None

    @property
    def row(self) -> Row | None:
        """The row under the cursor, where it is known."""
        return self._rows.get(self.cursor)

    def reset(self, count: int) -> None:
        """Show other rows, none of which is known yet."""
        self.count = count
        self._rows.clear()
        self._wanted = None
        self.virtual_size = Size(0, count)
        self.cursor = 0
        self.scroll_to(y=0, animate=False)
        self._want()
        self.refresh()

    def grow(self, count: int) -> None:
        """More rows than the first ones are there; they are read anew, and the cursor stays."""
        self.count = count
        self.virtual_size = Size(0, count)
        self.forget()
        self.refresh()

    def forget(self) -> None:
        """Read the rows anew, in the same place: more is known about them."""
        self._rows.clear()
        self._wanted = None
        self._want()

    def add(self, page: Page) -> None:
        """Take up rows."""
        self._wanted = None
        if len(self._rows) > _MOST_CACHED:
            self._rows.clear()
        self._rows.update(enumerate(page.rows, page.first))
        if not self.columns:
            self._choose_columns(page.rows)
        self.post_message(self.CursorMoved())
        self._want()
        self.refresh()

    def _choose_columns(self, rows: list[Row]) -> None:
        """The members of the first events in the order in which they are seen, each as wide as it needs."""
        for row in rows:
            for key, value in row.cells.items():
                if key not in self._widths:
                    self.columns.append(key)
                    self._widths[key] = max(_NARROWEST, min(_WIDEST, cell_len(_name(key))))
                self._widths[key] = max(self._widths[key], min(_WIDEST, cell_len(value)))
        self._order()

    def put_last(self, names: set[str]) -> None:
        """Let these columns stand after all others."""
        self._last = names
        self._order()
        self.post_message(self.CursorMoved())

    def _order(self) -> None:
        self.columns.sort(key=lambda key: _bare(key) in self._last)

    def forget_columns(self) -> None:
        """Choose the columns anew, for another file."""
        self.columns, self.first_column, self._widths, self._last = [], 0, {}, set()

    def move_columns(self, by: int) -> None:
        """Show further columns, or earlier ones."""
        self.first_column = max(0, min(len(self.columns) - 1, self.first_column + by))
        self.refresh()
        self.post_message(self.CursorMoved())

    # What is drawn

    def header(self) -> Content:
        """The names of the columns that are shown."""
        line = Content.styled("".rjust(self._number_width) + "   ", "")
        for key, width in self._shown_columns():
            line = Content.assemble(line, (set_cell_size(_name(key), width), "bold $muted"), "  ")
        return line

    @property
    def columns_left(self) -> int:
        """How many columns stand further right than those that are shown."""
        return max(0, len(self.columns) - self.first_column - len(self._shown_columns()))

    @property
    def _number_width(self) -> int:
        return max(3, len(f"{self.count:,}"))

    def _shown_columns(self) -> list[tuple[str, int]]:
        room = self.scrollable_content_region.width - self._number_width - 3
        shown: list[tuple[str, int]] = []
        for key in self.columns[self.first_column :]:
            width = min(self._widths[key], max(room, 0))
            if shown and self._widths[key] > room:
                break
            shown.append((key, width))
            room -= width + 2
        return shown

    def render_line(self, y: int) -> Strip:
        number = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        style = self.visual_style
        if number >= self.count:
            return Strip.blank(width, style.rich_style)
        content = self._content(number).truncate(width, ellipsis=True, pad=True)
        if number == self.cursor:
            content = content.stylize_before(self._cursor_style)
        return Strip(content.render_segments(style)).adjust_cell_length(width, style.rich_style)

    @property
    def _cursor_style(self) -> str:
        if self.app.no_color:
            return "reverse"
        if not self.has_focus:
            return "on $block-cursor-blurred-background"
        return "$cursor-foreground on $cursor-background"

    def _content(self, number: int) -> Content:
        row = self._rows.get(number)
        if row is None:
            self._want()
            return Content.styled(f"{number + 1:>{self._number_width},}   …", "$muted")
        head = (f"{row.position:>{self._number_width},} ", "$muted")
        if row.invalid:
            where = f" (column {row.column})" if row.column and "column" not in row.invalid else ""
            text = visible(row.text[:200])
            return Content.assemble(
                head, ("✗ ", "$error"), (f"{visible(row.invalid)}{where}  ", "$error"), (text, "$muted")
            )
        mark = ("● ", "$warning") if row.odd else ("  ", "")
        cells: list[str | tuple[str, str]] = []
        for key, width in self._shown_columns():
            cells += [_cell(row.cells.get(key), width), "  "]
        return Content.assemble(head, mark, *cells)

    def _want(self) -> None:
        """Ask for the page in view, once, where a part of it is not known."""
        if not self.count or self._wanted is not None:
            return
        first = max(0, min(self.scroll_offset.y, self.count - 1))
        last = min(self.count, first + max(1, self.size.height))
        if all(number in self._rows for number in range(first, last)):
            return
        start = max(0, first - PAGE // 4)
        self._wanted = (start, min(PAGE + last - first, self.count - start))
        self.post_message(self.RowsWanted(*self._wanted))

    # What moves

    def watch_cursor(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.post_message(self.CursorMoved())
        self._want()
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._want()

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(self.count - 1, cursor))

    def action_move(self, by: int) -> None:
        self.cursor += by

    def action_page(self, by: int) -> None:
        self.cursor += by * max(1, self.size.height - 1)

    def action_jump(self, to: int) -> None:
        self.cursor = 0 if to == 0 else self.count - 1

    def on_click(self, event: events.Click) -> None:
        self.cursor = event.y + self.scroll_offset.y

    def on_resize(self) -> None:
        self._want()
        self.post_message(self.CursorMoved())


def _name(key: str) -> str:
    return visible(_bare(key))


def _bare(key: str) -> str:
    """A member's name without its quotes; one with escapes stays as it was written."""
    return key[1:-1] if key.startswith('"') else key


def _cell(value: str | None, width: int) -> tuple[str, str]:
    """A value as it was written, cut off where it is long; strings without their quotes."""
    if value is None:
        return "".ljust(width), ""
    text = visible(value)
    style = ""
    if value.startswith('"'):
        text = text[1:-1] or '""'
    elif value in ("true", "false", "null"):
        style = "$literal"
    elif value[:1] not in "{[":
        style = "$number"
        return set_cell_size(text.rjust(width) if len(text) < width else _cut(text, width), width), style
    else:
        style = "$muted"
    return set_cell_size(_cut(text, width), width), style


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"
