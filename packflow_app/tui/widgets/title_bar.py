"""The first line: which Packflow, which project, which Python."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from packflow_app import __version__
from packflow_app.tui.steps import ProjectSeen
from packflow_app.wording import home_path, visible


class TitleBar(Static):
    """One line; what does not fit is left out from the right, the Python last."""

    DEFAULT_CSS = "TitleBar { height: 1; background: $panel; color: $foreground; padding: 0 1; text-wrap: nowrap; }"

    def __init__(self) -> None:
        super().__init__()
        self._seen: ProjectSeen | None = None

    def show(self, seen: ProjectSeen | None) -> None:
        """Show a project, or none."""
        self._seen = seen
        self.update(self._line())

    def on_mount(self) -> None:
        self.update(self._line())

    def on_resize(self) -> None:
        self.update(self._line())

    def _line(self) -> Content:
        left = Content.assemble(("packflow", "bold $primary"), (f" {__version__}", "$muted"))
        right = Content("")
        if self._seen is not None:
            name = visible(f"{self._seen.name} {self._seen.version}").strip()
            left += Content.assemble("   ", (name, "bold"))
            python = f"py {self._seen.python}" if self._seen.python else ""
            right = Content.styled(python, "$muted")
            room = self.content_size.width - left.cell_length - right.cell_length - 6
            folder = visible(home_path(self._seen.folder))
            if room >= 8:
                shown = folder if len(folder) <= room else f"…{folder[-room + 1 :]}"
                left += Content.assemble("   ", (shown, "$muted"))
        gap = max(1, self.content_size.width - left.cell_length - right.cell_length)
        return Content.assemble(left, " " * gap, right)
