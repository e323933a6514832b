"""`COMMAND --help`: each has its page, each example can be parsed, no line is wider than a terminal of 80 columns."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from itertools import takewhile
from typing import Any

import pytest
from typer.main import get_command

from packflow_app.cli.help_pages import PAGES
from packflow_app.cli.main import build_app
from packflow_app.cli.run import run_parser
from packflow_app.cli.serve import serve_parser
from packflow_app.cli.shells.words import all_commands, command_line
from packflow_app.result import EARLIER
from packflow_app.variables import HONOURED, VARIABLES

RUNTIME_PARSERS = {"run": run_parser, "serve": serve_parser}
EXAMPLES = sorted({example for page in PAGES.values() for example in page.examples})


def shown(*words: str, columns: str = "80") -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PACKFLOW_")}
    ran = subprocess.run(
        [sys.executable, "-m", "packflow_app", *words, "--help"],
        env={**environment, "COLUMNS": columns},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def parsed(words: list[str]) -> None:
    """Parse a command line down to its last command, and run nothing."""
    command: Any = get_command(build_app([*{word for word in words if word in {*PAGES, *EARLIER}}]))
    context = command.make_context("packflow", list(words), obj={})
    while hasattr(context.command, "resolve_command"):
        name, below, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        if name in RUNTIME_PARSERS:
            RUNTIME_PARSERS[name]().parse_args(rest)
            return
        context = below.make_context(name, list(rest), parent=context)


def test_every_command_has_its_page() -> None:
    named = {one.name for one in all_commands(command_line())} - {"info"}
    assert named | {*EARLIER} == {*PAGES}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_can_be_parsed(example: str) -> None:
    program, *words = takewhile(lambda word: word not in ("<", ">", "|"), shlex.split(example))
    assert program == "packflow"
    parsed(words)


def test_an_example_that_cannot_be_parsed_would_be_found() -> None:
    for wrong in (["dry-run", "--batchsize", "1"], ["config", "show"], ["kit", "model.zip"], ["run"]):
        with pytest.raises(Exception, match=r"(?i)no such|missing|required"):
            parsed(wrong)


@pytest.mark.parametrize("command", sorted(PAGES))
def test_a_page_is_shown_whole_and_fits(command: str) -> None:
    page = PAGES[command]
    text = shown(*command.split())
    assert max(map(len, text.splitlines())) <= 80
    told = " ".join(text.split())
    assert " ".join(page.when.split()) in told
    for example in page.examples:
        assert f"{example}\n" in text
    assert re.search(r"^ *0 {4}done$", text, re.MULTILINE)
    assert not re.search(r"<(str|int|float|int range|text|path)>", text), "a type is no name for a value"
    assert 2 <= len(page.examples) <= 4 or " " in command
    assert {*page.variables} <= {*VARIABLES, *HONOURED}


def test_lists_of_commands_are_not_cut_off() -> None:
    for group in ("env", "cache", "skeletons", "config"):
        assert "..." not in shown(group).partition("Commands:")[2].partition("Examples:")[0]
