"""An archive as a wheel: a valid one, the same bytes each time, with the archive inside as it is."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import parse_wheel_filename

from packflow_app.actions.export import ExportOptions, export
from packflow_app.errors import NotWritableError, UsageError
from packflow_app.packaging.model_wheel import ModelWheel, module_name, wheel_file_name, write_model_wheel
from packflow_app.runtime import open_archive
from projects import HONEST, write_project
from runtime.archives import archive_of, manifest_of, tiny_files


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "tiny-1.0.zip"
    path.write_bytes(archive_of(tiny_files()))
    return path


def written(archive: Path, folder: Path, **options: Any) -> ModelWheel:
    with open_archive(archive) as opened:
        return write_model_wheel(archive, opened.manifest, folder, **options)


def test_what_is_inside(archive: Path, tmp_path: Path) -> None:
    done = written(archive, tmp_path / "dist")
    assert done.path == tmp_path / "dist" / "tiny-1.0-py3-none-any.whl"
    name, version, _, tags = parse_wheel_filename(done.path.name)
    assert (name, str(version), {str(tag) for tag in tags}) == ("tiny", "1.0", {"py3-none-any"})
    with zipfile.ZipFile(done.path) as wheel:
        assert wheel.testzip() is None
        assert set(wheel.namelist()) == {
            "packflow_model_tiny/__init__.py",
            "packflow_model_tiny/tiny-1.0.zip",
            *(f"tiny-1.0.dist-info/{one}" for one in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")),
        }
        assert wheel.read("packflow_model_tiny/tiny-1.0.zip") == archive.read_bytes()
        assert wheel.read("tiny-1.0.dist-info/entry_points.txt").decode() == (
            "[packflow.backends]\ntiny = packflow_model_tiny:load\n"
        )
        rows = list(csv.reader(io.StringIO(wheel.read("tiny-1.0.dist-info/RECORD").decode())))
        for path, digest, size in rows[:-1]:
            content = wheel.read(path)
            expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert (digest, int(size)) == (f"sha256={expected}", len(content))
        assert {row[0] for row in rows} == set(wheel.namelist())
        compile(wheel.read("packflow_model_tiny/__init__.py"), "__init__.py", "exec")
        metadata = HeaderParser().parsestr(wheel.read("tiny-1.0.dist-info/METADATA").decode())
    assert metadata.get_all("Requires-Dist") == ["packflow-runtime>=0.1.0"]
    assert (metadata["Name"], metadata["Version"], metadata["Requires-Python"]) == ("tiny", "1.0", ">=3.10")


def test_the_same_bytes_whatever_the_archive_is_called(archive: Path, tmp_path: Path) -> None:
    first = written(archive, tmp_path / "one")
    renamed = archive.rename(tmp_path / "renamed.zip")
    second = written(renamed, tmp_path / "two")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.sha256 == hashlib.sha256(second.path.read_bytes()).hexdigest()


def test_what_is_there_is_not_replaced(archive: Path, tmp_path: Path) -> None:
    done = written(archive, tmp_path)
    assert written(archive, tmp_path).unchanged
    done.path.write_bytes(b"precious")
    with pytest.raises(UsageError, match="is another wheel"):
        written(archive, tmp_path)
    assert done.path.read_bytes() == b"precious"
    assert not written(archive, tmp_path, force=True).unchanged
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny-1.0-py3-none-any.whl", "tiny-1.0.zip"]


def test_a_place_that_takes_no_file(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(NotWritableError):
        written(archive, archive)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny-1.0.zip"]


@pytest.mark.parametrize(
    ("name", "version", "file", "module"),
    [
        ("json", "1.0", "json-1.0-py3-none-any.whl", "packflow_model_json"),
        ("My-Model", "1.0rc1", "my_model-1.0rc1-py3-none-any.whl", "packflow_model_my_model"),
        ("a__b-", "1!2.0+cpu", "a_b-1!2.0+cpu-py3-none-any.whl", "packflow_model_a_b"),
    ],
)
def test_names(name: str, version: str, file: str, module: str) -> None:
    manifest = manifest_of(tiny_files(), name=name, version=version)
    assert wheel_file_name(manifest) == file
    assert module_name(name) == module
    parse_wheel_filename(file)


def test_export_writes_it_beside_the_archive(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model-one", HONEST)
    done = export(ExportOptions(project=project, output=tmp_path / "dist", golden=0, form="wheel"))
    assert done.wheel is not None
    assert done.wheel.path == tmp_path / "dist" / "model_one-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(done.wheel.path) as wheel:
        assert wheel.read("packflow_model_model_one/model_one-0.1.0.zip") == done.exported.path.read_bytes()
    again = export(ExportOptions(project=project, output=tmp_path / "dist", golden=0, form="wheel"))
    assert again.wheel is not None
    assert again.wheel.unchanged
