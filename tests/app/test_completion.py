"""``packflow completion``: the scripts in real shells, and that they hold every command and option."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pexpect
import pytest

from packflow_app.cli.shells import bash, fish, powershell, zsh
from packflow_app.cli.shells.words import Command, all_commands, command_line
from packflow_app.result import COMMANDS
from packflow_app.settings import SETTINGS


@cache
def top() -> Command:
    return command_line()


# The words.


def test_every_command_and_option_is_there() -> None:
    assert [one.name for one in top().commands][: len(COMMANDS)] == list(COMMANDS)
    named = {one.name: one for one in all_commands(top())}
    assert {"env sync", "cache clean", "skeletons show", "config set", "info"} <= named.keys()
    for one in named.values():
        names = [name for option in one.options for name in option.names]
        assert {"-h", "--help"} <= {*names}
        assert len(names) == len({*names})
        assert all(option.help and len(option.help) < 110 for option in one.options)
    run = {name for option in named["run"].options for name in option.names}
    assert {"--supervise", "--dead-letters", "--set", "--python", "--json"} <= run


def test_what_is_known_to_be_a_choice_still_is_one() -> None:
    from packflow_app.cli.shells import words

    for command, place in words._KNOWN_VALUES:
        one = next(one for one in all_commands(top()) if one.name == command)
        values = [option.value for option in one.options if place in option.names]
        values += [value for value in one.arguments if value.name == place]
        assert [value.kind for value in values] == ["choice"], (command, place)


def test_the_command_prints_what_is_tested_here(tmp_path: Path) -> None:
    for name, module in (("bash", bash), ("zsh", zsh), ("fish", fish), ("powershell", powershell)):
        ran = subprocess.run(
            [sys.executable, "-m", "packflow_app", "completion", name],
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        assert ran.stdout == module.script(top()).rstrip("\n") + "\n"
    wrong = subprocess.run([sys.executable, "-m", "packflow_app", "completion", "tcsh"], capture_output=True)
    assert wrong.returncode == 2


# Shells. Each is asked what it would offer for a line, in a folder with two files and a folder.

CASES = [
    ("packflow in", {"init", "inspect", "info"}),
    ("packflow --col", {"--color"}),
    ("packflow --color ", {"auto", "always", "never"}),
    ("packflow -C sub val", {"validate"}),
    ("packflow --color never config ", {"path", "list", "get", "set", "unset"}),
    ("packflow config set th", {"theme"}),
    ("packflow config get ", {*SETTINGS}),
    ("packflow dry-run --mo", {"--mode"}),
    ("packflow dry-run --mode ", {"both", "single", "batch"}),
    ("packflow run --codec ", {"auto", "stdlib", "orjson"}),
    ("packflow init --kind xg", {"xgboost"}),
    ("packflow env sync --installer ", {"auto", "uv", "pip"}),
    ("packflow completion ", {"bash", "zsh", "fish", "powershell"}),
    ("packflow init --model mo", {"model one.pkl", "model.joblib"}),
    ("packflow verify model.joblib --key mo", {"model one.pkl", "model.joblib"}),
    ("packflow verify model.joblib mo", {"model one.pkl", "model.joblib"}),
    ("packflow validate su", {"sub"}),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.joblib").touch()
    (tmp_path / "model one.pkl").touch()
    (tmp_path / "sub").mkdir()
    return tmp_path


def shell(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not here: install it to run this")
    return path


BASH_ASKS = """\
source "$1"
line=$2
read -r -a COMP_WORDS <<< "$line"
case $line in *' ') COMP_WORDS+=('') ;; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_packflow
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(("line", "offered"), [*CASES, ("packflow dry-run --mode = s", {"single"})])
def test_bash(folder: Path, line: str, offered: set[str]) -> None:
    script = folder.parent / "bash-script"
    script.write_text(bash.script(top()))
    ran = subprocess.run(
        [shell("bash"), "--norc", "-c", BASH_ASKS, "bash", str(script), line],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert ran.stderr == ""
    assert {*ran.stdout.splitlines()} - {""} == offered


@pytest.mark.parametrize(("line", "offered"), CASES)
def test_fish(folder: Path, line: str, offered: set[str]) -> None:
    script = folder.parent / "packflow.fish"
    script.write_text(fish.script(top()))
    ran = subprocess.run(
        [shell("fish"), "--no-config", "-c", f'source {script}; complete -C "{line}"'],
        cwd=folder,
        env={**os.environ, "HOME": str(folder.parent)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert ran.stderr == ""
    words = {text.partition("\t")[0].replace("\\ ", " ").rstrip("/") for text in ran.stdout.splitlines()}
    assert words == offered


@pytest.mark.parametrize(("typed", "line"), [
    ("packflow vali\t su\t", "packflow validate sub/"),
    ("packflow dry-run --mode=si\t", "packflow dry-run --mode=single"),
    ("packflow init --model model.\t", "packflow init --model model.joblib"),
])  # fmt: skip
@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_tab_is_pressed(folder: Path, name: str, typed: str, line: str) -> None:
    module = {"bash": bash, "zsh": zsh}[name]
    script = folder.parent / f"{name}-script"
    script.write_text(module.script(top()))
    options = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}[name]
    environment = {**os.environ, "PS1": "ready> ", "TERM": "xterm", "HOME": str(folder.parent)}
    child = pexpect.spawn(
        shell(name), options, cwd=str(folder), env=environment, encoding="utf-8", timeout=30, dimensions=(40, 160)
    )
    try:
        child.sendline("unset zle_bracketed_paste; packflow() { printf '[%s]' \"$@\"; echo; }")
        if name == "zsh":
            child.sendline("autoload -Uz compinit; compinit -u -D")
        child.sendline(f"source {script}; echo loa''ded")
        child.expect("loaded\r")
        child.send(typed)
        words = [word.rstrip("/") if name == "zsh" else word for word in line.split()[1:]]  # zsh takes it back itself
        child.sendline("")
        child.expect_exact("".join(f"[{word}]" for word in words))
    finally:
        child.close(force=True)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not here: install it to run this")
def test_zsh_takes_the_script_for_valid(tmp_path: Path) -> None:
    script = tmp_path / "_packflow"
    script.write_text(zsh.script(top()))
    subprocess.run([shell("zsh"), "-n", str(script)], check=True)


def test_powershell(folder: Path) -> None:
    script = folder.parent / "packflow.ps1"
    script.write_text(powershell.script(top()))
    program = shell("pwsh")
    for line, offered in [case for case in CASES if not any("." in word or word == "sub" for word in case[1])]:
        asked = (
            f". '{script}'; $found = TabExpansion2 -inputScript '{line}' -cursorColumn {len(line)};"
            "ConvertTo-Json @($found.CompletionMatches | ForEach-Object CompletionText)"
        )
        ran = subprocess.run([program, "-NoProfile", "-Command", asked], capture_output=True, cwd=folder, check=True)
        assert {*json.loads(ran.stdout)} == offered


def test_the_table_for_powershell_has_every_word() -> None:
    text = powershell.script(top())
    for one in all_commands(top()):
        assert f"    '{one.name}' = @(" in text
    assert "    'dry-run --mode' = @('both', 'single', 'batch')" in text
    assert "    'config set #0' = @('color', " in text
