"""Replay an archive's golden events in an environment made for that alone, as its receiver would."""

from __future__ import annotations

import json
import shlex
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packflow_app.environments.interpreters import find_interpreter
from packflow_app.environments.tools import EnvironmentProgressed, Step, Toolbox, ToolFailedError
from packflow_app.runtime import CACHE_VARIABLE, ExitCode, PackflowError, open_archive, python_in, runtime_start

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class ReplayOptions:
    """An archive, where its packages come from (None: the configured index), and the Python to make it of."""

    archive: Path
    wheelhouse: Path | None = None
    python: str | None = None
    timeout: float = 30.0


_ENDED = ("model-died", "model-timeout", "model-memory")
"""Codes of errors after which the last words of the model's process stand on the archive's standard error."""


@dataclass(frozen=True)
class ReplayDone:
    """What a replay found: ``data`` is that of the archive's own ``replay --json``, with every figure."""

    equal: bool
    events: int
    differing: int
    ties: int
    not_bit_equal: int
    values: int
    python: str
    locked: bool
    data: dict[str, Any] = field(default_factory=dict)


def replay_fresh(
    options: ReplayOptions,
    *,
    report: Callable[[EnvironmentProgressed], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> ReplayDone:
    """Install what the archive requires into a temporary environment, replay there, and remove all of it.

    A difference is a value, not an error. Raises PackflowError with the code that ``install`` and ``replay`` give (no
    Python that fits, requirements that cannot be installed, a changed hash, no golden events, a model that fails), and
    CancelledError.
    """
    with open_archive(options.archive) as archive:
        requires = archive.manifest.python_requires
    base = find_interpreter(Path(), options.python, requires, for_new=True)
    target = str(options.archive.absolute())
    with tempfile.TemporaryDirectory(prefix="packflow-replay-", ignore_cleanup_errors=True) as name:
        work = Path(name).resolve()
        tools = Toolbox(work, report, cancel or threading.Event())
        variables = {CACHE_VARIABLE: str(work / "cache")}
        environment = work / "environment"
        wheels = [] if options.wheelhouse is None else ["--wheelhouse", str(options.wheelhouse.absolute())]
        _answer(tools, "install", str(base.path), ["install", target, "--into", str(environment), *wheels], variables)
        data = _answer(
            tools,
            "replay",
            python_in(str(environment)),
            ["replay", target, "--timeout", str(options.timeout)],
            variables,
        )
    return ReplayDone(
        equal=data["equal"],
        events=data["events"],
        differing=data["differing"],
        ties=data["ties"],
        not_bit_equal=data["not_bit_equal"],
        values=data["values"],
        python=data["machine"]["python"],
        locked=data["locked"],
        data=data,
    )


def _answer(tools: Toolbox, step: Step, python: str, words: list[str], variables: dict[str, str]) -> dict[str, Any]:
    """The data of a command of the runtime; raises the PackflowError that it tells of, but for a difference."""
    answer = tools.folder / "answer.json"
    by_hand = f"Run it by hand: {shlex.join(['python', words[1], words[0]])}"
    code = 0
    try:
        tools.run(step, [python, "-X", "utf8", *runtime_start(), *words, "--json"], variables, output=answer)
        lines: list[str] = []
    except ToolFailedError as error:
        code, lines = error.exit_code, error.lines
    try:
        told = json.loads(answer.read_bytes())
    except (OSError, ValueError):
        raise PackflowError(
            f"`{words[0]}` of the archive ended without an answer.",
            detail="\n".join(lines[-3:]),
            code="replay-failed",
            exit_code=ExitCode.MODEL_FAILED,
            hint=by_hand,
        ) from None
    failed = next((one for one in told["errors"] if one["code"] != "golden-changed"), None)
    if failed is not None:
        raise PackflowError(
            failed["message"],
            code=failed["code"],
            exit_code=_exit_code(code),
            hint=by_hand if failed["code"] in _ENDED else failed["hint"] or by_hand,
            file=failed["file"],
            line=failed["line"],
        )
    data: dict[str, Any] = told["data"]
    return data


def _exit_code(code: int) -> ExitCode:
    try:
        return ExitCode(code)
    except ValueError:
        return ExitCode.MODEL_FAILED
