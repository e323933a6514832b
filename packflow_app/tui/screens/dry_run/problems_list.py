"""What a dry run has against the model: errors first, each with its place and its next step."""

from __future__ import annotations

from textual.content import Content
from textual.widgets.option_list import Option

from packflow_app.dryrun.problems import errors_of, place_of, warnings_of
from packflow_app.dryrun.report import DryRunReport
from packflow_app.result import Problem
from packflow_app.runtime import size_text
from packflow_app.tui.widgets.lists import Options
from packflow_app.wording import visible

_MOST_FAILURES = 200


class ProblemsList(Options):
    """The problem that is marked is the one that ``e`` and enter are about."""

    def __init__(self) -> None:
        super().__init__(id="problems")
        self.problems: list[Problem] = []

    def show(self, report: DryRunReport) -> None:
        """Show what there is to say about a report."""
        self.problems = _problems(report)
        errors = len(self.problems) - len(warnings_of(report))
        self.clear_options()
        for at, problem in enumerate(self.problems):
            self.add_option(Option(_text(problem, is_error=at < errors), id=str(at)))
        if not self.problems:
            self.add_option(
                Option(
                    Content.assemble(
                        ("✓ ", "$success"), "Nothing to mend. ", ("5", "bold $key"), " goes on to the export."
                    ),
                    disabled=True,
                )
            )
        self.highlighted = 0 if self.problems else None

    @property
    def chosen(self) -> Problem | None:
        """The problem that is marked."""
        at = self.highlighted
        return self.problems[at] if at is not None and at < len(self.problems) else None


def _problems(report: DryRunReport) -> list[Problem]:
    failures = [
        Problem("event-failed", f"Event {one.event}: {one.step}: {one.type}: {one.message}", one.file, one.line)
        for one in report.failures[1:_MOST_FAILURES]  # the first stands among the errors
    ]
    return [*errors_of(report), *failures, *warnings_of(report)]


def _text(problem: Problem, *, is_error: bool) -> Content:
    mark = ("✗ ", "$error") if is_error else ("● ", "$warning")
    parts: list[str | tuple[str, str]] = [mark, (visible(problem.message), "")]
    if problem.file:
        line = f":{problem.line}" if problem.line else ""
        parts += ["\n  ", (f"{visible(problem.file)}{line}", "$key")]
    if problem.hint:
        parts += ["\n  ", (visible(problem.hint), "$muted")]
    return Content.assemble(*parts)


def difference_title(report: DryRunReport) -> str:
    """Where the outputs that stand side by side part."""
    first = report.parity.first_difference if report.parity is not None else None
    if first is None:
        return ""
    size = size_text(first.difference)
    delta = f"  |Δ| {size}" if size else ""
    step = f"  in {first.step}" if first.step else ""
    return f"{place_of(first)}{delta}{step}"
