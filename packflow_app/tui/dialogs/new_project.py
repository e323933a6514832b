"""Make a project from a file of example events: the questions of ``packflow init``, each with a default."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from packflow_app.tui.jobs import Job
from packflow_app.tui.widgets.path_input import PathInput
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.wording import visible

if TYPE_CHECKING:
    from packflow_app.actions.init import InitOptions
    from packflow_app.tui.app import PackflowApp

_EVENTS = (".ndjson", ".jsonl", ".json", ".csv", ".tsv", ".parquet", ".gz", ".zst", ".log")


class NewProjectDialog(ModalScreen["Path | None"]):
    """Gives the folder of the project that was made. An error stands beside its field, and nothing typed is lost."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "New project"
            yield Label("Example events: JSON, CSV or Parquet, plain or compressed")
            yield PathInput(_first_events(), suffixes=_EVENTS, id="events")
            yield Label("Folder to make; its name is the project's")
            yield PathInput("", folders=True, id="folder", placeholder=_proposed(_first_events()))
            yield ProblemPanel()
            yield Static(id="plan", classes="hint")
            yield Label("enter goes on, and makes it at the end   → completes   esc leaves", classes="hint")

    def on_mount(self) -> None:
        self._app.job_changed.subscribe(self, self._job_changed)
        self._plan()

    @property
    def _app(self) -> PackflowApp:
        return cast("PackflowApp", self.app)

    def options(self) -> InitOptions:
        """What the fields say."""
        from packflow_app.actions.init import InitOptions  # noqa: PLC0415 - the rooms, when they are needed

        events = self.query_one("#events", PathInput)
        folder = self.query_one("#folder", PathInput)
        target = folder.path if folder.value.strip() else Path(folder.placeholder or "model")
        return InitOptions(target, events.path if events.value.strip() else None)

    @on(Input.Changed)
    def _plan(self) -> None:
        from packflow_app.tui.registry import ACTIONS  # noqa: PLC0415

        folder = self.query_one("#folder", PathInput)
        folder.placeholder = _proposed(self.query_one("#events", PathInput).value)
        command = ACTIONS["init"].call(self.options()).command
        self.query_one("#plan", Static).update(Content.assemble(("$ ", "$muted"), visible(command), "\n"))

    @on(Input.Submitted, "#events")
    def _events_given(self) -> None:
        events = self.query_one("#events", PathInput)
        if not events.value.strip() or not events.path.is_file():
            from packflow_app.result import Problem  # noqa: PLC0415

            self.query_one(ProblemPanel).show(
                Problem("events-not-found", "There is no such file of events.", hint="Name one; → completes a name.")
            )
            return
        self.query_one(ProblemPanel).show(None)
        self.query_one("#folder").focus()

    @on(Input.Submitted, "#folder")
    def _make(self) -> None:
        from packflow_app.tui.registry import ACTIONS  # noqa: PLC0415

        self._app.start(ACTIONS["init"].call(self.options()))

    def _job_changed(self, job: Job) -> None:
        if job.action != "init":
            return
        self.query_one(ProblemPanel).show(job.problem)
        if job.state == "done":
            self.dismiss(job.value.path)

    def action_leave(self) -> None:
        self._app.stop("init")
        self.dismiss(None)


def _first_events() -> str:
    """The first file in the current folder that looks like events, by its name."""
    try:
        found = sorted(path.name for path in Path.cwd().iterdir() if path.is_file() and path.name.endswith(_EVENTS))
    except OSError:
        return ""
    return next((name for name in found if not name.startswith(".")), "")


def _proposed(events: str) -> str:
    """A folder's name after that of the events."""
    stem = Path(events).name.partition(".")[0] if events.strip() else ""
    clean = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "-" for char in stem).strip("-_")
    return f"{clean}-model" if clean[:1].isalpha() else "my-model"
