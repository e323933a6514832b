"""The questions of ``packflow init`` up to the events; the rest is asked once the model was looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.actions.init_options import EXAMPLE
from packflow_app.errors import UsageError
from packflow_app.projects.scaffold import check_project_name
from packflow_app.questions.looking import Look
from packflow_app.questions.names import name_question, placed, proposed_name
from packflow_app.questions.question import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.actions.init_options import InitOptions
    from packflow_app.questions.init_project import ProjectInterview
    from packflow_app.questions.init_surroundings import InitSurroundings

_FLAGS = ("--name", "--kind", "--python", "--model", "--trust-model", "--events", "--set", "--features")


def lacks_answers(options: InitOptions) -> bool:
    """Whether the name, the events or the model of a project is missing, which nothing but a person can say.

    Raises NotFoundError for a kind that there is not.
    """
    if (options.target is None and options.name is None) or (options.events is None and options.model != EXAMPLE):
        return True
    if options.model is not None or options.kind in (None, "python"):
        return False
    from packflow_app.projects.skeletons import opened_skeleton  # noqa: PLC0415 - behind the first question

    with opened_skeleton(str(options.kind)) as skeleton:
        return bool(skeleton.models)


class InitInterview:
    """Asks what the options leave open, and fills it in; ``options`` are those as far as they are known.

    ``is_whole``: the project's name, its events or its model is missing, so that everything is asked and the whole is
    agreed to in the end; else only what keeps the project from being made. ``place`` is the folder that it comes to lie
    in; ``around`` is what another interview here has looked at already.
    """

    flags = _FLAGS

    def __init__(
        self,
        options: InitOptions,
        *,
        is_whole: bool,
        place: Path = Path(),
        around: Look[InitSurroundings] | None = None,
    ) -> None:
        self.is_whole = is_whole
        self.around = around or Look(self._look_around)
        self._options = options
        self._place = place
        self._project: ProjectInterview | None = None

    @property
    def options(self) -> InitOptions:
        """The options, with all that was answered so far."""
        return self._project.options if self._project is not None else self._options

    def look(self) -> None:
        """Begin to look at the folder, once the first question is shown."""
        self.around.begin()

    def steps(self) -> Iterator[Step]:
        """The questions that are open. Raises what the options given say that is wrong."""
        yield from self._name()
        from packflow_app.questions.init_project import ProjectInterview  # noqa: PLC0415 - behind the first question

        self._project = ProjectInterview(self._options, self.around.result(), is_whole=self.is_whole)
        yield from self._project.steps()

    def _look_around(self) -> InitSurroundings:
        from packflow_app.questions.init_surroundings import InitSurroundings  # noqa: PLC0415 - behind the first question

        around = InitSurroundings(self._options.target)
        around.begin()
        return around

    def _name(self) -> Iterator[Step]:
        if self._options.target is None and self._options.name is not None:
            self._take_name(self._options.name)
        elif self._options.target is None:
            yield Step(name_question(Path.cwd(), self._place), self._take_name)
        elif self._options.name is None:
            folder = self._options.target.absolute()
            try:
                check_project_name(folder.name)
            except UsageError:
                question = replace(name_question(folder), default=proposed_name(folder))
                yield Step(question, self._take_name)

    def _take_name(self, name: str) -> tuple[str, ...]:
        name = name.strip()
        if self._options.target is not None:
            check_project_name(name)
            self._options = replace(self._options, name=name)
            return ()
        self._options = placed(self._options, name, self._place)
        return ()
