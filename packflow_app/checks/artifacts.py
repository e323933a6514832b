"""What the model opens and the archive would not hold."""

from __future__ import annotations

import ast
import posixpath
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.checks.code import models_code
from packflow_app.projects.contents import GOLDEN, SAMPLE, SECRETS
from packflow_app.projects.ignore_files import PACKFLOW_IGNORE
from packflow_app.runtime import CONFIG_FILE, parse_yaml, read_config_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context
    from packflow_app.projects.ignore_files import IgnoreRule

MODEL_FORMATS = frozenset(
    [
        ".bin",
        ".cbm",
        ".ckpt",
        ".engine",
        ".gguf",
        ".h5",
        ".hdf5",
        ".joblib",
        ".keras",
        ".lgb",
        ".mar",
        ".mlmodel",
        ".model",
        ".npy",
        ".npz",
        ".onnx",
        ".pb",
        ".pickle",
        ".pkl",
        ".pmml",
        ".pt",
        ".pth",
        ".safetensors",
        ".tflite",
        ".ubj",
    ]
)
"""Ends of names of files that hold what a model learnt."""

_SHOWN = 20
_LOOKED_AT = 10_000  # entries of a folder that is left out
_LONGEST_PATH = 300


@check(
    "artifact-ignored",
    Severity.ERROR,
    why="Where the archive runs, the file is not there, and the model fails.",
    fix=f"Take it back in {PACKFLOW_IGNORE}: `packflow validate --fix` writes the lines.",
    safe_fix="packflow validate --fix",
)
def artifact_ignored(context: Context) -> Iterator[Spot]:
    """The model opens a file that an ignore file leaves out of the archive."""
    for name, where in ignored_artifacts(context).items():
        rule = context.contents.rules[_excluded(context, name)]
        lines = " and ".join(f"`{line}`" for line in taking_back(context, [name]))
        fix = f"Take it back in {PACKFLOW_IGNORE} (`packflow validate --fix` does), one a line: {lines}"
        opened = "It is read by the model" if where is None else f"It is named in {where[0]}:{where[1]}"
        yield Spot(
            f"{name} is left out by {rule.where} ({rule.pattern}). {opened}.",
            rule.file,
            rule.line,
            f"Take {rule.pattern} out of {rule.file}." if is_meant(rule) else fix,
        )


@check(
    "artifact-left-out",
    Severity.ERROR,
    why="Where the archive runs, the file is not there, and the model fails.",
    fix="Put a copy of it elsewhere in the project, such as below artifacts/.",
)
def artifact_left_out(context: Context) -> Iterator[Spot]:
    """The model opens sample events or golden events, which are not where it looks for them in an archive."""
    fixes = {
        SAMPLE: "Put a copy of it below artifacts/; sample events do not ship.",
        GOLDEN: "Put a copy of it below artifacts/; golden events ship elsewhere.",
    }
    for name in _opened(context):
        reason = context.contents.excluded.get(_excluded(context, name), "")
        if reason in fixes:
            yield Spot(f"The model reads {name}, which does not ship: {reason}.", name, fix=fixes[reason])


@check(
    "artifact-doubtful",
    Severity.WARNING,
    why="If the model needs it, it fails where the archive runs.",
    fix=f"Take it back in {PACKFLOW_IGNORE} (!/PATH), or leave it out there too, so that it is said to be meant.",
)
def artifact_doubtful(context: Context) -> Iterator[Spot]:
    """What may be needed is left out: a model's file or one that code names, by .gitignore; secrets that are read."""
    for name in _opened(context):
        if context.contents.excluded.get(_excluded(context, name)) == SECRETS:
            yield Spot(
                f"The model reads {name}, which does not ship, since it {SECRETS}.",
                name,
                fix="Let what it holds be given where the archive runs, such as by an environment variable. If it "
                f"is no secret, take it back in {PACKFLOW_IGNORE}.",
            )
    certain = ignored_artifacts(context)
    named = _named(context)
    for name, rule in context.contents.rules.items():
        if is_meant(rule):
            continue
        inside = {path for path in named if context.contents.exclusion_of(path) == name}
        for path in sorted(inside.union(_files_below(context, name))):
            if path in certain or not (path in named or PurePosixPath(path).suffix.lower() in MODEL_FORMATS):
                continue
            yield Spot(f"{path} is left out by {rule.where} ({rule.pattern}).", rule.file, rule.line)


def ignored_artifacts(context: Context) -> dict[str, tuple[str, int] | None]:
    """Files that ignore files leave out and the model opens, with where the code names those not seen being read.

    What only the code names counts where it is in a model's format and no .packflowignore says that it is not to ship.
    """
    contents = context.contents
    found: dict[str, tuple[str, int] | None] = {
        name: None for name in _opened(context) if _excluded(context, name) in contents.rules
    }
    for name, where in _named(context).items():
        if PurePosixPath(name).suffix.lower() in MODEL_FORMATS and not is_meant(
            contents.rules[_excluded(context, name)]
        ):
            found.setdefault(name, where)
    return dict(sorted(found.items()))


def is_meant(rule: IgnoreRule) -> bool:
    """Whether a rule is about archives, not about what git is to keep."""
    return rule.file.endswith(PACKFLOW_IGNORE)


def taking_back(context: Context, names: list[str]) -> list[str]:
    """Lines of .packflowignore that take back these files and nothing else of the folders left out above them."""
    lines: list[str] = []
    for name in names:
        excluded = _excluded(context, name)
        parts = name.split("/")
        for count in range(excluded.count("/") + 1, len(parts)):
            folder = "/".join(parts[:count])
            lines += [f"!/{_escaped(folder)}/", f"/{_escaped(folder)}/*"]
        lines.append(f"!/{_escaped(name)}")
    return list(dict.fromkeys(lines))


def _escaped(path: str) -> str:
    """A path as a pattern that matches it alone."""
    escaped = "".join(f"\\{character}" if character in "*?[\\" else character for character in path)
    return f"{escaped[:-1]}\\ " if escaped.endswith(" ") else escaped


def _opened(context: Context) -> list[str]:
    """Files of the project that the last dry run saw being read, and that still exist; not what the model wrote."""
    if not context.verdict.is_fresh:
        return []
    written = context.verdict.items("written_files")
    names = [name for name in context.verdict.items("opened_files") if isinstance(name, str) and name not in written]
    return [name for name in names if (context.folder / name).is_file()]


def _excluded(context: Context, name: str) -> str:
    """What is left out and holds a file; the file's own name where nothing is."""
    return context.contents.exclusion_of(name) or name


def _named(context: Context) -> dict[str, tuple[str, int]]:
    """Existing files that an ignore file leaves out and that code or packflow.yaml names, with the first place."""
    contents = context.contents
    if not contents.rules:
        return {}
    found: dict[str, tuple[str, int]] = {}
    for path, where in [*_paths_in_code(context), *_paths_in_config(context)]:
        for base in ("", posixpath.dirname(where[0])):
            name = posixpath.normpath(posixpath.join(base, path.replace("\\", "/")))
            excluded = None if name.startswith(("..", "/")) else contents.exclusion_of(name)
            if excluded in contents.rules and name not in found and (context.folder / name).is_file():
                found[name] = where
    return found


def _paths_in_code(context: Context) -> Iterator[tuple[str, tuple[str, int]]]:
    for name, tree in models_code(context):
        for node in ast.walk(tree):
            for path in _literal_paths(node):
                yield path, (name, getattr(node, "lineno", 1))


def _literal_paths(node: ast.AST) -> Iterator[str]:
    """A text alone, ``folder / "a" / "b"`` and ``join(folder, "a", "b")``, each as the path that its end spells."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        parts = [node.value]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        parts = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _text(node.right):
            parts.insert(0, _text(node.right))
            node = node.left
        if first := _text(node):
            parts.insert(0, first)
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("join", "joinpath"):
        parts = [text for argument in node.args if (text := _text(argument))]
    else:
        return
    path = "/".join(parts)
    if 0 < len(path) <= _LONGEST_PATH and "\n" not in path and "\0" not in path:
        yield path


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _paths_in_config(context: Context) -> Iterator[tuple[str, tuple[str, int]]]:
    """Every text in packflow.yaml that may be a path."""
    waiting = [parse_yaml(read_config_bytes(context.folder))]
    while waiting:
        node = waiting.pop()
        if isinstance(node.value, dict):
            waiting += node.value.values()
        elif isinstance(node.value, list):
            waiting += node.value
        elif isinstance(node.value, str) and 0 < len(node.value) <= _LONGEST_PATH and "\0" not in node.value:
            yield node.value, (CONFIG_FILE, node.line)


def _files_below(context: Context, name: str) -> list[str]:
    """What is left out by one rule, file by file, the first of it."""
    path = context.folder / name
    if not path.is_dir() or path.is_symlink():
        return [name]
    found: list[str] = []
    for below in islice(path.rglob("*"), _LOOKED_AT):
        if len(found) >= _SHOWN:
            break
        if below.suffix.lower() in MODEL_FORMATS and below.is_file():
            found.append(below.relative_to(context.folder).as_posix())
    return found
