"""Archive: any archive, verified or not and why; its manifest, its files, what it needs and what it claims."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static, Tree

from packflow_app.projects.journal import file_stamp
from packflow_app.runtime import Manifest, PackflowError
from packflow_app.tui.commands import run_words
from packflow_app.tui.json_text import laid_out
from packflow_app.tui.registry import ACTIONS
from packflow_app.tui.screens.archive.opening import ArchiveSeen, Verdict, file_text
from packflow_app.tui.screens.journey import JourneyScreen, bindings_of
from packflow_app.tui.widgets.files_tree import FilesTree
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.tui.widgets.progress_line import ProgressLine
from packflow_app.wording import counted, home_path, sized, visible

if TYPE_CHECKING:
    from packflow_app.tui.jobs import Job
    from packflow_app.tui.registry import Call
    from packflow_app.tui.steps import ProjectSeen

_LABEL = 12


class ArchiveScreen(JourneyScreen):
    """Shows the archive that was opened, else the one that the project exported last."""

    STEP = "verify"
    ACTIONS: ClassVar[tuple[str, ...]] = ("verify",)
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("verify")
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self._stamp = ""
        self._archive: ArchiveSeen | None = None

    def compose_body(self) -> ComposeResult:
        yield Static(id="about")
        yield ProgressLine()
        yield ProblemPanel()
        with Horizontal(id="upper"):
            with Scroll(id="verified-panel", classes="panel") as verified:
                verified.border_title = "Verified"
                yield Static(id="verified")
            with Scroll(id="claims-panel", classes="panel") as claims:
                claims.border_title = "Claims of its builder"
                yield Static(id="claims")
        with Vertical(id="files-panel", classes="panel") as files:
            files.border_title = "Contents"
            yield FilesTree(id="files")

    def opened(self) -> None:
        self.set_focus(self.query_one(FilesTree))

    def show_project(self, seen: ProjectSeen | None) -> None:
        path = self.journey.archive or (seen.archive if seen is not None else None)
        stamp = file_stamp(path) if path is not None else ""
        if path is not None and (path, stamp) != (self._path, self._stamp):
            self._path, self._stamp, self._archive = path, stamp, None
            self.journey.start(ACTIONS["verify"].call(path))
        self._draw()

    def call(self) -> Call | None:
        path = self._path
        return ACTIONS["verify"].call(path) if path is not None else None

    def show_job(self, job: Job) -> None:
        self.query_one(ProgressLine).show(job)
        self.query_one(ProblemPanel).show(job.problem if job.state == "failed" else None)
        if job.state == "done" and job.value.path == self._path:
            self._archive = job.value
            self._draw()

    def _draw(self) -> None:
        archive = self._archive
        self.set_class(archive is None, "-empty")
        self.query_one("#about", Static).update(self._about())
        if archive is None:
            return
        self._draw_panels()
        self.query_one(FilesTree).show({name: one.size for name, one in archive.manifest.files.items()})

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_panels)

    def _draw_panels(self) -> None:
        """Two panels side by side, or one that has both where there is no room for two."""
        archive = self._archive
        if archive is None:
            return
        verified, claims = self.query_one("#verified", Static), _claims_text(archive)
        text = _verified_text(archive, verified.content_size.width)
        if self.has_class("-narrow"):
            text = Content("\n").join([text, Content.styled("Claims of its builder", "bold $muted"), claims])
        verified.update(text)
        self.query_one("#claims", Static).update(claims)

    def _about(self) -> Content:
        if self._path is None:
            return Content.assemble(
                "No archive is open. Press ", ("o", "bold $key"), " to open one, or ", ("5", "bold $key"), " to export."
            )
        parts: list[str | tuple[str, str]] = []
        if self._archive is not None:
            manifest = self._archive.manifest
            good = self._archive.is_verified
            text, style = ("✓ verified", "$success") if good else ("✗ not as it was built", "$error")
            parts += [(text, f"bold {style}"), (f"  {visible(manifest.name)} {visible(manifest.version)}", "bold")]
            parts.append((f"  {sized(self._archive.size)}  ", "$muted"))
        parts.append((visible(home_path(self._path)), "$muted"))
        return Content.assemble(*parts)

    @on(Tree.NodeSelected)
    def _selected(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        node = self.query_one(FilesTree).cursor_node
        if node is not None and node.data and self._path is not None:
            try:
                text = file_text(self._path, node.data)
            except (PackflowError, KeyError) as error:
                self.journey.say(str(error), severity="error")
                return
            self.app.push_screen(FileDialog(node.data, text))


def _verified_text(archive: ArchiveSeen, width: int) -> Content:
    lines = [_verdict_line(verdict) for verdict in archive.verdicts]
    half = 64 if width >= _LABEL + 64 + 2 else 32  # with a scroll bar
    lines += [_line(label, archive.sha256[at : at + half]) for at, label in ((0, "sha256"), (half, ""))[: 64 // half]]
    lines.append(_line("run it", run_words(archive.path, None)))
    return Content("\n").join(lines)


def _verdict_line(verdict: Verdict) -> Content:
    mark, style = {True: ("✓", "$success"), False: ("✗", "$error"), None: ("–", "$muted")}[verdict.good]
    return Content.assemble((f"{mark} ", style), (verdict.name.ljust(_LABEL - 2), "$muted"), visible(verdict.text))


def _claims_text(archive: ArchiveSeen) -> Content:
    manifest = archive.manifest
    requirements = ", ".join(manifest.requirements) or "nothing beside Python"
    lines = [
        _line("python", manifest.python_requires),
        _line("requires", requirements),
        _line("parity", _parity(manifest)),
        _line("golden", counted(manifest.golden_events, "event") if manifest.golden_events else "none"),
        _line("backend", manifest.entry_point + (", stateful" if manifest.stateful else "")),
        _line("runtime", manifest.runtime_version),
        _line("pickles", ", ".join(manifest.pickle_allowlist) or "none"),
        _line("source", _source(manifest)),
    ]
    return Content("\n").join(lines)


def _line(label: str, text: str) -> Content:
    return Content.assemble((label.ljust(_LABEL), "$muted"), visible(text))


def _parity(manifest: Manifest) -> str:
    if manifest.parity is None:
        return "not compared"
    return f"single {'=' if manifest.parity.equal else '≠'} batch on {counted(manifest.parity.events, 'event')}"


def _source(manifest: Manifest) -> str:
    commit, clean = manifest.provenance.commit, manifest.provenance.clean
    if commit is None:
        return "no git commit"
    return f"commit {commit[:12]}" + ("" if clean else ", with changes that are not committed")


class FileDialog(ModalScreen[None]):
    """One file of the archive."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", show=False)]

    def __init__(self, name: str, text: str) -> None:
        super().__init__()
        self._file = name
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide-dialog") as dialog:
            dialog.border_title = visible(self._file)
            dialog.border_subtitle = "esc closes"
            with Scroll():
                yield Static(self._content())

    def _content(self) -> Content:
        if self._file.endswith(".json"):
            return Content("\n").join(laid_out(self._text))
        return Content("\n").join(Content(visible(line)) for line in self._text.splitlines())


SCREEN = ArchiveScreen
