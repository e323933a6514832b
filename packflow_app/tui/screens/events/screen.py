"""Events: a table over a file of any size, the event under the cursor, the profile of all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from packflow_app.actions.inspect import InspectOptions
from packflow_app.tui.dialogs.confirm import ConfirmDialog
from packflow_app.tui.registry import ACTIONS, Call
from packflow_app.tui.screens.events.about import about
from packflow_app.tui.screens.events.event_view import EventDialog, event_text
from packflow_app.tui.screens.events.filtering import ALL, Filter, FilterField
from packflow_app.tui.screens.events.open_dialog import OpenEventsDialog
from packflow_app.tui.screens.events.opened import OpenedEvents, Page
from packflow_app.tui.screens.events.profile_table import ProfileTable
from packflow_app.tui.screens.events.save_dialog import SaveDialog
from packflow_app.tui.screens.events.table import EventTable
from packflow_app.tui.screens.journey import JourneyScreen, bindings_of
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.tui.widgets.progress_line import ProgressLine
from packflow_app.wording import counted, shown_path, visible

if TYPE_CHECKING:
    from packflow_app.events.profile import EventsProfile
    from packflow_app.tui.jobs import Job
    from packflow_app.tui.steps import ProjectSeen

_OPENING = "The file is still being opened; a moment."
OPEN, PAGE, FILTER, PROBLEM = "events-open", "events-page", "events-filter", "events-problem"


class EventsScreen(JourneyScreen):
    """Shows the project's sample events, or another file."""

    STEP = "inspect"
    ACTIONS: ClassVar[tuple[str, ...]] = ("inspect", "save", OPEN, PAGE, FILTER, PROBLEM)
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("inspect")
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._chosen: InspectOptions | None = None
        self._options: InspectOptions | None = None
        self._file: Path | None = None
        self._opened: OpenedEvents | None = None
        self._filter = ALL
        self._profile: EventsProfile | None = None
        self._seen_ends: set[int] = set()
        self._to_profile = False

    def compose_body(self) -> ComposeResult:
        yield Static(id="about")
        yield FilterField()
        yield ProgressLine(id="progress")
        yield ProblemPanel()
        with Horizontal(id="upper"):
            with Vertical(id="table-panel", classes="panel") as panel:
                panel.border_title = "Events"
                yield Static(id="header")
                yield EventTable()
            with Scroll(id="event-panel", classes="panel") as event:
                event.border_title = "Event"
                yield Static(id="event")
        with Vertical(id="profile-panel", classes="panel") as profile:
            profile.border_title = "Profile"
            yield ProfileTable()

    def opened(self) -> None:
        self.set_focus(self.query_one(EventTable))

    # Which file

    def show_project(self, seen: ProjectSeen | None) -> None:
        own = InspectOptions(seen.events) if seen is not None and seen.events is not None else None
        options = self._chosen or own
        if options is not None and options != self._options:
            self._open(options)
        self._draw_about()

    def _open(self, options: InspectOptions) -> None:
        self._close()
        self._options, self._file = options, Path(str(options.source))
        self._opened = OpenedEvents(self._file, options.format)
        self._filter, self._profile = ALL, None
        self.query_one(ProblemPanel).show(None)
        self.query_one(EventTable).forget_columns()
        self.query_one(EventTable).reset(0)
        self._to_profile = True
        self._read(OPEN, "Open the events", self._opened.open)

    def _profile_it(self) -> None:
        """After the first page: a profile beside it would keep it waiting for seconds."""
        if self._to_profile and self._options is not None:
            self._to_profile = False
            self.journey.start(ACTIONS["inspect"].call(self._options))

    def _close(self) -> None:
        for action in self.ACTIONS:
            self.journey.stop(action)
        if self._opened is not None:
            self.app.call_later(self._opened.close)

    def on_unmount(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _read(self, action: str, title: str, run: Any, *, background: bool = True) -> None:  # noqa: ANN401
        """Start a reading of this screen's own."""
        words = self.call().words if self.call() is not None else []  # type: ignore[union-attr]
        self.journey.start(Call(action, title, words, run, background=background))

    def call(self) -> Call | None:
        if self._options is None:
            return None
        sql = self._filter.expression if self._filter.is_sql else None
        return ACTIONS["inspect"].call(replace(self._options, filter=sql))

    # Jobs

    def show_job(self, job: Job) -> None:
        running = [one for one in self.journey.jobs.latest.values() if one.state == "running"]
        shown = [one for one in running if one.action in (OPEN, FILTER, PROBLEM, "inspect", "save")]
        self.query_one(ProgressLine).show(shown[0] if shown else None)
        if job.action == OPEN and job.state == "running" and isinstance(job.progress, Page):
            self._first_page(job.progress)
        if job.action == FILTER and job.state == "cancelled" and self._filter.found is None:
            self._filter = ALL
            self.show_command()
        if job.state in ("done", "failed") and job.number not in self._seen_ends:
            self._seen_ends.add(job.number)
            if job.state == "failed":
                self._failed(job)
            else:
                self._ended[job.action](self, job)
        self._draw_about()

    def _failed(self, job: Job) -> None:
        if job.action == "save" and job.problem is not None and job.problem.code == "file-exists":
            options = job.call.options
            question = ConfirmDialog(f"{options.save} is there already.", "Replace it")
            again = replace(options, force=True)
            self.app.push_screen(question, lambda yes: self.run_named("save", again) if yes else None)
            return
        self.query_one(ProblemPanel).show(job.problem)
        if job.action == FILTER:
            self._filter = ALL
            self.action_filter()

    def _first_page(self, page: Page) -> None:
        """The first rows, while the rest is being indexed."""
        table = self.query_one(EventTable)
        if page.rows and not table.count:
            table.reset(len(page.rows))
            table.add(page)

    def _opened_file(self, job: Job) -> None:
        if job.value is self._opened and self._opened is not None:
            self.query_one(EventTable).grow(self._opened.index.positions)
            if not self._opened.index.positions:
                self._profile_it()

    def _page_read(self, job: Job) -> None:
        page: Page = job.value
        self.query_one(EventTable).add(page)
        self._profile_it()

    def _profiled(self, job: Job) -> None:
        self._profile = job.value.profile
        self.query_one(ProfileTable).show(job.value.profile)
        if self._opened is not None:
            self._opened.know(job.value.profile.paths)
            self.query_one(EventTable).put_last(constant_fields(job.value.profile))
            self.query_one(EventTable).forget()

    def _filtered(self, job: Job) -> None:
        self._filter = replace(self._filter, found=job.value)
        self.query_one(ProblemPanel).show(None)
        self.query_one(EventTable).reset(len(job.value))
        if not job.value:
            self.query_one("#event", Static).update("The filter chooses no event.\nesc shows all of them.")
            self.query_one("#event-panel").border_title = "Event"
        self.set_focus(self.query_one(EventTable))
        self.show_command()

    def _problem_found(self, job: Job) -> None:
        if job.value is None:
            self.journey.say("There is no further problem in that direction.")
            return
        problem, row = job.value
        self.query_one(EventTable).cursor = row
        self.journey.say(f"{problem.position:,}: {visible(problem.reason)}", severity="warning")

    def _saved(self, job: Job) -> None:
        options: InspectOptions = job.call.options
        assert options.save is not None  # noqa: S101 - that is what it was for
        self.journey.say(f"{counted(job.value.saved, 'event')} written to {shown_path(options.save)}")

    _ended: ClassVar[dict[str, Any]] = {
        OPEN: _opened_file,
        PAGE: _page_read,
        FILTER: _filtered,
        PROBLEM: _problem_found,
        "inspect": _profiled,
        "save": _saved,
    }

    @on(EventTable.RowsWanted)
    def _rows_wanted(self, message: EventTable.RowsWanted) -> None:
        opened, found = self._opened, self._filter.found
        if opened is not None and opened.is_open:  # until then the first rows are all there are
            self._read(PAGE, "Read the events", lambda _r, _c: opened.page(message.first, message.count, found))

    @on(EventTable.CursorMoved)
    def _cursor_moved(self) -> None:
        table = self.query_one(EventTable)
        self.query_one("#header", Static).update(table.header())
        left = table.columns_left
        self.query_one("#table-panel").border_subtitle = f"{counted(left, 'further column')}: ] or l" if left else ""
        if table.count:
            self.query_one("#event", Static).update(event_text(table.row))
            panel = self.query_one("#event-panel")
            panel.border_title = f"Event {table.row.position:,}" if table.row is not None else "Event"
            panel.scroll_to(y=0, animate=False)

    def _draw_about(self) -> None:
        self.set_class(self._file is None, "-empty")
        self.query_one("#about", Static).update(about(self._file, self._profile, self._filter))

    # Keys

    def action_filter(self) -> None:
        self.query_one(FilterField).ask()

    @on(Input.Submitted, "#filter")
    def _submitted(self, event: Input.Submitted) -> None:
        opened, expression = self._opened, event.value.strip()
        if not expression or opened is None:
            self._show_all()
            return
        if not opened.is_open:
            self.journey.say(_OPENING, severity="warning")
            return
        self._filter = chosen = Filter(expression)
        event.input.display = False
        self._read(
            FILTER,
            "Filter the events",
            lambda report, cancel: opened.filtered(expression, is_sql=chosen.is_sql, report=report, cancel=cancel),
            background=False,
        )

    def _show_all(self) -> None:
        self.query_one(FilterField).display = False
        self.query_one(ProblemPanel).show(None)
        was_filtered, self._filter = self._filter != ALL, ALL
        if was_filtered and self._opened is not None and self._opened.is_open:
            self.query_one(EventTable).reset(self._opened.index.positions)
        self.set_focus(self.query_one(EventTable))
        self.show_command()
        self._draw_about()

    def left_field(self, field: Input) -> None:
        del field
        self._show_all()

    def action_back(self) -> None:
        if self._filter and not self.journey.jobs.running and not isinstance(self.focused, Input):
            self._show_all()
        else:
            super().action_back()

    def action_problem(self, step: int) -> None:
        opened, found = self._opened, self._filter.found
        row = self.query_one(EventTable).cursor  # of which nothing may be known yet: the key is not lost
        if opened is None or not self.query_one(EventTable).count:
            return
        if not opened.is_open:
            self.journey.say(_OPENING, severity="warning")
            return
        position = row + 1 if found is None else found[row]
        self._read(
            PROBLEM,
            "Look for a problem",
            lambda report, cancel: opened.problem(position, step, found, report, cancel),
            background=False,
        )

    def action_columns(self, by: int) -> None:
        self.query_one(EventTable).move_columns(by)

    def action_open(self) -> None:
        row = self.query_one(EventTable).row
        if row is not None:
            self.app.push_screen(EventDialog(row))

    def action_open_events(self) -> None:
        self.app.push_screen(OpenEventsDialog(self._options), self._chose)

    def _chose(self, options: InspectOptions | None) -> None:
        if options is not None:
            self._chosen = options
            self.show_project(self.journey.seen)
            self.show_command()

    def action_save(self) -> None:
        call = self.call()
        if call is None:
            self.journey.say("Open a file of events first.", severity="warning")
            return
        options: InspectOptions = call.options
        target = "sample.ndjson" if self.journey.project is None else shown_path(self.journey.project / "sample.ndjson")
        self.app.push_screen(
            SaveDialog(options, target), lambda chosen: self.run_named("save", chosen) if chosen is not None else None
        )

    def place_to_edit(self) -> tuple[Path, int | None] | None:
        row = self.query_one(EventTable).row
        return (self._file, row.position) if self._file is not None and row is not None else None


def constant_fields(profile: EventsProfile) -> set[str]:
    """The fields at the top that have one value in all events: they tell nothing in a table."""
    return {
        path.keys[0]
        for path in profile.paths
        if len(path.keys) == 1 and path.distinct == 1 and not path.is_optional and profile.events > 1
    }


SCREEN = EventsScreen
