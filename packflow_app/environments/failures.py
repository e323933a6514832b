"""What an installer's failure means for the user: one error, its place in the requirements, and the next step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packflow_app.errors import CheckFailedError, NotFoundError, NotWritableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packflow_app.environments.requirements import Requirements
    from packflow_app.projects.requirements import Declaration
    from packflow_app.runtime import PackflowError

_LONGEST = 700
_NO_ROOM = r"no space left|disk quota exceeded|os error 28\b"
_NOT_ALLOWED = r"permission denied|read-only file system|os error 13\b|os error 30\b"
_HASH = r"hash mismatch|do not match the hashes|hashes are required|--require-hashes"
_NETWORK = (
    r"error sending request|failed to fetch|dns error|newconnectionerror|connection (refused|reset|timed out)"
    r"|certificate verif|peer certificate|max retries exceeded|proxyerror|\b50[0-4]\b[^\n]* for url"
)
_UNSATISFIABLE = r"no solution found|no matching distribution|could not find a version|conflicting|resolutionimpossible"
_LOGIN = r"\b40[13]\b[^\n]* for url"
_LINE = re.compile(r"(?P<drawn>[\s×╰─▶├│]*)(?P<label>(error|ERROR|cause|hint):\s*)?(?P<said>.*?)\s*$", re.DOTALL)
_BUILD = r"build backend|failed to build|failed building|getting requirements to build|metadata-generation-failed"


def installation_error(lines: Sequence[str], requirements: Requirements) -> PackflowError:
    """The error that the last ``lines`` of uv or pip stand for."""
    said = essence(lines)
    everything = "\n".join(lines).lower()
    culprit = _culprit(said, requirements.wanted)
    file, line = (culprit.file, culprit.line) if culprit else (None, None)

    def says(pattern: str) -> bool:
        return re.search(pattern, everything) is not None

    unwritable = _unwritable(everything, said)
    if unwritable is not None:
        return unwritable
    if says(_HASH):
        return CheckFailedError(
            "A download is not what requirements.lock pins.",
            code="hash-mismatch",
            detail=said,
            hint="Find out why the index gives other bytes; `packflow env lock` pins what it gives now.",
        )
    if says(_BUILD):
        return NotWritableError(
            "A requirement could not be built.",
            code="build-failed",
            detail=said,
            file=file,
            line=line,
            hint="Choose a version that has a wheel for this Python, or install what building it needs.",
        )
    if says(_LOGIN):
        return NotFoundError(
            "The package index refused to answer.",
            code="index-unreachable",
            detail=said,
            hint="Check the user name and password it is given; --wheelhouse DIR installs from a folder of wheels.",
        )
    if says(_NETWORK):
        return NotFoundError(
            "The package index could not be reached.",
            code="index-unreachable",
            detail=said,
            hint="Check the network, the proxy and the index; --wheelhouse DIR installs from a folder of wheels.",
        )
    title = "The requirements cannot be met." if says(_UNSATISFIABLE) else "The requirements could not be installed."
    return NotFoundError(
        title,
        code="requirements-unsatisfiable" if says(_UNSATISFIABLE) else "installation-failed",
        detail=said,
        file=file,
        line=line,
        hint="Mend requirements.txt, or name another Python with --python.",
    )


def creation_error(lines: Sequence[str]) -> PackflowError:
    """The error that the last ``lines`` of uv or venv stand for, when not even an empty environment came of them."""
    said = essence(lines)
    return _unwritable("\n".join(lines).lower(), said) or NotWritableError(
        "The environment could not be made.",
        code="environment-not-made",
        detail=said,
        hint="Name another Python with --python, or take the other installer: --installer uv or --installer pip.",
    )


def _unwritable(everything: str, said: str) -> NotWritableError | None:
    for pattern, hint in (
        (_NO_ROOM, "Make room and run it again."),
        (_NOT_ALLOWED, "Mend the folder's permissions and run it again."),
    ):
        if re.search(pattern, everything):
            return NotWritableError("The environment cannot be written.", detail=said, hint=hint)
    return None


def essence(lines: Sequence[str]) -> str:
    """The error among the lines, in one, without passwords: uv says "error:" and "cause:", pip says "ERROR:"."""
    first = next((index for index, line in enumerate(lines) if re.match(r"(error|ERROR)\b|\s*×", line)), None)
    picked = lines[-5:] if first is None else lines[first:]
    text = ""
    for line in picked:
        parts = _LINE.match(line)
        if parts is None or not parts["said"]:
            continue
        drawn, label, said = parts.group("drawn", "label", "said")
        goes_on = said[0].islower() and not label and {*drawn} <= {*" │"}  # a sentence that was folded
        if text and not goes_on and not text.endswith((".", ":", "!")):
            text += "."
        text += f" {said}" if text else said
    text += "" if not text or text.endswith((".", ":", "!")) else "."
    text = re.sub(r"(?<=://)[^/\s@]+@", "***@", text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _culprit(said: str, wanted: Sequence[Declaration]) -> Declaration | None:
    """The requirement that an error names first."""
    places = [
        (match.start(), index) for index, line in enumerate(wanted) if line.name and (match := _named(line, said))
    ]
    return wanted[min(places)[1]] if places else None


def _named(line: Declaration, said: str) -> re.Match[str] | None:
    name = "[-_.]".join(map(re.escape, line.name.split("-")))
    return re.search(rf"(?<![\w.-]){name}(?![\w-])", said, re.IGNORECASE)
