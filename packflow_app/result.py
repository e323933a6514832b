"""What a command gives back: data, errors, warnings and an exit code, in one documented envelope."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from packflow_app.runtime import ExitCode, PackflowError


@dataclass(frozen=True)
class Problem:
    """An error or a warning as ``--json`` shows it; ``code`` is stable, the texts are for people."""

    code: str
    message: str
    file: str | None = None
    line: int | None = None
    hint: str = ""

    @classmethod
    def of(cls, error: PackflowError) -> Problem:
        """The problem that an error stands for."""
        title = error.title if error.title.endswith(".") else f"{error.title}."
        message = f"{title} {error.detail}".strip()
        return cls(error.code, message, error.file, error.line, error.hint)


@dataclass(frozen=True)
class Result:
    """The outcome of one command; ``ok`` is true exactly when the exit code is 0."""

    data: dict[str, Any]
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    exit_code: int = ExitCode.OK

    def envelope(self, command: list[str]) -> dict[str, Any]:
        """The ``--json`` object of schema ``packflow.<command>/1``; ``command`` is the words as typed."""
        return {
            "schema": f"packflow.{_command_name(command)}/1",
            "ok": self.exit_code == ExitCode.OK,
            "command": command,
            "data": self.data,
            "errors": [vars(problem) for problem in self.errors],
            "warnings": [vars(problem) for problem in self.warnings],
        }


def _command_name(command: list[str]) -> str:
    """Which command the words name."""
    words = without_alias(command[1:])
    place = _command_place(words)
    return words[place] if place is not None and words[place] in {**COMMANDS, **EARLIER} else "packflow"


def _command_place(words: list[str]) -> int | None:
    """Where the command stands: the first word that is no option and no option's value, which may well be demo too."""
    places = iter(range(len(words)))
    for place in places:
        if words[place] in ("-C", "--color"):
            next(places, None)
        elif not words[place].startswith("-"):
            return place
    return None


COMMANDS = {
    "init": "make a project from a model file and example events",
    "inspect": "tell what a file of events holds, and what is odd about it",
    "dry-run": "run the model one by one and in batches, and compare",
    "validate": "check everything that an export needs, with the place and the fix",
    "export": "write the project as one file that runs anywhere Python runs",
    "verify": "check archives from outside, against what their manifest says",
    "run": "run an archive or a project on a stream of events",
    "serve": "run an archive or a project between two message brokers",
    "show": "tell what an archive holds and needs, and what another one changes",
    "sign": "sign an archive, so that others can tell it is yours",
    "kit": "put an archive and all it needs on the other side into one folder",
    "keygen": "make a pair of keys to sign archives with",
    "compare": "show how two models differ on the same events",
    "update": "swap the model for a new one, and show what that changes",
    "demo": "show the whole journey in a temporary folder",
    "ui": "open the terminal app, which shows the whole journey",
    "migrate": "turn a project of packflow 0.4 into ours, behaving the same",
    "skeletons": "list what a new project can start from, and show one",
    "cache": "list or remove extracted archives and their environments",
    "env": "make, lock, show and remove the environment the model runs in",
    "config": "show and keep what you prefer, such as colours and licence",
    "doctor": "tell what is wrong with this machine, installation and project",
    "completion": "print a script by which a shell completes commands and files",
}
"""Every command with its one-line help, in the order of the journey."""

EARLIER = {
    "create": "make a project from a name, as packflow 0.4 spelled it; `init` is its name now",
}
"""Commands of packflow 0.4 that keep working and are in no list."""

ALIASES = {"info": "show"}
"""Other words for commands."""


def sentence_of(command: str) -> str:
    """The one-line help of a command as a sentence."""
    text = (COMMANDS | EARLIER)[command]
    return f"{text[:1].upper()}{text[1:]}."


def without_alias(words: list[str]) -> list[str]:
    """The command line ``words`` (after the program) with a command's other name replaced by its own."""
    place = _command_place(words)
    if place is None or words[place] not in ALIASES:
        return words
    return [*words[:place], ALIASES[words[place]], *words[place + 1 :]]
