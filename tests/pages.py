"""The code blocks of a page of the documentation, and running them in order as its reader would.

Blocks of ``bash`` run in one folder, each where the one before it ended; blocks of ``python`` run as a script there. A
block of ``text`` right after one is what it prints (both streams), where ``…`` stands for anything, also for lines in
between.
What a page need not show is said in comments above a block::

    <!-- test: exit 1 -->              it ends with this exit code
    <!-- test: file NAME -->           it is the content of this file
    <!-- test: skip REASON -->         it cannot run here, and why
    <!-- test: first                   what the reader has done already
    commands
    -->
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN = ("bash", "sh", "python", "console")
_PIECE = re.compile(
    r"^<!-- test: (?P<word>\w+) ?(?P<rest>.*?)-->$|^(?P<fence>```+)(?P<kind>[\w-]*)[^\n]*\n(?P<code>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class Block:
    """A block with what the page says about it; ``line`` is its place in the page."""

    kind: str
    code: str
    line: int
    first: list[str] = field(default_factory=list)
    exit: int = 0
    file: str | None = None
    skip: str | None = None
    output: str | None = None


def blocks_of(text: str) -> list[Block]:
    """The blocks that run, with the output that is shown for each; raises ValueError for a comment of no meaning."""
    found: list[Block] = []
    told: dict[str, str] = {}
    first: list[str] = []
    end = 0
    for piece in _PIECE.finditer(text):
        if piece["word"]:
            if piece["word"] not in ("first", "exit", "file", "skip"):
                raise ValueError(f"<!-- test: {piece['word']} --> means nothing")
            if piece["word"] == "first":
                first.append(piece["rest"])
            else:
                told[piece["word"]] = piece["rest"].strip()
            continue
        directly = not text[end : piece.start()].strip()
        end = piece.end()
        if piece["kind"] == "text" and found and directly:
            found[-1].output = piece["code"]
        elif piece["kind"] in RUN or "file" in told:
            line = text.count("\n", 0, piece.start()) + 1
            exit_code = int(told.get("exit", 0))
            found.append(
                Block(piece["kind"], piece["code"], line, first, exit_code, told.get("file"), told.get("skip"))
            )
            first = []
        told = {}
    if first:
        found.append(Block("bash", "", text.count("\n"), first))
    return found


def run_page(text: str, home: Path) -> int:
    """Run every block in ``home``; returns how many ran. Raises AssertionError with the line of one that fails."""
    work = home / "work"
    work.mkdir(parents=True)
    (home / "packflow").symlink_to(ROOT)
    (home / ".bash_env").touch()
    ran = 0
    for block in blocks_of(text):
        for commands in block.first:
            work = _bash(commands, work, home, 0, f"before line {block.line}", None)
        if block.skip is not None:
            assert len(block.skip) > 10, f"line {block.line}: say why it cannot run here"
            continue
        ran += 1
        place = f"line {block.line}"
        if block.file is not None:
            (work / block.file).parent.mkdir(parents=True, exist_ok=True)
            (work / block.file).write_text(block.code, encoding="utf-8")
        elif block.kind == "python":
            _run(["bash", "-c", 'python -c "$0"', block.code], work, home, block.exit, place, block.output)
        else:
            work = _bash(block.code, work, home, block.exit, place, block.output)
    return ran


def _bash(code: str, work: Path, home: Path, expected: int, place: str, output: str | None) -> Path:
    """Run it; returns the folder where it ended."""
    ended = home / "ended-in"
    script = f"set -eo pipefail\ntrap 'pwd > {ended}' EXIT\n{code}"
    _run(["bash", "-c", script], work, home, expected, place, output)
    return Path(ended.read_text(encoding="utf-8").strip())


def _run(command: list[str], work: Path, home: Path, expected: int, place: str, output: str | None) -> None:
    done = subprocess.run(
        command,
        cwd=work,
        env=_environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == expected, f"{place} ended with {done.returncode}, not {expected}:\n{done.stdout}"
    if output is not None:
        _compare(done.stdout, output, place)


def _compare(shown: str, output: str, place: str) -> None:
    lines = [line.rstrip() for line in shown.strip("\n").splitlines()]
    wanted = [line.rstrip() for line in output.strip("\n").splitlines()]
    while lines and lines[0].startswith("  ") and not wanted[0].startswith("  "):
        del lines[0]  # how far a command is, which only a slow machine hears
    parts = [r"(?:.*\n)*?" if line == "…" else f"{_pattern(line)}\n" for line in wanted]
    told = "\n".join(lines)
    assert re.fullmatch("".join(parts), told + "\n"), f"{place} shows\n{told}\n\nand the page says\n{output}"


def _pattern(line: str) -> str:
    """A line that is shown; what ``…`` stands for, with the blanks around it, may be folded: folds are indented."""
    return re.sub(r"(?:\\ )?…(?:\\ )?", lambda _: r"(?:.|\n  )*?", re.escape(line))


def _environment(home: Path) -> dict[str, str]:
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("PACKFLOW_", "PYTHON", "VIRTUAL_ENV"))
    }
    return {
        **kept,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip")),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "LC_ALL": "C.UTF-8",
        "BASH_ENV": str(home / ".bash_env"),  # where `first` puts what holds for all blocks
        "TESTS": str(ROOT / "tests"),
    }
