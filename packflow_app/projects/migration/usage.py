"""What a project's code relies on beside the names that it imports from packflow 0.4."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.projects.migration.findings import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packflow_app.projects.migration.source import Source

OLD_VARIABLE = "BACKEND_CONFIG_FILE_PATH"
_MODEL_METHODS = frozenset(
    (
        "dict",
        "json",
        "copy",
        "schema",
        "schema_json",
        "parse_obj",
        "construct",
        "model_dump",
        "model_dump_json",
        "model_copy",
        "model_validate",
        "model_validate_json",
        "model_construct",
        "model_fields",
        "model_fields_set",
        "model_computed_fields",
        "model_extra",
        "model_json_schema",
        "model_rebuild",
        "model_post_init",
    )
)
_PLAIN_TYPES = frozenset(
    (
        "str",
        "int",
        "float",
        "bool",
        "None",
        "Any",
        "object",
        "list",
        "dict",
        "tuple",
        "List",
        "Dict",
        "Tuple",
        "Optional",
        "Union",
        "Literal",
        "ClassVar",
        "Path",
        "PurePath",
        "InputFormats",
        "BackendConfig",
        "typing",
        "t",
        "pathlib",
    )
)
_LOGURU_ONLY = frozenset(
    ("add", "remove", "catch", "contextualize", "patch", "configure", "level", "enable", "disable", "parse", "complete")
)
_NAMING_CALLS = frozenset(
    ("import_module", "__import__", "importorskip", "find_spec", "patch", "version", "distribution")
)
_MODULE_NAME = re.compile(r"packflow(\.(?!ya?ml$)[a-z_]\w*)*\Z")


@dataclass(frozen=True)
class Usage:
    """What the modules of a project need.

    ``pydantic``: configurations must be pydantic models. ``imported`` are the top-level modules that code which is no
    test imports.
    """

    pydantic: bool
    imported: frozenset[str]
    found: tuple[Found, ...]


def usage_of(sources: Iterable[Source]) -> Usage:
    """Look at all files of a project together: what one declares another may use."""
    sources = list(sources)
    imported = frozenset(name for source in sources if not is_test(source.name) for name in _imported(source.tree))
    classes = _config_classes(sources)
    own = _enums(sources) | {node.name for node in classes}
    pydantic = (
        any("pydantic" in _imported(source.tree) for source in sources)
        or any(_needs_pydantic(node, own) for node in classes)
        or any(_treats_as_model(source.tree) for source in sources)
    )
    found = [one for source in sources for one in (*_logger_calls(source), *_named_in_text(source))]
    return Usage(pydantic, imported, tuple(found))


def is_test(name: str) -> bool:
    """Whether a file, by its name in the project, is for tests only."""
    *folders, file = name.split("/")
    return (
        any(folder in ("tests", "test") for folder in folders)
        or file in ("tests.py", "conftest.py")
        or file.startswith("test_")
        or file.endswith("_test.py")
    )


def _imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def _config_classes(sources: list[Source]) -> list[ast.ClassDef]:
    """The classes that derive from BackendConfig, also through one another, by the names of their bases."""
    classes = [node for source in sources for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
    aliases = {
        alias.asname
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == "BackendConfig" and alias.asname
    }
    names, found = {"BackendConfig", *aliases}, []
    for _ in classes:  # as many rounds as a chain of them could be long
        new = [node for node in classes if node not in found and names & {_last_name(base) for base in node.bases}]
        if not new:
            break
        found += new
        names |= {node.name for node in new}
    return found


def _enums(sources: list[Source]) -> set[str]:
    return {
        node.name
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and any(_last_name(base).endswith(("Enum", "Flag")) for base in node.bases)
    }


def _needs_pydantic(node: ast.ClassDef, own: set[str]) -> bool:
    """Whether a configuration class does what only a pydantic model does, or has types that others do not take."""
    for part in node.body:
        if isinstance(part, ast.ClassDef) and part.name == "Config":
            return True
        if isinstance(part, ast.Assign) and any(_last_name(target) == "model_config" for target in part.targets):
            return True
        if isinstance(part, ast.FunctionDef) and part.name in _MODEL_METHODS:
            return True
        if isinstance(part, ast.AnnAssign) and not _names_in(part.annotation) <= _PLAIN_TYPES | own:
            return True
    return False


def _names_in(annotation: ast.AST) -> set[str]:
    """The names of the types in an annotation; the words of a Literal are none."""
    if isinstance(annotation, ast.Subscript) and _last_name(annotation.value) == "Literal":
        return {"Literal"}
    if isinstance(annotation, (ast.Name, ast.Attribute)):
        return {_last_name(annotation)}
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _names_in_text(annotation.value)
    return {name for child in ast.iter_child_nodes(annotation) for name in _names_in(child)}


def _names_in_text(text: str) -> set[str]:
    try:
        return _names_in(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError):
        return {text}


def _treats_as_model(tree: ast.Module) -> bool:
    """Whether the configuration is used as only a pydantic model can be: ``self.config.model_dump()``."""
    return any(
        isinstance(node, ast.Attribute) and node.attr in _MODEL_METHODS and _last_name(node.value).lower() == "config"
        for node in ast.walk(tree)
    )


def _logger_calls(source: Source) -> Iterator[Found]:
    """Methods of loguru's logger that the runtime's does not have."""
    loggers = {
        _last_name(target)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if _last_name(node.value.func) == "get_logger"
    }
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Attribute) or node.attr not in _LOGURU_ONLY:
            continue
        own = isinstance(node.value, ast.Attribute) and ast.unparse(node.value) == "self.logger"
        if own or (isinstance(node.value, ast.Name) and node.value.id in loggers):
            message = f"logger.{node.attr} is loguru's own: the runtime's logger does not have it."
            hint = "Import loguru's logger for it, or do without."
            yield Found("left", "logger-method", message, source.name, node.lineno, hint)


def _named_in_text(source: Source) -> Iterator[Found]:
    """Modules of packflow 0.4 that are named by text, and the variable that configurations once came from."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and node.value == OLD_VARIABLE:
            yield variable_note(source.name, node.lineno)
        if not isinstance(node, ast.Call) or _last_name(node.func) not in _NAMING_CALLS:
            continue
        for argument in node.args[:1]:
            text = argument.value if isinstance(argument, ast.Constant) else None
            if isinstance(text, str) and _MODULE_NAME.match(text):
                message = f"The text {text!r} names a module of packflow 0.4 and is left as it is."
                hint = "Name the runtime's module: docs/compatibility.md lists them."
                yield Found("left", "named-in-text", message, source.name, node.lineno, hint)


def variable_note(file: str, line: int) -> Found:
    """The note about BACKEND_CONFIG_FILE_PATH, which packflow 0.4 did not read any more."""
    return Found(
        "note",
        "old-variable",
        f"{OLD_VARIABLE} is read again, with a warning that it is deprecated.",
        file,
        line,
        'Name a file of the keys alone, without "configs" around them, with PACKFLOW_CONFIG.',
    )


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
