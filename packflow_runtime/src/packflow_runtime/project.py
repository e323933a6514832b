"""The configuration of a project, as ``packflow.yaml`` or an archive's manifest holds it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .errors import ExitCode, PackflowError
from .outputs import ERROR_KEY
from .python_versions import satisfies
from .typed import TypeMismatchError, coerce

if TYPE_CHECKING:
    from pathlib import Path

    from .yaml_subset import Node

CONFIG_FILE = "packflow.yaml"
MAX_CONFIG_BYTES = 1 << 20  # an archive's is read into memory before anybody trusts it
NAME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
ENTRY_PATTERN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*\Z")


class ProjectConfigError(PackflowError):
    """``packflow.yaml`` is missing, not readable, or does not say what it must."""

    code = "config-invalid"
    exit_code = ExitCode.NOT_FOUND


class _Section:
    """A mapping with known keys: unknown and missing keys are errors that name the key."""

    _hints: ClassVar[dict[str, Any]]

    @classmethod
    def from_data(cls, data: dict[str, Any], path: str = "") -> Any:  # noqa: ANN401 - the subclass
        prefix = f"{path}." if path else ""
        known = {item.name: item for item in fields(cls)}  # type: ignore[arg-type]
        for key in data:
            if key not in known:
                raise TypeMismatchError(f"{prefix}{key}", f"is not a known key; known here: {', '.join(known)}")
        return cls(
            **{
                key: coerce(value, cls._hints[key], f"{prefix}{key}")
                for key, value in data.items()
                if value is not None
            }
        )


@dataclass(frozen=True)
class OutputConfig(_Section):
    """Which input fields are copied into each output, and under which key (None: beside the model's own)."""

    _hints = {"keep": list[str], "under": str}  # noqa: RUF012
    keep: list[str] = field(default_factory=list)
    under: str | None = None


@dataclass(frozen=True)
class DryRunConfig(_Section):
    """How the dry run looks at the model; ``events`` is a path relative to the project.

    ``rtol`` None lets the equality rule choose per output path; ``reason`` says why a tolerance was widened.
    """

    _hints = {  # noqa: RUF012
        "events": str,
        "batch_sizes": list[int],
        "rtol": float,
        "atol": float,
        "ignore": list[str],
        "reason": str,
    }
    events: str | None = None
    batch_sizes: list[int] = field(default_factory=lambda: [8, 64])
    rtol: float | None = None
    atol: float = 0.0
    ignore: list[str] = field(default_factory=list)
    reason: str | None = None


@dataclass(frozen=True)
class ProjectConfig(_Section):
    """Everything ``packflow.yaml`` may say. ``backend_config`` and ``extra`` keep their scalars as text."""

    _hints = {  # noqa: RUF012
        "name": str,
        "version": str,
        "description": str,
        "maintainers": list[str],
        "inference_backend": str,
        "loader": Literal["local", "module"],
        "python_version": str,
        "python_requires": str,
        "stateful": bool,
        "env": dict[str, str],
        "backend_config": dict[str, Any],
        "output": OutputConfig,
        "dry_run": DryRunConfig,
        "golden": int,
        "extra": dict[str, Any],
    }
    name: str
    version: str = "0.1.0"
    description: str = ""
    maintainers: list[str] = field(default_factory=list)
    inference_backend: str = "inference:Backend"
    loader: str = "local"
    python_version: str | None = None
    python_requires: str | None = None
    stateful: bool = False
    env: dict[str, str] = field(default_factory=dict)
    backend_config: dict[str, Any] = field(default_factory=dict)
    output: OutputConfig = field(default_factory=OutputConfig)
    dry_run: DryRunConfig = field(default_factory=DryRunConfig)
    golden: int = 50
    extra: dict[str, Any] = field(default_factory=dict)


def read_project_config(project_dir: Path) -> ProjectConfig:
    """Read ``packflow.yaml``; raises ProjectConfigError or YamlError with the file and, where known, the line."""
    return parse_project_config(read_config_bytes(project_dir), file=str(project_dir / CONFIG_FILE))


def read_config_bytes(project_dir: Path) -> bytes:
    """The bytes of ``packflow.yaml``; raises ProjectConfigError when there is none."""
    path = project_dir / CONFIG_FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ProjectConfigError(
            f"{project_dir} is not a Packflow project: it has no {CONFIG_FILE}.",
            code="project-not-found",
            hint="Create one with `packflow init DIR`, or name another folder.",
        ) from None
    except OSError as error:
        raise ProjectConfigError(
            f"{path} cannot be read: {error.strerror}.",
            hint="Put a file there that you may read, such as the one that `packflow init` writes.",
            file=str(path),
        ) from None
    if len(content) > MAX_CONFIG_BYTES:
        raise ProjectConfigError(
            f"{CONFIG_FILE} is larger than {MAX_CONFIG_BYTES:,} bytes.",
            hint="Keep data in a file below artifacts/, and its name in backend_config.",
            file=str(path),
        )
    return content


def parse_project_config(source: bytes, *, file: str = CONFIG_FILE) -> ProjectConfig:
    """Parse the text of a ``packflow.yaml``; ``file`` names it in errors."""
    from .yaml_subset import parse  # noqa: PLC0415 - an archive's configuration comes from its manifest

    root = parse(source, file=file)
    if not isinstance(root.value, dict):
        raise ProjectConfigError(
            f"{CONFIG_FILE} is empty." if root.value is None else f"{CONFIG_FILE} must be a mapping of keys to values.",
            hint="Give it at least a `name:` line.",
            file=file,
            line=root.line,
        )
    try:
        return project_config_from_data(root.data())
    except TypeMismatchError as error:
        raise ProjectConfigError(
            f"{CONFIG_FILE}: {error.path} {error}.",
            hint=f"Mend `{error.path}` in {CONFIG_FILE}.",
            file=file,
            line=_line_of(root, error.path),
        ) from None


def project_config_from_data(data: Any) -> ProjectConfig:  # noqa: ANN401 - unchecked JSON or YAML
    """Build the configuration from plain data; raises TypeMismatchError naming the key."""
    if not isinstance(data, dict):
        raise TypeMismatchError("configuration", "must be a mapping of keys to values")
    if data.get("golden") == "none":
        data = {**data, "golden": 0}
    if data.get("name") is None:
        raise TypeMismatchError("name", "is required")
    config: ProjectConfig = ProjectConfig.from_data(data)
    if not NAME_PATTERN.match(config.name):
        raise TypeMismatchError(
            "name", f"is {config.name!r}; expected a letter, then letters, digits, - or _, at most 64"
        )
    if not ENTRY_PATTERN.match(config.inference_backend):
        raise TypeMismatchError(
            "inference_backend",
            f"is {config.inference_backend!r}; expected module:Class, such as inference:Backend",
        )
    if not 0 <= config.golden <= 50:
        raise TypeMismatchError("golden", f"is {config.golden}; expected none or a number of events from 1 to 50")
    if any(size < 1 for size in config.dry_run.batch_sizes):
        raise TypeMismatchError("dry_run.batch_sizes", "must be whole numbers from 1 up")
    _check_environment(config.env)
    output = config.output
    if ERROR_KEY in ([output.under] if output.under else output.keep):
        raise TypeMismatchError("output", f"would give outputs the key {ERROR_KEY}, which marks failed events")
    try:
        satisfies((3, 10), config.python_requires or "")
    except ValueError as error:
        raise TypeMismatchError("python_requires", f"is not valid: {error}") from None
    return config


def _check_environment(env: dict[str, str]) -> None:
    """Refuse what an operating system cannot hold, which would otherwise raise when the backend is loaded."""
    for name, text in env.items():
        if not name or "=" in name or "\0" in name:
            raise TypeMismatchError(f"env.{name}", "is no name for an environment variable")
        if "\0" in text:
            raise TypeMismatchError(f"env.{name}", "holds a NUL character")


def _line_of(root: Node, path: str) -> int:
    """The line of the deepest node that the dotted ``path`` reaches."""
    node = root
    for part in re.split(r"[.\[\]]+", path):
        if isinstance(node.value, dict) and part in node.value:
            node = node.value[part]
        elif isinstance(node.value, list) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
    return node.line
