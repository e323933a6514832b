"""Versions of models: PEP 440 in normal form, and the file names made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packflow_app.errors import UsageError
from packflow_app.packaging.versions import archive_file_name, normal_version


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("1.0.0", "1.0.0"),
        ("0.1.0", "0.1.0"),
        ("1", "1"),
        ("3.10", "3.10"),
        ("01.02", "1.2"),
        ("v1.2", "1.2"),
        (" 1.2 ", "1.2"),
        ("1.0-RC1", "1.0rc1"),
        ("1.0.alpha", "1.0a0"),
        ("1.0-1", "1.0.post1"),
        ("1.0.dev", "1.0.dev0"),
        ("1!2.0", "1!2.0"),
        ("1.0+Ubuntu-1", "1.0+ubuntu.1"),
    ],
)
def test_a_version_is_normalised(text: str, normal: str) -> None:
    assert normal_version(text) == normal
    assert normal_version(normal) == normal


@pytest.mark.parametrize("text", ["", "latest", "1.0.0.", "1..0", "1.0-beta-x", "1.0/2", "../1", "1.0 rc 1", "None"])
def test_what_is_no_version_is_refused_with_the_place_and_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        normal_version(text)
    error = caught.value
    assert error.title == f"{text!r} is not a version."
    assert (error.code, error.exit_code, error.where) == ("version-invalid", 2, "packflow.yaml")
    assert error.hint == "Write one like 1.2.0 or 1.2.0rc1 (PEP 440)."


@pytest.mark.parametrize(
    ("name", "version", "file"),
    [
        ("model", "1.0.0", "model-1.0.0.zip"),
        ("my-model", "1.0.0", "my_model-1.0.0.zip"),
        ("a-b_c-d", "1.0rc1", "a_b_c_d-1.0rc1.zip"),
        ("model", "1.0+ubuntu.1", "model-1.0_ubuntu.1.zip"),
        ("model", "1!2.0", "model-1!2.0.zip"),
    ],
)
def test_the_archives_name_has_one_dash_between_name_and_version(name: str, version: str, file: str) -> None:
    assert archive_file_name(name, version) == file


@given(parts=st.lists(st.integers(0, 10**6), min_size=1, max_size=5), local=st.none() | st.integers(0, 99))
def test_normalising_twice_changes_nothing(parts: list[int], local: int | None) -> None:
    text = ".".join(map(str, parts)) + ("" if local is None else f"+build.{local}")
    assert normal_version(text) == text
    assert archive_file_name("x", text).count("-") == 1
