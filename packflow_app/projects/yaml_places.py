"""The values of packflow.yaml with their places in its text, so that one is changed and every other byte stays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packflow_app.errors import NotFoundError
from packflow_app.runtime import CONFIG_FILE

if TYPE_CHECKING:
    from ruamel.yaml.nodes import MappingNode

_MAX_DEPTH = 60


@dataclass
class Edits:
    """Changes of a text, each from its start to its end; made together, so that places stay what they are."""

    text: str
    _made: list[tuple[int, int, str]] = field(default_factory=list)

    def replace(self, start: int, end: int, new: str) -> None:
        """Have ``new`` stand where ``text[start:end]`` is."""
        self._made.append((start, end, new))

    def after(self) -> str:
        """The text with all of them made."""
        text = self.text
        for start, end, new in sorted(self._made, reverse=True):
            text = text[:start] + new + text[end:]
        return text


def decoded(content: bytes) -> str:
    """The text of packflow.yaml; raises NotFoundError with the line for what is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise refusal(f"{CONFIG_FILE} is not UTF-8 text.", line, "Save it as UTF-8.") from None


def read_tree(text: str) -> MappingNode:
    """The tree with places; anchors, aliases and tags are refused before anything is made of them."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - takes a tenth of a second, which only a migration pays
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - as above
    from ruamel.yaml.nodes import MappingNode  # noqa: PLC0415 - as above

    try:
        depth = 0
        for event in YAML(typ="safe", pure=True).parse(text):
            _refuse_references(event)
            kind = type(event).__name__
            depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
            if depth > _MAX_DEPTH:  # of which the runtime reads 50; ruamel.yaml's time goes with the square
                title = f"{CONFIG_FILE} is nested too deeply to be read."
                raise refusal(title, event.start_mark.line + 1, "Take it apart.")
        root = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or "it cannot be read").strip()
        line = mark.line + 1 if mark is not None else None
        raise refusal(f"{CONFIG_FILE} is not valid YAML: {problem}.", line, "Mend it.") from None
    if not isinstance(root, MappingNode):
        what = "is empty" if root is None else "must be a mapping of keys to values"
        raise refusal(f"{CONFIG_FILE} {what}.", None if root is None else 1, "Give it at least a `name:` line.")
    return root


def _refuse_references(event: Any) -> None:  # noqa: ANN401 - ruamel.yaml's events have no types
    kind = type(event).__name__
    line = event.start_mark.line + 1 if event.start_mark is not None else None
    if kind == "AliasEvent" or getattr(event, "anchor", None) is not None:
        raise refusal(
            f"{CONFIG_FILE} uses an anchor or an alias, which Packflow does not read.",
            line,
            "Write the value out in each place (anchors begin with &, aliases with *).",
        )
    if kind != "DocumentStartEvent" and getattr(event, "tag", None) not in (None, "!"):
        raise refusal(f"{CONFIG_FILE} uses a tag, which Packflow does not read.", line, "Write the value without it.")


def refusal(title: str, line: int | None, hint: str) -> NotFoundError:
    """The error for what cannot be read or carried over."""
    return NotFoundError(title, code="config-invalid", file=CONFIG_FILE, line=line, hint=hint)
