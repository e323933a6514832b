"""Every action of the app, once: its name, its key and screen, its shell command, and the call that does it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from packflow_app.tui import commands

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from packflow_app.actions.golden_events import GoldenOffer
    from packflow_app.tui.new_project.conversation import Conversation


@dataclass(frozen=True)
class Call:
    """An action with its options: ``run(report, cancel)`` does it and gives its value or raises a PackflowError.

    One in the ``background`` is a screen's own reading, of whose end nobody is told. One that ``only_reads`` can be
    broken off without a question.
    """

    action: str
    title: str
    words: commands.Words
    run: Callable[[Callable[[Any], None], threading.Event], Any]
    options: Any = None
    background: bool = False
    only_reads: bool = False

    @property
    def command(self) -> str:
        """The shell command that does the same."""
        return commands.shown(self.words)


@dataclass(frozen=True)
class Action:
    """What the app can do; ``key`` does it on the screen of the step ``screen``.

    ``words`` gives the shell command for options, ``function`` is imported when it is called first: the rooms behind it
    are not needed to draw a screen.
    """

    id: str
    title: str
    key: str
    screen: str
    words: Callable[[Any], commands.Words]
    function: Callable[[], Callable[..., Any]]
    only_reads: bool = False

    def call(self, options: Any) -> Call:  # noqa: ANN401 - the action's own options
        """The action on these options."""
        return Call(
            self.id, self.title, self.words(options), partial(self._run, options), options, only_reads=self.only_reads
        )

    def _run(self, options: Any, report: Callable[[Any], None], cancel: threading.Event) -> Any:  # noqa: ANN401
        return self.function()(options, report=report, cancel=cancel)


def _inspect() -> Callable[..., Any]:
    from packflow_app.actions.inspect import inspect  # noqa: PLC0415 - as ``Action`` says, here and below

    return inspect


def _dry_run() -> Callable[..., Any]:
    from packflow_app.actions.dry_run import DryRunDone, dry_run  # noqa: PLC0415

    def without_events(*arguments: Any, **named: Any) -> DryRunDone:  # noqa: ANN401 - as the action takes them
        done = dry_run(*arguments, **named)
        while done.survey.sample:  # no screen shows them; freed all at once they would hold up the loop
            del done.survey.sample[-1000:]
        return done

    return without_events


def _validate() -> Callable[..., Any]:
    from packflow_app.actions.validate import validate  # noqa: PLC0415

    return validate


def _export() -> Callable[..., Any]:
    from packflow_app.actions.export import ExportDone, ExportOptions, export  # noqa: PLC0415
    from packflow_app.questions.golden_interview import GoldenInterview  # noqa: PLC0415
    from packflow_app.tui.asking import ask  # noqa: PLC0415

    def asking(options: ExportOptions, *, report: Callable[[Any], None], cancel: threading.Event) -> ExportDone:
        def consent(offer: GoldenOffer) -> int:
            interview = GoldenInterview(offer)
            ask(interview, report, cancel)
            return interview.agreed

        return export(options, report=report, ask=consent, cancel=cancel)

    return asking


def _export_plan() -> Callable[..., Any]:
    from packflow_app.actions.export_plan import plan_export  # noqa: PLC0415

    return _without_news(plan_export)


def _verify() -> Callable[..., Any]:
    from packflow_app.actions.verify import verify  # noqa: PLC0415

    return verify


def _show() -> Callable[..., Any]:
    from packflow_app.actions.show import show  # noqa: PLC0415

    return _without_news(show)


def _look() -> Callable[..., Any]:
    from packflow_app.actions.show import read_file  # noqa: PLC0415

    return read_file


def _init() -> Callable[..., Any]:
    from packflow_app.tui.new_project.conversation import Conversation  # noqa: PLC0415

    return Conversation.hold


def _init_words(conversation: Conversation) -> commands.Words:
    from packflow_app.questions.init_summary import init_words  # noqa: PLC0415

    return init_words(conversation.options)


def _sync() -> Callable[..., Any]:
    from packflow_app.actions.environment import sync  # noqa: PLC0415

    return sync


def _lock() -> Callable[..., Any]:
    from packflow_app.actions.environment import lock  # noqa: PLC0415

    return lock


def _without_news(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """An action that is soon done: it tells nothing on the way, and what it gives once it was stopped is not heard."""

    def done(options: Any, *, report: object, cancel: object) -> Any:  # noqa: ANN401 - as the action takes them
        del report, cancel
        return function(options)

    return done


ACTIONS = {
    action.id: action
    for action in (
        Action("inspect", "Profile the events", "r", "inspect", commands.inspect_words, _inspect, only_reads=True),
        Action("save", "Save the sample of these events", "s", "inspect", commands.inspect_words, _inspect),
        Action("dry-run", "Run the model on the sample events", "r", "dry-run", commands.dry_run_words, _dry_run),
        Action("validate", "Check what an export needs", "r", "validate", commands.validate_words, _validate),
        Action("sync", "Install what the project requires", "f", "validate", commands.sync_words, _sync),
        Action("lock", "Pin and hash every requirement", "f", "validate", commands.lock_words, _lock),
        Action("plan-fixes", "See what a fix would change", "f", "validate", commands.validate_words, _validate),
        Action("fix", "Mend what needs no decision", "F", "validate", commands.validate_words, _validate),
        Action("export", "Write the archive", "r", "export", commands.export_words, _export),
        Action("export-plan", "Plan the archive", "o", "export", commands.export_plan_words, _export_plan),
        Action("verify", "Verify the archive", "r", "verify", commands.verify_words, _verify, only_reads=True),
        Action("replay", "Replay the golden events", "R", "verify", commands.verify_words, _verify),
        Action("show", "Describe the archive", "o", "verify", commands.show_words, _show, only_reads=True),
        Action("changes", "Compare with another archive", "d", "verify", commands.show_words, _show, only_reads=True),
        Action("look", "Show a file of the archive", "enter", "verify", commands.show_words, _look, only_reads=True),
        Action("init", "Make a project", "n", "home", _init_words, _init),
    )
}
