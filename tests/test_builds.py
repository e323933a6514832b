"""What is built is what is meant: exact contents, the same bytes again, and every way of installing works."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from packflow_app.runtime_wheel import build_runtime_wheel
from pythons import supported_pythons
from repositories import git

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / "packflow_runtime"


def tracked(*folders: str) -> list[str]:
    """The files that git knows, or would, below ``folders``."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs the git checkout; run the tests from a clone")
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders).split("\0")
    return sorted(name for name in names if name and (ROOT / name).is_file())


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as a clean folder, with nothing but its files."""
    target = tmp_path_factory.mktemp("clone") / "packflow"
    for name in tracked():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    return target


def build(source: Path, output: Path, *kinds: str) -> Path:
    command = [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", str(output), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(output.iterdir())


@pytest.fixture(scope="session")
def app_wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(clone, tmp_path_factory.mktemp("wheel"), "--wheel")


def test_the_runtime_wheel_holds_exactly_its_sources(tmp_path: Path) -> None:
    wheel = build_runtime_wheel(RUNTIME, tmp_path)
    version = re.search(r'__version__ = "(.+)"', (RUNTIME / "src/packflow_runtime/__init__.py").read_text())
    assert version is not None
    info = f"packflow_runtime-{version[1]}.dist-info"
    sources = [Path(name).relative_to("packflow_runtime/src").as_posix() for name in tracked("packflow_runtime/src")]
    with zipfile.ZipFile(wheel) as file:
        assert sorted(file.namelist()) == sorted(
            [
                *sources,
                *(f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")),
            ]
        )
        metadata = file.read(f"{info}/METADATA").decode()
    assert "Requires-Dist" not in metadata, "the runtime has no dependency"
    assert "Requires-Python: >=3.10" in metadata


def test_the_runtime_wheel_has_the_same_bytes_on_every_python(tmp_path: Path) -> None:
    import flit_core

    builder = (
        "import sys; sys.path[:0] = sys.argv[1:3]; from pathlib import Path; "
        "from packflow_app.runtime_wheel import build_runtime_wheel; "
        "print(build_runtime_wheel(Path(sys.argv[3]), Path(sys.argv[4])))"
    )
    library = tmp_path / "library"
    shutil.copytree(Path(flit_core.__file__).parent, library / "flit_core")
    found = set()
    for number, python in enumerate(supported_pythons()):
        arguments = [str(library), str(ROOT), str(RUNTIME), str(tmp_path / str(number))]
        environment = {**os.environ, "TZ": f"UTC-{number}", "SOURCE_DATE_EPOCH": str(10**9 + number)}
        command = [str(python.path), "-B", "-c", builder, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        found.add(hashlib.sha256(Path(done.stdout.strip()).read_bytes()).hexdigest())
    assert len(found) == 1


def test_the_app_wheel_holds_exactly_what_is_meant(app_wheel: Path) -> None:
    with zipfile.ZipFile(app_wheel) as file:
        names = set(file.namelist())
        bundled = [name for name in names if name.endswith(".whl")]
        metadata = file.read(next(name for name in names if name.endswith("METADATA"))).decode()
    info = next(name.split("/")[0] for name in names if ".dist-info/" in name)
    skeletons = {f"packflow_app/bundled/{name}" for name in tracked("skeletons")}
    assert len(bundled) == 1
    assert re.fullmatch(r"packflow_app/bundled/packflow_runtime-[0-9.]+-py3-none-any\.whl", bundled[0])
    prefix = "packflow_runtime/src/"
    runtime = {f"packflow_app/bundled/runtime/{name.removeprefix(prefix)}" for name in tracked(prefix)}
    expected = {*tracked("packflow_app"), *skeletons, *bundled, *runtime}
    expected |= {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")}
    assert names == expected
    assert "packflow-runtime" not in re.findall(r"^Requires-Dist: ([\w-]+)", metadata, re.MULTILINE)


def test_the_app_imports_the_very_files_that_its_runtime_wheel_holds(app_wheel: Path) -> None:
    with zipfile.ZipFile(app_wheel) as file:
        wheel = next(name for name in file.namelist() if name.endswith(".whl"))
        with zipfile.ZipFile(io.BytesIO(file.read(wheel))) as inner:
            for name in inner.namelist():
                if name.startswith("packflow_runtime/"):
                    assert file.read(f"packflow_app/bundled/runtime/{name}") == inner.read(name), name


def test_the_app_wheels_record_is_right(app_wheel: Path) -> None:
    with zipfile.ZipFile(app_wheel) as file:
        record = next(name for name in file.namelist() if name.endswith("RECORD"))
        for name, digest, size in csv.reader(io.StringIO(file.read(record).decode())):
            if name != record:
                found = base64.urlsafe_b64encode(hashlib.sha256(file.read(name)).digest()).rstrip(b"=").decode()
                assert digest == f"sha256={found}", name
                assert int(size) == len(file.read(name))


@pytest.fixture(scope="session")
def unpacked_sdist(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(build(clone, tmp_path_factory.mktemp("sdist"), "--sdist")) as file:
        if hasattr(tarfile, "data_filter"):
            file.extractall(target, filter="data")
        else:  # Python 3.10 before 3.10.12
            file.extractall(target)
    return next(target.iterdir())


def test_the_sdist_is_the_checkout_with_all_that_its_tests_read(unpacked_sdist: Path) -> None:
    found = {path.relative_to(unpacked_sdist).as_posix() for path in unpacked_sdist.rglob("*") if path.is_file()}
    assert found == ({*tracked()} - {*tracked(".ci")}) | {"PKG-INFO"}


def test_the_wheel_built_from_the_sdist_is_the_same(unpacked_sdist: Path, app_wheel: Path, tmp_path: Path) -> None:
    again = build(unpacked_sdist, tmp_path / "wheel", "--wheel")
    with zipfile.ZipFile(again) as left, zipfile.ZipFile(app_wheel) as right:
        assert sorted(left.namelist()) == sorted(right.namelist())
        for name in left.namelist():
            assert left.read(name) == right.read(name), name


def demo_works(command: list[str], work: Path, environment: dict[str, str] | None = None) -> None:
    """The installed ``packflow`` runs its whole demo, and the archive runs."""
    work.mkdir()
    run = {"cwd": work, "check": True, "capture_output": True, "text": True, "env": environment}
    assert subprocess.run([*command, "--version"], **run).stdout.startswith("packflow ")  # type: ignore[call-overload]
    answer = subprocess.run([*command, "demo", "-o", "demo"], **run).stdout  # type: ignore[call-overload]
    assert "single = batch: 200 of 200" in answer
    assert (work / "demo" / "demo-0.1.0.zip").is_file()


def clean_environment() -> dict[str, str]:
    """Without what a test run or an outer environment sets for Python."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV", "COV_"))}


@pytest.mark.slow
@pytest.mark.parametrize("python", supported_pythons(), ids=lambda python: python.minor)
@pytest.mark.parametrize("editable", [False, True], ids=["plain", "editable"])
def test_pip_install(python: object, editable: bool, clone: Path, tmp_path: Path) -> None:
    environment = clean_environment()
    subprocess.run([str(python.path), "-m", "venv", tmp_path / "env"], check=True, env=environment)  # type: ignore[attr-defined]
    source = tmp_path / "source"
    shutil.copytree(clone, source)
    install = [tmp_path / "env/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*install, *(["-e"] if editable else []), str(source)], check=True, env=environment)
    demo_works([str(tmp_path / "env/bin/packflow")], tmp_path / "work", environment)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["pipx", "uv"])
def test_tool_install(tool: str, clone: Path, tmp_path: Path) -> None:
    environment = clean_environment() | {
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "UV_TOOL_DIR": str(tmp_path / "uv"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True, env=environment)
    python = tmp_path / "env/bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", tool], check=True, env=environment)
    base = getattr(sys, "_base_executable", sys.executable)
    command = {
        "pipx": [python, "-m", "pipx", "install", "--python", base, str(clone)],
        "uv": [tmp_path / "env/bin/uv", "tool", "install", "--python", base, str(clone)],
    }[tool]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    demo_works([str(tmp_path / "bin/packflow")], tmp_path / "work", environment)
