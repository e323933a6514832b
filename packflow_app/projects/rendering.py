"""Fill a skeleton in: files that end in ``.jinja`` are templates, all others are copied byte for byte."""

from __future__ import annotations

import ast
import json
import re
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packflow_app.errors import NotFoundError
from packflow_app.locations import skeletons_dir
from packflow_app.projects.skeletons import EXAMPLES, MANIFEST, SHARED
from packflow_app.runtime import ArchiveFormatError, check_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.projects.skeletons import Skeleton

_TEMPLATE_SUFFIX = ".jinja"
_PIECE_SUFFIX = ".piece"
"""Of files that templates include, and that no project gets."""
_PLAIN = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII).fullmatch
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}  # which other readers of YAML take for values
_LEFT_OUT = {"__pycache__", ".git"}


def project_files(skeleton: Skeleton) -> list[str]:
    """The names of the files that projects made from a skeleton get of it, sorted; raises NotFoundError."""
    names = [name.removesuffix(_TEMPLATE_SUFFIX) for name in _sources(skeleton)]
    try:
        check_names(names)
    except ArchiveFormatError as error:
        why = f"{error.title[:1].lower()}{error.title[1:]}"
        raise NotFoundError(
            f"The skeleton {skeleton.name} has a file that no archive can hold: {why}.",
            code="skeleton-invalid",
            hint="Rename that file in the skeleton.",
        ) from None
    return sorted(names, key=lambda name: name.split("/"))


def render_skeleton(skeleton: Skeleton, values: dict[str, Any]) -> dict[str, bytes]:
    """The files of a new project by their names in it.

    Raises NotFoundError with file and line for a template that cannot be filled in.
    """
    from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only a new project needs it
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    shared = skeletons_dir() / SHARED
    # Projects hold Python, YAML and Markdown, where HTML escaping would be a fault.
    environment = SandboxedEnvironment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=ChoiceLoader([FileSystemLoader(skeleton.folder), FileSystemLoader(shared)]),
    )
    environment.filters["yaml_text"] = _yaml_text
    environment.filters["yaml_name"] = yaml_name
    environment.filters["python"] = json.dumps  # text, as Python writes it too
    files: dict[str, bytes] = {}
    wanted = project_files(skeleton)
    sources = _sources(skeleton)
    for name in wanted:
        template = f"{name}{_TEMPLATE_SUFFIX}"
        if template in sources:
            text = _filled(environment, template, sources[template], values)
            if text.strip():  # a template that gives nothing makes no file
                files[name] = text
        else:
            files[name] = sources[name].read_bytes()
        if name.endswith(".py") and name in files:
            _check_python(files[name], sources.get(template) or sources[name])
    return files


def _check_python(content: bytes, source: Path) -> None:
    """Raise NotFoundError for code that no project could run, before one is made of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the skeleton's code: not asked for here
            ast.parse(content)
    except (SyntaxError, ValueError) as error:  # ValueError: a NUL, on some Pythons
        is_template = source.suffix == _TEMPLATE_SUFFIX
        raise NotFoundError(
            f"The skeleton's {source.name} {'gives code' if is_template else 'is code'} that Python cannot read: "
            f"{getattr(error, 'msg', None) or error}.",
            code="skeleton-invalid",
            file=str(source),
            line=None if is_template else getattr(error, "lineno", None),
            hint="Mend the file. `python3 -m py_compile FILE` says the same of it.",
        ) from None


def _filled(environment: Any, name: str, path: Path, values: dict[str, Any]) -> bytes:  # noqa: ANN401 - jinja's
    from jinja2 import TemplateError, TemplateSyntaxError  # noqa: PLC0415 - as above

    try:
        text: str = environment.get_template(name).render(values)
    except TemplateSyntaxError as error:
        raise _broken(error.filename or str(path), error.lineno, error.message or "a syntax error") from None
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # Jinja puts frames of the templates into the traceback.
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(_ENDINGS)]
        place = (frames[-1].filename, frames[-1].lineno) if frames else (str(path), None)
        raise _broken(*place, str(error) or type(error).__name__) from None
    return text.encode("utf-8")


_ENDINGS = (_TEMPLATE_SUFFIX, _PIECE_SUFFIX)


def _broken(file: str, line: int | None, reason: str) -> NotFoundError:
    return NotFoundError(
        f"The skeleton's {Path(file).name} cannot be filled in: {reason.rstrip('.')}.",
        code="skeleton-invalid",
        file=file,
        line=line,
        hint="Mend the template; docs/skeletons.md lists the values that templates have.",
    )


def _sources(skeleton: Skeleton) -> dict[str, Path]:
    """Each file that projects get, by its name in the skeleton; the skeleton's own stand before shared ones."""
    own = dict(_files(skeleton.folder))
    taken = {name.removesuffix(_TEMPLATE_SUFFIX) for name in own}
    shared = {
        name: path
        for name, path in _files(skeletons_dir() / SHARED)
        if name.removesuffix(_TEMPLATE_SUFFIX) not in taken
    }
    return {**own, **shared}


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        # pip compiles the Python files of an installed skeleton; a project gets none of that.
        if _LEFT_OUT & {*inside.parts} or inside.parts[0] == EXAMPLES or inside.as_posix() == MANIFEST:
            continue
        if path.is_symlink():
            raise NotFoundError(
                f"The skeleton holds a link, {inside.as_posix()}, which could lead out of it.",
                code="skeleton-invalid",
                file=str(path),
                hint="Put the file itself in its place.",
            )
        if path.is_file() and path.suffix != _PIECE_SUFFIX:
            yield inside.as_posix(), path


def yaml_name(value: str) -> str:
    """A scalar that reads back as ``value``: as it is where it is a plain name, else quoted."""
    return value if _PLAIN(value) and value.lower() not in _WORDS else _yaml_text(value)


def _yaml_text(value: str) -> str:
    """A double-quoted YAML scalar that reads back as ``value``."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    text = "".join(escapes.get(char) or (char if char.isprintable() else f"\\U{ord(char):08x}") for char in value)
    return f'"{text}"'
