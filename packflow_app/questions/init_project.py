"""What ``packflow init`` asks once the project has a name: its kind, its Python, its model, its events."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from packflow_app.actions.init_choices import check_format, default_kind
from packflow_app.actions.init_options import EXAMPLE
from packflow_app.actions.init_target import check_target
from packflow_app.environments.folders import ENVIRONMENT_DIR, is_environment
from packflow_app.models.consent import check_consent
from packflow_app.models.model_file import read_model_file
from packflow_app.projects.skeletons import opened_skeleton
from packflow_app.questions.files import check_events, typed_path
from packflow_app.questions.init_questions import (
    LATER,
    SAVE_EVENTS,
    events_path_question,
    events_question,
    kind_question,
    model_path_question,
    model_question,
    own_kind_question,
    python_question,
    setting_question,
    trust_question,
)
from packflow_app.questions.question import OTHER, YES, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.actions.init_options import InitOptions
    from packflow_app.models.model_file import ModelFile
    from packflow_app.projects.skeletons import Skeleton
    from packflow_app.questions.init_surroundings import InitSurroundings

_LATER_EVENTS = "Save events where they are:"
_THEN_EVENTS = "Then put them in the place of samples/events.ndjson."


class ProjectInterview:
    """Asks what ``options`` leave open, and fills it in; see ``InitInterview``, which begins."""

    def __init__(self, options: InitOptions, around: InitSurroundings, *, is_whole: bool) -> None:
        self.options = options
        self._is_whole = is_whole
        self._around = around
        self._skeleton: Skeleton | None = None
        self._file: ModelFile | None = None
        self._wants_other = False
        self._opened = ExitStack()

    def steps(self) -> Iterator[Step]:
        """The questions that are open."""
        with self._opened:
            yield from self._kind()
            if self._is_whole and self.options.python is None:
                yield self._python()
            yield from self._model()
            if self._is_whole and self.options.events is None and not self._is_example:
                yield from self._events()
            yield from self._settings()

    @property
    def _is_example(self) -> bool:
        return self.options.model == EXAMPLE

    @property
    def _chosen(self) -> Skeleton:
        assert self._skeleton is not None  # noqa: S101 - it was asked for
        return self._skeleton

    def _kind(self) -> Iterator[Step]:
        check_target(self.options)
        if self.options.model is not None and not self._is_example:
            self._file = read_model_file(self.options.model)
        if self.options.kind is not None or self._file is not None or not self._is_whole:
            self._open(self.options.kind or default_kind(self._file))
            check_format(self._chosen, self._file)
            return
        skeletons = self._around.skeletons
        found = {one.name: files[0] for one in skeletons if (files := self._around.models(one))}
        yield Step(kind_question(skeletons, found), self._take_kind)
        if self._wants_other:
            yield Step(own_kind_question(), self._take_kind)

    def _take_kind(self, kind: str) -> tuple[str, ...]:
        self._wants_other = kind == OTHER
        if kind != OTHER:
            self._open(kind.strip())
            self.options = replace(self.options, kind=kind.strip())
        return ()

    def _open(self, kind: str) -> None:
        self._skeleton = self._opened.enter_context(opened_skeleton(kind))

    def _python(self) -> Step:
        files = self._around.models(self._chosen)
        file = self._file or (files[0] if files and not self._is_example else None)
        needed = self._around.needs(self._chosen, file, self.options.requirements)
        target = self.options.target
        can_make = target is None or not is_environment(target / ENVIRONMENT_DIR)
        return Step(python_question(self._around.pythons(), needed, can_make=can_make), self._take_python)

    def _take_python(self, python: str) -> tuple[str, ...]:
        self.options = replace(self.options, python=python or None)
        return ()

    def _model(self) -> Iterator[Step]:
        if self._file is not None:
            yield from self._trust()
        closed = False
        while self._chosen.models and self.options.model is None:
            can_wait = self._chosen.example_model is not None
            files = self._around.models(self._chosen)
            yield Step(model_question(files, can_wait=can_wait, closed=closed), self._take_model)
            if self._wants_other:
                yield Step(model_path_question(), self._take_model_path)
            if self._file is not None:
                yield from self._trust()
                closed = not self._may_open
                if closed:
                    self.options, self._file = replace(self.options, model=None), None

    @property
    def _may_open(self) -> bool:
        return self.options.trust_model or self._file is None or not self._file.is_pickle

    def _trust(self) -> Iterator[Step]:
        if not self._may_open and self._file is not None:
            self._check_consent(self._file)
            yield Step(trust_question(self._file), self._take_trust)

    def _take_trust(self, answer: str) -> tuple[str, ...]:
        self.options = replace(self.options, trust_model=answer == YES)
        return ()

    def _check_consent(self, file: ModelFile) -> None:
        check_consent(file, frozenset(self.options.trust_pickles), yes=True)

    def _take_model(self, answer: str) -> tuple[str, ...]:
        self._wants_other = answer == OTHER
        if answer == LATER:
            self.options = replace(self.options, model=EXAMPLE, trust_model=False)
            saving = f"When yours is fitted, save it ({self._chosen.save}), " if self._chosen.save else "With yours, "
            return (f"{saving}and run packflow init with it. Until then an example model and its events stand here.",)
        return self._take_model_path(answer) if answer != OTHER else ()

    def _take_model_path(self, text: str) -> tuple[str, ...]:
        path = typed_path(text)
        file = read_model_file(path)
        check_format(self._chosen, file)
        self._check_consent(file)
        self._file = file
        self.options = replace(self.options, model=path)
        return ()

    def _events(self) -> Iterator[Step]:
        files = self._around.events(self.options.model)
        yield Step(events_question(files, own_model=self._file is not None), self._take_events)
        if self._wants_other:
            yield Step(events_path_question(), self._take_events_path)

    def _take_events(self, answer: str) -> tuple[str, ...]:
        self._wants_other = answer == OTHER
        if answer == OTHER:
            return ()
        if answer in (LATER, str(EXAMPLE)):
            self.options = replace(self.options, events=EXAMPLE)
            return (_LATER_EVENTS, f"  {SAVE_EVENTS}", _THEN_EVENTS) if answer == LATER else ()
        return self._take_events_path(answer)

    def _take_events_path(self, text: str) -> tuple[str, ...]:
        path = typed_path(text)
        invalid = check_events(path)
        self.options = replace(self.options, events=path)
        if not invalid:
            return ()
        return (f"Line {invalid[0].position} is no event and is left out, as others like it: {invalid[0].message}.",)

    def _settings(self) -> Iterator[Step]:
        example = self._is_example or (self.options.events == EXAMPLE and self._file is None)
        for variable in self._chosen.variables:
            key = self._file.format.key if self._file is not None else None
            about = not variable.only_for or key in variable.only_for
            open_ = variable.name not in self.options.settings and not (example and variable.example is not None)
            if about and open_ and (self._is_whole or variable.default is None):

                def take(answer: str, name: str = variable.name) -> tuple[str, ...]:
                    self.options = replace(self.options, settings={**self.options.settings, name: answer.strip()})
                    return ()

                yield Step(setting_question(variable, example=example), take)
