"""``packflow config``: what is kept, what outranks it, and what a broken file does."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import packflow, told
from packflow_app.errors import NotFoundError
from packflow_app.locations import settings_file
from packflow_app.settings import SETTINGS, change_settings, read_settings, settings_in_force
from packflow_app.variables import VARIABLES


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def test_set_get_list_and_unset(tmp_path: Path) -> None:
    assert packflow("config", "path").stdout.strip() == str(settings_file())
    assert not settings_file().exists()
    assert told("config", "get", "license", code=1)["data"]["value"] is None
    assert told("config", "set", "license", "MIT")["data"]["path"] == str(settings_file())
    packflow("config", "set", "maintainer", "Ann: the 'first' <ann@example.org>")
    got = packflow("config", "get", "maintainer")
    assert (got.returncode, got.stdout) == (0, "Ann: the 'first' <ann@example.org>\n")
    listed = {one["key"]: one for one in told("config", "list")["data"]["settings"]}
    assert list(listed) == list(SETTINGS)
    assert (listed["license"]["value"], listed["license"]["source"]) == ("MIT", "file")
    assert (listed["theme"]["value"], listed["theme"]["source"]) == (None, "default")
    packflow("config", "unset", "license")
    assert read_settings() == {"maintainer": "Ann: the 'first' <ann@example.org>"}
    assert [path.name for path in settings_file().parent.iterdir()] == ["config.yaml"]


def test_an_option_outranks_a_variable_outranks_the_file(tmp_path: Path) -> None:
    for key, value in (("maintainer", "File <f@x>"), ("license", "MIT"), ("color", "always")):
        change_settings(key, value)
    assert packflow("init", "one", "--events", "example").returncode == 0
    assert "File <f@x>" in (tmp_path / "one" / "packflow.yaml").read_text()
    assert (tmp_path / "one" / "LICENSE.txt").read_text().startswith("MIT License")
    packflow("init", "two", "--events", "example", PACKFLOW_MAINTAINER="Variable <v@x>")
    assert "Variable <v@x>" in (tmp_path / "two" / "packflow.yaml").read_text()
    packflow(
        "init", "three", "--events", "example", "--maintainer", "Option <o@x>", PACKFLOW_MAINTAINER="Variable <v@x>"
    )
    assert "Option <o@x>" in (tmp_path / "three" / "packflow.yaml").read_text()
    assert "\x1b[" in packflow("config", "list").stdout
    assert "\x1b[" not in packflow("config", "list", PACKFLOW_COLOR="never").stdout
    assert "\x1b[" in packflow("--color", "always", "config", "list", PACKFLOW_COLOR="never").stdout
    assert "\x1b[" in packflow("frobnicate").stderr  # an error that comes before any command
    bad = told("cache", "list", code=2, PACKFLOW_COLOR="pink")
    assert "--color" in bad["errors"][0]["message"]


def test_the_app_takes_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    from packflow_app.tui.start import _preferred

    assert _preferred() == {}
    change_settings("theme", "light")
    change_settings("plain", "false")
    assert _preferred() == {"theme": "light"}
    monkeypatch.setenv("PACKFLOW_THEME", "dark")
    monkeypatch.setenv("PACKFLOW_PLAIN", "1")
    assert _preferred() == {"plain": "1"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["set", "colour", "never"], "setting-unknown"),
        (["set", "color", "pink"], "setting-invalid"),
        (["set", "maintainer", " "], "setting-invalid"),
        (["set", "maintainer", "a\nb"], "setting-invalid"),
        (["get", "colour"], "setting-unknown"),
        (["unset", "colour"], "setting-unknown"),
    ],
)
def test_what_is_no_setting(words: list[str], code: str) -> None:
    (problem,) = told("config", *words, code=2)["errors"]
    assert problem["code"] == code
    assert problem["hint"]
    assert not settings_file().exists()


@pytest.mark.parametrize(
    ("content", "line"),
    [("thema: dark\n", 1), ("color: never\ntheme: pink\n", 2), ("theme: [dark]\n", 1), ("- a\n", 1), ("a: b: c\n", 1)],
)
def test_a_broken_file_is_told_and_what_mends_it_works(content: str, line: int) -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text(content)
    (problem,) = told("cache", "list", code=3)["errors"]
    assert (problem["code"], problem["file"], problem["line"]) == ("settings-invalid", str(settings_file()), line)
    assert "packflow.yaml" not in problem["message"]
    for words in (["config", "path"], ["doctor", "--help"], ["cache", "list", "--help"]):
        assert packflow(*words).returncode == 0


def test_a_file_that_is_no_text_or_cannot_be_read() -> None:
    settings_file().mkdir(parents=True)
    with pytest.raises(NotFoundError, match="not valid"):
        read_settings()
    settings_file().rmdir()
    settings_file().write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotFoundError, match="not valid"):
        settings_in_force()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (problem,) = told("config", "set", "color", "never", code=5, XDG_CONFIG_HOME=str(tmp_path / "file"))["errors"]
    assert problem["code"] == "not-writable"


def test_each_has_its_variable() -> None:
    assert {one.variable for one in SETTINGS.values()} <= VARIABLES.keys()
