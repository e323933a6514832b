"""What a model file is, told by its content: nothing of it is run, and no library is needed."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError, UsageError
from packflow_app.models.onnx_header import onnx_producer
from packflow_app.models.saved_versions import saved_versions
from packflow_app.runtime import PickleListing, list_pickles

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 1 << 20


@dataclass(frozen=True)
class Format:
    """A kind of model file: its name to people, the names it goes by, the runtime's loader, what loading needs."""

    key: str
    title: str
    suffixes: tuple[str, ...]
    loader: str
    packages: tuple[str, ...]


FORMATS = {
    one.key: one
    for one in (
        Format("joblib", "a joblib pickle", (".joblib", ".pkl", ".pickle", ".jl", ".sav"), "joblib", ("joblib",)),
        Format("pickle", "a pickle", (".pkl", ".pickle", ".joblib", ".jl", ".sav"), "pickle", ()),
        Format("skops", "a skops file", (".skops",), "skops", ("skops", "scikit-learn")),
        Format("xgboost", "an XGBoost model", (".json", ".ubj", ".xgb", ".model"), "xgboost", ("xgboost",)),
        Format("lightgbm", "a LightGBM model", (".txt", ".lgb", ".model"), "lightgbm", ("lightgbm",)),
        Format("onnx", "an ONNX model", (".onnx",), "onnx", ("onnxruntime",)),
        Format(
            "torchscript", "a TorchScript program", (".pt", ".pth", ".ts", ".torchscript"), "torchscript", ("torch",)
        ),
        Format("torch-state", "a PyTorch state dict", (".pt", ".pth", ".bin", ".ckpt"), "torch-state", ("torch",)),
        Format("safetensors", "a safetensors file", (".safetensors",), "safetensors", ("safetensors", "torch")),
    )
}
"""Every format that a skeleton can be made for."""

_PICKLES = ("joblib", "pickle")
_SUFFIXES = {suffix for one in FORMATS.values() for suffix in one.suffixes}
_XGBOOST_JSON = re.compile(rb'\A\s*\{\s*"(?:learner|version|Config)"')
_XGBOOST_UBJ = re.compile(rb"\A\{[#$iUIlL].{0,12}?(?:learner|version|Config)", re.DOTALL)
_STATE_GLOBALS = re.compile(
    r"collections\.OrderedDict|torch\._utils\._rebuild_\w+|torch\.\w*Storage|torch\.storage\.\w+|torch\.nn\.parameter\.\w+"
    r"|torch\.(?:b?float|int|uint|bool|device|Size)\w*"
)
_RESAVE_TORCH = (
    "Save it as a program that needs none of your code: torch.jit.trace(network.eval(), example).save('model.pt')"
)
# First bytes of what is no model that a skeleton could run, with what to do about it.
_FOREIGN = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 (Keras) file", "Export the model as ONNX, for example with tf2onnx."),
    (
        b"binf",
        "an XGBoost model in its old binary format",
        "Load it there and save it anew: booster.save_model('m.json')",
    ),
    (b"CBM1", "a CatBoost model", "Export it as ONNX: model.save_model('model.onnx', format='onnx')"),
    (b"\x93NUMPY", "an array of numpy", "Name the model's file, not its data."),
    (b"PAR1", "a Parquet file", "Pass events with --events, and the model with --model."),
    (b"%PDF", "a PDF", "Name the model's file."),
    (b"\x7fELF", "a program", "Name the model's file."),
)


@dataclass(frozen=True)
class ModelFile:
    """A model file that was looked at from outside.

    ``packages`` maps the distributions that loading needs to the version the model was saved with, None where the file
    does not tell. ``listing`` is what its pickles ask for, None where it has none.
    """

    path: Path
    format: Format
    size: int
    packages: dict[str, str | None] = field(default_factory=dict)
    listing: PickleListing | None = None

    @property
    def is_pickle(self) -> bool:
        """Whether opening it may run code that its author chose."""
        return self.format.key in _PICKLES


def read_model_file(path: Path) -> ModelFile:
    """Look at a model file; raises NotFoundError or UsageError for what is no model, saying what it is instead."""
    head, size = _head(path)
    _refuse_foreign(path, head)
    listing: PickleListing | None = None
    key = _told_by_head(path, head)
    if key is None:
        listing = list_pickles(path)
        key = _told_by_pickles(path, listing)
    chosen = FORMATS[key]
    _check_name(path, chosen)
    return ModelFile(path, chosen, size, saved_versions(path, chosen.packages, head, listing), listing)


def _head(path: Path) -> tuple[bytes, int]:
    if path.is_dir():
        flow = (path / "MLmodel").is_file()
        raise NotFoundError(
            f"{path} is a folder{' that MLflow made' if flow else ''}, not a model file.",
            code="model-not-found",
            hint="Use --from-mlflow FOLDER, which takes its features and requirements too."
            if flow
            else "Name the file in it that holds the model.",
        )
    if path.exists() and not path.is_file():  # reading a pipe could wait for ever, and it can be read only once
        raise NotFoundError(
            f"{path} is a pipe or a device, not a model file.",
            code="model-not-found",
            hint="Save the model to a file, and name that one.",
        )
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            size = file.seek(0, 2)
    except OSError as error:
        raise NotFoundError(
            f"The model file {path} cannot be read: {error.strerror or error}.",
            code="model-not-found",
            hint="Name the file that holds the fitted model with --model.",
        ) from None
    if not head:
        raise _unknown(path, "empty", "Save or copy the model again.")
    return head, size


def _refuse_foreign(path: Path, head: bytes) -> None:
    if head.startswith(b"version https://git-lfs.github.com/spec/v1"):
        raise NotFoundError(
            f"{path} is a Git LFS pointer: the model itself was never fetched.",
            code="model-is-pointer",
            hint=f"Fetch it where the repository is: git lfs pull --include {shlex.quote(path.name)}",
        )
    for magic, kind, hint in _FOREIGN:
        if head.startswith(magic):
            raise _unknown(path, kind, hint)
    text = head[:512].lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        raise _unknown(path, "a web page, not the file that was to be downloaded", "Download the model again.")
    if text.startswith(b"<?xml") or b"<pmml" in text:
        raise _unknown(path, "XML (PMML is not read)", "Export the model as ONNX.")


def _told_by_head(path: Path, head: bytes) -> str | None:
    if head.startswith(b"tree\n") and b"\nversion=" in head[:64]:
        return "lightgbm"
    if (_XGBOOST_JSON.match(head[:64]) and b'"learner"' in head) or _XGBOOST_UBJ.match(head[:32]):
        return "xgboost"
    if head.startswith(b"PK\x03\x04"):
        return _told_by_zip(path)
    if _is_safetensors(path, head):
        return "safetensors"
    if onnx_producer(head) is not None:
        return "onnx"
    return None


def _told_by_zip(path: Path) -> str | None:
    """The format of a zip by its members; None where its pickles must tell."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return None
    if "schema.json" in names:
        return "skops"
    if any("/code/" in name for name in names) and any(name.endswith("/data.pkl") for name in names):
        return "torchscript"
    if "packflow-info/manifest.json" in names:
        raise _unknown(path, "an archive that Packflow made", "Run it: python3 ARCHIVE < events.ndjson")
    if any(name.endswith("model.weights.h5") for name in names):
        raise _unknown(path, "a Keras model", "Export the model as ONNX, for example with tf2onnx.")
    return None


def _told_by_pickles(path: Path, listing: PickleListing) -> str:
    if listing.kind in ("torch", "torch-legacy"):
        others = [name for name in listing.names if not _STATE_GLOBALS.fullmatch(name)]
        if others:
            shown = ", ".join(others[:4])
            raise UsageError(
                f"{path} is a whole PyTorch network, pickled with its classes ({shown}).",
                code="model-unsuitable",
                hint=_RESAVE_TORCH,
            )
        return "torch-state"
    if listing.kind == "none":
        problem = listing.problems[0] if listing.problems else None
        raise _unknown(path, f"no model file that is known here{f' ({problem})' if problem else ''}", _KNOWN)
    if listing.kind in ("lz4", "zstd"):
        raise _unknown(path, f"compressed with {listing.kind}", "Save it anew: joblib.dump(model, 'model.joblib')")
    if listing.kind in ("npz", "npy", "tar", "zip"):
        raise _unknown(path, f"a {listing.kind} file", "Name the model's file itself.")
    return "pickle" if listing.kind == "raw" else "joblib"


_KNOWN = f"Known are: {', '.join(one.title.partition(' ')[2] for one in FORMATS.values())}."


def _is_safetensors(path: Path, head: bytes) -> bool:
    length = int.from_bytes(head[:8], "little")
    if len(head) < 9 or head[8:9] != b"{" or length > path.stat().st_size:
        return False
    if length > HEAD - 8:
        return True
    try:
        return isinstance(json.loads(head[8 : 8 + length]), dict)
    except ValueError:
        return False


def _check_name(path: Path, found: Format) -> None:
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES and suffix not in found.suffixes:
        promised = next(one.title for one in FORMATS.values() if suffix in one.suffixes)
        raise UsageError(
            f"{path} is {found.title}, not {promised} as its name says.",
            code="model-misnamed",
            hint=f"Name the right file, or rename this one to {path.stem}{found.suffixes[0]}.",
        )


def _unknown(path: Path, kind: str, hint: str) -> NotFoundError:
    return NotFoundError(f"{path} is {kind}.", code="model-unknown", hint=hint)
