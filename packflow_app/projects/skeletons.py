"""Project templates: folders of files, those that end in ``.jinja`` filled in, all others copied byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packflow_app.errors import NotFoundError
from packflow_app.locations import skeletons_dir

if TYPE_CHECKING:
    from pathlib import Path

_TEMPLATE_SUFFIX = ".jinja"


def skeleton_kinds() -> list[str]:
    """The names of the skeletons, sorted."""
    return sorted(path.name for path in skeletons_dir().iterdir() if (path / "packflow.yaml.jinja").is_file())


def check_kind(kind: str) -> None:
    """Raise NotFoundError when there is no skeleton called ``kind``."""
    if kind not in skeleton_kinds():
        raise NotFoundError(
            f"There is no skeleton called {kind!r}.",
            code="skeleton-not-found",
            hint=f"Choose one of: {', '.join(skeleton_kinds())}.",
        )


def render_skeleton(kind: str, values: dict[str, Any]) -> dict[str, bytes]:
    """The files of a new project by their names in it; ``kind`` must exist."""
    from jinja2 import StrictUndefined  # noqa: PLC0415 - only a new project needs it
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    root = skeletons_dir() / kind
    # Projects hold Python, YAML and Markdown, where HTML escaping would be a fault.
    environment = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    environment.filters["yaml_text"] = _yaml_text
    files: dict[str, bytes] = {}
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        content = path.read_bytes()
        if name.endswith(_TEMPLATE_SUFFIX):
            text = environment.from_string(content.decode("utf-8")).render(values)
            files[name.removesuffix(_TEMPLATE_SUFFIX)] = text.encode("utf-8")
        else:
            files[name] = content
    return files


def _files(root: Path) -> list[Path]:
    # pip compiles the Python files of an installed skeleton; a project gets none of that.
    return sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _yaml_text(value: str) -> str:
    """A double-quoted YAML scalar that reads back as ``value``."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    text = "".join(escapes.get(char) or (char if char.isprintable() else f"\\U{ord(char):08x}") for char in value)
    return f'"{text}"'
