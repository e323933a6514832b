"""Imports of packflow 0.4 rewritten in place: what they become, what stays, and that all of it can be imported."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.errors import CheckFailedError
from packflow_app.projects.migration.findings import Found
from packflow_app.projects.migration.imports import rewrite_imports
from packflow_app.projects.migration.old_names import COUNTERPARTS, PROVIDED, new_home
from packflow_app.projects.migration.source import read_source


def rewritten(folder: Path, text: str | bytes, *, pydantic: bool = False) -> tuple[str, list[Found]]:
    path = folder / "code.py"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    source = read_source(path, "code.py")
    found = rewrite_imports(source, pydantic=pydantic)
    after = source.after()
    path.write_bytes(after)
    again = read_source(path, "code.py")
    assert [one.message for one in rewrite_imports(again, pydantic=pydantic)] == [one.message for one in found]
    assert again.after() == after, "a second time changes nothing"
    return after.decode(again.encoding), found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from packflow import InferenceBackend, BackendConfig\n", None),
        ("from packflow.backend import InferenceBackend\n", "from packflow_runtime.backend import InferenceBackend\n"),
        ("from packflow.backend.base import InferenceBackend\n", "from packflow_runtime import InferenceBackend\n"),
        (
            "from packflow . backend import \\\n  BackendConfig\n",
            "from packflow_runtime.backend import \\\n  BackendConfig\n",
        ),
        (
            "from packflow.loaders.local import LocalLoader as L\n",
            "from packflow_runtime.loaders import LocalLoader as L\n",
        ),
        ("from packflow import exceptions\n", "from packflow_runtime import errors as exceptions\n"),
        ("from packflow import exceptions as e\n", "from packflow_runtime import errors as e\n"),
        (
            "from packflow.utils import data\ndata.flatten_dict\n",
            "from packflow_runtime import records as data\ndata.flatten_dict\n",
        ),
        (
            "from packflow import utils\nutils.data.flatten_dict\n",
            "import packflow_runtime as utils\nutils.flatten_dict\n",
        ),
        ("import packflow\npackflow.BackendConfig\n", "import packflow_runtime\npackflow_runtime.BackendConfig\n"),
        ("import os, packflow as p\np.utils.flatten_dict\n", "import os, packflow_runtime as p\np.flatten_dict\n"),
        (
            "import packflow\npackflow.loaders.LocalLoader\n",
            "import packflow_runtime, packflow_runtime.loaders\npackflow_runtime.loaders.LocalLoader\n",
        ),
        (
            "import packflow.exceptions\npackflow.exceptions.InferenceBackendLoadError\n",
            "import packflow_runtime.errors\npackflow_runtime.InferenceBackendLoadError\n",
        ),
        ("import packflow.exceptions as e\n", "import packflow_runtime.errors as e\n"),
        (
            "from packflow import *\nclass B(InferenceBackend): ...\n",
            "from packflow_runtime import InferenceBackend\nclass B(InferenceBackend): ...\n",
        ),
        (
            "from packflow.logger import logger as log, get_logger\n",
            "from packflow_runtime.logger import get_logger\nlog = get_logger()\n",
        ),
        (
            "x = 1; from packflow import exceptions, BackendConfig; y = 2\n",
            "x = 1; from packflow_runtime import errors as exceptions, BackendConfig; y = 2\n",
        ),
        (
            "if x: from packflow.logger import logger\n",
            "if x: from packflow_runtime.logger import get_logger; logger = get_logger()\n",
        ),
        ("from .packflow import x\nfrom packflower import y\nimport packflow_runtime\n", ""),
        ("'''from packflow import InferenceBackend'''  # import packflow\n", ""),
    ],
)
def test_what_each_form_becomes(tmp_path: Path, before: str, after: str | None) -> None:
    expected = before.replace("packflow ", "packflow_runtime ") if after is None else after or before
    assert rewritten(tmp_path, before) == (expected, [])


def test_comments_and_layout_stay(tmp_path: Path) -> None:
    before = (
        "#!/usr/bin/env python\r\n# -*- coding: latin-1 -*-\r\n"
        "é = 'packflow'  # from packflow\r\n"
        "from packflow import (  # why\r\n    BackendConfig,\r\n\r\n    InferenceBackend, # both\r\n)\r\n"
        "x = 'é'; from packflow.loaders import LocalLoader  # noqa: E402\r\n"
    ).encode("latin-1")
    text, found = rewritten(tmp_path, before)
    assert found == []
    expected = before.replace(b"from packflow import (", b"from packflow_runtime import (")
    expected = expected.replace(b"from packflow.loaders", b"from packflow_runtime.loaders")
    assert text.encode("latin-1") == expected


def test_names_that_part_take_their_comments_along(tmp_path: Path) -> None:
    before = (
        "def f():\n    from packflow import (\n        BackendConfig,  # the values\n        InferenceBackend,\n    )\n"
    )
    assert rewritten(tmp_path, before, pydantic=True)[0] == (
        "def f():\n    # the values\n    from packflow_runtime.pydantic import BackendConfig\n"
        "    from packflow_runtime import InferenceBackend\n"
    )


def test_a_long_statement_is_wrapped(tmp_path: Path) -> None:
    names = ["flatten_dict", "flatten_records", "get_nested_field", "set_nested_field_direct", "InputFormats"]
    text, _ = rewritten(tmp_path, f"from packflow.utils import {', '.join(names)}\n", pydantic=True)
    assert max(map(len, text.splitlines())) <= 88
    assert {alias.name for node in ast.parse(text).body for alias in node.names} == set(names)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from packflow import BackendConfig\n", "from packflow_runtime.pydantic import BackendConfig\n"),
        (
            "from packflow.backend.configuration import InputFormats as F\n",
            "from packflow_runtime.pydantic import InputFormats as F\n",
        ),
        (
            "import packflow as p\np.BackendConfig, p.InferenceBackend\n",
            "import packflow_runtime as p, packflow_runtime.pydantic\np.pydantic.BackendConfig, p.InferenceBackend\n",
        ),
        (
            "from packflow import backend\nbackend.BackendConfig\n",
            "import packflow_runtime as backend\nimport packflow_runtime.pydantic\nbackend.pydantic.BackendConfig\n",
        ),
    ],
)
def test_configurations_that_are_pydantic_models(tmp_path: Path, before: str, after: str) -> None:
    assert rewritten(tmp_path, before, pydantic=True) == (after, [])


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (
            "from packflow import InferenceBackend, PackflowProject\n",
            "from packflow_runtime import InferenceBackend\nfrom packflow import PackflowProject\n",
            1,
        ),
        ("\nfrom packflow.loaders.config import PackflowConfig\n", None, 2),
        ("import packflow.cli\n", "import packflow.cli, packflow_runtime\n", 1),
        ("import packflow.nonsense\n", None, 1),
        ("import packflow\ngetattr(packflow, 'x')\n", "import packflow, packflow_runtime\ngetattr(packflow, 'x')\n", 2),
        (
            "import packflow as p\np.InferenceBackend\np.PackflowProject('.')\n",
            "import packflow as p, packflow_runtime\npackflow_runtime.InferenceBackend\np.PackflowProject('.')\n",
            3,
        ),
        ("from packflow import project\n", None, 1),
        ("import packflow.project as p\n", None, 1),
        (
            "import packflow\ndef f(packflow): return packflow.x\n",
            "import packflow, packflow_runtime\ndef f(packflow): return packflow.x\n",
            2,
        ),
        ("from packflow import *\n", None, 1),
    ],
)
def test_what_has_no_counterpart_stays_and_is_told(tmp_path: Path, before: str, after: str | None, line: int) -> None:
    path = tmp_path / "code.py"
    path.write_text(before)
    source = read_source(path, "code.py")
    found = rewrite_imports(source, pydantic=False)
    assert source.after().decode() == (before if after is None else after)
    assert [(one.kind, one.file, one.line) for one in found] == [("left", "code.py", line)]
    assert found[0].hint


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"x = 1\nfrom packflow import (\n", 2, "is not valid Python"),
        (b"x = '\xff'\n", 1, "is not UTF-8 text"),
        (b"# coding: nonsense\n", 1, "an encoding that Python does not know"),
        (b"x = 1\0\n", None, ""),
        (b"x = " + b"(" * 5000 + b")" * 5000, None, ""),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content: bytes, line: int | None, says: str) -> None:
    (tmp_path / "code.py").write_bytes(content)
    with pytest.raises(CheckFailedError) as caught:
        read_source(tmp_path / "code.py", "code.py")
    assert says in caught.value.title
    assert caught.value.file == "code.py"
    assert caught.value.hint
    if line is not None:
        assert caught.value.line == line


@pytest.mark.parametrize("module", sorted(PROVIDED))
def test_the_runtime_has_what_is_said_of_it(module: str) -> None:
    found = import_module(module)
    assert [name for name in PROVIDED[module] if not hasattr(found, name)] == []


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(sorted({name for names in PROVIDED.values() for name in names if name[0] != "_"})),
        min_size=1,
        unique=True,
    ),
    st.sampled_from(sorted(name for name, new in COUNTERPARTS.items() if new)),
    st.booleans(),
    st.sampled_from(["", "    "]),
)
def test_every_name_can_be_imported_from_its_new_home(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], module: str, pydantic: bool, indent: str
) -> None:
    head = "if True:\n" if indent else ""
    text, found = rewritten(
        tmp_path_factory.mktemp("code"), f"{head}{indent}from {module} import {', '.join(names)}\n", pydantic=pydantic
    )
    namespace: dict[str, object] = {}
    exec(text, namespace)
    assert set(names) <= set(namespace)
    assert found == []
    if pydantic and "BackendConfig" in names:
        assert hasattr(namespace["BackendConfig"], "model_dump")
    assert new_home("packflow.cli", names[0], pydantic=False) is None
