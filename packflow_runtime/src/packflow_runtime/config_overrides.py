"""The operator's configuration: ``PACKFLOW_CONFIG``, then ``--config FILE``, then ``--set KEY=VALUE``; the last wins.

All of it comes after packflow.yaml. Files are JSON; a value set on the command line stays text, to which the backend's
annotation gives its type.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import merged
from .errors import ExitCode, PackflowError
from .jsonlines import BadLineError, decode_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .backend import InferenceBackend

VARIABLE = "PACKFLOW_CONFIG"


def read_overrides(
    file: Path | None, assignments: Iterable[tuple[str, str]], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Merge the three layers; raises PackflowError naming the file or the key that is wrong."""
    layers = []
    if environment.get(VARIABLE):
        layers.append(_read_file(Path(environment[VARIABLE]), f", which {VARIABLE} names,"))
    if file is not None:
        layers.append(_read_file(file, ""))
    layers.append(_nested(assignments))
    return merged(*layers)


def describe_config(backend: InferenceBackend) -> str | None:
    """The configuration in force and its SHA-256, as one line; None where the backend has none."""
    config = backend.config
    read = getattr(config, "as_dict", None) or getattr(config, "model_dump", None)
    values = read() if read is not None else {}
    if not values:
        return None
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
    return f"configuration {text} sha256 {digest}"


def parse_assignment(text: str) -> tuple[str, str]:
    """Read ``KEY=VALUE``, where dots in the key lead into nested configurations; raises ValueError."""
    key, separator, value = text.partition("=")
    if not separator or not all(key.split(".")):
        raise ValueError(text)
    return key, value


def _nested(assignments: Iterable[tuple[str, str]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for path, value in assignments:
        *parents, last = path.split(".")
        place: Any = result
        for parent in parents:
            place = place.setdefault(parent, {}) if isinstance(place, dict) else None
        if not isinstance(place, dict) or isinstance(place.get(last), dict):
            raise PackflowError(
                f"--set {path} contradicts another --set: one key is both a value and a mapping.",
                code="config-invalid",
                exit_code=ExitCode.USAGE,
                hint="Keep one of them.",
            )
        place[last] = value
    return result


def _read_file(path: Path, named_by: str) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PackflowError(
            f"The configuration file {path}{named_by} cannot be read: {error.strerror}.",
            code="config-not-found",
            exit_code=ExitCode.NOT_FOUND,
            hint="Name an existing JSON file.",
        ) from None
    try:
        return decode_event(data.removeprefix(b"\xef\xbb\xbf"))
    except BadLineError as fault:
        what = "must hold a JSON object" if fault.code == "not-object" else "is not JSON"
        raise PackflowError(
            f"The configuration file {path}{named_by} {what}.",
            detail=str(fault) if fault.code != "not-json" else "",
            code="config-invalid",
            exit_code=ExitCode.NOT_FOUND,
            hint='Write an object of configuration keys, such as {"threshold": 0.7}.',
            file=str(path),
            line=_line_of_fault(data),
        ) from None


def _line_of_fault(data: bytes) -> int | None:
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        return error.lineno
    except (ValueError, RecursionError):
        pass
    return None
