"""What was found, the gravest first: a glyph, a place, what is wrong."""

from __future__ import annotations

from textual.content import Content
from textual.widgets.option_list import Option

from packflow_app.checks.check import Finding, Severity
from packflow_app.tui.widgets.lists import Options
from packflow_app.wording import visible

MARKS = {Severity.ERROR: ("✗", "$error"), Severity.WARNING: ("●", "$warning"), Severity.INFO: ("–", "$muted")}
NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_WIDEST_PLACE = 30


class FindingsList(Options):
    """Shows all findings, or those with a text."""

    def __init__(self) -> None:
        super().__init__(id="findings")
        self.findings: list[Finding] = []

    def show(self, findings: list[Finding], text: str = "") -> None:
        """Show those that have the text somewhere; the mark stays where it was as far as it can."""
        before = self.highlighted or 0
        wanted = text.casefold()
        self.findings = [
            one for one in findings if wanted in f"{one.where} {one.message} {one.check} {one.fix}".casefold()
        ]
        self.clear_options()
        place = min(_WIDEST_PLACE, max((len(one.where) for one in self.findings), default=0))
        for at, finding in enumerate(self.findings):
            self.add_option(Option(_line(finding, place), id=str(at)))
        self.highlighted = min(before, len(self.findings) - 1) if self.findings else None

    @property
    def chosen(self) -> Finding | None:
        """The finding that is marked."""
        at = self.highlighted
        return self.findings[at] if at is not None and at < len(self.findings) else None


def _line(finding: Finding, width: int) -> Content:
    mark, style = MARKS[finding.severity]
    where = visible(finding.where)
    shown = where if len(where) <= width else f"…{where[-width + 1 :]}"
    fixes = ("  f fixes", "bold $key") if finding.safe_fix else ("", "")
    return Content.assemble((f"{mark} ", style), (shown.ljust(width + 2), "$key"), visible(finding.message), fixes)


def finding_text(finding: Finding, command: str) -> Content:
    """All there is to know about one; ``command`` is what mends it, where nothing is left to decide."""
    mark, style = MARKS[finding.severity]
    parts: list[str | tuple[str, str]] = [
        (f"{mark} {NOUNS[finding.severity]}  ", f"bold {style}"),
        (visible(finding.message), "bold"),
        "\n\n",
        ("where  ", "$muted"),
        (visible(finding.where) or "the whole project", "$key"),
        "\n",
        ("why    ", "$muted"),
        finding.why,
        "\n",
        ("fix    ", "$muted"),
        visible(finding.fix),
    ]
    if command:
        parts += ["\n", ("f", "bold $key"), ("      runs  ", "$muted"), f"$ {visible(command)}"]
    parts += ["\n", ("check  ", "$muted"), (finding.check, "$muted")]
    return Content.assemble(*parts)
