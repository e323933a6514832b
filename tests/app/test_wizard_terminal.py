"""The wizards in a real terminal: every question, Ctrl-C at each, Enter all the way, no colour, no room, no cursor."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from commands import packflow
from projects import write_project
from stand_ins import SLOW, make_bench, make_python, save_model, tree
from terminals import CTRL_C, CTRL_D, DOWN, ENTER, Terminal

COLOURS = re.compile(r"\x1b\[[0-9;]*\b(3[0-7]|4[0-7]|9[0-7]|10[0-7]|38|48)\b[0-9;]*m")
INIT = (
    ("Project name", ENTER),
    ("What is your model?", ENTER),
    ("Which Python runs it?", ENTER),
    ("Model file", ENTER),
    ("Do you trust", "y"),
    ("Example events", ENTER),
    ("Which fields are the features", ENTER),
    ("Create it?", ENTER),
)


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_python(tmp_path_factory.mktemp("stand-in") / "env")


@pytest.fixture
def bench(tmp_path: Path, stand_in: Path) -> Path:
    return make_bench(tmp_path / "dns-score", stand_in)


def active(python: Path) -> dict[str, str]:
    """The environment variables of a shell in which this Python's environment is active."""
    return {"VIRTUAL_ENV": str(python.parent.parent)}


def walk(terminal: Terminal, steps: Any = INIT) -> list[str]:
    """Answer one question after the other; gives the screen at each."""
    return [terminal.answer(wanted, keys) for wanted, keys in steps]


def test_every_question_of_init_enter_all_the_way_and_the_project_runs(bench: Path, stand_in: Path) -> None:
    with Terminal("init", folder=bench, **active(stand_in)) as terminal:
        screens = walk(terminal)
        assert terminal.end() == 0, terminal.text
    assert "dns-score" in screens[0]
    assert re.search(r"» A fitted scikit-learn model.*model\.pkl is one", screens[1])
    assert re.search(r"» Python 3\.\d+\.\d+, active environment +has scikit-learn==1\.5\.0", screens[2])
    assert re.search(r"» model\.pkl +a pickle, scikit-learn 1\.5\.0", screens[3])
    assert "sklearn.linear_model._logistic" in screens[4]
    assert re.search(r"» events\.ndjson", screens[5])
    assert re.search(r"port +dst\.port +integer +all events +last part", screens[6])
    assert "» yes, these 3" in screens[6]
    assert "packflow.yaml" in screens[7]
    assert "packflow init dns-score --model model.pkl" in screens[7]
    ran = packflow("-C", "dns-score", "dry-run", "--no-probes", "--python", str(stand_in), cwd=bench)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("at", range(len(INIT)))
@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_stopping_at_any_question_leaves_nothing(bench: Path, stand_in: Path, at: int, key: str) -> None:
    before = tree(bench)
    with Terminal("init", folder=bench, **active(stand_in)) as terminal:
        walk(terminal, INIT[:at])
        terminal.answer(INIT[at][0], CTRL_D if key == CTRL_D else key)
        if key == CTRL_D and at == 0:  # its line holds the default, which Ctrl-D eats: it ends only an empty one
            terminal.press("\x15" + CTRL_D)
        code = terminal.end()
        shown = terminal.text.splitlines()
    assert tree(bench) == before
    assert code == (130 if key == CTRL_C else 2), shown
    if key == CTRL_C:
        assert shown[-1] == "stopped"
        assert "Traceback" not in "".join(shown)
    else:
        assert any("next: Answer with" in line and "--features" in line + "".join(shown) for line in shown) or at == 7


def test_no_at_the_end_creates_nothing(bench: Path, stand_in: Path) -> None:
    before = tree(bench)
    with Terminal("init", folder=bench, **active(stand_in)) as terminal:
        walk(terminal, (*INIT[:-1], ("Create it?", "n")))
        assert terminal.end() == 130
        assert terminal.text.splitlines()[-1] == "Nothing was created."
    assert tree(bench) == before


def test_the_equivalent_command_makes_the_same_bytes(bench: Path, stand_in: Path, tmp_path: Path) -> None:
    change = (
        ("Which fields are the features", DOWN + ENTER),
        ("Which field is duration?", ENTER),
        ("as you said", ENTER),
    )
    with Terminal("init", folder=bench, rows=40, **active(stand_in)) as terminal:
        screens = walk(terminal, (*INIT[:6], *change, INIT[7]))
        assert terminal.end() == 0, terminal.text
    command = "\n".join(screens[-1].splitlines()).partition("$ ")[2].partition("Create it?")[0]
    words = shlex.split(command.replace("\\\n", " ").split("?")[0])
    words = words[: words.index("--trust-model") + 1]
    assert words[:2] == ["packflow", "init"]
    assert "--features" in words
    other = tmp_path / "other"
    other.mkdir()
    for name in ("model.pkl", "events.ndjson"):
        (other / name).write_bytes((bench / name).read_bytes())
    made = packflow(*words[1:], "--no-input", "--python", str(stand_in), cwd=other)
    assert made.returncode == 0, made.stderr
    assert tree(other / "dns-score") == tree(bench / "dns-score")


@pytest.mark.parametrize("words", [(), ("--plain",)])
def test_what_is_typed_while_the_model_is_opened_answers_nothing(bench: Path, stand_in: Path, words: Any) -> None:
    slow = next((stand_in.parent.parent / "lib").glob("python*/site-packages")) / "sklearn" / "linear_model" / SLOW
    slow.touch()
    try:
        with Terminal(*words, "init", folder=bench, rows=60, **active(stand_in)) as terminal:
            for wanted, keys in INIT[:6]:
                terminal.answer(wanted, keys.removesuffix(ENTER) + ENTER if words else keys)
            terminal.answer("looking at the model", ENTER + ENTER)
            terminal.answer("yes, these 3", ENTER)
            shown = terminal.answer("Create it?", CTRL_C)
            assert terminal.end() == 130
    finally:
        slow.unlink()
    assert shown.count("Create it?") == 1


def test_enter_all_the_way_in_an_empty_folder_fills_it(tmp_path: Path) -> None:
    folder = tmp_path / "first-model"
    folder.mkdir()
    with Terminal("init", folder=folder) as terminal:
        walk(terminal, (INIT[0], INIT[1], INIT[2], INIT[5], INIT[7]))
        assert terminal.end() == 0, terminal.text
    assert (folder / "packflow.yaml").is_file()
    ran = packflow("dry-run", "--no-probes", cwd=folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_enter_all_the_way_opens_no_pickle(bench: Path, stand_in: Path) -> None:
    with Terminal("init", folder=bench, **active(stand_in)) as terminal:
        walk(terminal, (*INIT[:4], ("Do you trust", ENTER)))
        shown = terminal.wait_for("» later")
        terminal.press(CTRL_C)
        assert terminal.end() == 130
    assert "may it be opened? no" in shown


def test_an_error_stands_by_its_question_and_keeps_the_text(bench: Path, stand_in: Path) -> None:
    with Terminal("init", folder=bench, **active(stand_in)) as terminal:
        terminal.answer("Project name", "\x15" + "9 lives" + ENTER)
        shown = terminal.wait_for("is not a project name")
        shown = terminal.wait_for(") 9 lives")
        assert "  A name starts with a letter" in shown
        assert "--name" not in shown
        terminal.press("\x15" + "nine" + ENTER)
        walk(terminal, INIT[1:3])
        terminal.answer("Model file", DOWN + ENTER)
        terminal.answer("Path of the model file", "events.ndjson" + ENTER)
        terminal.wait_for("no model file that is known here")
        terminal.wait_for(") events.ndjson")
        terminal.press(CTRL_C)
        assert terminal.end() == 130


def test_a_model_without_names_asks_for_the_list(bench: Path, stand_in: Path) -> None:
    save_model(stand_in, bench / "model.pkl", count=2)
    with Terminal("init", folder=bench, **active(stand_in)) as terminal:
        walk(terminal, INIT[:6])
        shown = terminal.answer("Which fields are the features", ENTER)
        assert "This model takes 2 and has no names for them" in " ".join(shown.split())
        assert "duration" in shown
        terminal.wait_for("names no feature")
        terminal.answer("? Which fields are the features", "duration,bytes_sent" + ENTER)
        assert re.search(r"duration +duration", terminal.answer("yes, in this order", ENTER))
        terminal.answer("Create it?", ENTER)
        assert terminal.end() == 0, terminal.text
    written = (bench / "dns-score" / "packflow.yaml").read_text()
    assert written.index("- duration") < written.index("- bytes_sent")


def test_a_model_without_events_gets_made_up_ones(bench: Path, stand_in: Path) -> None:
    (bench / "events.ndjson").unlink()
    with Terminal("init", folder=bench, **active(stand_in)) as terminal:
        walk(terminal, INIT[:5])
        shown = terminal.answer("Example events", DOWN + ENTER)
        assert "» made-up ones" in shown
        assert "to_json(" in terminal.wait_for("Create it?")
        terminal.press(ENTER)
        assert terminal.end() == 0, terminal.text
    ran = packflow("-C", "dns-score", "dry-run", "--no-probes", "--python", str(stand_in), cwd=bench)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(("variables", "words"), [({"NO_COLOR": "1"}, ()), ({}, ("--color", "never"))])
def test_without_colour_there_is_none(bench: Path, stand_in: Path, variables: dict[str, str], words: Any) -> None:
    with Terminal(*words, "init", folder=bench, **active(stand_in), **variables) as terminal:
        walk(terminal)
        assert terminal.end() == 0, terminal.text
        raw = terminal.raw
    assert COLOURS.search(raw) is None


def test_with_colour_there_is_some(bench: Path, stand_in: Path) -> None:
    with Terminal("init", folder=bench, **active(stand_in)) as terminal:
        walk(terminal, INIT[:1])
        terminal.wait_for("What is your model?")
        assert COLOURS.search(terminal.raw) is not None


@pytest.mark.parametrize(("variables", "words"), [({"TERM": "dumb"}, ()), ({}, ("--plain",))])
def test_a_numbered_menu_where_the_terminal_can_do_no_more(
    bench: Path, stand_in: Path, variables: dict[str, str], words: Any
) -> None:
    with Terminal(*words, "init", folder=bench, rows=60, **{**active(stand_in), **variables}) as terminal:
        terminal.answer("Project name", ENTER)
        shown = terminal.answer("Number [1]:", "99" + ENTER)
        assert "1) A fitted scikit-learn model" in shown
        terminal.answer("Type a number from 1 to", "1" + ENTER)
        terminal.answer("Which Python runs it?", ENTER)
        terminal.answer("1) model.pkl", ENTER)
        terminal.answer("may it be opened? [y/N]", "perhaps" + ENTER)
        terminal.answer("Type y or n.", "y" + ENTER)
        terminal.answer("1) events.ndjson", ENTER)
        terminal.answer("1) yes, these 3", ENTER)
        terminal.answer("Create it? [Y/n]", ENTER)
        assert terminal.end() == 0, terminal.text
        assert "\x1b" not in terminal.raw
    assert (bench / "dns-score" / "packflow.yaml").is_file()


@pytest.mark.parametrize("at", range(len(INIT)))
def test_ctrl_c_in_the_plain_menu_leaves_nothing(bench: Path, stand_in: Path, at: int) -> None:
    before = tree(bench)
    with Terminal("--plain", "init", folder=bench, rows=60, **active(stand_in)) as terminal:
        for wanted, keys in INIT[:at]:
            terminal.answer(wanted, keys.removesuffix(ENTER) + ENTER)
        terminal.answer(INIT[at][0], CTRL_C)
        assert terminal.end() == 130
        assert terminal.text.splitlines()[-1].endswith("stopped")
    assert tree(bench) == before


def test_nothing_is_clipped_at_80_columns_and_24_rows(bench: Path, stand_in: Path) -> None:
    """What a wide terminal shows, a narrow one shows too, but for blanks and line breaks and what says it is cut."""
    with Terminal("init", folder=bench, columns=200, rows=60, **active(stand_in)) as wide:
        large = walk(wide, (*INIT[:-1], ("Create it?", CTRL_C)))
        wide.end()
    with Terminal("init", folder=bench, **active(stand_in)) as narrow:
        small = walk(narrow, (*INIT[:-1], ("Create it?", CTRL_C)))
        narrow.end()
    for broad, slim in zip(large, small, strict=True):
        last = [line for line in broad.splitlines() if line.strip()][-1]
        assert all(len(line) <= 80 for line in slim.splitlines())
        assert "".join(last.split()).removesuffix("…")[:40] in "".join(slim.split())
        assert len(slim.splitlines()) <= 24


def test_the_first_prompt_is_there_in_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The processor's time, since a busy machine's clock says little: it is to be well under a second."""
    import time

    spent = []
    for _ in range(3):
        with Terminal("init", folder=tmp_path) as terminal:
            terminal.wait_for("Project name")
            shown = time.monotonic() - terminal.started
            fields = Path(f"/proc/{terminal.child.pid}/stat")
            if not fields.exists():
                pytest.skip("a system with /proc would un-skip this")
            ticks = fields.read_text().rpartition(")")[2].split()
            spent.append(((int(ticks[11]) + int(ticks[12])) / 100, shown))
            terminal.press(CTRL_C)
            terminal.end()
    with capsys.disabled():
        print(f"\nfirst prompt: {min(spent)[0]:.2f} s of processor, {min(one[1] for one in spent):.2f} s by the clock")
    assert min(spent)[0] < 1.0


def test_enough_flags_ask_nothing(bench: Path) -> None:
    with Terminal("init", "quiet", "--events", "events.ndjson", folder=bench) as terminal:
        assert terminal.end() == 0, terminal.text
        assert "?" not in terminal.text


def test_only_the_yes_is_asked_for_where_only_that_is_missing(bench: Path, stand_in: Path) -> None:
    words = ("init", "one", "--model", "model.pkl", "--events", "events.ndjson")
    with Terminal(*words, folder=bench, **active(stand_in)) as terminal:
        terminal.answer("Do you trust", "y")
        assert terminal.end() == 0, terminal.text
        assert terminal.text.count("?") == 1
    refused = packflow(*words[:1], "two", *words[2:], "--no-input", cwd=bench)
    assert refused.returncode == 2
    assert "--trust-model" in refused.stderr


def test_no_input_names_every_flag(bench: Path) -> None:
    with Terminal("init", "--no-input", "--kind", "sklearn", folder=bench) as terminal:
        assert terminal.end() == 2
        for flag in ("DIR", "--model", "--events"):
            assert flag in terminal.text


def test_yes_takes_the_defaults_the_name_too(bench: Path) -> None:
    with Terminal("init", "-y", folder=bench) as terminal:
        assert terminal.end() == 0, terminal.text
        assert "?" not in terminal.text
    assert (bench / "dns-score" / "packflow.yaml").is_file()


def test_inspect_asks_which_events(bench: Path) -> None:
    with Terminal("inspect", folder=bench) as terminal:
        terminal.answer("Which events?", ENTER)
        assert terminal.end() == 0, terminal.text
        assert "$ packflow inspect events.ndjson" in terminal.raw
    assert "60 events" in packflow("inspect", "-y", cwd=bench).stdout
    missing = packflow("inspect", "--no-input", cwd=bench)
    assert (missing.returncode, "EVENTS" in missing.stderr) == (2, True)


def test_dry_run_asks_for_events_and_batch_sizes_where_the_project_names_none(tmp_path: Path) -> None:
    project = write_project(tmp_path / "p", events=[{"n": n} for n in range(30)])
    config = project / "packflow.yaml"
    config.write_text(config.read_text().partition("dry_run:")[0])
    (project / "samples" / "events.ndjson").rename(project / "mine.ndjson")
    with Terminal("dry-run", "--no-probes", folder=project) as terminal:
        terminal.answer("Which events?", ENTER)
        terminal.answer("Batch sizes to try", "\x15" + "2,x" + ENTER)
        terminal.wait_for("is not a list of whole numbers")
        terminal.answer("? Batch sizes to try", "\x15" + "2,5" + ENTER)
        assert terminal.end() == 0, terminal.text
        assert "5" in terminal.text
    missing = packflow("dry-run", "--no-input", cwd=project)
    assert (missing.returncode, "EVENTS" in missing.stderr) == (2, True)
    assert packflow("dry-run", "-y", "--no-probes", cwd=project).returncode == 0


def test_beside_projects_the_commands_ask_which_and_export_how_many_events_ship(tmp_path: Path) -> None:
    write_project(tmp_path / "one", events=[{"n": n} for n in range(30)])
    with Terminal("export", folder=tmp_path) as terminal:
        terminal.answer("Which project?", ENTER)
        terminal.answer("may ship?", "\x15" + "900" + ENTER)
        terminal.wait_for("is no number from 0 to")
        terminal.answer("may ship?", "\x15" + "3" + ENTER)
        assert terminal.end() == 0, terminal.text
    assert len((tmp_path / "one" / "golden" / "inputs.ndjson").read_text().splitlines()) == 3


@pytest.mark.parametrize("key", [CTRL_C, "\x15" + CTRL_D])
def test_stopping_at_the_consent_exports_nothing(tmp_path: Path, key: str) -> None:
    project = write_project(tmp_path / "one", events=[{"n": n} for n in range(30)])
    with Terminal("export", folder=project) as terminal:
        terminal.answer("may ship?", key)
        assert terminal.end() == (130 if key == CTRL_C else 2)
        assert key == CTRL_C or "--golden" in terminal.text
    assert not list(project.glob("*.zip"))
    assert not (project / "golden").exists()


def test_a_dry_run_asks_before_it_installs(tmp_path: Path) -> None:
    project = write_project(tmp_path / "p", files={"requirements.txt": "no-such-thing==1.0\n"})
    with Terminal("dry-run", folder=project) as terminal:
        terminal.answer("Install it into the project's .venv?", "n")
        assert terminal.end() == 3
        assert "packflow env sync" in terminal.text
    assert not (project / ".venv").exists()
