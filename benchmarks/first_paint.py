"""From the start of the process to the first picture, in a real terminal, against the least Textual app there is.

    python -m benchmarks.first_paint [--rounds N]

The two are started in turn, so that whatever else the machine does falls on both; CPU time is told too, which a busy
machine changes less. The terminal answers what terminals are asked at the start. Our first picture has the steps and
the keys; the frames around them come with the next one, which Textual draws a sixtieth of a second later. Both are
told. Goal: the whole picture after at most 1.3 times as long as the bare app's.
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


def seconds_to(markers: tuple[bytes, ...], command: list[str], folder: Path) -> tuple[float, float]:
    """How long a program takes until it drew all markers, and its CPU time until then; it is killed then."""
    started = time.perf_counter()
    process, descriptor = pty.fork()
    if process == 0:
        os.chdir(folder)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_STATE_HOME": str(folder / "state")}
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or changed modules would be compiled each time
        os.execvp(command[0], command)
    seen = b""
    answered = False
    try:
        while not all(marker in seen for marker in markers):
            if not select.select([descriptor], [], [], _SECONDS)[0]:
                raise TimeoutError(seen[-500:])
            seen += os.read(descriptor, 1 << 16)
            if b"\x1b[c" in seen and not answered:
                answered = True
                os.write(descriptor, b"\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[?62;c")
        taken = time.perf_counter() - started
    finally:
        os.kill(process, signal.SIGKILL)
        _, _, used = os.wait4(process, 0)
        os.close(descriptor)
    return taken, used.ru_utime + used.ru_stime


def main() -> int:
    """Print the times and the medians of their ratios; 1 where the goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_paint")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in PROJECT.items():
            (folder / file).write_text(text)
        commands = {
            "bare Textual app": ((b"first picture",), [sys.executable, "-c", BARE]),
            "packflow": ((b"Steps", b"inspect", b"Commands"), [sys.executable, "-m", "packflow_app"]),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for at in range(rounds + 1):
            for program, (markers, command) in commands.items():
                taken = seconds_to(markers, command, folder)
                if at:  # the first compiles modules
                    times[program].append(taken)
    print(f"{'median of each':20} {'picture':>8} {'CPU':>8}")
    for name, rounds_of in times.items():
        print(f"{name:20}", *(f"{statistics.median(one) * 1e3:5.0f} ms" for one in zip(*rounds_of, strict=True)))
    bare, ours = times.values()
    ratios = [statistics.median(our[at] / other[at] for other, our in zip(bare, ours, strict=True)) for at in range(2)]
    print(f"{'median of ratios':20}", *(f"{ratio:8.2f}" for ratio in ratios), f"     goal of the picture {GOAL}")
    return int(ratios[0] > GOAL)


if __name__ == "__main__":
    sys.exit(main())
