"""What an import pulls in, seen in a fresh interpreter: static graphs miss imports inside functions."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "packflow_runtime" / "src"
ROOMS = (
    "events",
    "projects",
    "models",
    "environments",
    "dryrun",
    "checks",
    "packaging",
    "health",
    "actions",
    "questions",
)
SHOWING_AND_ASKING = {"typer", "click", "rich", "textual", "questionary", "prompt_toolkit"}


def loaded_by(code: str, *options: str) -> set[str]:
    """The modules that are loaded after ``code`` ran and were not before it."""
    program = f"import sys; before = set(sys.modules)\n{code}\nprint('@@', *(set(sys.modules) - before), sep='\\n')"
    ran = subprocess.run([sys.executable, *options, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.partition("@@\n")[2].split())


def tops(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@cache
def modules_of(room: str) -> tuple[str, ...]:
    package = import_module(f"packflow_app.{room}")
    found = tuple(
        sorted(module.name for module in pkgutil.walk_packages(package.__path__, prefix=f"packflow_app.{room}."))
    )
    assert found
    return found


def test_every_room_is_looked_at() -> None:
    import packflow_app

    folders = {module.name for module in pkgutil.iter_modules(packflow_app.__path__) if module.ispkg}
    assert folders - {"cli", "tui", "wizards"} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_neither_shows_nor_asks(room: str) -> None:
    loaded = loaded_by("\n".join(f"import {name}" for name in modules_of(room)))
    assert set(modules_of(room)) <= loaded
    assert tops(loaded) & SHOWING_AND_ASKING == set()


def test_all_rooms_together_need_only_what_they_name() -> None:
    loaded = loaded_by("\n".join(f"import {name}" for room in ROOMS for name in modules_of(room)))
    others = tops(loaded) - set(sys.stdlib_module_names) - {"typing_extensions"}  # pathspec takes it where it is there
    assert {name for name in others if not name.startswith("__editable__")} == {
        "packaging",
        "packflow_app",
        "packflow_runtime",
        "pathspec",
    }


@pytest.mark.parametrize("word", ["--help", "-h", "--version", None])
def test_help_and_version_are_answered_before_anything_is_imported(word: str | None) -> None:
    words = ["packflow", *([word] if word else [])]
    loaded = loaded_by(f"sys.argv = {words!r}\nfrom packflow_app.__main__ import main\nassert main() == 0")
    known = {name for name in loaded if name.startswith("packflow_app")}
    listing = {"packflow_app.cli", "packflow_app.cli.top_help"} if word != "--version" else set()
    assert known == {"packflow_app", "packflow_app.__main__", *listing}
    assert {name for name in loaded if name.startswith("packflow")} == known
    assert tops(loaded) == {"packflow_app", "__future__"}


def test_a_command_imports_no_other_command() -> None:
    code = "sys.argv = ['packflow', 'init']\nfrom packflow_app.cli.main import run\nassert run(['init']) == 2"
    loaded = loaded_by(code)
    assert {"packflow_app.cli.init", "typer"} <= loaded
    assert {"packflow_app.cli.dry_run", "packflow_app.cli.export", "packflow_app.cli.demo"} & loaded == set()
    assert tops(loaded) & {"jinja2", "pydantic", "textual", "questionary"} == set()


def test_the_prompts_library_is_loaded_only_where_something_is_asked() -> None:
    code = "import packflow_app.cli.init, packflow_app.cli.export, packflow_app.wizards.init"
    loaded = loaded_by(code)
    assert "packflow_app.wizards.conversation" in loaded
    assert tops(loaded) & {"questionary", "prompt_toolkit"} == set()


def test_the_first_question_waits_for_no_room_it_does_not_need() -> None:
    loaded = loaded_by("import packflow_app.cli.main, packflow_app.cli.init")
    assert "packflow_app.questions.names" in loaded
    late = {"packflow_app.actions.init", "packflow_app.models.model_file", "packflow_app.environments.interpreters"}
    assert late & loaded == set()


_FIRST_PICTURE = """
import asyncio, os, tempfile
from pathlib import Path
import packflow_app.tui.start
from packflow_app.tui.app import PackflowApp

async def draw():
    app = PackflowApp(Path.cwd(), screen="home")
    app.open_project = lambda folder: None
    async with app.run_test(size=(120, 36)):
        assert "Looking at the project" in app.export_screenshot().replace("&#160;", " ")

asyncio.run(draw())
"""


def test_the_first_picture_of_the_app_waits_for_no_room_and_not_for_the_runtime() -> None:
    loaded = {name for name in loaded_by(_FIRST_PICTURE) if name.startswith("packflow")}
    assert "packflow_app.tui.screens.home.screen" in loaded
    allowed = ("packflow_app.tui", *(f"packflow_app.{name}" for name in ("wording", "locations", "placing")))
    assert sorted(name for name in loaded if name != "packflow_app" and not name.startswith(allowed)) == []
    assert {name for name in loaded if name.startswith("packflow_app.tui.screens.")} <= {
        *("packflow_app.tui.screens.home", "packflow_app.tui.screens.home.screen"),
        *("packflow_app.tui.screens.home.steps_list", "packflow_app.tui.screens.journey"),
    }
    assert {"packflow_app.tui.registry", "packflow_app.tui.commands"} & loaded == set()


def runtime(code: str) -> set[str]:
    """What ``code`` loads in an interpreter that has the standard library and the runtime's sources, nothing else."""
    return loaded_by(f"sys.path.insert(0, {str(SOURCES)!r})\n{code}", "-I", "-S")


def test_importing_the_runtime_loads_typing_and_nothing_else() -> None:
    loaded = runtime("import packflow_runtime")
    # What typing itself loads differs from one Python to the next.
    assert loaded - runtime("import __future__, typing") == {"packflow_runtime"}
    assert tops(loaded) & {"json", "asyncio", "typing_extensions", "dataclasses", "inspect", "logging"} == set()


def test_a_backends_imports_load_only_the_standard_library() -> None:
    loaded = runtime("from packflow_runtime import BackendConfig, InferenceBackend, PackflowError, load")
    assert tops(loaded) - set(sys.stdlib_module_names) == {"packflow_runtime"}
    assert tops(loaded) & {"asyncio", "unittest", "http", "socket", "subprocess"} == set()
