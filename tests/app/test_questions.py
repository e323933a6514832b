"""Interviews as data: what is asked, in which order, with which default, and what the answers become."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions.golden_events import GoldenOffer
from packflow_app.actions.init import FeatureOffer, InitOptions, init
from packflow_app.actions.init_options import EXAMPLE, NEW_ENVIRONMENT
from packflow_app.environments import offered
from packflow_app.environments.installed import Installed
from packflow_app.environments.interpreters import Candidate, Interpreter
from packflow_app.environments.offered import OfferedPython, offered_pythons
from packflow_app.errors import CancelledError, NotFoundError, UsageError
from packflow_app.events.generated import feature_events, firewall_events
from packflow_app.events.profiling import Profiler
from packflow_app.events.reading import read_blocks
from packflow_app.locations import skeletons_dir
from packflow_app.models.description import ModelDescription
from packflow_app.questions.dry_run_interview import DryRunInterview, InstallInterview
from packflow_app.questions.events_interview import EventsInterview
from packflow_app.questions.feature_interview import AGREED, BACK, FeatureInterview
from packflow_app.questions.files import check_events, typed_path
from packflow_app.questions.golden_interview import GoldenInterview
from packflow_app.questions.init_interview import InitInterview, lacks_answers
from packflow_app.questions.init_questions import FIRST_FOUND, LATER, python_question
from packflow_app.questions.init_summary import command_lines, init_words, project_tree
from packflow_app.questions.looking import Look
from packflow_app.questions.names import place_of, proposed_name
from packflow_app.questions.project_choice import ProjectChoice
from packflow_app.questions.question import NO, OTHER, YES, Choice, Form, Interview, Question
from packflow_app.wizards.conversation import hold
from packflow_app.wizards.layout import aligned, clipped, wrapped

XGBOOST = skeletons_dir() / "xgboost" / "example" / "model.json"
SKLEARN = skeletons_dir() / "sklearn" / "example" / "model.joblib"


class Lines:
    """A page that keeps what is written on it."""

    width = 80
    color = False

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str = "", style: str = "") -> None:
        self.lines.append(text)

    def answered(self, question: str, answer: str) -> None:
        self.lines.append(f"{question} = {answer}")

    def fragment(self, text: str) -> None:
        self.lines.append(text)


class Answers:
    """A prompter that answers by what a question begins with, and with the default where nothing was said."""

    erases = True

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = {begin: list(said) if isinstance(said, list) else [said] for begin, said in answers.items()}
        self.asked: list[Question] = []
        self.defaults: list[str] = []

    def forget_typed(self) -> None:
        pass

    def introduce(self, question: Question) -> None:
        pass

    def ask(self, question: Question, default: str, shown: Callable[[], None]) -> str:
        self.asked.append(question)
        self.defaults.append(default)
        shown()
        said = next((said for begin, said in self._answers.items() if question.text.startswith(begin) and said), None)
        if said is None:
            return default
        answer = said.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return str(answer)

    @property
    def texts(self) -> list[str]:
        return [question.text for question in self.asked]


def held(interview: Interview, **answers: Any) -> tuple[Answers, Lines]:
    prompter, page = Answers({name.replace("_", " "): said for name, said in answers.items()}), Lines()
    hold(interview, prompter, page)
    return prompter, page


@pytest.fixture(autouse=True)
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with one Python to be found."""
    folder = tmp_path / "My scores 2"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(offered, "candidates", lambda _folder: iter([candidate("python3 on PATH", "/usr")]))
    monkeypatch.setattr(offered, "installed_with", lambda _path: Installed({}, {}))
    return folder


def candidate(origin: str, prefix: str, reason: str = "", *, own: bool = False, broken: bool = False) -> Candidate:
    python = Interpreter(Path(prefix, "bin/python"), (3, 12, 1), "CPython", prefix, prefix, origin)
    error = NotFoundError("broken") if broken else None
    return Candidate(origin, python.path, own, None if broken else python, error, reason)


def write_events(name: str = "events.ndjson", count: int = 40) -> Path:
    path = Path(name)
    path.write_bytes(b"".join(line + b"\n" for line in firewall_events(count)))
    return path


def asked_of_init(options: InitOptions = InitOptions(), **answers: Any) -> tuple[InitOptions, Answers, Lines]:  # noqa: B008
    interview = InitInterview(options, is_whole=lacks_answers(options))
    prompter, page = held(interview, **answers)
    return interview.options, prompter, page


def test_enter_all_the_way_among_events_makes_plain_python() -> None:
    write_events()
    options, prompter, _ = asked_of_init()
    assert prompter.texts == ["Project name", "What is your model?", "Which Python runs it?", "Example events"]
    assert options == InitOptions(Path("My-scores-2"), Path("events.ndjson"), kind="python")
    assert init_words(options) == ["packflow", "init", "My-scores-2", "--events", "events.ndjson"]


def test_an_empty_folder_becomes_the_project_itself() -> None:
    options, prompter, _ = asked_of_init()
    assert options == InitOptions(Path(), EXAMPLE, name="My-scores-2", kind="python")
    assert prompter.asked[-1].default == str(EXAMPLE)


def test_a_model_file_is_the_default_kind_and_file() -> None:
    write_events()
    Path("m.json").write_bytes(XGBOOST.read_bytes())
    options, prompter, _ = asked_of_init()
    kind, model, events = prompter.asked[1], prompter.asked[3], prompter.asked[4]
    assert kind.choices[0] == Choice("xgboost", ("An XGBoost booster", "m.json is one"))
    assert (kind.default, model.default, events.default) == ("xgboost", "m.json", "events.ndjson")
    assert "m.json" not in [choice.value for choice in events.choices]
    assert (options.model, options.trust_model, options.python) == (Path("m.json"), False, NEW_ENVIRONMENT)


def test_the_newest_model_counts() -> None:
    write_events()
    Path("a.json").write_bytes(XGBOOST.read_bytes())
    Path("b.joblib").write_bytes(SKLEARN.read_bytes())
    os.utime("b.joblib", (1, 1))
    _, prompter, _ = asked_of_init()
    assert prompter.asked[1].default == "xgboost"
    os.utime("a.json", (0, 0))
    _, prompter, _ = asked_of_init(**{"Do you trust": YES})
    assert prompter.asked[1].default == "sklearn"


def test_a_pickle_needs_a_yes_and_enter_is_none() -> None:
    write_events()
    Path("b.joblib").write_bytes(SKLEARN.read_bytes())
    options, prompter, _ = asked_of_init()
    trust, again = prompter.asked[4], prompter.asked[5]
    assert (trust.form, trust.default, trust.flag) == (Form.YES_NO, NO, "--trust-model")
    assert any("sklearn" in line for line in trust.told)
    assert (again.text, again.default) == ("Model file", LATER)
    assert (options.model, options.trust_model, options.events) == (EXAMPLE, False, None)
    options, prompter, _ = asked_of_init(**{"Do you trust": YES})
    assert (options.model, options.trust_model) == (Path("b.joblib"), True)
    assert "--trust-model" in init_words(options)


def test_later_tells_the_lines_that_save_a_model_and_events() -> None:
    _, prompter, page = asked_of_init(**{"What is": "lightgbm"})
    assert any("booster.save_model('model.txt')" in line for line in page.lines)
    assert "Example events" not in prompter.texts
    _, _, page = asked_of_init(**{"Example events": LATER})
    assert any('df.head(200).to_json("events.ndjson", orient="records", lines=True)' in line for line in page.lines)


def test_another_file_is_asked_for_by_its_path_and_what_is_wrong_keeps_the_text() -> None:
    write_events()
    Path("elsewhere").mkdir()
    Path("elsewhere/m.json").write_bytes(XGBOOST.read_bytes())
    Path("elsewhere/bad.json").write_text("[1, 2")
    said = {
        "What is": "xgboost",
        "Model file": OTHER,
        "Path of the model": ["", "nowhere.json", "events.ndjson", "elsewhere/m.json"],
        "Example events": OTHER,
        "Path of the events": ["elsewhere/bad.json", "events.ndjson"],
    }
    options, prompter, page = asked_of_init(**said)
    assert (options.model, options.events) == (Path("elsewhere/m.json"), Path("events.ndjson"))
    kept = [
        text
        for question, text in zip(prompter.asked, prompter.defaults, strict=True)
        if "Path of the model" in question.text
    ]
    assert kept == ["", "", "nowhere.json", "events.ndjson"]
    assert any("nowhere.json cannot be read" in line for line in page.lines)
    assert any("holds no events" in line for line in page.lines)


def test_a_name_that_is_none_or_taken_is_refused_beside_the_question() -> None:
    write_events()
    Path("taken").mkdir()
    Path("taken/file").touch()
    options, prompter, page = asked_of_init(**{"Project name": ["9 lives", "con", "taken", " mine "]})
    assert prompter.defaults[:4] == ["My-scores-2", "9 lives", "con", "taken"]
    assert options.target == Path("mine")
    assert any("already exists" in line for line in page.lines)
    assert all("--name" not in line for line in page.lines)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("churn", "churn"),
        ("My scores 2", "My-scores-2"),
        ("2024", "model-2024"),
        ("日本", "model"),
        ("x" * 90, "x" * 56),
    ],
)
def test_names_made_of_folders(folder: str, name: str, tmp_path: Path) -> None:
    place = tmp_path / "names" / folder
    place.mkdir(parents=True)
    assert proposed_name(place) == name
    (place / name).mkdir()
    assert proposed_name(place) == f"{name}-2"


def test_what_has_a_flag_is_not_asked() -> None:
    write_events()
    Path("m.json").write_bytes(XGBOOST.read_bytes())
    given = InitOptions(name="given", kind="xgboost", python="3.12", model=Path("m.json"))
    options, prompter, _ = asked_of_init(given)
    assert prompter.texts == ["Example events"]
    assert (options.target, options.name, options.python) == (Path("given"), None, "3.12")


def test_enough_flags_leave_no_question_but_the_yes() -> None:
    write_events()
    assert not lacks_answers(InitOptions(Path("d"), Path("events.ndjson")))
    assert lacks_answers(InitOptions(Path("d"), Path("events.ndjson"), kind="sklearn"))
    assert lacks_answers(InitOptions(Path("d")))
    assert not lacks_answers(InitOptions(Path("d"), kind="sklearn", model=EXAMPLE))
    _, prompter, _ = asked_of_init(InitOptions(Path("d"), Path("events.ndjson"), model=SKLEARN))
    assert [question.flag for question in prompter.asked] == ["--trust-model"]


def test_a_skeletons_own_questions_are_asked_last() -> None:
    write_events()
    options, prompter, _ = asked_of_init(**{"What is": "stateful", "Events are counted": "src.ip"})
    assert [question.flag for question in prompter.asked[-3:]] == [
        "--set key=VALUE",
        "--set time=VALUE",
        "--set window=VALUE",
    ]
    assert options.settings == {"key": "src.ip", "time": "", "window": "60"}
    assert "key=src.ip" in init_words(options)


def test_a_skeleton_of_ones_own(bench: Path) -> None:
    own = bench / "own"
    own.mkdir()
    (own / "skeleton.yaml").write_text("title: Mine\nwhen: Always.\n")
    options, _, page = asked_of_init(**{"What is": OTHER, "Folder (./NAME)": ["nothing", "./own"]})
    assert options.kind == "./own"
    assert any("no skeleton called 'nothing'" in line for line in page.lines)


def test_the_end_of_input_names_the_flags_of_what_is_open() -> None:
    write_events()
    with pytest.raises(UsageError) as caught:
        asked_of_init(**{"Which Python": EOFError()})
    assert caught.value.exit_code == 2
    for flag in ("--python", "--model", "--events", "--features", "-y"):
        assert flag in caught.value.hint
    assert "--kind" not in caught.value.hint


def test_pythons_are_offered_in_order_and_the_first_that_lacks_nothing_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [
        candidate("the project's .venv", "/p", own=True),
        candidate("$VIRTUAL_ENV", "/active"),
        candidate("python3 on PATH", "/usr"),
        candidate("python on PATH", "/usr"),
        candidate("the Python that Packflow was installed with", "/app", reason="it is Packflow's own environment"),
    ]
    monkeypatch.setattr(offered, "candidates", lambda _folder: iter(places))
    offers = offered_pythons(None, tmp_path)
    assert [(one.interpreter.prefix, one.is_first_found) for one in offers] == [
        ("/active", False),
        ("/p", True),
        ("/usr", False),
    ]
    having = [
        OfferedPython(one.interpreter, Installed({"torch": "2.1"} if one.interpreter.prefix == "/usr" else {}, {}))
        for one in offers
    ]
    question = python_question(having, ["torch==2.1"], can_make=True)
    assert question.default == "/usr/bin/python"
    assert [choice.value for choice in question.choices] == ["/usr/bin/python", NEW_ENVIRONMENT]
    assert python_question(having[:2], ["torch==2.1"], can_make=True).default == NEW_ENVIRONMENT
    assert python_question(offers, [], can_make=True).default == "/active/bin/python"
    assert python_question(offers[1:], [], can_make=True).default == FIRST_FOUND
    broken = [candidate("the project's .venv", "/p", own=True, broken=True), places[2]]
    monkeypatch.setattr(offered, "candidates", lambda _folder: iter(broken))
    assert [one.is_first_found for one in offered_pythons(None, tmp_path)] == [False]


def offer_of(names: tuple[str, ...] | None, events: list[dict[str, Any]], count: int | None = None) -> FeatureOffer:
    path = Path("offered.ndjson")
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    profiler = Profiler()
    for block in read_blocks(path):
        profiler.add(block)
    model = ModelDescription("M", names, count if names is None else len(names))
    return FeatureOffer(model, profiler.profile("ndjson", 0), numbers=True, named=True)


EVENTS = [{"a": 1, "b": {"port": 2}, "c": {"port": 3}, "label": 0, "text": "x"}] * 3


def test_a_match_by_the_models_own_names_is_shown_and_agreed_to() -> None:
    interview = FeatureInterview(offer_of(("a",), EVENTS), only_if_stuck=False)
    prompter, _ = held(interview)
    (question,) = prompter.asked
    assert (question.default, question.headers[1]) == (AGREED, "field of the events")
    assert question.choices[1].cells == ("a", "a", "integer", "all events", "")
    assert interview.given is None
    stuck = FeatureInterview(offer_of(("a",), EVENTS), only_if_stuck=True)
    assert held(stuck)[0].asked == []


def test_a_feature_can_be_changed_and_left() -> None:
    interview = FeatureInterview(offer_of(("a",), EVENTS), only_if_stuck=False)
    said = {"Which fields": ["a", "a", AGREED], "Which field is a": [BACK, "b.port"]}
    prompter, _ = held(interview, **said)
    assert interview.given == ["a=b.port"]
    assert prompter.asked[-1].choices[1].cells[1:] == ("b.port", "integer", "all events", "as you said")


def test_what_is_missing_ambiguous_or_an_answer_is_asked_and_never_guessed() -> None:
    interview = FeatureInterview(offer_of(("port", "label", "zzz"), EVENTS), only_if_stuck=True)
    said = {"Which field is port": ["text", "c.port"], "Which field is label": "label", "Which field is zzz": "a"}
    prompter, page = held(interview, **said)
    assert interview.given == ["port=c.port", "label=label", "zzz=a"]
    first = prompter.asked[0]
    assert first.default == "port"
    assert AGREED not in [choice.value for choice in first.choices]
    assert "may be b.port and c.port" in first.told[0]
    assert any("holds strings" in line for line in page.lines)


def test_a_model_without_names_takes_a_list_as_long_as_it_wants() -> None:
    interview = FeatureInterview(offer_of(None, EVENTS, 2), only_if_stuck=True)
    said = {"Which fields": ["", "a", "a,nothing", "a,b.port"]}
    prompter, page = held(interview, **said)
    assert interview.given == ["a", "b.port"]
    assert prompter.asked[0].default == ""
    assert "label" not in prompter.asked[0].suggestions
    assert any("the model takes 2" in line for line in page.lines)
    assert prompter.asked[-1].choices[0].value == AGREED


def test_golden_events_are_counted_out() -> None:
    offer = GoldenOffer(20, [b"{}"] * 20, ["mail addresses"])
    for said, agreed in (("20", 20), ("Y", 20), ("n", 0), ("none", 0), (" 7 ", 7)):
        interview = GoldenInterview(offer)
        prompter, _ = held(interview, **{"How many": said})
        assert interview.agreed == agreed
    assert any("mail addresses" in line for line in prompter.asked[0].told)
    interview = GoldenInterview(offer)
    _, page = held(interview, **{"How many": ["21", "-1", "many", "3"]})
    assert (interview.agreed, sum("is no number from 0 to 20" in line for line in page.lines)) == (3, 3)


def test_events_and_batch_sizes_of_a_dry_run() -> None:
    write_events("new.ndjson")
    interview = DryRunInterview([8, 64])
    prompter, _ = held(interview, **{"Batch sizes": ["0", "1,2"]})
    assert (interview.events, interview.batch_sizes) == (Path("new.ndjson"), [1, 2])
    assert [question.flag for question in prompter.asked] == ["EVENTS", "--batch-size", "--batch-size"]
    assert prompter.defaults == ["new.ndjson", "8,64", "0"]


def test_where_no_file_is_found_a_path_is_asked_for(tmp_path: Path) -> None:
    write_events(str(tmp_path / "far.ndjson"))
    interview = EventsInterview()
    prompter, _ = held(interview, **{"Path of": ["", str(tmp_path / "far.ndjson")]})
    assert {question.form for question in prompter.asked} == {Form.PATH}
    assert interview.events == tmp_path / "far.ndjson"


def test_what_lacks_is_installed_after_a_yes() -> None:
    interview = InstallInterview(NotFoundError("It lacks torch."))
    prompter, _ = held(interview)
    assert (interview.agreed, prompter.asked[0].told) == (True, ("It lacks torch.",))


def test_projects_right_below_are_found_and_none_in_a_project(bench: Path) -> None:
    for name, age in (("old", 1), ("new", 2)):
        (bench / name).mkdir()
        (bench / name / "packflow.yaml").touch()
        os.utime(bench / name / "packflow.yaml", (age, age))
    choice = ProjectChoice(Path())
    held(choice)
    assert choice.project == Path("new")
    (bench / "packflow.yaml").touch()
    assert not ProjectChoice(Path()).has_any


def test_events_are_checked_by_their_first_lines() -> None:
    path = Path("e.ndjson")
    path.write_text('{"a": 1}\n{"a"\n' + '{"a": 1}\n' * 40 + "{\n")
    assert [one.position for one in check_events(path)] == [2]
    path.write_text("nothing\n")
    with pytest.raises(NotFoundError):
        check_events(path)


def test_a_path_is_typed_as_in_a_shell() -> None:
    assert typed_path(" ~/x ") == Path.home() / "x"
    with pytest.raises(UsageError):
        typed_path(" ")


def test_every_option_of_init_stands_in_its_command() -> None:
    options = InitOptions(
        Path("it's"),
        Path("e f.ndjson"),
        name="n",
        kind="./own",
        description="a b",
        model=EXAMPLE,
        trust_model=True,
        trust_pickles=("a.b",),
        features="a,b",
        requirements=("torch==2",),
        python="3.12",
        maintainers=("A <a@b.example>",),
        license="MIT",
        settings={"k": "v w"},
        force=True,
    )
    from packflow_app.cli.init import command

    words = init_words(options, ["packflow", "-C", "x y"])
    import inspect

    known = set(inspect.signature(command).parameters) | {"C", "set"}
    flags = [word for word in words if word.startswith("-")]
    assert {flag.lstrip("-").replace("-", "_") for flag in flags} <= known
    for value in ("it's", "e f.ndjson", "n", "./own", "a b", "a.b", "a,b", "torch==2", "3.12", "MIT", "k=v w", "x y"):
        assert value in words


def test_a_command_over_several_lines_is_one_to_a_shell() -> None:
    import shlex

    words = ["packflow", "init", "it's", *(word for n in range(9) for word in (f"--flag-{n}", f"value {n}"))]
    lines = command_lines(words)
    assert len(lines) > 2
    assert all(len(line) <= 80 for line in lines)
    assert shlex.split("\n".join(lines).removeprefix("$").replace("\\\n", " ")) == words


class Consultant:
    """Agrees, or not, and keeps what was asked."""

    def __init__(self, *, agrees: bool) -> None:
        self._agrees = agrees
        self.planned: Any = None

    def features(self, offer: FeatureOffer) -> list[str] | None:
        raise AssertionError("there is no model")

    def agrees(self, planned: Any) -> bool:
        self.planned = planned
        return self._agrees


def test_init_writes_nothing_before_it_is_agreed_to(bench: Path) -> None:
    write_events()
    before = sorted(bench.rglob("*"))
    said = Consultant(agrees=False)
    with pytest.raises(CancelledError):
        init(InitOptions(Path("new"), Path("events.ndjson")), consulted=said)
    assert sorted(bench.rglob("*")) == before
    assert "packflow.yaml" in said.planned.files
    said = Consultant(agrees=True)
    init(InitOptions(Path("new"), Path("events.ndjson")), consulted=said)
    assert (bench / "new" / "packflow.yaml").is_file()


def test_what_init_made_for_an_environment_is_no_file_that_was_there(bench: Path) -> None:
    write_events()
    said = Consultant(agrees=False)
    with pytest.raises(CancelledError):
        init(InitOptions(Path("new"), Path("events.ndjson"), python=NEW_ENVIRONMENT), consulted=said)
    assert "requirements.txt" in said.planned.added
    assert not any("stays" in line for line in project_tree(said.planned))
    assert not (bench / "new").exists()


def test_events_made_up_for_features_hold_each_of_them() -> None:
    lines = [json.loads(line) for line in feature_events(["a", "b=dst.port"], 30)]
    assert len(lines) == 30
    assert all(event.keys() == {"a", "dst.port"} for event in lines)
    assert list(feature_events(["a"], 3)) == list(feature_events(["a"], 3))


def test_a_place_is_the_folder_itself_only_where_that_is_empty() -> None:
    assert place_of("x") == Path()
    Path("file").touch()
    assert place_of("x") == Path("x")
    Path("below").mkdir()
    assert place_of("x", Path("below")) == Path("below")
    Path("below", "file").touch()
    assert place_of("x", Path("below")) == Path("below", "x")
    Path("below", "file").unlink()
    Path("below", "model").mkdir()
    assert proposed_name(Path("model"), Path("below")) == "model-2"


def test_a_look_is_taken_once_and_hands_on_what_it_raises() -> None:
    taken: list[int] = []
    look = Look(lambda: taken.append(1) or 7)  # type: ignore[func-returns-value]
    look.begin()
    look.begin()
    assert (look.result(), look.result(), taken) == (7, 7, [1])

    def fail() -> None:
        raise NotFoundError("gone")

    with pytest.raises(NotFoundError):
        Look(fail).result()


@pytest.mark.parametrize("width", [20, 40, 79])
def test_choices_fit_the_width(width: int) -> None:
    rows = [("short", "x" * 90, "y"), ("a single one that takes no part " * 4,), ("b" * 50, "c", "d" * 30)]
    lines = aligned(rows, width)
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)
    assert lines[1].endswith("…")


def test_text_is_clipped_and_wrapped() -> None:
    assert (clipped("abc", 3), clipped("abcd", 3)) == ("abc", "ab…")
    assert wrapped("  one two three four five six seven", 30) == ["  one two three four five six", "  seven"]
    assert wrapped("", 30) == [""]
