"""Export: what gates it, what the archive would hold, where it goes; then the file, and the command that runs it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from packflow_app.actions.export import ExportDone, ExportOptions
from packflow_app.tui.commands import run_words
from packflow_app.tui.dialogs.confirm import ConfirmDialog
from packflow_app.tui.registry import ACTIONS, Call
from packflow_app.tui.screens.export.options_dialog import ExportOptionsDialog
from packflow_app.tui.screens.export.plan import ContentsSeen, gates, look_at_contents
from packflow_app.tui.screens.journey import JourneyScreen, bindings_of
from packflow_app.tui.steps import STYLES
from packflow_app.tui.widgets.files_tree import FilesTree
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.tui.widgets.progress_line import ProgressLine
from packflow_app.wording import counted, home_path, shown_path, sized, visible

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.tui.jobs import Job
    from packflow_app.tui.steps import ProjectSeen

CONTENTS = "export-contents"
_LABEL = 10


class ExportScreen(JourneyScreen):
    """The options are asked for with ``o``; ``r`` exports with those that are shown."""

    STEP = "export"
    ACTIONS: ClassVar[tuple[str, ...]] = ("export", CONTENTS)
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("export")
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._options: ExportOptions | None = None
        self._contents: ContentsSeen | None = None
        self._contents_of: tuple[Path, str | None] | None = None
        self._done: ExportDone | None = None
        self._asked: int | None = None

    def compose_body(self) -> ComposeResult:
        yield ProgressLine()
        yield ProblemPanel()
        with Horizontal(id="upper"):
            with Vertical(id="gates-panel", classes="panel") as panel:
                panel.border_title = "Before"
                yield Static(id="gates")
            with Vertical(id="options-panel", classes="panel") as options:
                options.border_title = "Options"
                yield Static(id="options")
        with Vertical(id="result-panel", classes="panel") as result:
            result.border_title = "Archive"
            yield Static(id="result")
        with Vertical(id="contents-panel", classes="panel") as contents:
            contents.border_title = "Contents"
            yield FilesTree(id="contents")

    def opened(self) -> None:
        self.set_focus(self.query_one(FilesTree))

    def show_project(self, seen: ProjectSeen | None) -> None:
        if self._options is not None and self._options.project != self.journey.project:
            self._options, self._done, self._contents = None, None, None
        if seen is not None and seen.problem is None and not seen.gone:
            if self._options is None:
                self._options = ExportOptions(project=seen.folder)
            if (seen.folder, seen.digest) != self._contents_of:
                self._contents_of = (seen.folder, seen.digest)
                read = partial(look_at_contents, seen.folder)
                self.journey.start(Call(CONTENTS, "List the contents", [], read, background=True))
        self._draw()

    def call(self) -> Call | None:
        return ACTIONS["export"].call(self._options) if self._options is not None else None

    def show_job(self, job: Job) -> None:
        if job.action == CONTENTS:
            self._show_contents(job)
            return
        self.query_one(ProgressLine).show(job)
        self.query_one(ProblemPanel).show(job.problem if job.state == "failed" else None)
        self._done = job.value if job.state == "done" else None
        if job.problem is not None and job.problem.code == "target-exists" and self._asked != job.number:
            self._asked = job.number
            self._ask_to_replace(job)
        self._draw()

    def _ask_to_replace(self, job: Job) -> None:
        question = ConfirmDialog(job.problem.message if job.problem else "", "Replace it")
        again = replace(job.call.options, force=True)
        self.app.push_screen(question, lambda yes: self.run_named("export", again) if yes else None)

    def _show_contents(self, job: Job) -> None:
        if job.state == "failed":
            self.query_one(ProblemPanel).show(job.problem)
        elif job.state == "done" and job.value is not self._contents:
            contents: ContentsSeen = job.value
            self._contents = contents
            self.query_one(FilesTree).show(contents.sizes, contents.left_out)
            total = f"{counted(len(contents.sizes), 'file')}, {sized(sum(contents.sizes.values()))}"
            left = f", {len(contents.left_out):,} left out" if contents.left_out else ""
            self.query_one("#contents-panel").border_title = f"Contents: {total}{left}, and the runtime"

    def _draw(self) -> None:
        seen = self.journey.seen
        nothing = seen is None or seen.problem is not None or seen.gone
        self.set_class(nothing, "-empty")
        self.set_class(self._done is not None, "-done")
        if seen is None or nothing:
            text = "Looking at the project … " if self.journey.is_looking else "There is no project to export. "
            self.query_one("#gates", Static).update(Content.assemble(text, ("1", "bold $key"), " goes home."))
            return
        lines = [
            Content.assemble(
                (f"{gate.state.value} ", STYLES[gate.state]), (gate.name.ljust(_LABEL), "$muted"), visible(gate.text)
            )
            for gate in gates(seen)
        ]
        self.query_one("#gates", Static).update(Content("\n").join(lines))
        self.query_one("#options", Static).update(self._options_text())
        if self._done is not None:
            self.query_one("#result", Static).update(self._result(self._done))

    def _options_text(self) -> Content:
        options = self._options
        if options is None:
            return Content("")
        golden = "as they are" if options.golden is None else str(options.golden)
        rows = [
            ("to", home_path(options.output.absolute())),
            ("golden", golden),
            ("format", "zip, one file"),
            ("existing", "replaced" if options.force else "kept; asks first"),
        ]
        lines = [Content.assemble((label.ljust(_LABEL), "$muted"), visible(text)) for label, text in rows]
        return Content("\n").join([*lines, Content.assemble(("o", "bold $key"), (" changes them", "$muted"))])

    def _result(self, done: ExportDone) -> Content:
        exported = done.exported
        seen = self.journey.seen
        state = "unchanged, byte for byte" if exported.unchanged else "written"
        rows = [
            ("path", shown_path(exported.path)),
            ("size", f"{exported.size:,} bytes, {counted(len(exported.manifest.files) + 1, 'file')}"),
            ("sha256", exported.sha256),
            ("run it", run_words(exported.path, seen.events if seen is not None else None)),
        ]
        lines = [
            Content.assemble(
                ("✓ ", "bold $success"), (state, "bold $success"), ("  6 verifies it and looks inside", "$muted")
            )
        ]
        lines += [Content.assemble((label.ljust(_LABEL), "$muted"), visible(text)) for label, text in rows]
        return Content("\n").join(lines)

    # Keys

    def action_options(self) -> None:
        if self._options is not None:
            self.app.push_screen(ExportOptionsDialog(self._options), self._take)

    def _take(self, options: ExportOptions | None) -> None:
        if options is not None:
            self._options = options
            self._draw()
            self.show_command()


SCREEN = ExportScreen
