"""Bring packflow.yaml of packflow 0.4 into the strict subset, with every value meaning what it meant.

packflow 0.4 read YAML 1.1, where ``no`` is false and ``012`` is ten; the runtime keeps text as text. ruamel.yaml finds
the values with their places, and only those that would read differently are written anew: comments and layout stay.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packflow_app.projects.migration.findings import Found
from packflow_app.projects.migration.old_scalars import is_date, old_value
from packflow_app.projects.migration.usage import OLD_VARIABLE, variable_note
from packflow_app.projects.yaml_places import Edits, decoded, read_tree, refusal
from packflow_app.runtime import CONFIG_FILE, parse_project_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ruamel.yaml.nodes import MappingNode, Node

_TAG = "tag:yaml.org,2002:"
_OPEN_SECTIONS = ("backend_config", "extra")  # whose values have no type of their own
_RECORD_KEYS = ("rename_fields", "feature_names", "flatten_nested_inputs")


@dataclass
class Configuration:
    """packflow.yaml as it was and as it is to be."""

    before: bytes
    after: bytes
    found: list[Found] = field(default_factory=list)


def migrated_configuration(content: bytes) -> Configuration:
    """Rewrite it; raises CheckFailedError with the line for what cannot be carried over, or the runtime's own error."""
    text = decoded(content)
    root = read_tree(text)
    rewriter = _Rewriter(text, root)
    rewriter.scalars(root, ())
    rewriter.entry()
    after = rewriter.after()
    bom = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    encoded = bom + after.encode()
    config = parse_project_config(encoded)
    found = [*rewriter.found, *_behaviour(config.backend_config, rewriter.lines.get("backend_config"))]
    return Configuration(content, encoded, found)


def with_sample_events(content: bytes, events: str) -> bytes:
    """The same configuration with ``dry_run.events``, where it has no ``dry_run`` yet."""
    config = parse_project_config(content)
    if config.dry_run.events is not None:
        return content
    newline = b"\r\n" if b"\r\n" in content else b"\n"
    if any(line.startswith(b"dry_run:") for line in content.splitlines()):
        return content  # the user's own, to be completed by hand
    lines = [b"# === DRY RUN ===", b"dry_run:", f"  events: {events if events.isascii() else quoted(events)}".encode()]
    end = b"" if content.endswith(b"\n") or not content else newline
    return content + end + newline + newline.join(lines) + newline


def quoted(text: str) -> str:
    """A double-quoted scalar on one line that reads back as ``text``."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in written)


class _Rewriter:
    def __init__(self, text: str, root: MappingNode) -> None:
        self.text = text
        self.root = root
        self.found: list[Found] = []
        self.lines = {str(key.value): key.start_mark.line + 1 for key, _ in root.value}
        self._edits = Edits(text)

    def scalars(self, node: Node, path: tuple[str, ...]) -> None:
        """Edit what would read differently, at ``path`` and below."""
        kind = type(node).__name__  # importing the classes takes a tenth of a second
        if kind == "MappingNode":
            for key, value in node.value:
                self._key(key, path)
                self.scalars(value, (*path, str(key.value)))
        elif kind == "SequenceNode":
            for item in node.value:
                self.scalars(item, path)
        else:
            self._scalar(node, path)

    def entry(self) -> None:
        """``folder/module:Class`` was as good as ``folder.module:Class``."""
        for key, value in self.root.value:
            if key.value == "inference_backend" and "/" in str(value.value):
                self._replace(value, str(value.value).replace("/", "."))

    def after(self) -> str:
        """The text with all edits made."""
        return self._edits.after()

    def _key(self, node: Any, path: tuple[str, ...]) -> None:  # noqa: ANN401 - a ScalarNode
        if type(node).__name__ != "ScalarNode":
            raise refusal(f"{CONFIG_FILE} has a collection for a key.", node.start_mark.line + 1, "Use text for keys.")
        if path == ("env",) and node.value == OLD_VARIABLE:
            self.found.append(variable_note(CONFIG_FILE, node.start_mark.line + 1))
        if path[:1] and path[0] in _OPEN_SECTIONS and node.style is None and old_value(node.value) is not None:
            self._note(node, "key-is-text", f"The key {node.value} is text now, unless its type is declared.")

    def _scalar(self, node: Any, path: tuple[str, ...]) -> None:  # noqa: ANN401 - a ScalarNode
        text = str(node.value)
        if path[:1] and path[0] in _OPEN_SECTIONS:
            if node.style is None and (value := old_value(text)) is not None:
                if _spelled(value) != text:
                    self._replace(node, _spelled(value))
                return
            if node.style is None and is_date(text):
                self._note(node, "date-is-text", f"{text} is text now, not a date, unless it is declared as one.")
            if node.style in ("'", '"') and _looks_plain(text):
                what = f"{text!r} was text; where no type is declared for it, it is a number or true or false now."
                self._note(node, "quoted-number", what)
        if node.style not in ("|", ">") and node.start_mark.line != node.end_mark.line:
            self._replace(node, quoted(text))

    def _replace(self, node: Node, text: str) -> None:
        self._edits.replace(node.start_mark.index, node.end_mark.index, text)

    def _note(self, node: Node, code: str, message: str) -> None:
        self.found.append(Found("note", code, message, CONFIG_FILE, node.start_mark.line + 1))


def _spelled(value: float) -> str:
    """The one spelling that the runtime takes for this value everywhere."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)  # infinities too: inf, -inf and nan


def _looks_plain(text: str) -> bool:
    """Whether the runtime takes this text for a number or a boolean where nothing says otherwise."""
    if text in ("true", "false"):
        return True
    for kind in (int, float):
        try:
            if repr(kind(text)) == text:
                return True
        except ValueError:
            continue
    return False


def _behaviour(backend: dict[str, Any], line: int | None) -> Iterator[Found]:
    """What this configuration does otherwise here, on purpose."""
    input_format = backend.get("input_format", "records")
    if input_format == "records" and any(backend.get(key) for key in _RECORD_KEYS):
        yield Found(
            "note", "nulls-are-kept", "Fields that are null reach the model; 0.4 dropped them.", CONFIG_FILE, line
        )
        if backend.get("rename_fields"):
            message = "A renamed field has its new name alone; 0.4 kept the old one beside it."
            yield Found("note", "renames-move", message, CONFIG_FILE, line)
    if input_format == "numpy":
        message = "Columns are float64, whatever is in the batch; 0.4 let each batch choose."
        hint = "Set dtype in backend_config for another type, such as int64, or object to take values as they are."
        yield Found("note", "one-dtype", message, CONFIG_FILE, line, hint)
