"""What a model file is, told by its content alone."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import pickle
import shutil
import zipfile
import zlib
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packflow_app.errors import NotFoundError, UsageError
from packflow_app.locations import skeletons_dir
from packflow_app.models.model_file import FORMATS, read_model_file
from packflow_app.models.onnx_header import onnx_producer

EXAMPLES = {
    "sklearn/example/model.joblib": ("joblib", {"joblib": None, "numpy": None, "scikit-learn": "1.7.2"}),
    "xgboost/example/model.json": ("xgboost", {"xgboost": "3.0.5"}),
    "lightgbm/example/model.txt": ("lightgbm", {"lightgbm": None}),
    "onnx/example/model.onnx": ("onnx", {"onnxruntime": None}),
    "torch/example/model.pt": ("torchscript", {"torch": None}),
}


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_format_and_the_versions_that_the_file_tells(name: str) -> None:
    found = read_model_file(skeletons_dir() / name)
    assert (found.format.key, found.packages) == EXAMPLES[name]
    assert found.size == (skeletons_dir() / name).stat().st_size
    assert found.is_pickle is (name == "sklearn/example/model.joblib")


def test_content_decides_whatever_a_free_name_says(tmp_path: Path) -> None:
    for name, (key, _) in EXAMPLES.items():
        path = tmp_path / "model"
        shutil.copy(skeletons_dir() / name, path)
        assert read_model_file(path).format.key == key


@pytest.mark.parametrize(
    ("name", "called", "title"),
    [
        ("sklearn/example/model.joblib", "m.onnx", "is a joblib pickle, not an ONNX model as its name says."),
        ("lightgbm/example/model.txt", "m.json", "is a LightGBM model, not an XGBoost model as its name says."),
        ("onnx/example/model.onnx", "m.pkl", "is an ONNX model, not a joblib pickle as its name says."),
        ("torch/example/model.pt", "m.skops", "is a TorchScript program, not a skops file as its name says."),
    ],
)
def test_a_name_that_says_something_else_is_refused(tmp_path: Path, name: str, called: str, title: str) -> None:
    shutil.copy(skeletons_dir() / name, tmp_path / called)
    with pytest.raises(UsageError) as caught:
        read_model_file(tmp_path / called)
    assert caught.value.title == f"{tmp_path / called} {title}"
    assert (caught.value.code, caught.value.exit_code) == ("model-misnamed", 2)
    assert "rename this one to m" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "code", "title"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n",
            "model-is-pointer",
            "a Git LFS pointer",
        ),
        (b"", "model-unknown", "is empty"),
        (b"\n<!DOCTYPE html><html>", "model-unknown", "a web page"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "model-unknown", "an HDF5 (Keras) file"),
        (b"CBM1" + b"\0" * 100, "model-unknown", "a CatBoost model"),
        (b"binf" + b"\0" * 100, "model-unknown", "old binary format"),
        (b"\x93NUMPY\x01\0", "model-unknown", "an array of numpy"),
        (b"<?xml version='1.0'?><PMML/>", "model-unknown", "XML"),
        (b"hello world\n", "model-unknown", "no model file that is known here"),
        (b"\x28\xb5\x2f\xfd" + b"\0" * 40, "model-unknown", "compressed with zstd"),
        (json.dumps({"a": 1}).encode(), "model-unknown", "no model file that is known here"),
    ],
)
def test_what_is_no_model_is_called_what_it_is(tmp_path: Path, content: bytes, code: str, title: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        read_model_file(write(tmp_path, "m", content))
    assert caught.value.code == code
    assert title in caught.value.title
    assert caught.value.hint
    assert caught.value.exit_code == 3


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="cannot be read: No such file"):
        read_model_file(tmp_path / "nothing.pkl")
    with pytest.raises(NotFoundError, match="is a folder, not a model file"):
        read_model_file(tmp_path)
    write(tmp_path, "MLmodel", b"flavors: {}\n")
    with pytest.raises(NotFoundError, match="is a folder that MLflow made"):
        read_model_file(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.joblib")
    with pytest.raises(NotFoundError, match="is a pipe or a device, not a model file"):
        read_model_file(tmp_path / "model.joblib")


class _Named:
    """Pickles as a global of another module."""

    def __init__(self, module: str, name: str) -> None:
        self.words = f"c{module}\n{name}\n(tR".encode()


def _pickled(*globals_: tuple[str, str], more: bytes = b"") -> bytes:
    """A list of instances of these globals, with pickled text behind them."""
    body = b"".join(_Named(module, name).words + b"a" for module, name in globals_)
    return b"\x80\x03]" + body + more + b"."


_VERSION = pickle.dumps("_sklearn_version", 3)[2:-1].rstrip(b"q\0") + b"X\x05\x00\x00\x001.2.3"


@pytest.mark.parametrize(
    "packed",
    [lambda data: data, gzip.compress, bz2.compress, lzma.compress, zlib.compress],
    ids=["raw", "gzip", "bz2", "xz", "zlib"],
)
def test_packages_and_versions_of_pickles_through_compression(tmp_path: Path, packed: object) -> None:
    assert callable(packed)
    data = _pickled(
        ("sklearn.linear_model._logistic", "LogisticRegression"),
        ("numpy", "dtype"),
        ("my_models.parts", "Scorer"),
        ("collections", "OrderedDict"),
        more=_VERSION + b"00",
    )
    found = read_model_file(write(tmp_path, "m.pkl", packed(data)))
    assert {name: version for name, version in found.packages.items() if name != "joblib"} == {
        "my-models": None,
        "numpy": None,
        "scikit-learn": "1.2.3",
    }
    assert found.is_pickle


def test_wrappers_of_boosters_need_scikit_learn_too(tmp_path: Path) -> None:
    ubj = b"version[#L\0\0\0\0\0\0\0\x03i\x02i\x01i\x04"
    data = _pickled(("xgboost.sklearn", "XGBClassifier"), more=b"B" + len(ubj).to_bytes(4, "little") + ubj + b"0")
    found = read_model_file(write(tmp_path, "m.joblib", data))
    assert found.packages == {"xgboost": "2.1.4", "scikit-learn": None}


def _torch_zip(path: Path, *names: tuple[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", _pickled(*names))
        archive.writestr("m/version", "3\n")
    return path


def test_a_state_dict_is_told_from_a_whole_network(tmp_path: Path) -> None:
    weights = [("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2"), ("torch", "FloatStorage")]
    found = read_model_file(_torch_zip(tmp_path / "s.pt", *weights))
    assert (found.format.key, found.is_pickle) == ("torch-state", False)
    with pytest.raises(
        UsageError, match=r"a whole PyTorch network, pickled with its classes \(mine\.Network\)"
    ) as caught:
        read_model_file(_torch_zip(tmp_path / "n.pt", *weights, ("mine", "Network")))
    assert "torch.jit.trace" in caught.value.hint


def test_safetensors_and_skops(tmp_path: Path) -> None:
    header = json.dumps({"0.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    path = write(tmp_path, "m.safetensors", len(header).to_bytes(8, "little") + header + b"\0" * 24)
    assert read_model_file(path).format.key == "safetensors"
    with zipfile.ZipFile(tmp_path / "m.skops", "w") as archive:
        archive.writestr("schema.json", "{}")
    assert read_model_file(tmp_path / "m.skops").format.key == "skops"
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("packflow-info/manifest.json", "{}")
    with pytest.raises(NotFoundError, match="an archive that Packflow made"):
        read_model_file(tmp_path / "m.zip")


def test_what_an_onnx_file_says_of_itself() -> None:
    assert onnx_producer((skeletons_dir() / "onnx" / "example" / "model.onnx").read_bytes()) == (8, "example", "")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_look_at_an_onnx_header(data: bytes) -> None:
    found = onnx_producer(data)
    assert found is None or 0 < found.ir_version <= 64


@given(st.binary(max_size=600))
def test_no_bytes_break_the_look_at_a_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes"
    path.write_bytes(data)
    with suppress(NotFoundError, UsageError):
        assert read_model_file(path).format.key in FORMATS


def test_pickles_of_plain_values_need_nothing(tmp_path: Path) -> None:
    found = read_model_file(write(tmp_path, "m.pkl", pickle.dumps(OrderedDict(a=1))))
    assert (found.format.key, found.packages) == ("pickle", {})
