"""Home: where the journey stands and what to do next; outside a project, where to begin."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Grid, Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from packflow_app.tui.recent import remembered
from packflow_app.tui.screens.home.steps_list import StepsList
from packflow_app.tui.screens.journey import JourneyScreen, bindings_of
from packflow_app.tui.steps import STEPS, STYLES, ProjectSeen, State, StepState, next_step
from packflow_app.tui.widgets.lists import Options
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.tui.widgets.progress_line import ProgressLine
from packflow_app.wording import ago, home_path, visible

if TYPE_CHECKING:
    from packflow_app.tui.jobs import Job
    from packflow_app.tui.registry import Call

_CLOCK_SECONDS = 10
_BEGIN = {
    "new_project": ("n", "New project", "of a model and example events, question by question"),
    "open_project": ("o", "Open a folder", "with a packflow.yaml"),
    "open_archive": ("a", "Open an archive", "to see what it holds and verify it"),
}


class HomeScreen(JourneyScreen):
    """Steps, what is next, and a table of what is known of each."""

    STEP = "home"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("home")
    ACTIONS: ClassVar[tuple[str, ...]] = tuple(STEPS)
    CSS_PATH = "screen.tcss"

    def compose_body(self) -> ComposeResult:
        with Grid(id="inside"):
            with Vertical(id="rail", classes="panel") as rail:
                rail.border_title = "Steps"
                yield StepsList()
            with Vertical(id="next", classes="panel") as panel:
                panel.border_title = "Next"
                yield Static(id="next-text")
                yield ProgressLine()
                yield ProblemPanel()
            with Vertical(id="known", classes="panel") as known:
                known.border_title = "Journey"
                yield Static(id="journey")
        if self.journey.project is not None:  # a project is never closed, only changed for another
            return
        with Vertical(id="outside", classes="panel") as outside:
            outside.border_title = "Welcome"
            yield Static(id="welcome")
            yield Options(id="begin")

    def opened(self) -> None:
        self.set_interval(_CLOCK_SECONDS, self._draw_table)
        self._focus()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_table)

    def _focus(self) -> None:
        self.set_focus(self.query_one(StepsList if self.journey.project else Options))

    def show_project(self, seen: ProjectSeen | None) -> None:
        inside = self.journey.project is not None
        self.query_one("#inside").display = inside
        self.query("#outside").set(display=not inside)
        if inside:
            self._draw(seen)
        else:
            self._draw_outside()

    def show_job(self, job: Job) -> None:
        self.query_one(ProgressLine).show(next(iter(self.journey.jobs.running), None))
        shown = job.problem if job.state == "failed" and job.action in STEPS else None
        self.query_one(ProblemPanel).show(shown)
        self._draw(self.journey.seen)

    def call(self) -> Call | None:
        seen = self.journey.seen
        step = next_step(seen).run if seen is not None else None
        if seen is None or step is None:
            return None
        from packflow_app.tui.defaults import default_call  # noqa: PLC0415 - the rooms, when a project was looked at

        return default_call(step, seen, self.journey.chosen)

    def _states(self) -> dict[str, StepState]:
        seen = self.journey.seen
        states = {name: seen.step(name) for name in STEPS} if seen is not None else {}
        for job in self.journey.jobs.running:
            if job.action in states:
                states[job.action] = StepState(job.action, State.RUNNING, "running")
        return states

    def _draw(self, seen: ProjectSeen | None) -> None:
        self.query_one(StepsList).states = self._states()
        self.query_one("#next-text", Static).update(self._next(seen))
        self._draw_table()

    def _next(self, seen: ProjectSeen | None) -> Content:
        if seen is None:
            return Content.styled("Looking at the project …", "$muted")
        if self.journey.jobs.running:
            running = self.journey.jobs.running[0]
            return Content.assemble((running.call.title, "bold"), (f"  $ {visible(running.call.command)}", "$muted"))
        todo = next_step(seen)
        wrong = seen.gone or seen.problem is not None or seen.step(todo.run or "").state is State.FAILED
        lines: list[Content | tuple[str, str] | str] = [
            (visible(todo.why).replace(f"{seen.folder}/", ""), "bold $error" if wrong else "bold")
        ]
        if seen.problem is not None and seen.problem.file:
            line = f":{seen.problem.line}" if seen.problem.line else ""
            lines += [
                "\n",
                ("where ", "$muted"),
                (visible(f"{seen.problem.file}{line}").replace(f"{seen.folder}/", ""), "$key"),
                "  ",
                ("e", "bold $key"),
                (" edit", "$muted"),
            ]
        return Content.assemble(*lines, "\n", _with_keys(todo.how))

    def _draw_table(self) -> None:
        if self.journey.project is None:
            return
        states = self._states()
        width = self.query_one("#journey", Static).content_size.width
        rows = [("Step", "State", "When", "Detail", "$muted")]
        for step in STEPS:
            state = states.get(step) or StepState(step, State.NOT_RUN, "not run")
            when = ago(time.time() - state.at) if state.at else ""
            shown = f"{state.state.value} {state.word}"
            rows.append((step, shown, when, visible(state.detail), STYLES[state.state]))
        widths = [max(len(row[at]) for row in rows) + 2 for at in range(3)]
        room = max(8, width - sum(widths))
        lines = []
        for at, (step, shown, when, detail, style) in enumerate(rows):
            text = detail if len(detail) <= room else f"{detail[: room - 1]}…"
            head = "bold $muted" if at == 0 else ""
            cells = ((step, head), (shown, head or style), (when, head or "$muted"))
            padded = [(text.ljust(width), style) for (text, style), width in zip(cells, widths, strict=True)]
            lines.append(Content.assemble(*padded, (text, head)))
        self.query_one("#journey", Static).update(Content("\n").join(lines))

    def _draw_outside(self) -> None:
        self.query_one("#welcome", Static).update(
            Content.assemble(
                ("A model and example events become one file that runs wherever Python does.", "bold"),
                ("\nThis folder is no project. Where shall we begin?\n", "$muted"),
            )
        )
        options = self.query_one(Options)
        options.clear_options()
        for action, (key, title, what) in _BEGIN.items():
            options.add_option(Option(_choice(key, title, what), id=action))
        recent = [Path(one) for one in remembered().projects if Path(one, "packflow.yaml").is_file()]
        if recent:
            options.add_option(None)
            for at, folder in enumerate(recent):
                shown = _choice("", visible(folder.name), visible(home_path(folder)))
                options.add_option(Option(shown, id=f"recent-{at}"))
        self._recent = recent
        options.highlighted = 0

    @on(OptionList.OptionSelected)
    async def _chosen(self, event: OptionList.OptionSelected) -> None:
        chosen = event.option_id or ""
        if chosen.startswith("recent-"):
            self.journey.open_project(self._recent[int(chosen.removeprefix("recent-"))])
            self._focus()
        else:
            await self.run_action(f"app.{chosen}")

    @on(StepsList.Opened)
    def action_open(self) -> None:
        chosen = self.query_one(StepsList).chosen
        if chosen != "home":
            self.journey.action_go(chosen)

    def action_run(self) -> None:
        seen = self.journey.seen
        if seen is not None and self.call() is None and not seen.problem and not seen.gone:
            self.journey.say("All is done: the archive is written and verified.")
        else:
            super().action_run()

    def place_to_edit(self) -> tuple[Path, int | None] | None:
        seen = self.journey.seen
        if seen is None:
            return None
        line = seen.problem.line if seen.problem is not None else None
        return seen.folder / "packflow.yaml", line


def _choice(key: str, title: str, what: str) -> Content:
    return Content.assemble((f" {key:2}", "bold $key"), (f"{title:18}", "bold"), (what, "$muted"))


def _with_keys(text: str) -> Content:
    """A sentence with the keys it names in bold: single letters and digits after Press, and after a comma."""
    words = text.split(" ")
    parts: list[str | tuple[str, str]] = []
    for at, word in enumerate(words):
        bare = word.strip(".,")
        is_key = len(bare) == 1 and (bare.isdigit() or words[at - 1].endswith(("Press", ","))) and at > 0
        parts += [(bare, "bold $key"), word[len(bare) :]] if is_key else [word]
        parts.append(" ")
    return Content.assemble(*parts[:-1])


SCREEN = HomeScreen
