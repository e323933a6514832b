"""The golden events, which are real and ship."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.checks.personal_data import kinds_in
from packflow_app.runtime import GOLDEN_DIR, GOLDEN_INPUTS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context


@check(
    "golden-personal",
    Severity.INFO,
    why="They are real events, and go to everyone who gets the archive.",
    fix="If that is not meant: packflow inspect EVENTS --mask PATH --save FILE, then packflow export --golden FILE",
)
def golden_personal(context: Context) -> Iterator[Spot]:
    """The golden events hold data about people: public IP addresses, e-mail addresses, names of users."""
    kinds = kinds_in(context.golden) if context.golden is not None else []
    if kinds and context.golden is not None:
        yield Spot(
            f"{len(context.golden.inputs)} example events ship with {', '.join(kinds)}.",
            f"{GOLDEN_DIR}/{GOLDEN_INPUTS_NAME}",
        )
