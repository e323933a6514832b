"""Make the moving picture of the README: three commands, from a model file to a running archive, as they really answer.

    python docs/make_film.py PYTHON

PYTHON has scikit-learn and pandas: it fits the model of docs/howto/notebook.md, which the commands then package. Writes
docs/screens/film.svg: text alone, moved by its own style sheet, which stands still for whoever asks for less motion.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parent
TARGET = DOCS / "screens" / "film.svg"
COMMANDS = (
    "packflow init web-odd --model model.joblib --trust-model --events access.ndjson",
    "packflow env lock web-odd && packflow export web-odd -o dist",
    "tail -n 3 access.ndjson | python3 dist/web_odd-0.1.0.zip",
)
COLUMNS = 108
LINE, CHAR, MARGIN = 18, 7.8, 18
TYPING, PAUSE, REST = 0.9, 1.1, 6.0  # seconds
CUT = re.compile(r"^\s*(sha256|\d+ warnings|edit |writing|dry run, )")


def main() -> None:
    """Run the commands and draw what they say."""
    python = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        shutil.copy2(DOCS / "tutorial" / "access.ndjson", work)
        (cell,) = re.findall(r"```python\n(.*?)```", (DOCS / "howto" / "notebook.md").read_text("utf-8"), re.DOTALL)
        subprocess.run([python, "-c", cell], cwd=work, check=True)
        paths = [str(python.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
        environment = {**os.environ, "PATH": os.pathsep.join(paths), "VIRTUAL_ENV": str(python.parent.parent)}
        environment |= {"PACKFLOW_CACHE": f"{folder}/cache", "COLUMNS": str(COLUMNS)}
        scenes = [(command, _answer(command, work, environment, str(python.parent.parent))) for command in COMMANDS]
    TARGET.write_text(drawn(scenes), encoding="utf-8")


def _answer(command: str, work: Path, environment: dict[str, str], home: str) -> list[str]:
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=work,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=True,
    )
    text = done.stdout.replace(f"{work}/", "").replace(home, "~/.venv")
    lines = [line.rstrip() for line in text.splitlines() if not CUT.match(line)]
    return [line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…" for line in lines]


def drawn(scenes: list[tuple[str, list[str]]]) -> str:
    """The SVG: every line is there from the first, and shows itself when its time has come."""
    shown: list[tuple[float, str, str]] = []
    now = 0.4
    for command, answer in scenes:
        shown.append((now, "c", f"$ {command}"))
        now += TYPING
        shown += [(now, "o", line) for line in answer]
        now += PAUSE
    whole = now + REST
    width, height = COLUMNS * CHAR + 2 * MARGIN, (len(shown) + 1) * LINE + 2 * MARGIN
    frames, texts = [], []
    for number, (start, kind, line) in enumerate(shown):
        at = 100 * start / whole
        frames.append(f"@keyframes l{number}{{0%,{at:.2f}%{{opacity:0}}{at + 0.01:.2f}%,100%{{opacity:1}}}}")
        style = f"animation:l{number} {whole:.1f}s infinite"
        y = MARGIN + (number + 1) * LINE
        place = f'class="{kind}" x="{MARGIN}" y="{y}" style="{style}" xml:space="preserve"'
        texts.append(f"<text {place}>{escape(line)}</text>")
    css = (
        "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#c9d1d9;white-space:pre}"
        ".c{fill:#7ee787;font-weight:bold}"
        "@media(prefers-reduced-motion:reduce){text{animation:none!important}}" + "".join(frames)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">'
        "<title>packflow init, packflow export, and the archive running</title>"
        f'<style>{css}</style><rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n'
        + "\n".join(texts)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    main()
