"""Files as a tree, with their sizes and, for those left out, why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from packflow_app.tui.widgets.tables import Leaves
from packflow_app.wording import sized, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.widgets.tree import TreeNode

_NAME = 34


class FilesTree(Leaves):
    """The data of a leaf is the file's name, with all its folders."""

    def __init__(self, **arguments: object) -> None:
        super().__init__("", **arguments)  # type: ignore[arg-type]
        self.show_root = False
        self.guide_depth = 2

    def show(self, sizes: Mapping[str, int], left_out: Mapping[str, str] | None = None) -> None:
        """Show these files; ``left_out`` are names with the reason."""
        self.clear()
        folders: dict[str, TreeNode[str]] = {"": self.root}
        totals: dict[str, int] = {}
        for name, size in sizes.items():
            for folder in _folders(name):
                totals[folder] = totals.get(folder, 0) + size
        for name in sorted(sizes, key=lambda name: (name.count("/") == 0, name)):
            parent = self._folder(name.rpartition("/")[0], folders, totals)
            parent.add_leaf(_label(name.rpartition("/")[2], sized(sizes[name]), depth=name.count("/")), name)
        if left_out:
            excluded = self.root.add(Text(f"left out ({len(left_out):,})", "bold"), "", expand=True)
            for name, reason in sorted(left_out.items()):
                excluded.add_leaf(_label(name, reason, depth=1, style="dim"), "")
        self.root.expand()
        self.cursor_line = 0

    def _folder(self, name: str, folders: dict[str, TreeNode[str]], totals: dict[str, int]) -> TreeNode[str]:
        if name not in folders:
            above, _, last = name.rpartition("/")
            parent = self._folder(above, folders, totals)
            label = _label(f"{last}/", sized(totals.get(name, 0)), depth=name.count("/") + 1, style="bold")
            folders[name] = parent.add(label, "", expand=name != "packflow_runtime")
        return folders[name]


def _folders(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: at + 1]) for at in range(len(parts))]


def _label(name: str, about: str, *, depth: int, style: str = "") -> Text:
    room = _NAME - 2 * depth
    shown = visible(name)
    shown = shown if len(shown) <= room else f"{shown[: room - 1]}…"
    return Text.assemble((shown.ljust(room), style), ("  ", ""), (about, "dim"))
