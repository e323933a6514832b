"""How to run the model: on which events, in which batches, how nearly equal, and within which limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from packflow_app.dryrun.client import WorkerLimits
from packflow_app.errors import NotFoundError, UsageError
from packflow_app.events.sample import SAMPLE_EVENTS
from packflow_app.questions.dry_run_values import read_batch_sizes, read_limit, read_seconds, read_tolerance
from packflow_app.runtime import PackflowError
from packflow_app.tui.registry import ACTIONS
from packflow_app.tui.widgets.chooser import Chooser
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.tui.widgets.path_input import PathInput
from packflow_app.wording import shown_path, visible

if TYPE_CHECKING:
    from pathlib import Path

    from textual.widget import Widget

    from packflow_app.actions.dry_run import DryRunOptions

_MODES = ("both", "single", "batch")
_FIELDS = {
    "events": ("events", ""),
    "mode": ("run them", ""),
    "batch_sizes": ("batch sizes", "those of packflow.yaml, else 8,64"),
    "limit": ("events at most", ""),
    "rtol": ("rtol", "relative tolerance: by the width of each number"),
    "atol": ("atol", "absolute tolerance: none"),
    "ignore": ("ignore", "output fields to leave out: none"),
    "probes": ("probes", ""),
    "timeout": ("seconds a call", ""),
    "python": ("Python", "the project's own"),
    "trust": ("trust pickles", "to resolve globals beyond the reviewed: none"),
}
"""The fields by their ids: a label, and what an empty one stands for."""


class DryRunOptionsDialog(ModalScreen["DryRunOptions | None"]):
    """Gives the options of the action; nothing is run yet. ``events`` are those that the project names."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, options: DryRunOptions, events: Path | None) -> None:
        super().__init__()
        self._options = options
        self._events = events

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Dry run"
            with Scroll(can_focus=False):
                for name, (label, empty) in _FIELDS.items():
                    with Horizontal(classes="field"):
                        yield Label(label)
                        yield self._field(name, empty)
            yield Label("", id="wrong", classes="wrong", markup=False)
            yield Static(id="plan", classes="hint")
            yield Label("enter takes these   ↑ ↓ fields   ← → choose   esc leaves", classes="hint")

    def _field(self, name: str, empty: str) -> Widget:
        options = self._options
        if name == "events":
            own = shown_path(self._events) if self._events is not None else "none yet"
            chosen = shown_path(options.events) if options.events is not None else ""
            return PathInput(chosen, id=name, placeholder=own, compact=True)
        if name == "mode":
            mode = "single" if options.batch_sizes == [] else "both" if options.single else "batch"
            return Chooser(_MODES, mode, id=name)
        if name == "probes":
            return Chooser(("on", "off"), "on" if options.probes else "off", id=name)
        values = {
            "batch_sizes": ",".join(map(str, options.batch_sizes or [])),
            "limit": str(options.limit),
            "rtol": _number(options.rtol),
            "atol": _number(options.atol),
            "ignore": ",".join(options.ignore),
            "timeout": _number(options.limits.timeout),
            "python": options.python or "",
            "trust": ",".join(options.trust_pickles),
        }
        return Input(values[name], placeholder=empty, id=name, compact=True)

    def options(self) -> DryRunOptions:
        """What the fields say; raises UsageError or NotFoundError for one that cannot be."""
        said = {field.id: field.value.strip() for field in self.query(Input)}
        mode = self.query_one("#mode", Chooser).value
        events = self.query_one("#events", PathInput)
        if said["events"] and not events.path.is_file():
            raise NotFoundError(
                f"There is no file {said['events']}.", code="events-not-found", hint="Name a file of events."
            )
        sizes = read_batch_sizes(said["batch_sizes"]) if said["batch_sizes"] else None
        timeout = read_seconds("--timeout", said["timeout"]) if said["timeout"] else WorkerLimits().timeout
        return replace(
            self._options,
            events=events.path if said["events"] else None,
            single=mode != "batch",
            batch_sizes=[] if mode == "single" else sizes,
            limit=read_limit(said["limit"]) if said["limit"] else SAMPLE_EVENTS,
            rtol=read_tolerance("--rtol", said["rtol"]) if said["rtol"] else None,
            atol=read_tolerance("--atol", said["atol"]) if said["atol"] else None,
            ignore=_listed(said["ignore"]),
            probes=self.query_one("#probes", Chooser).value == "on",
            limits=replace(self._options.limits, timeout=timeout),
            python=said["python"] or None,
            trust_pickles=_listed(said["trust"]),
        )

    def on_mount(self) -> None:
        self._plan()

    @on(Input.Changed)
    @on(Chooser.Changed)
    def _plan(self) -> None:
        self.query_one("#batch_sizes", Input).disabled = self.query_one("#mode", Chooser).value == "single"
        try:
            options = self.options()
        except PackflowError as error:
            self.query_one("#wrong", Label).update(f"{error.title} {error.hint}".strip())
            self.query_one("#plan", Static).update("")
            return
        self.query_one("#wrong", Label).update("")
        command = ACTIONS["dry-run"].call(options).command
        self.query_one("#plan", Static).update(Content.assemble(("$ ", "$muted"), visible(command)))

    @on(Input.Submitted)
    @on(Chooser.Submitted)
    def _take(self) -> None:
        try:
            self.dismiss(self.options())
        except (NotFoundError, UsageError):
            return  # said beside the fields already


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
