"""Where Python lacks what only POSIX systems have, the app opens all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

START = """
import asyncio, os, signal, sys
os.environ["TEXTUAL_DRIVER"] = "textual.drivers.headless_driver:HeadlessDriver"  # the usual one needs termios
sys.modules.update(dict.fromkeys(("termios", "tty", "fcntl")))
del signal.SIGHUP
from packflow_app.tui.app import PackflowApp
from packflow_app.tui.terminal_background import has_light_background
async def look():
    app = PackflowApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        print(app.journey_screen.id)
        await pilot.press("q")
    return app.return_value
sys.exit(asyncio.run(look()))
"""


def test_without_what_only_posix_has(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", START], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
