"""The wizard of a new project: every question, answer, error and step back; leaving it leaves nothing on disk."""

from __future__ import annotations

import asyncio
import gc
import json
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Input

from packflow_app.questions.feature_interview import AGREED
from packflow_app.questions.question import Choice, Form, Question
from packflow_app.tui.dialogs.help import HelpDialog
from packflow_app.tui.keys import NEW_PROJECT, OF_NEW_PROJECT, keys_of
from packflow_app.tui.new_project.conversation import Answer, Asked, Conversation, Trail
from packflow_app.tui.new_project.question_view import QuestionView
from packflow_app.tui.new_project.screen import NewProjectScreen
from packflow_app.tui.registry import ACTIONS
from packflow_app.tui.widgets.command_line import CommandLine
from packflow_app.tui.widgets.key_hints import KeyHints
from screens import SIZES, WAY, Driver, asked, opened, question, walk
from stand_ins import SLOW, save_model, tree

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with events and no model."""
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "events.ndjson").write_text("".join(json.dumps({"bytes": n * 7 % 100}) + "\n" for n in range(50)))
    monkeypatch.chdir(folder)
    return folder


async def test_enter_all_the_way_makes_a_project_that_is_opened(bench: Path) -> None:
    async with opened(None) as driver:
        texts = await walk(driver, to="Create it?")
        assert "│ dns-score" in texts[0].replace("  ", " ").replace("│ │", "│")
        assert "A fitted scikit-learn model or pipeline" in texts[1]
        assert "model.pkl is one" in texts[1]
        assert "active environment" in texts[2]
        assert "a pickle, scikit-learn 1.5.0" in texts[3]
        assert "It was read without opening it" in texts[4]
        assert "✓ Do you trust who made model.pkl, and may it be opened?  yes" in texts[5]
        assert "dst.port" in texts[6]
        assert "last part" in texts[6]
        assert "yes, these 3" in texts[6]
        assert "packflow.yaml" in texts[7]
        assert "$ packflow init dns-score --model model.pkl --events events.ndjson --trust-model" in texts[7]
        assert not (bench / "dns-score").exists()
        await driver.press("enter")
        await driver.see("has not been run yet")
        assert driver.app.project == bench / "dns-score"
        await driver.see("dns-score is made")
    assert (bench / "dns-score" / "packflow.yaml").is_file()


def flat(driver: Driver) -> str:
    """The screen's text in one line, without its frames."""
    return " ".join(driver.text.replace("│", " ").split())


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=["120x36", "80x24"])
@pytest.mark.parametrize("at", range(len(WAY)))
async def test_leaving_at_any_question_leaves_nothing(bench: Path, at: int, size: tuple[int, int]) -> None:
    before = tree(bench)
    async with opened(None, size=size) as driver:
        await walk(driver, to=WAY[at][0])
        await driver.press("ctrl+c")
        await driver.see("Nothing was created.")
        await driver.see("Where shall we begin?")
    assert tree(bench) == before


async def test_a_no_at_the_end_creates_nothing(plain: Path) -> None:
    before = tree(plain)
    async with opened(None) as driver:
        await walk_plain(driver)
        await driver.press("n")
        await driver.see("Nothing was created.")
    assert tree(plain) == before


async def walk_plain(driver: Driver) -> None:
    """To the last question of a project without a model file."""
    await driver.press("n")
    for wanted in ("Project name", "What is your model?", "Which Python runs it?", "Example events"):
        await question(driver, wanted)
        await driver.press("enter")
    await question(driver, "Create it?")


@pytest.mark.slow
async def test_escape_steps_back_question_by_question_and_what_was_said_stands_ready(bench: Path) -> None:
    async with opened(None, size=(80, 24)) as driver:
        await walk(driver, to="Create it?")
        for wanted, _ in reversed(WAY[:-1]):
            await driver.press("escape")
            await question(driver, wanted)
        await driver.press("ctrl+u")
        await driver.type("other")
        await driver.press("enter")
        assert "✓ Project name  other" in await question(driver, "What is your model?")
        await driver.press("escape")
        assert "other" in await question(driver, "Project name")
        await driver.press("escape")
        await driver.see("Nothing was created.")
    assert not (bench / "other").exists()


async def test_going_back_from_the_summary_to_the_features_looks_at_the_model_once(
    bench: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from packflow_app.actions import init as action

    looked: list[object] = []
    describe = action.describe_model
    monkeypatch.setattr(action, "describe_model", lambda *given: looked.append(given) or describe(*given))
    async with opened(None) as driver:
        await walk(driver, to="Which fields are the features, in which order?")
        await driver.press("down", "enter")
        await question(driver, "Which field is duration?")
        await driver.press("escape")
        await question(driver, "Which fields are the features, in which order?")
        assert "as you said" not in driver.text
        await driver.press("down", "enter")  # the mark stands where it was
        await question(driver, "Which field is bytes_sent?")
        await driver.press("enter")
        await question(driver, "Which fields are the features, in which order?")
        assert "as you said" in driver.text
        await driver.press("enter")
        assert "--features bytes_sent=bytes_sent" in await question(driver, "Create it?")
        await driver.press("escape")
        shown = await question(driver, "Which fields are the features, in which order?")
        assert "as you said" in shown
        assert "--features bytes_sent=bytes_sent" in driver.text
        await driver.press("enter")
        await question(driver, "Create it?")
    assert len(looked) == 1


async def test_an_error_stands_at_its_question_and_keeps_the_text(bench: Path) -> None:
    async with opened(None, size=(80, 24)) as driver:
        await driver.press("n")
        await question(driver, "Project name")
        await driver.press("ctrl+u")
        await driver.type("9 lives")
        await driver.press("enter")
        await driver.see("is not a project name")
        assert "--name" not in driver.text
        assert driver.app.screen.query_one("#field", Input).value == "9 lives"
        await driver.press("home", "delete", "delete", "enter")
        await question(driver, "What is your model?")
        assert "✓ Project name  lives" in driver.text
        await driver.press("enter")
        await question(driver, "Which Python runs it?")
        await driver.press("enter")
        await question(driver, "Model file")
        await driver.press("down", "enter")
        await question(driver, "Path of the model file")
        await driver.type("nothing.pkl")
        await driver.press("enter")
        await driver.see("The model file nothing.pkl cannot be read")
        await driver.press("ctrl+u")
        await driver.type("events.n")
        await driver.press("tab", "enter")
        await driver.see("no model file that is known here")
        assert driver.app.screen.query_one("#field", Input).value == "events.ndjson"


async def test_a_file_is_chosen_from_a_list(plain: Path) -> None:
    (plain / "more").mkdir()
    (plain / "more" / "b.ndjson").write_text('{"a": 1}\n')
    async with opened(None) as driver:
        await driver.press("n")
        for wanted in ("Project name", "What is your model?", "Which Python runs it?"):
            await question(driver, wanted)
            await driver.press("enter")
        await question(driver, "Example events")
        await driver.press("down", "enter")
        await question(driver, "Path of the events")
        await driver.see("more/")
        assert "events.ndjson" in driver.text
        await driver.type("mo")
        await driver.until(lambda: driver.app.screen.query_one("#choices").option_count == 1)  # type: ignore[attr-defined]
        await driver.press("down", "enter")
        await driver.see("more/b.ndjson")
        await driver.press("down", "enter")
        assert "--events more/b.ndjson" in await question(driver, "Create it?")


async def test_a_pickle_is_not_opened_without_a_yes(bench: Path) -> None:
    async with opened(None) as driver:
        await walk(driver, to="Do you trust who made model.pkl, and may it be opened?")
        await driver.press("enter")
        text = await question(driver, "Model file")
        assert "may it be opened?  no" in text
        view = driver.app.screen.query_one(QuestionView)
        assert view.chosen == "later"
        await driver.press("g", "enter")
        await question(driver, "Do you trust who made model.pkl, and may it be opened?")
        await driver.press("escape")
        await question(driver, "Model file")


async def test_a_pickle_that_asks_for_more_is_refused_where_it_is_chosen(bench: Path) -> None:
    async with opened(None) as driver:
        await walk(driver, to="Model file")
        (bench / "model.pkl").write_bytes(b"csklearn.linear_model\nLogisticRegression\n)\x81cposix\nsystem\n0.")
        await driver.press("enter")
        await driver.see("asks for more than model files need; it was not opened")
        assert "posix.system" in driver.text
        assert asked(driver) == "Model file"


@pytest.mark.slow
async def test_looking_at_the_model_can_be_stopped_and_holds_nothing_up(bench: Path, stand_in: Path) -> None:
    slow = next((stand_in.parent.parent / "lib").glob("python*/site-packages")) / "sklearn" / "linear_model" / SLOW
    slow.touch()
    try:
        async with opened(None) as driver:
            await walk(driver, to="Example events")
            await driver.press("enter")
            await driver.see("looking at the model")
            await driver.press("enter", "enter", "y")  # answers nothing: no question is shown
            assert asked(driver) == ""
            await driver.press("escape")
            assert "✓ Model file  model.pkl" in await question(driver, "Example events")
            await driver.press("enter")
            await driver.see("looking at the model")
            await driver.press("ctrl+c")
            await driver.see("Nothing was created.")
    finally:
        slow.unlink()
    assert not (bench / "dns-score").exists()


async def test_what_fails_at_the_end_keeps_the_answers(plain: Path) -> None:
    async with opened(None) as driver:
        await walk_plain(driver)
        (plain / "flows").write_text("taken meanwhile")
        await driver.press("enter")
        await driver.see("already exists")
        await driver.see("esc goes back to the last question, r tries again.")
        await driver.press("c")
        assert "already exists" in driver.app.clipboard
        (plain / "flows").unlink()
        await driver.press("r")
        await question(driver, "Create it?")
        (plain / "flows").write_text("taken again")
        await driver.press("enter")
        await driver.see("already exists")
        (plain / "flows").unlink()
        await driver.press("escape")
        await question(driver, "Example events")
        assert "✓ Which Python runs it?" in driver.text


async def test_a_model_without_names_asks_for_the_list(bench: Path, stand_in: Path) -> None:
    save_model(stand_in, bench / "model.pkl", count=2)
    async with opened(None, size=(80, 24)) as driver:
        await walk(driver, to="Which fields are the features, in which order?")
        assert "takes 2 and has no names for them" in flat(driver)
        await driver.press("enter")
        await driver.see("names no feature")
        await driver.type("dur")
        await driver.see("duration")
        await driver.press("tab")
        await driver.type(",bytes_s")
        await driver.press("tab")
        assert driver.app.screen.query_one("#field", Input).value == "duration,bytes_sent"
        await driver.press("enter")
        await question(driver, "Are these the features?")
        await driver.press("enter")
        await question(driver, "Create it?")
        assert "--features duration,bytes_sent" in driver.app.screen.query_one(CommandLine).command


async def test_keys_of_the_wizard(plain: Path) -> None:
    async with opened(None) as driver:
        await driver.press("n")
        await question(driver, "Project name")
        assert "c Copy" not in driver.text  # it would be typed
        await driver.press("end", "c")
        assert driver.app.screen.query_one("#field", Input).value == "flowsc"
        await driver.press("backspace", "f1")
        assert isinstance(driver.app.screen, HelpDialog)
        words = flat(driver)
        for key in OF_NEW_PROJECT:
            assert key.title in words
        await driver.press("escape", "enter")
        await question(driver, "What is your model?")
        assert "c Copy" in driver.text
        for key in (key for key in keys_of(NEW_PROJECT) if key.footer):
            assert f"{key.shown} {key.label}" in driver.text
        await driver.press("c")
        assert driver.app.clipboard == "packflow init flows"
        await driver.press("Y")
        assert "What is your model?" in driver.app.clipboard
        await driver.press("t")
        await driver.see("Theme: light")
        await driver.press("question_mark")
        await driver.see("Keys of a new project")
        await driver.press("escape", "j")
        view = driver.app.screen.query_one(QuestionView)
        assert view.chosen != "python"
        await driver.press("k", "q")
        await driver.see("Still at work")
        await driver.press("n")
        await question(driver, "What is your model?")
        await driver.press("q", "y")
        assert driver.app.return_value == 0


async def test_what_stands_over_the_wizard_goes_with_it(plain: Path) -> None:
    async with opened(None) as driver:
        for over in ("f1", "q"):
            await driver.press("n")
            await question(driver, "Project name")
            await driver.press("enter")
            await question(driver, "What is your model?")
            await driver.press(over)
            assert not isinstance(driver.app.screen, NewProjectScreen)
            await driver.press("ctrl+c")
            await driver.see("Nothing was created.")
            await driver.until(lambda: len(driver.app.screen_stack) == 1)


async def test_leaving_while_the_project_is_written_leaves_nothing(plain: Path, monkeypatch: Any) -> None:
    from packflow_app.projects import scaffold

    written, go_on = threading.Event(), threading.Event()
    fill = scaffold._fill

    def slowly(*given: Any) -> None:
        written.set()
        assert go_on.wait(20)
        fill(*given)

    monkeypatch.setattr(scaffold, "_fill", slowly)
    before = tree(plain)
    async with opened(None) as driver:
        await walk_plain(driver)
        await driver.press("enter")
        await driver.until(written.is_set)
        await driver.press("ctrl+c")
        await driver.see("Nothing was created.")
        go_on.set()
        await driver.pilot.pause(0.3)
    assert tree(plain) == before


async def test_long_lists_are_filtered(plain: Path) -> None:
    async with opened(None) as driver:
        await driver.press("n")
        await question(driver, "Project name")
        view = driver.app.screen.query_one(QuestionView)
        choices = tuple(Choice(f"field_{n}", (f"field_{n}", "number")) for n in range(30))
        listed = Question("--features", "Which field is it?", Form.CHOICE, "field_3", choices)
        view.show(Asked(listed, "field_3", (), (), ()))
        await driver.press("slash")
        await driver.type("_2")
        assert driver.app.screen.query_one("#choices").option_count == 11  # type: ignore[attr-defined]
        await driver.press("enter")
        assert view.chosen == "field_2"
        await driver.press("escape")
        assert driver.app.screen.query_one("#choices").option_count == 30  # type: ignore[attr-defined]
        assert view.chosen == "field_2"


async def test_a_long_tree_is_read_by_pages_above_the_answer(plain: Path) -> None:
    async with opened(None, size=(80, 24)) as driver:
        await walk_plain(driver)
        assert "flows/" in driver.text
        assert "$ packflow init flows --events events.ndjson" in driver.text
        await driver.press("pagedown")
        await driver.until(lambda: "test_inference.py" in driver.text)
        assert "y  yes" in driver.text
        await driver.press("pageup")
        await driver.until(lambda: ".gitignore" in driver.text)


async def test_it_is_reached_inside_a_project_and_from_the_palette(project: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(project)
    before = tree(project)
    async with opened(project, "dry-run") as driver:
        await driver.press("ctrl+p")
        await driver.type("new project")
        await driver.see("Make a new project")
        await driver.press("enter")
        assert "churn-scorer-2" in await question(driver, "Project name")
        await driver.press("enter")
        await question(driver, "What is your model?")
        assert "$ packflow init ../churn-scorer-2" in driver.text
        await driver.press("ctrl+c")
        await driver.see("Nothing was created.")
        assert driver.app.project == project
    assert {name: kept for name, kept in tree(project).items() if ".packflow" not in name} == {
        name: kept for name, kept in before.items() if ".packflow" not in name
    }
    assert not (project.parent / "churn-scorer-2").exists()


async def test_a_click_and_enter_beside_the_list_answer_too(plain: Path) -> None:
    async with opened(None) as driver:
        await driver.press("n")
        await question(driver, "Project name")
        await driver.pilot.click("#keys", offset=(2, 0))
        await question(driver, "What is your model?")
        await driver.pilot.click("#choices", offset=(4, 0))
        await question(driver, "Which Python runs it?")
        driver.app.screen.set_focus(None)
        await driver.press("enter")
        await question(driver, "Example events")
        await driver.pilot.click("#keys", offset=(17, 0))
        await question(driver, "Which Python runs it?")


async def test_garbage_is_searched_for_while_a_person_is_asked(plain: Path) -> None:
    async with opened(None) as driver:
        await walk_plain(driver)
        assert gc.isenabled()
        job = driver.app.jobs.latest["init"]
        driver.app.jobs.let_wait(job, waits=False)
        assert not gc.isenabled()
        driver.app.jobs.let_wait(job, waits=True)
        await driver.press("ctrl+c")
        await driver.see("Nothing was created.")
        assert gc.isenabled()


async def test_there_is_room_for_the_question_in_the_smallest_terminal(plain: Path) -> None:
    async with opened(None, size=(60, 16)) as driver:
        await driver.press("n")
        for wanted in ("Project name", "What is your model?", "Which Python runs it?"):
            await question(driver, wanted)
            await driver.press("enter")
        text = await question(driver, "Example events")
        assert "✓ Which Python runs it?" in text
        assert "✓ Project name" not in text
        for choice in ("events.ndjson", "another file", "made-up ones", "later"):
            assert choice in text
        await driver.press("enter")
        text = await question(driver, "Create it?")
        assert "flows/" in text
        assert "n  no" in text


@pytest.mark.parametrize("size", [(59, 20), (80, 24), (200, 60)])
async def test_resizing_keeps_the_question(plain: Path, size: tuple[int, int]) -> None:
    async with opened(None) as driver:
        await walk_plain(driver)
        await driver.pilot.resize_terminal(*size)
        await driver.pilot.pause(0.1)
        assert all(len(line) <= size[0] for line in driver.text.splitlines())
        assert ("needs 60 columns" in driver.text) == (size[0] < 60)
        if size[0] >= 60:
            footer = driver.app.screen.query_one(KeyHints)
            assert all(f"{key.shown} {key.label}" in driver.text for key in footer.shown)
            assert "Create it?" in driver.text
            assert "n  no" in driver.text


async def test_the_app_can_end_in_the_middle(plain: Path) -> None:
    async with opened(None) as driver:
        await driver.press("n")
        await question(driver, "Project name")
    names = {thread.name for thread in threading.enumerate()}
    await asyncio.sleep(0)
    assert not [name for name in names if name.startswith("init")]


# Without a screen


def defaults(conversation: Conversation) -> Callable[[Asked], None]:
    """Answers every question with what Enter takes, and says yes."""

    def answer(given: Asked) -> None:
        conversation.answer("yes" if given.question.form is Form.YES_NO else given.default)

    return answer


def test_the_command_at_the_end_makes_the_same_bytes(bench: Path, tmp_path: Path) -> None:
    shown: list[Asked] = []
    conversation = Conversation(shown.append)
    conversation._show = lambda asked: (shown.append(asked), defaults(conversation)(asked))  # type: ignore[assignment]
    call = ACTIONS["init"].call(conversation)
    made = call.run(lambda _progress: None, threading.Event())
    command = [*shown[-1].command]
    assert ACTIONS["init"].call(conversation).command == shlex.join(command)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("model.pkl", "events.ndjson"):
        (other / name).write_bytes((bench / name).read_bytes())
    words = [sys.executable, "-m", "packflow_app", *command[1:], "--no-input", "--json"]
    ran = subprocess.run(words, cwd=other, capture_output=True, text=True, check=True)
    data = json.loads(ran.stdout)["data"]
    assert (data["name"], data["files"]) == (made.name, made.files)
    assert tree(other / "dns-score") == tree(bench / "dns-score")


def test_a_trail_is_walked_back_and_forth() -> None:
    one = Answer("--name", "Name", "a", "a")
    trail = Trail()
    trail.add(trail.before, one)
    assert trail.step_back()
    assert not trail.step_back()
    text = Question("--name", "Name", Form.TEXT, "default")
    assert trail.ready(text) == "a"
    assert trail.ready(Question("--name", "Another", Form.TEXT, "default")) == "default"
    yes_no = Question("--name", "Name", Form.YES_NO, "no")
    assert trail.ready(yes_no) == "no"
    gone = Question("--name", "Name", Form.CHOICE, AGREED, (Choice(AGREED, ("yes",)),))
    assert trail.ready(gone) == AGREED
    trail.add(trail.before, Answer("--name", "Name", "b", "b"))
    assert trail.undone == []
