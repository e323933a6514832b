"""Archive: any archive, verified or not and why; what it holds, needs and claims, and what another one changes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, Static, Tree

from packflow_app.actions.show import Shown, ShowOptions
from packflow_app.actions.verify import VerifiedArchive, VerifyOptions
from packflow_app.projects.journal import file_stamp
from packflow_app.tui.dialogs.ask_path import AskPath, PathQuestion
from packflow_app.tui.registry import ACTIONS
from packflow_app.tui.screens.archive.checked import checked_text, claims_text, headline
from packflow_app.tui.screens.archive.demands_dialog import DemandsDialog
from packflow_app.tui.screens.archive.described import changes_text, manifest_text, needs_text
from packflow_app.tui.screens.archive.file_dialog import FileDialog
from packflow_app.tui.screens.journey import JourneyScreen, bindings_of, job_widgets
from packflow_app.tui.widgets.files_tree import FilesTree
from packflow_app.tui.widgets.folded import Folded
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.tui.widgets.pane_tabs import PaneTabs
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.tui.widgets.progress_line import ProgressLine
from packflow_app.wording import home_path, sized, visible

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.result import Problem
    from packflow_app.tui.jobs import Job
    from packflow_app.tui.registry import Call
    from packflow_app.tui.steps import ProjectSeen

_CLAIMS, _CHANGES = "claims-pane", "changes-pane"
_PANES = {
    "files": "Contents",
    _CLAIMS: "Claims",
    "needs-pane": "Needs",
    "manifest-pane": "Manifest",
    _CHANGES: "Difference",
}
_REPLAY_NEEDS_VERIFIED = "Only an archive that passed its checks is replayed."


class ArchiveScreen(JourneyScreen):
    """Shows the archive that was opened, else the one that the project exported last."""

    STEP = "verify"
    ACTIONS: ClassVar[tuple[str, ...]] = ("show", "verify", "replay", "changes", "look")
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("verify")
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self._project: Path | None = None
        self._stamp = ""
        self._options = VerifyOptions()
        self._shown: Shown | None = None
        self._verified: VerifiedArchive | None = None
        self._changes: Shown | None = None
        self._looked: int | None = None
        self._fault = -1

    def compose_body(self) -> ComposeResult:
        yield Folded(id="about")
        yield from job_widgets()
        with Horizontal(id="upper"):
            with Scroll(id="checked-panel", classes="panel") as checked:
                checked.border_title = "Checked here"
                yield Folded(id="checked")
            with Scroll(id="claims-panel", classes="panel") as claims:
                claims.border_title = "Claimed by its builder, unchecked"
                yield Folded(id="claims")
        with Vertical(id="lower", classes="panel"):
            yield PaneTabs(_PANES)
            with ContentSwitcher(initial="files", id="panes"):
                yield FilesTree(id="files")
                with Scroll(id=_CLAIMS):
                    yield Folded(id="claims-again")
                for pane in ("needs-pane", "manifest-pane", _CHANGES):
                    with Scroll(id=pane):
                        yield Static(classes="text")

    def opened(self) -> None:
        self.set_focus(self.query_one(FilesTree))

    # What is shown

    def show_project(self, seen: ProjectSeen | None) -> None:
        if self.journey.project != self._project:
            self._project, self._path = self.journey.project, None
        path = self.journey.archive or (seen.archive if seen is not None else None) or self._path
        stamp = file_stamp(path) if path is not None else ""
        if path is not None and (path, stamp) != (self._path, self._stamp):
            if path != self._path:
                self._options = VerifyOptions([path])
                self._forget_changes()
            self._path, self._stamp = path, stamp
            self._shown, self._verified, self._fault = None, None, -1
            self._options = replace(self._options, replay=False)
            self.journey.start(replace(ACTIONS["show"].call(ShowOptions(path)), background=True))
            self.journey.start(ACTIONS["verify"].call(self._options))
        self._draw()

    def _forget_changes(self) -> None:
        """What another archive changes is of the archive that was shown before."""
        self._changes, tabs = None, self.query_one(PaneTabs)
        tabs.count(_CHANGES, 0)
        if tabs.current == _CHANGES:
            tabs.choose("files")

    def call(self) -> Call | None:
        if self._path is None:
            return None
        return ACTIONS["replay" if self._options.replay else "verify"].call(self._options)

    def show_command(self) -> None:
        """The command of what is looked at: the verification, or the difference."""
        changes = self.journey.jobs.latest.get("changes")
        if self.query_one(PaneTabs).current == _CHANGES and changes is not None and changes.call.options is not None:
            self.show_command_of(changes.call)
        else:
            super().show_command()

    def show_job(self, job: Job) -> None:
        if job.action in ("verify", "replay"):
            self._show_verification(job)
        elif job.action == "show":
            if job.state == "done" and job.value.archive.path == self._path:
                self._shown = job.value
        elif job.action == "changes":
            self._show_changes(job)
        elif job.state != "running" and job.number != self._looked:
            self._looked = job.number
            if job.state == "done":
                self.app.push_screen(FileDialog(job.value))
            elif job.problem is not None:
                self.journey.say(f"{job.problem.message} {job.problem.hint}", severity="error")
        self._draw()

    def _show_verification(self, job: Job) -> None:
        if job.call.options.archives != [self._path]:
            return
        self.query_one(ProgressLine).show(job)
        if job.state == "done":
            self._verified = job.value.archives[0]
            self._options = job.call.options
        problems = self._verified.problems if self._verified is not None else []
        problem = job.problem if job.state == "failed" else next(iter(problems), None)
        self._tell(problem if job.state != "running" else None)

    def _tell(self, problem: Problem | None) -> None:
        self.query_one(ProblemPanel).show(problem)
        self.set_class(problem is not None, "-wrong")

    def _show_changes(self, job: Job) -> None:
        if job.call.options.archive != self._path:
            return
        if job.state == "failed":
            self._tell(job.problem)
        elif job.state == "done" and job.value is not self._changes:
            self._changes = job.value
            self._tell(next(iter(self._verified.problems), None) if self._verified is not None else None)
            self.query_one(PaneTabs).count(_CHANGES, job.value.changes.count)
            self.query_one(PaneTabs).choose(_CHANGES)

    def _draw(self) -> None:
        shown, verified = self._shown, self._verified
        self.set_class(self._path is None or (shown is None and verified is None), "-empty")
        self.set_class(shown is None, "-closed")
        self.query_one("#about", Folded).show(self._about)
        if shown is not None:
            description, marks = shown.archive, {}
            if verified is not None and verified.found is not None:
                marks = {fault.entry: "wrong bytes" for fault in verified.found.faults if fault.entry is not None}
            self.query_one(FilesTree).show(description.sizes, marks=marks)
            self._fill("needs-pane", needs_text(description))
            self._fill("manifest-pane", manifest_text(description))
            self._fill(_CHANGES, changes_text(self._changes or shown))
        self._draw_checked()

    def _fill(self, pane: str, text: Content) -> None:
        self.query_one(f"#{pane} .text", Static).update(text)

    def on_resize(self) -> None:
        self.call_after_refresh(self._hide_claims)

    def _hide_claims(self) -> None:
        """They are a pane where there is no room for them beside the checks."""
        self.query_one(PaneTabs).hide(*([] if self.has_class("-narrow") else [_CLAIMS]))

    def _draw_checked(self) -> None:
        self._hide_claims()
        verified, shown, checked = self._verified, self._shown, self.query_one("#checked", Folded)
        if verified is not None:
            checked.show(partial(checked_text, verified, self._options))
        else:
            checked.show(lambda _width: Content.styled("Its bytes are being read …", "$muted"))
        if shown is not None:
            for claims in ("#claims", "#claims-again"):
                self.query_one(claims, Folded).show(partial(claims_text, shown.archive))

    def _about(self, width: int) -> Content:
        if self._path is None:
            return Content.assemble(
                "No archive is open. Press ", ("o", "bold $key"), " to open one, or ", ("5", "bold $key"), " to export."
            )
        words, style = headline(self._verified)
        parts: list[str | tuple[str, str]] = [(words, f"bold {style}")]
        if self._shown is not None:
            manifest = self._shown.archive.manifest
            parts.append((f"  {visible(manifest.name)} {visible(manifest.version)}", "bold"))
            parts.append((f"  {sized(self._shown.archive.size)}", "$muted"))
        told = Content.assemble(*parts, "  ")
        path = visible(home_path(self._path))
        room = max(8, width - told.cell_length) if width else len(path)
        return Content.assemble(told, (path if len(path) <= room else f"…{path[-room + 1 :]}", "$muted"))

    # Keys

    @on(PaneTabs.Chosen)
    def _pane_chosen(self, event: PaneTabs.Chosen) -> None:
        self.query_one("#panes", ContentSwitcher).current = event.pane
        self.set_focus(self.query_one(f"#{event.pane}"))
        self.show_command()

    def action_next_pane(self) -> None:
        self.query_one(PaneTabs).move(1)

    def action_run(self) -> None:
        self._options = replace(self._options, replay=False)
        super().action_run()

    def action_replay(self) -> None:
        if self._verified is None or not self._verified.has_passed:
            self.journey.say(_REPLAY_NEEDS_VERIFIED, severity="warning")
        else:
            self.journey.start(ACTIONS["replay"].call(replace(self._options, replay=True)))

    def action_demand(self) -> None:
        if self._path is not None:
            self.app.push_screen(DemandsDialog(replace(self._options, replay=False)), self._demanded)

    def _demanded(self, options: VerifyOptions | None) -> None:
        if options is not None:
            self._options = options
            self.journey.start(ACTIONS["verify"].call(options))

    def action_compare(self) -> None:
        if self._path is not None:
            question = PathQuestion("Compare with another archive", "Path of the other archive", suffixes=(".zip",))
            self.app.push_screen(AskPath(question), self._compare_with)

    def _compare_with(self, other: Path | None) -> None:
        if other is not None and self._path is not None:
            self.journey.start(ACTIONS["changes"].call(ShowOptions(self._path, other)))

    def action_problem(self, step: int) -> None:
        """Go to the next file that is wrong."""
        found = self._verified.found if self._verified is not None else None
        names = [fault.entry for fault in found.faults if fault.entry is not None] if found is not None else []
        if not names or self._shown is None:
            self.journey.say("No file of it is known to be wrong.")
            return
        self._fault = (self._fault + step) % len(names)
        self.query_one(PaneTabs).choose("files")
        self.query_one(FilesTree).find(names[self._fault])

    @on(Tree.NodeSelected)
    def _selected(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        name = self.query_one(FilesTree).chosen
        if name is not None and self._path is not None:
            options = ShowOptions(self._path, file=name)
            self.journey.start(replace(ACTIONS["look"].call(options), background=True))


SCREEN = ArchiveScreen
