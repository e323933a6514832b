"""The operator's configuration: ``PACKFLOW_CONFIG``, then ``--config FILE``, then ``--set KEY=VALUE``; the last wins.

All of it comes after packflow.yaml, and after what a host's code says. Files are JSON; a value set on the command line
stays text, to which the backend's annotation gives its type. ``BACKEND_CONFIG_FILE_PATH``, as it was before packflow
0.4.1, names a file ``{"configs": {...}}``, which every other layer wins over.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import ConfigSection, merged
from .digests import sha256_hex
from .errors import ExitCode, PackflowError
from .jsonlines import BadLineError, decode_event
from .typed import PlainText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .backend import InferenceBackend

VARIABLE = "PACKFLOW_CONFIG"
OLD_VARIABLE = "BACKEND_CONFIG_FILE_PATH"
_SECRET = re.compile(r"(^|_)(password|passwd|passphrase|secret|token|api_?key|credentials?)$", re.IGNORECASE)


def read_environment(environment: Mapping[str, str], warn: Callable[[str], object]) -> dict[str, Any]:
    """What the environment sets; ``warn`` is told of a variable that is out of use. Raises PackflowError."""
    layers = []
    if environment.get(OLD_VARIABLE):
        warn(f"{OLD_VARIABLE} is deprecated: name a file of the keys alone with {VARIABLE}.")
        layers.append(_old_configs(Path(environment[OLD_VARIABLE])))
    if environment.get(VARIABLE):
        layers.append(_read_file(Path(environment[VARIABLE]), f", which {VARIABLE} names,"))
    return merged(*layers)


def read_overrides(
    file: Path | None,
    assignments: Iterable[tuple[str, str]],
    environment: Mapping[str, str],
    warn: Callable[[str], object],
) -> dict[str, Any]:
    """Merge all layers; raises PackflowError naming the file or the key that is wrong."""
    layers = [read_environment(environment, warn)]
    if file is not None:
        layers.append(_read_file(file, ""))
    layers.append(_nested(assignments))
    return merged(*layers)


def describe_config(backend: InferenceBackend) -> str | None:
    """The configuration in force and its SHA-256, as one line; None where the backend has none.

    Keys that every backend has are named where they are not at their defaults; what looks like a secret is not shown.
    """
    config = backend.config
    if not isinstance(config, ConfigSection) and not hasattr(config, "as_dict"):
        return None
    values = config.as_dict()
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    digest = sha256_hex(text.encode("utf-8", "backslashreplace"))
    told = _without_secrets(config.own_values())
    return f"configuration {json.dumps(told, ensure_ascii=False, default=str)} sha256 {digest}"


def of_operator(
    error: PackflowError, assignments: Iterable[tuple[str, str]], overrides: Mapping[str, Any]
) -> PackflowError:
    """The error for a configuration that the backend does not take, by who gave it: --set, a file, or the project."""
    said = error.title.removeprefix("backend_config: ")
    path = said.split(" ", 1)[0].split("[", 1)[0]
    if any(path == key or path.startswith(f"{key}.") or key.startswith(f"{path}.") for key, _ in assignments):
        title, exit_code = f"--set: {said}", ExitCode.USAGE
    elif path.split(".", 1)[0] in overrides:
        title, exit_code = f"The configuration that --config or {VARIABLE} names: {said}", ExitCode.NOT_FOUND
    else:
        return error
    return PackflowError(title, detail=error.detail, hint=error.hint, code=error.code, exit_code=exit_code)


def parse_assignment(text: str) -> tuple[str, str]:
    """Read ``KEY=VALUE``, where dots in the key lead into nested configurations; raises ValueError."""
    key, separator, value = text.partition("=")
    if not separator or not all(key.split(".")):
        raise ValueError(text)
    return key, value


def _without_secrets(value: Any) -> Any:  # noqa: ANN401 - any configuration value
    if isinstance(value, dict):
        return {key: "***" if _SECRET.search(str(key)) else _without_secrets(item) for key, item in value.items()}
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value


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
        place[last] = PlainText(value)
    return result


def _old_configs(path: Path) -> dict[str, Any]:
    content = _read_file(path, f", which {OLD_VARIABLE} names,")
    configs = content.get("configs")
    if not isinstance(configs, dict):
        raise PackflowError(
            f"The configuration file {path}, which {OLD_VARIABLE} names, must hold an object under the key configs.",
            code="config-invalid",
            exit_code=ExitCode.NOT_FOUND,
            hint=f'Write {{"configs": {{"threshold": 0.7}}}}, or better: the keys alone, named by {VARIABLE}.',
            file=str(path),
        )
    return configs


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
        told = fault.code in ("not-json", "not-object")
        raise PackflowError(
            f"The configuration file {path}{named_by} {what}.",
            detail="" if told else str(fault),
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
