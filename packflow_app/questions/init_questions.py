"""The words of what ``packflow init`` asks, each with its choices and its default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.actions.init_choices import QUESTIONS
from packflow_app.actions.init_options import EXAMPLE, NEW_ENVIRONMENT
from packflow_app.questions.files import OTHER_FILE, SHOWN_FILES, file_choice
from packflow_app.questions.question import NO, OTHER, Choice, Form, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packflow_app.environments.offered import OfferedPython
    from packflow_app.models.model_file import ModelFile
    from packflow_app.projects.skeletons import Skeleton, Variable

LATER = "later"
FIRST_FOUND = ""
"""The answer about Python that needs no flag: the one that is taken unasked."""
SAVE_EVENTS = 'df.head(200).to_json("events.ndjson", orient="records", lines=True)'

_KNOWN = {question.name: question for question in QUESTIONS}
_SHOWN_GLOBALS = 6


def kind_question(skeletons: Sequence[Skeleton], found: dict[str, ModelFile]) -> Question:
    """What the model is: kinds of which there is a file first, the newest file's being the default."""
    newest = sorted(found, key=lambda kind: -found[kind].path.stat().st_mtime_ns)
    order = [*newest, *(one.name for one in skeletons if one.name not in found)]
    by_name = {one.name: one for one in skeletons}
    choices = [
        Choice(kind, (by_name[kind].title, f"{found[kind].path} is one" if kind in found else "")) for kind in order
    ]
    choices.append(Choice(OTHER, ("a skeleton of your own …", "a folder or a git repository")))
    told = "A skeleton is what the project starts from: code, tests and a README that run as they are."
    return _question("kind", Form.CHOICE, order[0], choices, told=(told,))


def own_kind_question() -> Question:
    """Where one's own skeleton is."""
    return Question("--kind", "Folder (./NAME) or git repository", Form.TEXT, hint="packflow skeletons list tells more")


def setting_question(variable: Variable, *, example: bool) -> Question:
    """What a skeleton asks itself."""
    default = variable.example if example and variable.example is not None else variable.default
    flag = f"--set {variable.name}=VALUE"
    if not variable.choices:
        return Question(flag, variable.question, Form.TEXT, default or "")
    choices = tuple(Choice(one, (one,)) for one in variable.choices)
    return Question(flag, variable.question, Form.CHOICE, default or choices[0].value, choices)


def python_question(offers: Sequence[OfferedPython], needed: Sequence[str], *, can_make: bool) -> Question:
    """Which Python: the first that lacks nothing is the default, else a new environment."""
    choices: list[Choice] = []
    default = None
    for one in offers:
        lacking = [unmet.wanted for unmet in one.missing(needed)]
        value = FIRST_FOUND if one.is_first_found else str(one.interpreter.path)
        has = f"lacks {', '.join(lacking)}" if lacking else f"has {_short(needed)}" if needed else ""
        if lacking and can_make:
            continue  # it would become the new environment's base at best
        choices.append(Choice(value, (f"Python {one.interpreter.version_text}, {_origin(one)}", has)))
        if not lacking and default is None:
            default = value
    if can_make:
        gets = f"gets {_short(needed)}" if needed else "holds nothing else"
        choices.append(Choice(NEW_ENVIRONMENT, ("a new one, the project's own .venv", gets)))
    told = ("The model runs in a Python of its own, never in Packflow's.",)
    return _question("python", Form.CHOICE, default if default is not None else choices[-1].value, choices, told=told)


def model_question(files: Sequence[ModelFile], *, can_wait: bool, closed: bool) -> Question:
    """Which file; ``closed``: the one that was named was not to be opened, so that the default is to wait."""
    choices = [file_choice(one.path, one.format.title, _versions(one)) for one in files[:SHOWN_FILES]]
    choices.append(OTHER_FILE)
    if can_wait:
        choices.append(Choice(LATER, ("later", "an example model of this kind until then")))
    default = choices[0].value if files and not closed else LATER if can_wait else OTHER
    return _question("model", Form.CHOICE, default, choices)


def model_path_question() -> Question:
    """Where the model file is."""
    return Question("--model", "Path of the model file", Form.PATH, hint="Tab completes")


def trust_question(file: ModelFile) -> Question:
    """Whether a pickle may be opened, after it was read from outside."""
    assert file.listing is not None  # noqa: S101 - it is a pickle
    names = list(dict.fromkeys(name.rpartition(".")[0] for name in file.listing.names))
    more = f" and {len(names) - _SHOWN_GLOBALS} more" if len(names) > _SHOWN_GLOBALS else ""
    told = (
        f"{file.path.name} is a pickle: opening it can run code that its author put in.",
        "It was read without opening it, and asks only for what models are made of:",
        f"  {', '.join(names[:_SHOWN_GLOBALS]) or 'nothing at all'}{more}",
    )
    text = f"Do you trust who made {file.path.name}, and may it be opened?"
    return _question("trust_model", Form.YES_NO, NO, told=told, text=text)


def events_question(files: Sequence[Choice], *, own_model: bool) -> Question:
    """Which events stand for those that the model will meet."""
    made_up = "a number for each feature of the model" if own_model else "firewall logs"
    choices = [
        *files,
        OTHER_FILE,
        Choice(str(EXAMPLE), ("made-up ones", made_up)),
        Choice(LATER, ("later", "made-up ones until then; shows how to save yours")),
    ]
    told = ("Events are what the model is given, one JSON object each; up to 200 that stand for all are kept.",)
    return _question("events", Form.CHOICE, choices[0].value if files else str(EXAMPLE), choices, told=told)


def events_path_question() -> Question:
    """Where the events are."""
    return Question(
        "--events", "Path of the events", Form.PATH, hint="JSON, CSV or Parquet, also packed; Tab completes"
    )


def _question(
    name: str,
    form: Form,
    default: str,
    choices: Sequence[Choice] = (),
    *,
    told: tuple[str, ...] = (),
    hint: str = "",
    text: str | None = None,
) -> Question:
    known = _KNOWN[name]
    return Question(known.flag, text or known.text, form, default, tuple(choices), told=told, hint=hint)


def _versions(file: ModelFile) -> str:
    return ", ".join(f"{name} {version}" for name, version in file.packages.items() if version)


def _short(needed: Sequence[str]) -> str:
    pinned_first = sorted(needed, key=lambda one: "==" not in one)
    return f"{pinned_first[0]} and {len(needed) - 1} more" if len(needed) > 1 else pinned_first[0]


def _origin(one: OfferedPython) -> str:
    """Where a Python is, in the words of somebody who sits before it."""
    python = one.interpreter
    names = {"$VIRTUAL_ENV": "active environment", "$CONDA_PREFIX": "active environment of conda"}
    return names.get(python.origin, python.origin)
