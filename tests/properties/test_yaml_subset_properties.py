"""The YAML subset against random bytes, against a renderer of random data, and against ruamel.yaml."""

from __future__ import annotations

from random import Random
from typing import TypeAlias

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from packflow_runtime.yaml_subset import Data, YamlError, parse

Style: TypeAlias = Random

SAMPLE = """\
--- # a project
name: churn
version: "1.0"
python_requires: '>=3.10'
description: >-
  Predicts churn
  from events.
notes: |+
  one
    two

backend_config: {threads: 4, paths: [a, "b\\t\\u00e9", ], under: ,
  deep: {x: ~}} # flow
dry_run:
  ignore:
  - a.b
  - - c
    - d: 1
      e:
  -
    f: no
...
"""

# Pieces that meet each other in interesting ways far more often than single characters do.
TOKENS = """a b key é 3.10 no ~ null '' 'x' "y" "\\n" "\\x41" {a:1} {"a":1} {a:} {} [] ' " [ ] { } , : - # | > --- ...
<< ! & * % @ ` ? \\ = |+ >- |2 |1-"""
SPACED_TOKENS = "- _a: _b: _'k': _: _:_, _? _ # c_#c\n_ _  _\t_\r\n_\r_---\n_...\n_x\u00a0y_\ufeff"
LINE_BREAKS = ["\n", "\n", "\n\n", "\n ", "\n  ", "\n    ", "\n- ", "\n  - "]
PIECES = TOKENS.split()
SPACED_PIECES = [*SPACED_TOKENS.split("_"), *LINE_BREAKS]
BLOCK_PIECES = ["a: |\n  ", "- >\n  ", "- |+\n ", ">-\n   ", "|2\n", "\n  \n", "x\n  y", "x\n\n  y", "x\n    y\n  z"]
yaml_like = st.lists(st.sampled_from(PIECES + SPACED_PIECES * 2 + BLOCK_PIECES), max_size=14).map("".join)

NULLS = {"", "~", "null", "Null", "NULL"}


def read_or_refuse(source: bytes | str) -> Data | YamlError:
    """Return what is read, or the error, which has to name a line and a next step."""
    try:
        return parse(source).data()
    except YamlError as refusal:
        error = refusal
    assert error.line is not None
    assert error.line >= 1
    assert error.detail
    assert error.hint
    return error


@given(st.one_of(st.binary(), st.text()))
def test_random_input_raises_nothing_but_yaml_errors(source: bytes | str) -> None:
    read_or_refuse(source)


@given(yaml_like)
def test_yaml_like_input_raises_nothing_but_yaml_errors(source: str) -> None:
    read_or_refuse(source)


@given(st.data())
def test_a_mutated_file_raises_nothing_but_yaml_errors(data: st.DataObject) -> None:
    text = SAMPLE.encode()
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = start + data.draw(st.integers(0, 4))
        text = text[:start] + data.draw(st.one_of(yaml_like.map(str.encode), st.binary(max_size=3))) + text[stop:]
    read_or_refuse(text)


# What ruamel.yaml makes of the same text.


def plain_data(node: Node | None) -> Data:
    """Return ruamel's tree with all scalars left as text, but for the null words of YAML 1.2."""
    if node is None:
        return None
    if isinstance(node, ScalarNode):
        return None if node.style is None and node.value in NULLS else str(node.value)
    if isinstance(node, SequenceNode):
        return [plain_data(item) for item in node.value]
    assert isinstance(node, MappingNode)
    pairs = [(plain_data(key), plain_data(value)) for key, value in node.value]
    entries = {key: value for key, value in pairs if isinstance(key, str)}
    assert len(entries) == len(pairs), "null or duplicate keys"
    return entries


def ruamel_data(text: str) -> Data:
    yaml = YAML(typ="safe", pure=True)
    return plain_data(yaml.compose(text))


@settings(max_examples=600)
@given(yaml_like)
@example(SAMPLE)
@example("- >\n  \n    a")
@example("|\n#")
@example("a: |+\n  x\n  ")
@example("...\n")
@example("{a:}")
@example('{"a":}')
def test_what_is_accepted_reads_the_same_in_ruamel(text: str) -> None:
    ours = read_or_refuse(text)
    assert isinstance(ours, YamlError) or ours == ruamel_data(text)


@settings(max_examples=150)
@given(st.data())
def test_a_mutated_file_that_is_accepted_reads_the_same_in_ruamel(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SAMPLE)))
    stop = start + data.draw(st.integers(0, 3))
    text = SAMPLE[:start] + data.draw(st.sampled_from([*PIECES, *SPACED_PIECES])) + SAMPLE[stop:]
    ours = read_or_refuse(text)
    assert isinstance(ours, YamlError) or ours == ruamel_data(text)


# Random data, rendered in random styles.

PLAIN_START = "abcXYZ019._+/(=~^$é\u00a0中😀"
PLAIN_INSIDE = PLAIN_START + " -'\"!&*%@`?\\|>"
characters = st.one_of(
    st.sampled_from("ab \n\t'\"\\:#-,[]{}~|>&*!%@`é😀\x00\x85\u2028\ufeff"),
    st.characters(exclude_categories=["Cs"]),
)
words = st.sampled_from(
    ["3.10", "1.0", "no", "012", "12:30", "null", "~", "", "a b", "-", "--- x", "<<", "x\ny\n", "x\n\n\n y"]
)
plain_words = st.builds("{}{}".format, st.sampled_from(PLAIN_START), st.text(PLAIN_INSIDE, max_size=8).map(str.strip))
texts = st.one_of(words, plain_words, st.text(characters, max_size=12))
keys = st.one_of(plain_words, texts).filter(bool)
trees = st.recursive(
    st.one_of(st.none(), texts),
    lambda child: st.one_of(st.lists(child, max_size=4), st.dictionaries(keys, child, max_size=4)),
    max_leaves=14,
)


def is_plain(text: str) -> bool:
    """Tell whether the text may stand plain anywhere, as a cautious writer would decide."""
    return text not in NULLS | {"<<"} and text[0] in PLAIN_START and set(text) <= set(PLAIN_INSIDE) and text[-1] != " "


def double_quoted(text: str, style: Style) -> str:
    out = []
    for char in text:
        number = ord(char)
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif not char.isprintable() or style.random() < 0.1:
            out.append(f"\\x{number:02x}" if number < 0x100 else f"\\U{number:08X}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def scalar(value: str | None, style: Style) -> str:
    if value is None:
        return style.choice(["~", "null", "Null", "NULL"])
    options = [double_quoted(value, style)]
    if value.isprintable():
        options.append("'" + value.replace("'", "''") + "'")
    if is_plain(value):
        options += [value] * 3
    return style.choice(options)


def flow(value: Data, style: Style, indent: int) -> str:
    """Render in flow style; lines after the first are indented further than ``indent``."""

    def gap() -> str:
        line = "\n" + " " * (indent + 1 + style.randrange(3))
        return style.choice(["", " ", " ", line, f" # it's [\n{line}"])

    if isinstance(value, dict):
        pairs = [
            f"{gap()}{scalar(key, style)}: {gap()}{flow(item, style, indent)}{gap()}" for key, item in value.items()
        ]
        return "{" + ",".join(pairs) + (style.choice(["", ","]) if pairs else "") + gap() + "}"
    if isinstance(value, list):
        items = [f"{gap()}{flow(item, style, indent)}{gap()}" for item in value]
        return "[" + ",".join(items) + (style.choice(["", ","]) if items else "") + gap() + "]"
    return scalar(value, style)


def literal(text: str, style: Style, indent: int) -> str | None:
    """Render as a block scalar below a key or dash in column ``indent``, or return None where that is impossible."""
    body = text.rstrip("\n")
    if not body or not all(char.isprintable() or char in "\t\n" for char in body):
        return None
    breaks = len(text) - len(body)
    chomping = {0: "-", 1: style.choice(["", "+"])}.get(breaks, "+")
    step = style.randint(1, 4)
    digit = str(step) if body[0] in " \n" or style.random() < 0.2 else ""
    lines = body.split("\n")
    mark = "|"
    if all(line and line[0] not in " \t" for line in lines) and style.random() < 0.5:
        mark, lines = ">", "\n\n".join(lines).split("\n")
    pad = " " * (indent + step)
    rendered = "".join(f"\n{pad}{line}" if line else "\n" for line in lines)
    return mark + style.choice([chomping + digit, digit + chomping]) + rendered + "\n" * max(breaks - 1, 0)


def after(value: Data, style: Style, indent: int, *, in_map: bool) -> str:
    """Render what follows a key's colon or a dash in column ``indent``, up to its line break or beyond."""
    comment = style.choice(["", "", " # it's: [a] comment"])
    end = style.choice(["", "", "", "\n", " # - a comment\n", "        # b:\n\n"])
    if isinstance(value, (dict, list)) and value and style.random() < 0.8:
        if not in_map and style.random() < 0.5:
            spaces = style.randint(1, 3)
            return " " * spaces + block(value, style, indent + 1 + spaces).lstrip(" ")
        least = 0 if in_map and isinstance(value, list) else 1
        return f"{comment}\n" + block(value, style, indent + style.randint(least, 4))
    if isinstance(value, str) and style.random() < 0.5 and (rendered := literal(value, style, indent)):
        return f" {rendered}\n"
    if value is None and style.random() < 0.5:
        return f"{comment}\n{end}"
    lead = style.choice([" ", "  ", "\n" + " " * (indent + 2)])
    return f"{lead}{flow(value, style, indent)}{comment}\n{end}"


def block(value: dict[str, Data] | list[Data], style: Style, indent: int) -> str:
    pad = " " * indent
    if isinstance(value, list):
        return "".join(f"{pad}-" + after(item, style, indent, in_map=False) for item in value)
    out = []
    for key, item in value.items():
        space = style.choice(["", "", " "])
        out.append(f"{pad}{scalar(key, style)}{space}:" + after(item, style, indent, in_map=True))
    return "".join(out)


def document(value: Data, style: Style) -> str:
    start, end = style.choice(["", "# first\n", "---\n", "--- # start\n"]), style.choice(["", "", "...\n"])
    if isinstance(value, (dict, list)) and value and style.random() < 0.9:
        return start + block(value, style, style.choice([0, 0, 2])) + end
    return f"{start}{flow(value, style, 0)}\n{end}"


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(trees, st.integers(0, 2**32))
def test_rendered_data_reads_back(tree: Data, seed: int) -> None:
    text = document(tree, Random(seed))
    assert parse(text).data() == tree
    assert ruamel_data(text) == tree
    assert parse(text.replace("\n", "\r\n").encode()).data() == tree
