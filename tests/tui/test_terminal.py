"""The app in a real terminal: the journey by keys alone, and the terminal as it was before, however it ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from projects import backend, write_project
from stand_ins import make_bench, tree
from terminals import CTRL_C, DOWN, ENTER, ESCAPE, Terminal

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "tests" / "data" / "dotted_dns.ndjson.gz"
REAL = Path(os.environ.get("PACKFLOW_EVENTS_DIR", ROOT.parent / "shared" / "events")) / "zeek_dns.ndjson.gz"
COLOR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-7]|38|4[0-7]|48|9[0-7]|10[0-7])(?:;[0-9]+)*m")
LEAVES_ALTERNATE_SCREEN, SHOWS_CURSOR, ENDS_MOUSE = "\x1b[?1049l", "\x1b[?25h", "\x1b[?1003l"

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "model")


def app_in(
    *words: str, folder: Path, variables: dict[str, str] | None = None, size: tuple[int, int] = (120, 36), **named: bool
) -> Terminal:
    """The app in a terminal of this size."""
    return Terminal(*words, folder=folder, columns=size[0], rows=size[1], **named, **(variables or {}))


def assert_restored(terminal: Terminal) -> None:
    for ending in (LEAVES_ALTERNATE_SCREEN, SHOWS_CURSOR, ENDS_MOUSE):
        assert ending in terminal.raw
    last = terminal.raw.rindex(LEAVES_ALTERNATE_SCREEN)
    assert "\x1b[?1049h" not in terminal.raw[last:]


def test_the_first_picture_has_all_that_the_screen_has(project: Path) -> None:
    with app_in(folder=project) as terminal:
        terminal.wait_for("Commands")  # its last word
        first = terminal.raw.split("\x1b[1;1H")[1]  # from the corner on; another picture begins there too
    for wanted in ("Steps", "Next", "Journey", "╰", "verify", "Commands"):
        assert wanted in first


PYTHON, EVENTS_FILE, LAST = "Which Python runs it?", "Example events", "Create it?"
PLAIN = (("What is your model?", ENTER), (PYTHON, ENTER), (EVENTS_FILE, ENTER), (LAST, ENTER))
PICKLE = (
    *PLAIN[:2],
    ("Model file", ENTER),
    ("may it be opened?", "y"),
    (EVENTS_FILE, ENTER),
    ("Which fields are the features", ENTER),
    (LAST, ENTER),
)


def begun(folder: Path, kind: str, stand_in: Path) -> tuple[tuple[str, str], ...]:
    """Make the folder that a journey of this kind begins in; the questions after the name, and what is pressed."""
    if kind == "pickle":
        make_bench(folder, stand_in)
        return PICKLE
    folder.mkdir()
    events = {"generated": EVENTS, "real": REAL}.get(kind)
    if events is not None:
        if not events.is_file():
            pytest.skip(f"{events.name} is not there; set PACKFLOW_EVENTS_DIR to a folder of real events")
        shutil.copy(events, folder / "dns.ndjson.gz")
    return PLAIN


@pytest.mark.parametrize("kind", ["empty", "generated", "real", "pickle"])
@pytest.mark.parametrize("size", [(120, 36), (80, 24)], ids=["120x36", "80x24"])
def test_the_journey_by_keys_alone(tmp_path: Path, stand_in: Path, kind: str, size: tuple[int, int]) -> None:
    folder = tmp_path / "work"
    questions = begun(folder, kind, stand_in)
    active = {"VIRTUAL_ENV": str(stand_in.parent.parent)} if kind == "pickle" else {}
    with app_in(folder=folder, size=size, variables={"XDG_STATE_HOME": str(tmp_path), **active}) as terminal:
        terminal.wait_for("Where shall we begin?")
        terminal.press(ENTER)
        terminal.answer("Project name", "dns-model" + ENTER)
        for wanted, key in questions:
            shown = terminal.wait_for(wanted)
            assert not (folder / "packflow.yaml").exists()
            assert not (folder / "dns-model").exists()
            terminal.press(key)
        assert f"packflow init {'.' if kind == 'empty' else 'dns-model'}" in shown
        terminal.wait_for("The model has not been run yet.")
        if kind == "pickle":
            terminal.press("3", "o")
            terminal.wait_for("trust pickles")
            terminal.press(DOWN, DOWN, "4,32" + ENTER)
            terminal.wait_for("--batch-size 4,32")
            terminal.press("1")
        terminal.press("r")
        terminal.wait_for("The dry run is good.", 60)
        terminal.press("r")
        terminal.wait_for("All checks passed.")
        terminal.press("r")
        terminal.answer("example events may ship?", ENTER)
        terminal.wait_for("The archive is written.")
        terminal.press("r")
        terminal.wait_for("written and verified")
        for key, text in (("2", "no invalid lines"), ("3", "single = batch"), ("4", "nothing is in the way")):
            terminal.press(key)
            terminal.wait_for(text)
            assert "Traceback" not in terminal.text
        terminal.press("5")
        terminal.wait_for("Contents:")
        terminal.press("6")
        terminal.wait_for("✓ verified")
        terminal.press("q")
        assert terminal.end() == 0
        assert_restored(terminal)
    archive = folder / "dns_model-0.1.0.zip"
    ran = subprocess.run([sys.executable, str(archive), "info"], capture_output=True, text=True, check=True)
    assert "dns-model 0.1.0" in ran.stdout


@pytest.mark.parametrize("at", range(1 + len(PICKLE)))
def test_control_c_at_any_question_of_the_wizard_leaves_nothing(tmp_path: Path, stand_in: Path, at: int) -> None:
    folder = tmp_path / "work"
    questions = (("Project name", ENTER), *begun(folder, "pickle", stand_in))
    before = tree(folder)
    active = {"VIRTUAL_ENV": str(stand_in.parent.parent)}
    with app_in(folder=folder, size=(80, 24), variables=active) as terminal:
        terminal.wait_for("Where shall we begin?")
        terminal.press("n")
        for wanted, key in questions[:at]:
            terminal.answer(wanted, key)
        terminal.answer(questions[at][0], CTRL_C)
        terminal.wait_for("Nothing was created.")
        terminal.press("q")
        assert terminal.end() == 0
        assert_restored(terminal)
    assert tree(folder) == before


def test_a_run_stops_within_a_second_and_the_app_goes_on(tmp_path: Path) -> None:
    project = write_project(tmp_path / "slow", backend("time.sleep(0.2)\nreturn [{'n': e['n']} for e in inputs]"))
    with app_in("ui", "dry-run", folder=project) as terminal:
        terminal.wait_for("has not been run yet")
        terminal.press("r")
        terminal.wait_for("esc stop")
        terminal.wait_for("of 40 events")
        terminal.press(ESCAPE)
        terminal.wait_for("stopped", 1.5)
        terminal.press("q")
        assert terminal.end(5) == 0
        assert_restored(terminal)


def test_quitting_while_something_runs_is_asked_about(tmp_path: Path) -> None:
    project = write_project(tmp_path / "slow", backend("time.sleep(0.2)\nreturn [{'n': e['n']} for e in inputs]"))
    with app_in("ui", "3", folder=project) as terminal:
        terminal.wait_for("has not been run yet")
        terminal.press("r")
        terminal.wait_for("esc stop")
        terminal.press("q")
        terminal.wait_for("Still at work")
        terminal.press("n")
        terminal.wait_for("esc stop")
        terminal.press("q")
        terminal.wait_for("Still at work")
        terminal.press("y")
        assert terminal.end(5) == 0


def test_an_editor_has_the_terminal_meanwhile(project: Path, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "edits $1"\nread line\necho "# $line" >> "$1"\n')
    editor.chmod(0o755)
    with app_in(folder=project, variables={"EDITOR": str(editor), "VISUAL": ""}) as terminal:
        terminal.wait_for("has not been run yet")
        terminal.press("e")
        terminal.wait_for("edits ")
        terminal.press("written by hand\n")
        terminal.wait_for("has not been run yet")
        assert (project / "packflow.yaml").read_text().endswith("# written by hand\n")
        terminal.press("q")
        assert terminal.end(5) == 0
        assert_restored(terminal)
    with app_in(folder=project, variables={"EDITOR": "no-editor", "VISUAL": ""}) as terminal:
        terminal.wait_for("has not been run yet")
        terminal.press("e")
        terminal.wait_for("no-editor cannot be started")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_the_terminal_restored(project: Path, number: signal.Signals) -> None:
    with app_in(folder=project) as terminal:
        terminal.wait_for("has not been run yet")
        os.kill(terminal.child.pid, number)
        assert terminal.end(5) == 128 + number
        assert_restored(terminal)


def test_a_fault_ends_it_with_one_clear_error(project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "site"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import packflow_app.tui.steps as steps\n"
        "def fail(seen):\n    raise RuntimeError('broken on purpose')\n"
        "steps.next_step = fail\n"
    )
    with app_in(folder=project, variables={"PYTHONPATH": str(broken)}) as terminal:
        assert terminal.end(20) == 70
        assert_restored(terminal)
        after = terminal.raw[terminal.raw.rindex(LEAVES_ALTERNATE_SCREEN) :]
        assert "Packflow has a fault: RuntimeError: broken on purpose" in after
        assert "Traceback" not in after


@pytest.mark.parametrize(
    ("arguments", "variables"), [((), {"NO_COLOR": "1"}), (("ui", "--theme", "none"), {})], ids=["NO_COLOR", "none"]
)
def test_no_colour_codes_where_none_are_wanted(
    project: Path, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    with app_in(*arguments, folder=project, variables=variables) as terminal:
        terminal.wait_for("has not been run yet")
        for key in ("2", "3", "4", "5", "6", "?", ESCAPE, "t", "1"):
            terminal.press(key)
        terminal.press("q")
        assert terminal.end() == 0
        assert COLOR.findall(terminal.raw) == []


def test_the_terminals_own_colours_are_sixteen(project: Path) -> None:
    with app_in("ui", "--theme", "ansi", folder=project) as terminal:
        terminal.wait_for("has not been run yet")
        for key in ("2", "3", "4", "5", "6", "1"):
            terminal.press(key)
        terminal.press("q")
        assert terminal.end() == 0
        assert "38;2" not in terminal.raw
        assert "48;2" not in terminal.raw
        assert COLOR.findall(terminal.raw)


def test_a_light_terminal_is_asked_and_believed(project: Path) -> None:
    with app_in(folder=project, is_mute=True) as terminal:
        while "\x1b]11;?" not in terminal.raw:
            terminal.read()
        terminal.press("\x1b]11;rgb:ffff/ffff/eeee\x1b\\\x1b[?62;c")
        terminal.wait_for("has not been run yet")
        assert "48;2;251;251;249" in terminal.raw
        terminal.press("q")
        assert terminal.end() == 0


def test_a_window_too_small_asks_for_room_and_goes_on_when_it_has_it(project: Path) -> None:
    with app_in(folder=project, size=(40, 10)) as terminal:
        terminal.wait_for("60 columns and 16")
        terminal.resize(100, 30)
        terminal.wait_for("has not been run yet")
        terminal.press("q")
        assert terminal.end() == 0


@pytest.fixture
def no_utf8() -> dict[str, str]:
    return {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize("size", [(120, 36), (80, 24)], ids=["120x36", "80x24"])
def test_a_locale_of_ascii_is_drawn_as_any_other(project: Path, no_utf8: dict[str, str], size: tuple[int, int]) -> None:
    with app_in(folder=project, variables=no_utf8, size=size) as terminal:
        terminal.wait_for("has not been run yet")
        assert "╭─ Steps ─" in terminal.text
        terminal.press("2", "3", "1", "q")
        assert terminal.end() == 0
        assert "Traceback" not in terminal.raw
        assert "\\u2" not in terminal.raw


def test_a_locale_of_another_encoding_gets_the_menu_and_is_told(project: Path) -> None:
    latin = {"PYTHONIOENCODING": "latin-1"}  # a locale of it need not be installed here
    with app_in(folder=project, variables=latin) as terminal:
        terminal.wait_for("This locale has no UTF-8 (iso8859-1)")
        terminal.wait_for("Choose a number")
        terminal.press("q\r")
        assert terminal.end() == 0
        assert "Traceback" not in terminal.raw


def test_a_dumb_terminal_gets_a_numbered_menu(project: Path) -> None:
    with app_in(folder=project, variables={"TERM": "dumb"}) as terminal:
        terminal.wait_for("Choose a number")
        assert "Next: The model has not been run yet." in terminal.text
        number = next(line.split()[0] for line in terminal.text.splitlines() if "packflow dry-run" in line)
        terminal.press(f"{number}\r")
        terminal.wait_for("single = batch")
        terminal.wait_for("Choose a number")
        terminal.press("nonsense\r")
        terminal.wait_for("There is no choice")
        terminal.press("q\r")
        assert terminal.end() == 0
        assert "\x1b[" not in terminal.raw


def test_no_tty_is_one_sentence() -> None:
    for arguments in (["ui"], ["ui", "events"]):
        done = subprocess.run(
            [sys.executable, "-m", "packflow_app", *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert "needs a terminal" in done.stderr
        assert "\x1b" not in done.stderr
