"""What a check is: a rule with a name, a weight and the words that go with everything it finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from packflow_app.runtime import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from packflow_app.checks.context import Context


class Severity(Enum):
    """How much a finding weighs: an error keeps the project from being exported, a warning never does."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Spot:
    """What a rule saw in one place; ``file`` is relative to the project, ``line`` counts from 1.

    ``fix`` and ``exit_code`` are given where the check's own do not fit this case.
    """

    message: str
    file: str | None = None
    line: int | None = None
    fix: str = ""
    exit_code: ExitCode | None = None


@dataclass(frozen=True)
class Finding:
    """A spot with all that its check says about it: everything a screen shows, and what a command ends with.

    ``safe_fix`` is the command that mends it with nothing left to decide, None where somebody must think.
    """

    check: str
    severity: Severity
    message: str
    file: str | None
    line: int | None
    why: str
    fix: str
    safe_fix: str | None
    exit_code: ExitCode

    @property
    def where(self) -> str:
        """``file:line``, ``file``, or an empty string where the finding is about the whole project."""
        if self.file is None:
            return ""
        return f"{self.file}:{self.line}" if self.line is not None else self.file

    @property
    def told(self) -> str:
        """The place and the message in one line; a message that begins with the place needs it no second time."""
        is_said = not self.where or self.message.startswith(f"{self.where} ")
        return self.message if is_said else f"{self.where}: {self.message}"


@dataclass(frozen=True)
class Check:
    """A rule and what is the same for all its findings; ``id`` is stable, the texts are for people.

    ``title`` says what is found, ``why`` what that does to somebody, ``fix`` what to do. ``needed_to_run``: while it
    finds anything, the model cannot be run. ``reads_config``: it has nothing to say where packflow.yaml cannot be read.
    """

    id: str
    severity: Severity
    title: str
    why: str
    fix: str
    rule: Callable[[Context], Iterable[Spot]]
    safe_fix: str | None = None
    needed_to_run: bool = False
    reads_config: bool = True

    def findings(self, context: Context) -> list[Finding]:
        """What the rule sees in ``context``, in its order."""
        exit_code = ExitCode.NOT_FOUND if self.needed_to_run else ExitCode.CHECK_FAILED
        return [
            Finding(
                check=self.id,
                severity=self.severity,
                message=spot.message,
                file=spot.file,
                line=spot.line,
                why=self.why,
                fix=spot.fix or self.fix,
                safe_fix=self.safe_fix,
                exit_code=spot.exit_code or exit_code,
            )
            for spot in self.rule(context)
        ]


def check(
    id: str,  # noqa: A002 - what it is called wherever it is shown
    severity: Severity,
    *,
    why: str,
    fix: str,
    safe_fix: str | None = None,
    needed_to_run: bool = False,
    reads_config: bool = True,
) -> Callable[[Callable[[Context], Iterable[Spot]]], Check]:
    """Turn a rule into a check, whose title is the rule's docstring; the registry finds it in its family's module."""

    def made(rule: Callable[[Context], Iterable[Spot]]) -> Check:
        title = (rule.__doc__ or id).strip()
        return Check(id, severity, title, why, fix, rule, safe_fix, needed_to_run, reads_config)

    return made
