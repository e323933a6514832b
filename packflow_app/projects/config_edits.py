"""Change single values of a project's packflow.yaml; comments, layout and every other byte stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packflow_app.projects.rendering import yaml_name
from packflow_app.projects.yaml_places import Edits, decoded, read_tree, refusal
from packflow_app.runtime import CONFIG_FILE, parse_project_config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_BOM = b"\xef\xbb\xbf"


def with_version(content: bytes, version: str) -> bytes:
    """The same configuration with another ``version``; raises CheckFailedError where it cannot be changed in place."""

    def change(root: Any, edits: Edits) -> None:  # noqa: ANN401 - ruamel.yaml's nodes have no types
        found = _pair(root, "version")
        if found is not None:
            edits.replace(found[1].start_mark.index, found[1].end_mark.index, version)
            return
        name = _pair(root, "name")
        place = _end_of_line(edits.text, name[1].end_mark.index) if name is not None else 0
        edits.replace(place, place, f"version: {version}{_newline(edits.text)}")

    return _changed(content, change)


def with_features(
    content: bytes, names: Sequence[str], renames: Mapping[str, str], delimiter: str | None = None
) -> bytes:
    """The same with these ``feature_names`` and ``rename_fields``; a feature that stays keeps its line and comment.

    ``delimiter`` is the new ``nested_field_delimiter``, None leaves it as it is. Raises CheckFailedError.
    """

    def change(root: Any, edits: Edits) -> None:  # noqa: ANN401 - as above
        section = _pair(root, "backend_config")
        listed = _pair(section[1], "feature_names") if section is not None else None
        if section is None or listed is None:
            raise refusal(f"{CONFIG_FILE} lists no feature_names.", None, "Add them below backend_config.")
        key, node = listed
        indent = " " * key.start_mark.column
        _write_list(edits, node, names)
        added: list[str] = []
        old = _pair(section[1], "rename_fields")
        if old is not None and _as_dict(old[1]) != dict(renames):
            lines = _map_lines(renames, indent).replace("\n", _newline(edits.text))
            edits.replace(old[0].end_mark.index, _last_end(old[1]), ": {}" if not lines else f":{lines}")
        elif old is None and renames:
            added.append(f"{indent}rename_fields:{_map_lines(renames, indent)}")
        mark = _pair(section[1], "nested_field_delimiter")
        if delimiter is not None and mark is not None:
            edits.replace(mark[1].start_mark.index, mark[1].end_mark.index, f'"{delimiter}"')
        elif delimiter is not None:
            added.append(f'{indent}nested_field_delimiter: "{delimiter}"')
        if added:
            place = _end_of_line(edits.text, _last_end(node))
            edits.replace(place, place, "".join(f"{line}\n" for line in added).replace("\n", _newline(edits.text)))

    return _changed(content, change)


def _changed(content: bytes, change: Callable[[Any, Edits], None]) -> bytes:
    text = decoded(content)
    edits = Edits(text)
    change(read_tree(text), edits)
    bom = _BOM if content.startswith(_BOM) else b""
    after = bom + edits.after().encode()
    parse_project_config(after)  # whatever came of it is read again
    return after


def _write_list(edits: Edits, node: Any, names: Sequence[str]) -> None:  # noqa: ANN401 - as above
    """Write a list in the style it has; lines of a block that stay move as they are."""
    if type(node).__name__ != "SequenceNode" or node.flow_style or not node.value:
        inline = f"[{', '.join(map(yaml_name, names))}]"
        edits.replace(node.start_mark.index, _last_end(node), inline)
        return
    text, newline = edits.text, _newline(edits.text)
    dash = " " * node.start_mark.column
    kept: dict[str, str] = {}
    end = node.start_mark.index
    for item in node.value:
        start, end = end, _end_of_line(text, item.end_mark.index)
        kept[str(item.value)] = text[start:end].strip("\r\n").strip(" ")
    lines = [kept.get(name, f"- {yaml_name(name)}") for name in names]
    tail = newline if text[:end].endswith(("\n", "\r")) else ""
    edits.replace(node.start_mark.index, end, f"{newline}{dash}".join(lines) + tail)


def _map_lines(values: Mapping[str, str], indent: str) -> str:
    return "".join(f"\n{indent}  {yaml_name(key)}: {yaml_name(value)}" for key, value in values.items())


def _pair(node: Any, name: str) -> tuple[Any, Any] | None:  # noqa: ANN401 - as above
    if type(node).__name__ != "MappingNode":
        return None
    return next(((key, value) for key, value in node.value if key.value == name), None)


def _as_dict(node: Any) -> dict[str, str]:  # noqa: ANN401 - as above
    if type(node).__name__ != "MappingNode":
        return {}
    return {str(key.value): str(value.value) for key, value in node.value}


def _last_end(node: Any) -> int:  # noqa: ANN401 - as above
    """Where a value ends; a block's own mark is behind the comments that follow it."""
    if isinstance(node.value, str) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _last_end(last[1] if isinstance(last, tuple) else last)


def _end_of_line(text: str, place: int) -> int:
    found = text.find("\n", place)
    return len(text) if found < 0 else found + 1


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
