"""What is about to be made, as a tree, and the command that makes the same; agreed to before anything is written."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.actions.init_choices import default_kind
from packflow_app.actions.init_options import EXAMPLE
from packflow_app.models.model_file import read_model_file
from packflow_app.questions.question import YES, Form, Question, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packflow_app.actions.init import Initialized
    from packflow_app.actions.init_options import InitOptions

_LINE = 76
"""Columns that a command takes before it goes on in the next line."""


class SummaryInterview:
    """Asks whether to make what is ``planned``; ``words`` make the same without a question."""

    flags = ("-y",)

    def __init__(self, planned: Initialized, words: Sequence[str]) -> None:
        self.agreed = False
        self._planned = planned
        self._words = words

    def look(self) -> None:
        """Nothing is to be looked at."""

    def steps(self) -> Iterator[Step]:
        """The one question."""
        listed = (*project_tree(self._planned), "", *command_lines(self._words))
        yield Step(Question("-y", "Create it?", Form.YES_NO, YES, listed=listed), self._take)

    def _take(self, answer: str) -> tuple[str, ...]:
        self.agreed = answer == YES
        return ()


def project_tree(done: Initialized) -> list[str]:
    """One line a file below its folders; what is there already and stays is marked."""
    here = Path.cwd()
    root = done.path.relative_to(here) if done.path.is_relative_to(here) and done.path != here else done.path
    lines = [f"{root}/"]
    above: list[str] = []
    names = [*done.files, *([".venv/"] if done.made_environment else [])]
    for name in sorted(names, key=lambda one: one.split("/")):
        *folders, last = name.rstrip("/").split("/")
        for depth, folder in enumerate(folders):
            if above[: depth + 1] != folders[: depth + 1]:
                lines.append(f"{'  ' * (depth + 1)}{folder}/")
        above = folders
        note = "" if name in done.added or name.endswith("/") else "   (there already, stays)"
        lines.append(f"{'  ' * (len(folders) + 1)}{last}{'/' if name.endswith('/') else ''}{note}")
    return lines


def init_words(options: InitOptions, program: Sequence[str] = ("packflow",)) -> list[str]:
    """The command that makes what ``options`` make, word by word, with no question left."""
    words = [*program, "init", *([str(options.target)] if options.target is not None else [])]
    for flag, value in (
        ("--name", options.name),
        ("--kind", options.kind if options.kind != _own_kind(options) else None),
        ("--model", options.model),
        ("--events", options.events),
        ("--features", options.features),
        ("--python", options.python),
        ("--description", options.description),
        ("--license", options.license),
    ):
        words += [flag, str(value)] if value is not None else []
    for flag, values in (
        ("--trust-pickle", options.trust_pickles),
        ("--require", options.requirements),
        ("--set", [f"{name}={value}" for name, value in options.settings.items()]),
        ("--maintainer", options.maintainers),
    ):
        for value in values:
            words += [flag, value]
    return words + ["--trust-model"] * options.trust_model + ["--force"] * options.force


def _own_kind(options: InitOptions) -> str | None:
    """The kind that needs no flag beside the model."""
    if options.model is None:
        return default_kind(None)
    return default_kind(read_model_file(options.model)) if options.model != EXAMPLE else None


def command_lines(words: Sequence[str]) -> list[str]:
    """A command for a shell, over several lines where it is long; a flag and its value stay together."""
    parts: list[str] = []
    for word in map(shlex.quote, words):
        if parts and parts[-1].startswith("--") and " " not in parts[-1] and not word.startswith("--"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    lines, line = [], "$"
    for part in parts:
        if len(line) + len(part) + 1 > _LINE and line.strip() not in ("", "$"):
            lines.append(f"{line} \\")
            line = "   "
        line = f"{line} {part}"
    return [*lines, line]
