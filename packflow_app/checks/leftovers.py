"""What training leaves behind and inference does not need."""

from __future__ import annotations

import ast
import fnmatch
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.checks.code import models_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context

_DATA = frozenset(
    [
        ".csv",
        ".tsv",
        ".parquet",
        ".feather",
        ".arrow",
        ".orc",
        ".avro",
        ".xlsx",
        ".xls",
        ".sqlite",
        ".sas7bdat",
        ".dta",
        ".tfrecord",
        ".lmdb",
    ]
)
_DATA_BYTES = 64 << 10  # a smaller table is more likely a lookup of the model's
_NOTEBOOKS = frozenset((".ipynb", ".rmd"))
_CHECKPOINTS = (
    "checkpoint-*/*",
    "*/checkpoint-*/*",
    "checkpoints/*",
    "*/checkpoints/*",
    "optimizer.pt",
    "*/optimizer.pt",
    "scheduler.pt",
    "*/scheduler.pt",
    "rng_state*.pth",
    "*/rng_state*.pth",
    "trainer_state.json",
    "*/trainer_state.json",
    "training_args.bin",
    "*/training_args.bin",
    "events.out.tfevents.*",
    "*/events.out.tfevents.*",
    "mlruns/*",
    "wandb/*",
    "lightning_logs/*",
    "catboost_info/*",
    "*.ckpt",
)
_TRAINING_MODULES = frozenset(
    [
        "wandb",
        "mlflow",
        "optuna",
        "tensorboard",
        "tensorboardX",
        "comet_ml",
        "neptune",
        "clearml",
        "hyperopt",
        "deepspeed",
        "accelerate",
        "pytorch_lightning",
        "lightning",
        "sklearn.model_selection",
        "ray.tune",
        "ray.train",
        "datasets",
        "kaggle",
        "peft",
    ]
)
_LEAVE_OUT = "Leave it out: add it to .packflowignore."


@check(
    "data-left",
    Severity.WARNING,
    why="It makes the archive larger, and shows what the model was trained on to whoever receives it.",
    fix=_LEAVE_OUT,
)
def data_left(context: Context) -> Iterator[Spot]:
    """A data set would ship that the model was not seen reading."""
    for name in _unread(context):
        if PurePosixPath(name).suffix.lower() in _DATA:
            size = _size(context, name)
            if size > _DATA_BYTES:
                yield Spot(f"{name} is a data set of {size:,} bytes.", name)


@check(
    "notebook-left",
    Severity.WARNING,
    why="Inference does not run it, and its outputs may show data that was not meant to leave.",
    fix=_LEAVE_OUT,
)
def notebook_left(context: Context) -> Iterator[Spot]:
    """A notebook would ship."""
    for name in context.contents.files:
        if PurePosixPath(name).suffix.lower() in _NOTEBOOKS:
            yield Spot(f"{name} is a notebook.", name)


@check(
    "checkpoint-left",
    Severity.WARNING,
    why="It makes the archive larger, often several times.",
    fix=_LEAVE_OUT,
)
def checkpoint_left(context: Context) -> Iterator[Spot]:
    """What training keeps to go on from would ship, and the model was not seen reading it."""
    for name in _unread(context):
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in _CHECKPOINTS):
            yield Spot(f"{name} is of training ({_size(context, name):,} bytes).", name)


@check(
    "training-import",
    Severity.WARNING,
    why="Whoever runs the archive then has to install it, and waits for it at each start.",
    fix="Move training into files that do not ship, or import it where it is used.",
)
def training_import(context: Context) -> Iterator[Spot]:
    """The model's code imports what only training uses."""
    for name, tree in models_code(context):
        for node in tree.body:
            modules = _imported(node)
            found = next((module for module in modules if _is_training(module)), None)
            if found is not None:
                yield Spot(f"{name} imports {found}.", name, node.lineno)


def _imported(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _is_training(module: str) -> bool:
    return any(module == known or module.startswith(f"{known}.") for known in _TRAINING_MODULES)


def _unread(context: Context) -> Iterator[str]:
    """The files that would ship and that the last dry run did not see being read."""
    opened = context.verdict.items("opened_files") if context.verdict.is_fresh else []
    read = {name for name in opened if isinstance(name, str)}
    return (name for name in context.contents.files if name not in read)


def _size(context: Context, name: str) -> int:
    try:
        return context.contents.files[name].stat().st_size
    except OSError:
        return 0
