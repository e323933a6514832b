"""From the start of the process to the first picture, in a real terminal, against the least Textual app there is.

    python -m benchmarks.first_paint [--rounds N]

The two are started in turn, so that whatever else the machine does falls on both. The terminal answers what terminals
are asked at the start. Goal: at most 1.3 times the bare app.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

GOAL = 1.3
BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("first picture")

Bare().run()
"""
PROJECT = {
    "packflow.yaml": "name: model\ndry_run:\n  events: events.ndjson\n",
    "inference.py": "from packflow_runtime import InferenceBackend\n\n\nclass Backend(InferenceBackend):\n"
    "    def execute(self, inputs):\n        return [{} for _ in inputs]\n",
    "requirements.txt": "",
    "events.ndjson": '{"a": 1}\n',
}
_SECONDS = 60


def seconds_to(marker: bytes, command: list[str], folder: Path) -> float:
    """How long a program takes until it draws the marker; it is killed then."""
    started = time.perf_counter()
    process, descriptor = pty.fork()
    if process == 0:
        os.chdir(folder)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_STATE_HOME": str(folder / "state")}
        os.execvp(command[0], command)
    seen = b""
    answered = False
    try:
        while marker not in seen:
            if not select.select([descriptor], [], [], _SECONDS)[0]:
                raise TimeoutError(seen[-500:])
            seen += os.read(descriptor, 1 << 16)
            if b"\x1b[c" in seen and not answered:
                answered = True
                os.write(descriptor, b"\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[?62;c")
        return time.perf_counter() - started
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(descriptor)


def main() -> int:
    """Print the medians and their ratio; 1 where the goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_paint")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in PROJECT.items():
            (folder / file).write_text(text)
        commands = {
            "bare Textual app": (b"first picture", [sys.executable, "-c", BARE]),
            "packflow": (b"Steps", [sys.executable, "-m", "packflow_app"]),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for at in range(rounds + 1):
            for program, (marker, command) in commands.items():
                taken = seconds_to(marker, command, folder)
                if at:  # the first compiles modules
                    times[program].append(taken)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, taken in medians.items():
        print(f"{name:20} {taken * 1e3:7.0f} ms   least {min(times[name]) * 1e3:.0f}")
    ratios = [ours / bare for bare, ours in zip(*times.values(), strict=True)]
    ratio = statistics.median(ratios)
    print(f"ratio                {ratio:7.2f}      goal {GOAL}")
    return int(ratio > GOAL)


if __name__ == "__main__":
    sys.exit(main())
