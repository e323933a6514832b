"""A line is asked for at a terminal: Ctrl-C ends the wait on whichever thread the kernel delivers it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from terminals import CTRL_C, CTRL_D, ENTER, Terminal

if TYPE_CHECKING:
    from pathlib import Path

# The main thread takes no SIGINT, so that the other one is interrupted and a read of the main one is not.
ASK = """
import signal, sys, threading, time
from packflow_app.wizards.prompter import read_line
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
sys.stdout.write("Name: ")
sys.stdout.flush()
try:
    print("got", repr(read_line()), flush=True)
    print("then", repr(read_line()), flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(7)
"""


def asked(folder: Path) -> Terminal:
    (folder / "ask.py").write_text(ASK, "utf-8")
    return Terminal("-c", f"exec {sys.executable} ask.py", folder=folder, command="/bin/sh")


def test_ctrl_c_ends_the_wait_when_another_thread_gets_the_signal(tmp_path: Path) -> None:
    with asked(tmp_path) as terminal:
        terminal.answer("Name:", CTRL_C)
        terminal.wait_for("interrupted", 30)
        assert terminal.end(30) == 7


def test_lines_and_the_end_of_input_are_read(tmp_path: Path) -> None:
    with asked(tmp_path) as terminal:
        terminal.answer("Name:", f"Ada{ENTER}")
        terminal.wait_for("got 'Ada\\n'")
        terminal.press(CTRL_D)
        terminal.wait_for("then ''")
        assert terminal.end() == 0


def test_lines_typed_ahead_are_not_lost(tmp_path: Path) -> None:
    with asked(tmp_path) as terminal:
        terminal.answer("Name:", f"Ada{ENTER}Grace{ENTER}")
        terminal.wait_for("then 'Grace\\n'")
        assert terminal.end() == 0
