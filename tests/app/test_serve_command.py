"""``packflow serve``: the runtime's command, in the model's own Python."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from commands import packflow

if TYPE_CHECKING:
    from pathlib import Path

BACKEND = """\
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"n": event["n"] + 1} for event in inputs]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "packflow.yaml").write_text("name: model\n")
    (tmp_path / "inference.py").write_text(BACKEND)
    return tmp_path


def test_a_project_serves(project: Path) -> None:
    words = ["--python", sys.executable, "--source", "stdin:", "--sink", f"file:{project / 'out'}", "--json"]
    done = packflow("serve", project, *words, stdin='{"n":1}\nbad\n')
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["schema"], told["data"]["events"], told["data"]["failed"]) == ("packflow.serve/1", 2, 1)
    assert told["command"][:2] == ["packflow", "serve"]
    assert (project / "out").read_bytes().splitlines()[0] == b'{"n":2}'


def test_what_is_wrong_is_told_as_by_every_command(project: Path) -> None:
    done = packflow("serve", project, "--sink", "stdout:")
    assert done.returncode == 2
    assert "required: --source" in done.stderr
    assert "packflow serve --help" in done.stderr
    assert packflow("serve", project / "none", "--source", "stdin:", "--sink", "stdout:").returncode == 3
