"""The same commit gives the same bytes: on every Python, in any folder, order of files, umask, zone, locale and time.

The app is installed for each Python that is present and runs there, with a dry run of its own on that Python. Other
systems than this one and other versions of git are not covered here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from projects import backend, write_project
from pythons import Python, supported_pythons
from repositories import git

ROOT = Path(__file__).resolve().parents[2]
SOURCE = backend(
    "return [{'score': round(e['n'] * self.weight, 3), 'third': e['n'] / 3} for e in inputs]",
    "def initialize(self):\n    self.weight = float((self.project_dir / 'artifacts' / 'w.txt').read_text())",
)
EXPORT = """
import os, pathlib, sys, time  # pathlib first: on 3.10 it takes os.scandir as it is then
project, output, python, mask, order = sys.argv[1:]
os.umask(int(mask, 8))
time.tzset()
if order == "reversed":
    real = os.scandir
    class Entries(list):
        __enter__ = lambda self: self
        __exit__ = lambda self, *error: None
    os.scandir = lambda path: Entries(sorted(real(path), key=lambda entry: entry.name, reverse=True))
from pathlib import Path
from packflow_app.actions.export import ExportOptions, export
done = export(ExportOptions(project=Path(project), output=Path(output), python=python))
assert done.ran_dry_run
print(done.exported.manifest.provenance.clean, done.dry_run.report["python"], done.exported.sha256)
"""
CONDITIONS = [
    ("077", "sorted", {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "1"}, 0),
    ("000", "reversed", {"TZ": "America/Los_Angeles", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"}, 2_000_000_000),
]


def exported(app: Path, model: Path, project: Path, output: Path, condition: int) -> list[str]:
    """Clean or not, the Python of the dry run, and the archive's hash."""
    mask, order, variables, moment = CONDITIONS[condition]
    for path in [project, *project.rglob("*")]:
        if ".git" not in path.parts:
            os.utime(path, (moment, moment))
    ran = subprocess.run(
        [str(app), "-c", EXPORT, str(project), str(output), str(model), mask, order],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        cwd=output.parent,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def committed(folder: Path) -> Path:
    """A repository that holds a project with golden events, ignored caches, and weights that are taken back."""
    project = write_project(
        folder,
        SOURCE,
        files={
            ".gitignore": ".packflow/\n*.log\n/artifacts/\n",
            ".packflowignore": "!/artifacts/\n",
            "artifacts/w.txt": "0.25",
            "données/é.txt": "1",
            "B.txt": "2",
            "a.txt": "3",
            "a.log": "left out",
        },
    )
    words = [sys.executable, "-m", "packflow_app", "export", str(project), "-o", str(folder.parent / "first"), "-y"]
    subprocess.run([*words, "--python", sys.executable], check=True, capture_output=True)
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "add", "-f", "artifacts/w.txt")
    git(project, "commit", "-qm", "one")
    return project


def installed(python: Python, folder: Path) -> Path:
    """The app in an environment of its own, built from this checkout as users build it."""
    environment = folder / f"app-{python.minor}"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "--python", str(python.path), str(environment)], check=True, capture_output=True)
    there = environment / "bin" / "python"
    command = [*uv, "pip", "install", "-q", "--python", str(there), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return there


def test_two_clean_checkouts_under_other_conditions_give_equal_bytes(tmp_path: Path) -> None:
    origin = committed(tmp_path / "origin" / "model")
    found = []
    for condition in range(len(CONDITIONS)):
        place = tmp_path / f"checkout {condition}"
        git(tmp_path, "clone", "-q", str(origin), str(place / "deep" / "model"))
        found.append(exported(Path(sys.executable), Path(sys.executable), place / "deep" / "model", place, condition))
    assert [clean for clean, *_ in found] == ["True", "True"]
    assert len({sha256 for *_, sha256 in found}) == 1


@pytest.mark.slow
def test_every_python_gives_equal_bytes(tmp_path: Path) -> None:
    origin = committed(tmp_path / "origin" / "model")
    found: dict[tuple[str, int], list[str]] = {}
    pythons = supported_pythons()
    for python in pythons:
        app = installed(python, tmp_path)
        for condition in range(len(CONDITIONS)):
            place = tmp_path / f"{python.minor}-{condition}"
            git(tmp_path, "clone", "-q", str(origin), str(place / "model"))
            found[python.minor, condition] = exported(app, python.path, place / "model", place, condition)
    assert [minor for minor, _ in found] == [python.minor for python in pythons for _ in CONDITIONS]
    assert all(ran.startswith(f"{minor}.") for (minor, _), (_, ran, _) in found.items())
    assert {clean for clean, *_ in found.values()} == {"True"}
    assert len({sha256 for *_, sha256 in found.values()}) == 1, found
