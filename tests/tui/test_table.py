"""A table that is drawn while it is filled."""

from __future__ import annotations

from rich.text import Text
from textual.app import App, ComposeResult

from packflow_app.tui.widgets.tables import Table


class OneTable(App[None]):
    def compose(self) -> ComposeResult:
        yield Table()


async def test_a_line_that_is_drawn_before_textual_is_idle_is_whole_afterwards() -> None:
    async with OneTable().run_test(size=(60, 6)) as pilot:
        table = pilot.app.query_one(Table)
        for value in ("integer", "a longer value"):
            table.fill(("type", "note"), [("only", (Text(value), Text("rarely seen")))])
            table.render_line(1)
            await pilot.pause()
            assert table.render_line(1).text.split("  ")[:2] == [f" {value}", "rarely seen"]
            assert table.virtual_size.width == len(value) + len("rarely seen") + 4
