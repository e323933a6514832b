"""Draw the map of the rooms from what their modules import: the block in docs/architecture.md.

python docs/rooms.py            write it anew
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: made by docs/rooms.py -->\n", "<!-- rooms: end -->\n"
_LAYERS = re.search(r"\nlayers = \[\n(.*?)\n\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.DOTALL)
LAYERS = [re.findall(r"packflow_app\.(\w+)", line) for line in _LAYERS[1].splitlines()] if _LAYERS else []
"""From the top, as import-linter holds them."""
DOOR = "runtime"
ROOMS = [room for layer in LAYERS for room in layer]


def imports_of(room: str) -> set[str]:
    """The rooms, and the door, that some module of ``room`` imports, also where only a type checker does."""
    found = set()
    for path in (ROOT / "packflow_app" / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            found |= {name.split(".")[1] for name in names if name.startswith("packflow_app.")}
    return (found & {*ROOMS, DOOR}) - {room}


def drawn() -> str:
    """The map: a row for each room, a column for what it imports; layers apart."""
    columns = [*ROOMS, DOOR]
    width = max(map(len, columns))
    heads = [
        " " * (width + 2) + " ".join(column[line : line + 1] or " " for column in columns) for line in range(width)
    ]
    rows = []
    for layer in LAYERS:
        for room in layer:
            known = imports_of(room)
            marks = ["■" if column == room else "●" if column in known else "·" for column in columns]
            rows.append(f"{room:<{width}}  {' '.join(marks)}")
    return "\n".join(line.rstrip() for line in (*heads, *rows)) + "\n"


def block() -> str:
    """The map as the page holds it."""
    return f"{BEGIN}```text\n{drawn()}```\n{END}"


def main() -> None:
    """Put it into the page."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    PAGE.write_text(head + block() + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
