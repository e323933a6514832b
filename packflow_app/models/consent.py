"""Whether a model file may be opened: what its pickles ask for is looked at first, and nobody's yes is assumed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from packflow_app.errors import CheckFailedError, UsageError
from packflow_app.runtime import questions_about

if TYPE_CHECKING:
    from packflow_app.models.model_file import ModelFile

_SHOWN = 8


OWN_MODULE = "scoring"
"""Where a class that a script defined is to move: a module in the folder that becomes the project."""


def check_consent(file: ModelFile, trusted: frozenset[str], *, yes: bool, then: str = "") -> None:
    """Raise unless the file may be opened; ``trusted`` are globals beyond the reviewed ones.

    ``then`` is what to do once a class of a script has a module (default: make the project around it).

    CheckFailedError for one that asks for what is not reviewed or that cannot be told, UsageError for one that was
    saved from a script's own classes, and for any pickle without a yes (``--trust-model``).
    """
    if file.listing is None:
        return
    name = file.path.name
    if file.listing.problems:
        raise CheckFailedError(
            f"What {name} asks for cannot be told for sure: {file.listing.problems[0]}.",
            code="model-damaged",
            hint="Copy it again, or save it again where it was trained.",
        )
    questions = questions_about(file.listing, trusted, OWN_MODULE)
    main = next((question for question in questions if question.advice), None)
    others = [question for question in questions if not question.advice]
    if others:
        asked = "; ".join(f"{one.found.name} ({one.judgement.reason})" for one in others[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        flags = " ".join(f"--trust-pickle {one.found.name}" for one in others[:_SHOWN])
        raise CheckFailedError(
            f"{name} is a pickle that asks for more than model files need; it was not opened.",
            code="model-untrusted",
            detail=f"It asks for {asked}{more}.",
            hint=f"If you know why that is there and trust who made the file, pass {flags}",
        )
    if main is not None:
        then = then or (
            f"Then make the project in the folder that holds {OWN_MODULE}.py: "
            f"packflow init . --model {shlex.quote(name)} --trust-model --events FILE"
        )
        raise UsageError(
            f"{name} needs {main.found.name}, which was defined in the script or notebook that saved it.",
            code="model-of-main",
            hint="\n".join([*main.advice, "", then]),
        )
    if file.is_pickle and not yes:
        asked = ", ".join(file.listing.names[:_SHOWN]) or "nothing"
        more = f" and {len(file.listing.names) - _SHOWN} more" if len(file.listing.names) > _SHOWN else ""
        raise UsageError(
            f"{name} is a pickle: opening it runs what its author put in, so it is opened only with your yes.",
            code="model-not-trusted",
            detail=f"It would import {asked}{more}; all of these are on the reviewed list of what model files need.",
            hint="If you trust who made it, pass --trust-model.",
        )
