"""Skeletons: folders of project files with a manifest that says what each is for and what it needs."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from packflow_app.errors import NotFoundError
from packflow_app.locations import skeletons_dir
from packflow_app.placing import absolute
from packflow_app.projects.git import clone, is_bare_repository, is_repository_url
from packflow_app.runtime import PackflowError, YamlNode, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = "skeleton.yaml"
EXAMPLES = "example"
"""The folder of a skeleton that holds an example model and example events; no part of the projects made from it."""
SHARED = "_shared"
"""Beside the skeletons that come with Packflow: files and pieces that every project gets unless it brings its own."""

InputKind = Literal["events", "numbers", "columns"]
"""What the backend takes: whole events, an array of numbers, or columns by name (an array where there are none)."""

_LISTS = ("requirements", "with_names", "without_names")
_INPUTS = ("events", "numbers", "columns")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Variable:
    """A question that a skeleton asks, answered by ``--set NAME=VALUE``; one without a default must be answered.

    ``example`` is the answer that goes with the skeleton's example; ``only_for`` are the formats of model files that
    the question is about (none: every one). With ``file`` the answer is a file, which projects get under that name.
    """

    name: str
    question: str
    default: str | None = None
    choices: tuple[str, ...] = ()
    example: str | None = None
    only_for: tuple[str, ...] = ()
    file: str | None = None


@dataclass(frozen=True)
class Skeleton:
    """A skeleton as its manifest describes it.

    ``models`` are the formats of model files it runs (none: it needs no file). ``requirements`` are what its code
    imports beside what the model file needs; ``with_names`` and ``without_names`` come on top for a model that takes
    columns by name or an array. ``save`` is the line of Python that saves such a model. ``example_features`` are
    those of an example model that has no names for them.
    """

    name: str
    folder: Path
    title: str
    when: str
    inputs: InputKind = "events"
    models: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    with_names: tuple[str, ...] = ()
    without_names: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    save: str = ""
    example_model: str | None = None
    example_events: str | None = None
    example_features: tuple[str, ...] = ()

    def example(self, name: str | None) -> Path | None:
        """Where an example file is."""
        return self.folder / EXAMPLES / name if name is not None else None


def skeleton_kinds() -> list[str]:
    """The names of the skeletons that come with Packflow, sorted."""
    return sorted(path.name for path in skeletons_dir().iterdir() if (path / MANIFEST).is_file())


def own_skeletons() -> list[Skeleton]:
    """The skeletons that come with Packflow."""
    return [read_skeleton(skeletons_dir() / kind) for kind in skeleton_kinds()]


@contextmanager
def opened_skeleton(kind: str) -> Iterator[Skeleton]:
    """The skeleton that ``--kind`` means: a name, a folder, or a git repository, whose copy is removed in the end.

    Raises NotFoundError.
    """
    if kind in skeleton_kinds():
        yield read_skeleton(skeletons_dir() / kind)
        return
    folder = Path(kind)
    if is_repository_url(kind) or (folder.is_dir() and is_bare_repository(folder)):
        with tempfile.TemporaryDirectory(prefix="packflow-skeleton-") as work:
            copy = Path(work, _repository_name(kind))
            clone(kind, copy)
            yield read_skeleton(copy)
        return
    if not ({"/", "\\"} & {*kind} or kind.startswith(".")) or not folder.is_dir():
        raise NotFoundError(
            f"There is no skeleton called {kind!r}.",
            code="skeleton-not-found",
            hint=f"Choose one of: {', '.join(skeleton_kinds())}; or name a folder (./NAME) or a git repository.",
        )
    yield read_skeleton(absolute(folder))


def read_skeleton(folder: Path) -> Skeleton:
    """Read a skeleton's manifest; raises NotFoundError with its line for one that is not as docs/skeletons.md says."""
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"{folder} is no skeleton: it has no {MANIFEST}."
            if isinstance(error, FileNotFoundError)
            else f"{path} cannot be read: {error.strerror}.",
            code="skeleton-invalid",
            hint="docs/skeletons.md says what a skeleton holds.",
        ) from None
    try:
        root = parse_yaml(content, file=str(path))
    except PackflowError as error:
        raise NotFoundError(
            error.title, detail=error.detail, code="skeleton-invalid", file=str(path), line=error.line, hint=error.hint
        ) from None
    return _Reader(path, root).skeleton(folder)


def _repository_name(url: str) -> str:
    name = url.partition("#")[0].rstrip("/").replace(":", "/").rpartition("/")[2].removesuffix(".git")
    return re.sub(r"[^\w.-]", "", name).lstrip(".") or "skeleton"


class _Reader:
    """Takes a manifest's nodes one by one; everything it does not know is an error with its line."""

    def __init__(self, path: Path, root: YamlNode) -> None:
        self.path = path
        self.root = root

    def skeleton(self, folder: Path) -> Skeleton:
        keys = self._map(
            self.root,
            "the manifest",
            ("title", "when", "inputs", "models", "save", *_LISTS, "variables", EXAMPLES),
        )
        example = self._map(keys[EXAMPLES], EXAMPLES, ("model", "events", "features")) if EXAMPLES in keys else {}
        inputs = self._text(keys["inputs"], "inputs") if "inputs" in keys else "events"
        if inputs not in _INPUTS:
            raise self._error(f"inputs is {inputs!r}; expected one of {', '.join(_INPUTS)}", keys["inputs"])
        for name in ("title", "when"):
            if name not in keys:
                raise self._error(f"{name} is missing", self.root)
        return Skeleton(
            name=folder.name,
            folder=folder,
            title=self._text(keys["title"], "title"),
            when=" ".join(self._text(keys["when"], "when").split()),
            inputs=cast("InputKind", inputs),
            models=self._texts(keys, "models"),
            requirements=self._texts(keys, "requirements"),
            with_names=self._texts(keys, "with_names"),
            without_names=self._texts(keys, "without_names"),
            variables=self._variables(keys),
            save=self._text(keys["save"], "save") if "save" in keys else "",
            example_model=self._example(folder, example, "model"),
            example_events=self._example(folder, example, "events"),
            example_features=self._texts(example, "features"),
        )

    def _variables(self, keys: dict[str, YamlNode]) -> tuple[Variable, ...]:
        if "variables" not in keys:
            return ()
        if not isinstance(keys["variables"].value, dict):
            raise self._error("variables must be a map of names", keys["variables"])
        return tuple(self._variable(name, node) for name, node in keys["variables"].value.items())

    def _variable(self, name: str, node: YamlNode) -> Variable:
        if not _NAME.match(name):
            raise self._error(f"{name!r} is no name for a variable: small letters, digits and _", node)
        keys = self._map(node, f"variables.{name}", ("question", "default", "choices", "example", "only_for", "file"))
        if "question" not in keys:
            raise self._error(f"variables.{name} has no question", node)
        default, example = (self._answer(keys, what) for what in ("default", "example"))
        choices = self._texts(keys, "choices")
        if default is not None and choices and default not in choices:
            raise self._error(f"variables.{name}: the default {default!r} is none of its choices", keys["default"])
        question = self._text(keys["question"], "question")
        file = self._text(keys["file"], "file") if "file" in keys else None
        return Variable(name, question, default, choices, example, self._texts(keys, "only_for"), file)

    def _answer(self, keys: dict[str, YamlNode], what: str) -> str | None:
        if what not in keys:
            return None
        value = keys[what].value
        if not isinstance(value, str):
            raise self._error(f"{what} must be text", keys[what])
        return value

    def _example(self, folder: Path, keys: dict[str, YamlNode], what: str) -> str | None:
        if what not in keys:
            return None
        name = self._text(keys[what], f"example.{what}")
        if {"/", "\\"} & {*name} or not (folder / EXAMPLES / name).is_file():
            raise self._error(f"example.{what} names {name!r}, which is not in the folder {EXAMPLES}", keys[what])
        return name

    def _map(self, node: YamlNode, what: str, known: tuple[str, ...]) -> dict[str, YamlNode]:
        value: Any = node.value
        if not isinstance(value, dict):
            raise self._error(f"{what} must be a map of keys to values", node)
        for key, inner in value.items():
            if key not in known:
                raise self._error(f"{what} has the unknown key {key!r}; known here: {', '.join(known)}", inner)
        return value

    def _text(self, node: YamlNode, what: str) -> str:
        if not isinstance(node.value, str) or not node.value.strip():
            raise self._error(f"{what} must be text", node)
        return node.value

    def _texts(self, keys: dict[str, YamlNode], what: str) -> tuple[str, ...]:
        if what not in keys:
            return ()
        if not isinstance(keys[what].value, list):
            raise self._error(f"{what} must be a list", keys[what])
        return tuple(self._text(node, what) for node in cast("list[YamlNode]", keys[what].value))

    def _error(self, message: str, node: YamlNode) -> NotFoundError:
        return NotFoundError(
            f"{self.path.name}: {message}.",
            code="skeleton-invalid",
            file=str(self.path),
            line=node.line,
            hint="docs/skeletons.md says what a manifest holds.",
        )
