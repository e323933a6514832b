"""Files as a tree, with their sizes and, for those left out, why; what a folder holds is made when it is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.widgets import Tree

from packflow_app.tui.widgets.tables import Leaves
from packflow_app.wording import counted, sized, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.widgets.tree import TreeNode

_NAME = 34
_MOST_LEAVES = 1000
_MOST_OPENED = 60
_DEEPEST_OPENED = 6
_CLOSED = "packflow_runtime/"


@dataclass(frozen=True)
class Beside:
    """A folder that is told in words, and what is known of its files; it is closed at first."""

    name: str
    about: str
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Folder:
    path: str = ""
    folders: dict[str, _Folder] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    size: int = 0
    count: int = 0

    def below(self, parts: list[str]) -> list[_Folder]:
        """The folders on the way to a file, this one first; those that are missing are made."""
        way = [self]
        for part in parts:
            here = way[-1]
            way.append(here.folders.setdefault(part, _Folder(f"{here.path}{part}/")))
        return way


class FilesTree(Leaves):
    """The data of a node is the file's name with all its folders, or the folder's, which ends in a slash."""

    DEFAULT_CSS = "FilesTree { overflow-x: hidden; }"

    def __init__(self, **arguments: object) -> None:
        super().__init__("", **arguments)  # type: ignore[arg-type]
        self.show_root = False
        self.guide_depth = 2
        self._shown: object = None
        self._top = _Folder()
        self._marks: Mapping[str, str] = {}

    @property
    def chosen(self) -> str | None:
        """The file under the cursor; None on a folder, and on what is no file of these."""
        node = self.cursor_node
        return node.data if node is not None and node.data and not node.data.endswith("/") else None

    def show(
        self,
        sizes: Mapping[str, int],
        left_out: Mapping[str, str] | None = None,
        *,
        beside: Sequence[Beside] = (),
        marks: Mapping[str, str] | None = None,
    ) -> None:
        """Show these files; ``left_out`` are names with the reason.

        ``marks`` are names of files that are wrong, with why. What is shown already stays as it was left.
        """
        wanted = (dict(sizes), dict(left_out or {}), list(beside), dict(marks or {}))
        if wanted == self._shown:
            return
        self._shown, self._marks, self._top = wanted, wanted[3], _Folder()
        for name, size in sizes.items():
            *folders, last = name.split("/")
            way = self._top.below(folders)
            way[-1].files[last] = size
            for folder in way:
                folder.size += size
                folder.count += 1
        self.clear()
        self._fill(self.root, self._top)
        for one in beside:
            label = _label(one.name, one.about, depth=1 if one.files else 0, style="bold")
            node = self.root.add(label, "", allow_expand=bool(one.files))
            for name, about in one.files.items():
                node.add_leaf(_label(name, f"{'':9}  {about}", depth=1), "")
        if left_out:
            excluded = self.root.add(Text(f"left out ({len(left_out):,})", "bold"), "", expand=True)
            for name, reason in sorted(left_out.items())[:_MOST_LEAVES]:
                excluded.add_leaf(_label(name, reason, depth=1, style="dim"), "")
        self.root.expand()
        self.cursor_line = 0

    def find(self, name: str) -> bool:
        """Move the cursor to a file, opening its folders; False where it is not among those that are shown."""
        node, at = self.root, ""
        for part in name.split("/")[:-1]:
            at += f"{part}/"
            below = next((one for one in node.children if one.data == at), None)
            if below is None:
                return False
            self._open(below)
            node = below
        found = next((one for one in node.children if one.data == name), None)
        if found is not None:
            self.call_after_refresh(self.move_cursor, found)
        return found is not None

    @on(Tree.NodeExpanded)
    def _expanded(self, event: Tree.NodeExpanded[str]) -> None:
        self._make(event.node)

    def _open(self, node: TreeNode[str]) -> None:
        self._make(node)
        if not node.is_expanded:
            node.expand()

    def _make(self, node: TreeNode[str]) -> None:
        """What a folder holds, where that was not made yet."""
        if node.data and not node.children:
            self._fill(node, self._top.below(node.data.rstrip("/").split("/"))[-1])

    def _fill(self, node: TreeNode[str], folder: _Folder) -> None:
        depth = folder.path.count("/")
        for name, below in sorted(folder.folders.items(), key=_place):
            about = f"{sized(below.size):>9}" + "  ✗" * any(one.startswith(below.path) for one in self._marks)
            child = node.add(_label(f"{name}/", about, depth=depth + 1, style="bold"), below.path)
            if below.path != _CLOSED and below.count <= _MOST_OPENED and depth < _DEEPEST_OPENED:
                self._open(child)
        for name, size in sorted(folder.files.items())[:_MOST_LEAVES]:
            wrong = self._marks.get(f"{folder.path}{name}")
            about = f"{sized(size):>9}  ✗ {visible(wrong)}" if wrong else f"{sized(size):>9}"
            node.add_leaf(_label(name, about, depth=depth, style="bold" if wrong else ""), f"{folder.path}{name}")
        if len(folder.files) > _MOST_LEAVES:
            node.add_leaf(Text(f"… and {counted(len(folder.files) - _MOST_LEAVES, 'more file')}", "dim"), "")


def _place(item: tuple[str, _Folder]) -> tuple[bool, str]:
    """What people look for stands first."""
    return item[1].path != "project/", item[0]


def _label(name: str, about: str, *, depth: int, style: str = "") -> Text:
    room = _NAME - 2 * depth
    shown = visible(name)
    shown = shown if len(shown) <= room else f"{shown[: room - 1]}…"
    return Text.assemble((shown.ljust(room), style), ("  ", ""), (about, "bold" if "✗" in about else "dim"))
