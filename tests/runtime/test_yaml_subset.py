"""What the YAML subset reads, and what it refuses on which line."""

from __future__ import annotations

import contextlib
import time
import unittest

from packflow_runtime.errors import ExitCode, PackflowError
from packflow_runtime.yaml_subset import Data, Node, YamlError, parse

PACKFLOW_YAML = """\
# A project.
name: churn
version: 1.0
python_requires: '>=3.10'
description: >-
  Predicts churn
  from events.
output:
  keep: [score, "label",]   # both
  under:
dry_run:
  ignore:
  - a.b
  - c
"""

# name -> (text, value)
ACCEPTED: dict[str, tuple[bytes | str, Data]] = {
    "empty": ("", None),
    "only comments": ("\n# a\n  # b\n\n", None),
    "start marker alone": ("---\n", None),
    "start and end markers": ("# first\n--- # here\na: 1\n... # done\n# last\n", {"a": "1"}),
    "byte order mark": ("\ufeffa: 1", {"a": "1"}),
    "byte order mark in bytes": (b"\xef\xbb\xbfa: 1", {"a": "1"}),
    "crlf": ("a: 1\r\nb:\r\n- x\r\n", {"a": "1", "b": ["x"]}),
    "crlf in a block scalar": ("a: |\r\n  x\r\n  y\r\n", {"a": "x\ny\n"}),
    "plain scalar": ("3.10", "3.10"),
    "quoted scalar": ("'a: b' # c", "a: b"),
    "null scalar": ("~", None),
    "map": ("a: 1\nb: 2\n", {"a": "1", "b": "2"}),
    "indented map": ("  a: 1\n  b: 2\n", {"a": "1", "b": "2"}),
    "map in a map": ("a:\n   b:\n     c: 1\n   d: 2\ne: 3", {"a": {"b": {"c": "1"}, "d": "2"}, "e": "3"}),
    "value below its key": ("a:\n  1\nb:\n  'x'\nc:\n  [y]", {"a": "1", "b": "x", "c": ["y"]}),
    "space before the colon": ("a : 1\n'b'  : 2", {"a": "1", "b": "2"}),
    "key with spaces": ("a key: 1", {"a key": "1"}),
    "quoted keys": ("\"a: b\": 1\n'null': 2\n'<<': 3", {"a: b": "1", "null": "2", "<<": "3"}),
    "list": ("- a\n-   b\n", ["a", "b"]),
    "list below its key": ("k:\n  - a\n  - b\nl: 1", {"k": ["a", "b"], "l": "1"}),
    "list in its key's column": ("k:\n- a\n-\nl: 1", {"k": ["a", None], "l": "1"}),
    "list of maps": ("- a: 1\n  b:\n  - x\n- c: 2", [{"a": "1", "b": ["x"]}, {"c": "2"}]),
    "map below a dash": ("-\n  a: 1\n  b: 2", [{"a": "1", "b": "2"}]),
    "list in a list": ("- - x\n  - y\n-\n  - z\n- - - w", [["x", "y"], ["z"], [["w"]]]),
    "map in a list in a list": ("- - a: 1\n    b: 2\n  - c", [[{"a": "1", "b": "2"}, "c"]]),
    "flow list": ("[a, 'b', [c], {d: e}, ]", ["a", "b", ["c"], {"d": "e"}]),
    "flow map": ('{a: 1, "b":2, c : [x], d: {}, }', {"a": "1", "b": "2", "c": ["x"], "d": {}}),
    "flow map without values": ('{a: , "b":, "c":}', {"a": None, "b": None, "c": None}),
    "empty flow collections": ("a: []\nb: {}", {"a": [], "b": {}}),
    "json": ('{"a":["1",{"b":null}],"c":"\\u00e9\\/"}', {"a": ["1", {"b": None}], "c": "é/"}),
    "flow over lines": ("a: [x,   # one\n\n  # two\n  y\n ]\nb: {c:\n  d}", {"a": ["x", "y"], "b": {"c": "d"}}),
    "flow over lines at the top": ("[\na,\nb\n]\n", ["a", "b"]),
    "text stays text": (
        "[3.10, 1.0, no, 012, 12:30, true, 0x1F, 1e3, 2020-01-01, .inf, =, None]",
        ["3.10", "1.0", "no", "012", "12:30", "true", "0x1F", "1e3", "2020-01-01", ".inf", "=", "None"],
    ),
    "null": (
        "a:\nb: ~\nc: null\nd: Null\ne: NULL # n\nf:  # n",
        {"a": None, "b": None, "c": None, "d": None, "e": None, "f": None},
    ),
    "not null": ("- '~'\n- \"null\"\n- nULL\n- ''\n- ~a", ["~", "null", "nULL", "", "~a"]),
    "plain scalars with indicators inside": (
        "- a:b\n- a#b\n- -1\n- --flag\n- a, [b] {c}\n- http://x/?q=1&r=*\n- it's\n- a 'b' \"c\"\n- ---",
        [
            "a:b",
            "a#b",
            "-1",
            "--flag",
            "a, [b] {c}",
            "http://x/?q=1&r=*",
            "it's",
            "a 'b' \"c\"",
            "---",
        ],
    ),
    "trailing spaces": ("a:  b c   \n", {"a": "b c"}),
    "comments": ("a: b # c\n#d: e\nf: 'g' # h\n", {"a": "b", "f": "g"}),
    "comment of any indentation": ("a:\n    # x\n  b: 1\n # y\n  c: 2", {"a": {"b": "1", "c": "2"}}),
    "tab in comments and quotes": ("a: '\t' # \t", {"a": "\t"}),
    "single quotes": ("'it''s \\n \"'''", "it's \\n \"'"),
    "double quotes": (
        r'"\0\a\b\t\n\v\f\r\e\ \"\/\\\N\_\L\P\x41\u00e9\U0001F600"',
        '\0\a\b\t\n\v\f\r\x1b "/\\\x85\xa0\u2028\u2029Aé\U0001f600',
    ),
    "literal": ("a: |\n  x\n   y\n\n  z # no comment\n\nb: 1", {"a": "x\n y\n\nz # no comment\n", "b": "1"}),
    "literal stripped": ("a: |-\n  x\n\nb: 1", {"a": "x", "b": "1"}),
    "literal kept": ("a: |+\n  x\n\nb: 1", {"a": "x\n\n", "b": "1"}),
    "literal with a digit": ("a: |1-\n   x\n  y\nb: |-2\n   z", {"a": "  x\n y", "b": " z"}),
    "literal with leading blank lines": ("a: |\n\n  \n  x\n", {"a": "\n\nx\n"}),
    "literal with a comment": ("a: | # c\n  x\n # d\nb: 1", {"a": "x\n", "b": "1"}),
    "literal with a tab": ("a: |\n  \tx\n", {"a": "\tx\n"}),
    "literal with nothing": ("a: |\nb: |+\n\nc: >-\n", {"a": "", "b": "\n", "c": ""}),
    "literal without a last line break": ("a: |\n  x", {"a": "x"}),
    "literal below its key": ("a:\n  |\n  x\n", {"a": "x\n"}),
    "literals in lists": ("- |\n x\n- a: |\n   y\n- - |\n   z\n", ["x\n", {"a": "y\n"}, ["z\n"]]),
    "folded": ("a: >\n  x\n  y\n\n  z\n\n\n  w\n", {"a": "x y\nz\n\nw\n"}),
    "folded with indented lines": ("a: >-\n  x\n    y\n  z\n\n    w\n\n  v", {"a": "x\n  y\nz\n\n  w\n\nv"}),
    "folded kept": ("a: >+\n\n  x\n\n", {"a": "\nx\n\n"}),
    "fifty levels": ("[" * 50 + "]" * 50, None),
    "key of 1024 characters": ("k" * 1023 + ": 1", {"k" * 1023: "1"}),
    "a packflow.yaml": (
        PACKFLOW_YAML,
        {
            "name": "churn",
            "version": "1.0",
            "python_requires": ">=3.10",
            "description": "Predicts churn from events.",
            "output": {"keep": ["score", "label"], "under": None},
            "dry_run": {"ignore": ["a.b", "c"]},
        },
    ),
}

# name -> (text, line of the error, words of its detail)
REFUSED: dict[str, tuple[bytes | str, int, str]] = {
    "anchor": ("a: 1\nb: &x 1", 2, "Anchors"),
    "alias": ("a: 1\nb: *x", 2, "Aliases"),
    "tag": ("a: 1\nb: !!str 1", 2, "Tags"),
    "tag before a key": ("!x a: 1", 1, "Tags"),
    "merge key": ("a: 1\n<<: {}", 2, "Merge keys"),
    "merge key in flow": ("{<<: a}", 1, "Merge keys"),
    "complex key": ("a: 1\n? b\n: c", 2, "Complex keys"),
    "directive": ("%YAML 1.2\n---\na: 1", 1, "Directives"),
    "second document": ("a: 1\n---\nb: 2", 2, "second document"),
    "second start marker": ("---\n---\n", 2, "second document"),
    "content after the end marker": ("a: 1\n...\nb: 2", 3, "second document"),
    "end marker alone": ("...\n", 1, "second document"),
    "content on the start marker": ("--- a\n", 1, "Nothing but a comment"),
    "duplicate key": ("a: 1\nb: 2\n'a': 3", 3, "'a' is given twice, first on line 1"),
    "duplicate key in flow": ("{a: 1,\n a: 2}", 2, "given twice"),
    "tab indentation": ("a:\n\tb: 1", 2, "tab is used for indentation"),
    "tab indentation behind spaces": ("a:\n  \tb: 1", 2, "tab"),
    "tab behind a colon": ("a:\tb", 1, "tab"),
    "tab in a plain scalar": ("a: b\tc", 1, "tab"),
    "tab behind a quoted scalar": ("a: 'b'\t", 1, "tab"),
    "tab behind a dash": ("-\ta", 1, "tab"),
    "tab in flow": ("[a,\tb]", 1, "tab"),
    "at sign": ("a: @b", 1, "@"),
    "backtick": ("a: `b`", 1, "backtick"),
    "percent": ("a: %b", 1, "may not start with %"),
    "question mark": ("a: ?b", 1, "may not start with ?"),
    "colon first": ("a: :b", 1, "key is missing"),
    "comma first": ("a: ,b", 1, "comma"),
    "closing bracket first": ("a: ]", 1, "closes nothing"),
    "closing brace first": ("a: }", 1, "closes nothing"),
    "colon and space in a value": ("a: b: c", 1, "colon and a space"),
    "colon at a value's end": ("a: b:", 1, "colon and a space"),
    "key behind a quoted value": ("a: 'b': c", 1, "colon and a space"),
    "text behind a quoted scalar": ("a: 'b' c", 1, "Nothing but a comment"),
    "comment without a space": ("a: 'b'#c", 1, "Nothing but a comment"),
    "list beside its key": ("a: - b", 1, "list item cannot start"),
    "lone dash as a value": ("a: -", 1, "list item cannot start"),
    "missing space behind a colon": ("a: 1\nb:2", 2, "A key, a colon and a space"),
    "quoted key without a space": ('"a":1', 1, "Nothing but a comment"),
    "empty key": ("a: 1\n: b", 2, "key is missing"),
    "empty quoted key": ("'': b", 1, "empty or null"),
    "null key": ("null: b", 1, "empty or null"),
    "tilde key": ("{~: b}", 1, "empty or null"),
    "list as a key": ("[a]: b", 1, "list cannot be a key"),
    "map as a key": ("{a: b}: c", 1, "map cannot be a key"),
    "list as a second key": ("a: 1\n[b]: c", 2, "list cannot be a key"),
    "list over lines as a key": ("[aaaa,\nb]: c", 2, "list cannot be a key"),
    "map as a key in flow": ("{{a: b}: c}", 1, "map cannot be a key"),
    "key of 1025 characters": ("k" * 1024 + ": 1", 1, "longer than 1024"),
    "plain scalar over lines": ("a: b\n  c", 2, "fits nothing above"),
    "plain scalar over lines at the top": ("b\nc", 2, "fits nothing above"),
    "plain scalar over lines in flow": ("[b\n c]", 2, "comma or ]"),
    "deeper key": ("a: 1\n  b: 2", 2, "fits nothing above"),
    "key between two indentations": ("a:\n    b: 1\n  c: 2", 3, "fits nothing above"),
    "key left of the first": ("  a: 1\nb: 2", 2, "fits nothing above"),
    "item left of the first": ("a:\n    - b\n  - c", 3, "fits nothing above"),
    "item right of the first": ("- a\n  - b", 2, "fits nothing above"),
    "item in a map": ("a: 1\n- b", 2, "fits nothing above"),
    "key in a list": ("- a\nb: 1", 2, "fits nothing above"),
    "text in a map": ("a: 1\nb\n", 2, "A key, a colon and a space"),
    "single quote left open": ("a: 1\nb: 'c''", 2, "does not end on its line"),
    "double quote left open": ('a: 1\nb: "c\\"', 2, "does not end on its line"),
    "quoted scalar over lines": ('a: "b\n  c"', 1, "does not end on its line"),
    "unknown escape": ('a: "\\q"', 1, "stands for no character"),
    "tab as an escape": ('a: "\\\t"', 1, "A backslash before U+0009 stands for no character"),
    "short escape": ('a: "\\x4"', 1, "stands for no character"),
    "surrogate": ('a: "\\ud800"', 1, "stands for no character"),
    "surrogate pair": ('a: "\\ud83d\\ude00"', 1, "stands for no character"),
    "beyond unicode": ('a: "\\U00110000"', 1, "stands for no character"),
    "list left open": ("a: 1\nb: [c,\n  d\n", 2, "not closed before the end of the file"),
    "map left open": ("a: {b: 1,\nc: 2}", 1, "not closed before line 2"),
    "closing bracket in its key's column": ("a: [\n  b\n]", 1, "not closed before line 3"),
    "marker inside a flow list": ("[\n---\n]", 1, "not closed before line 2"),
    "wrong bracket": ("[a}", 1, "comma or ]"),
    "two commas": ("[a,,b]", 1, "comma"),
    "only a comma": ("[,]", 1, "comma"),
    "pair in a flow list": ("[a: b]", 1, "comma or ]"),
    "key without a value in a flow map": ("{a}", 1, "A key, a colon and a space"),
    "colon on the line below its key": ("{a\n: b}", 1, "A key, a colon and a space"),
    "missing space in a flow map": ("{a:1}", 1, "A key, a colon and a space"),
    "missing space behind a key without a value": ("{a:}", 1, "A key, a colon and a space"),
    "missing space before a comma": ("{a:, b: c}", 1, "A key, a colon and a space"),
    "colon at an item's end": ("[a:]", 1, "comma or ]"),
    "dash in flow": ("[-, a]", 1, "list item cannot start"),
    "comment without a space in flow": ("[a,#b\n]", 1, "neither a comment nor text"),
    "block scalar in flow": ("[|]", 1, "block scalar"),
    "block scalar at the top": ("|\n  a", 1, "block scalar"),
    "text on a block scalar's header": ("a: | b\n  c", 1, "Nothing but a comment"),
    "wrong block scalar header": ("a: |x\n  c", 1, "starts wrongly"),
    "zero indentation digit": ("a: |0\n  c", 1, "starts wrongly"),
    "two chomping signs": ("a: |+-\n  c", 1, "starts wrongly"),
    "block scalar line too far left": ("a: |\n    b\n  c", 3, "fits nothing above"),
    "deep blank line before a block scalar": ("a: |\n    \n  b", 1, "blank line of spaces"),
    "bytes that are not UTF-8": (b"a: 1\nb: \xff", 2, "not UTF-8"),
    "utf-16": ("a: 1".encode("utf-16"), 1, "not UTF-8"),
    "surrogate in text": ("a: 1\nb: \ud800", 2, "U+D800"),
    "NUL": ("a: 1\nb: '\0'", 2, "U+0000"),
    "control character": ("\x1b", 1, "U+001B"),
    "delete": ("\x7f", 1, "U+007F"),
    "lone carriage return": ("a: 1\rb: 2", 1, "U+000D"),
    "next line": ("a: '\x85'", 1, "U+0085"),
    "line separator": ("a: '\u2028'", 1, "U+2028"),
    "byte order mark inside": ("a: \ufeff", 1, "U+FEFF"),
    "noncharacter": ("\uffff", 1, "U+FFFF"),
    "fifty-one levels of flow": ("[" * 51 + "]" * 51, 1, "levels"),
    "fifty-one levels of dashes": ("- " * 51, 1, "levels"),
    "fifty-one levels of maps": ("\n".join(" " * i + "a:" for i in range(52)), 51, "levels"),
    "very deep": ("[" * 100_000, 1, "levels"),
}


class AcceptedTest(unittest.TestCase):
    def test_each_form_reads_to_its_value(self) -> None:
        for name, (text, expected) in ACCEPTED.items():
            if name != "fifty levels":
                with self.subTest(name):
                    self.assertEqual(parse(text).data(), expected)

    def test_bytes_read_like_text(self) -> None:
        for name, (text, _) in ACCEPTED.items():
            if isinstance(text, str):
                with self.subTest(name):
                    self.assertEqual(parse(text.encode()), parse(text))

    def test_fifty_levels_are_allowed(self) -> None:
        node, levels = parse(ACCEPTED["fifty levels"][0]), 1
        while isinstance(node.value, list) and node.value:
            node, levels = node.value[0], levels + 1
        self.assertEqual(levels, 50)

    def test_a_node_knows_the_line_of_its_key_or_dash(self) -> None:
        text = "\na:\n  b: 1\n\n  c: |\n    x\n    y\n  d: {e: 1,\n    f: 2}\ng:\n-\n  h\n"
        self.assertEqual(
            parse(text).value,
            {
                "a": Node(
                    {
                        "b": Node("1", 3),
                        "c": Node("x\ny\n", 5, quoted=True),
                        "d": Node({"e": Node("1", 8), "f": Node("2", 9)}, 8),
                    },
                    2,
                ),
                "g": Node([Node("h", 11)], 10),
            },
        )

    def test_the_document_is_on_its_first_line_of_content(self) -> None:
        self.assertEqual(parse("# c\n---\na: 1").line, 3)
        self.assertEqual(parse("").line, 1)

    def test_quoted_tells_text_by_form_from_plain_text(self) -> None:
        items = parse("- 1\n- '1'\n- \"1\"\n- |\n  1\n-\n").value
        assert isinstance(items, list)
        self.assertEqual([item.quoted for item in items], [False, True, True, True, False])


class RefusedTest(unittest.TestCase):
    def test_each_form_is_refused_on_its_line(self) -> None:
        for name, (text, line, words) in REFUSED.items():
            with self.subTest(name):
                with self.assertRaises(YamlError) as caught:
                    parse(text)
                self.assertIn(words, caught.exception.detail)
                self.assertEqual(caught.exception.line, line)
                self.assertTrue(caught.exception.hint.endswith("."), caught.exception.hint)

    def test_the_error_says_where_and_what_it_is(self) -> None:
        with self.assertRaises(YamlError) as caught:
            parse("a: 1\nb: &x 1", file="some/packflow.yaml")
        error = caught.exception
        self.assertIsInstance(error, PackflowError)
        self.assertEqual((error.code, error.exit_code), ("yaml-invalid", ExitCode.NOT_FOUND))
        self.assertEqual(error.title, "some/packflow.yaml is not valid")
        self.assertEqual(error.where, "some/packflow.yaml:2")

    def test_the_file_is_packflow_yaml_unless_given(self) -> None:
        with self.assertRaises(YamlError) as caught:
            parse("[")
        self.assertEqual(caught.exception.title, "packflow.yaml is not valid")
        self.assertEqual(caught.exception.where, "packflow.yaml:1")


class SpeedTest(unittest.TestCase):
    def test_long_inputs_take_time_in_proportion(self) -> None:
        """A fifth of a second each at worst; a reader in quadratic time would need minutes."""
        size = 100_000
        inputs = {
            "open double quote": '"' + "a\\n" * (size // 3),
            "open single quote": "'" + "a''" * (size // 3),
            "spaces": "a" + " " * size + "b",
            "spaces before a comment": "'a'" + " " * size + "b",
            "long flow list": "[" + "a, " * (size // 3) + "]",
            "flow list over lines": "[\n" + " a,\n" * (size // 4) + "]",
            "open flow list": "[" + "a\n" * (size // 2),
            "list": "- a\n" * (size // 4),
            "map": "".join(f"key{i}: {i}\n" for i in range(size // 18)),
            "blank lines": "\n" * size,
            "block scalars": "- |\n  a\n" * (size // 8),
            "empty block scalars": "- |\n\n" * (size // 5),
            "folded lines": "a: >\n" + "  b\n\n" * (size // 5),
            "many colons": "a:" * (size // 2),
            "many hashes": "a: " + "#" * size,
        }
        for name, text in inputs.items():
            with self.subTest(name):
                start = time.process_time()
                with contextlib.suppress(YamlError):
                    parse(text)
                self.assertLess(time.process_time() - start, 3)


if __name__ == "__main__":
    unittest.main()
