"""Two archives on the same events, each in processes of its own and in the environment that it requires."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .codec import StdlibCodec
from .compression import PlainReader
from .environment_start import hold, hold_copy
from .environments import MARK, find_environment
from .errors import ExitCode, PackflowError
from .jsonlines import decode_event, is_blank
from .lines import LineReader
from .model_comparison import ModelComparison, describe_models
from .replaying import run_one_by_one
from .supervised import ModelChild, ModelSource, SupervisedModel
from .target_children import explained_for, model_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from .equality import Rule
    from .target import Target


@dataclass(frozen=True)
class Sampled:
    """The first events of a file as encoded lines; ``invalid`` counts lines among them that are none."""

    events: list[bytes]
    invalid: int
    is_all: bool


def compare_targets(
    old: Target, new: Target, events: Sequence[bytes], rule: Rule, *, timeout: float, environments: bool
) -> ModelComparison:
    """Run both one by one on these events and compare; raises PackflowError when one cannot be loaded.

    With ``environments`` each runs in the one that ``install`` made for it. A stateless model that dies of an event
    fails on that event alone.
    """
    outcomes = [_outcomes(target, events, timeout=timeout, environments=environments) for target in (old, new)]
    return describe_models(label_of(old), label_of(new), outcomes[0], outcomes[1], rule)


def label_of(target: Target) -> str:
    """How people know a target: name and version."""
    if target.manifest is not None:
        return f"{target.manifest.name} {target.manifest.version}"
    from .project import read_project_config  # noqa: PLC0415 - an archive has a manifest

    config = read_project_config(target.tree)
    return f"{config.name} {config.version}"


def first_events(path: Path, limit: int) -> Sampled:
    """The first ``limit`` events of a file of JSON lines, which may be packed; raises PackflowError."""
    events: list[bytes] = []
    invalid = 0
    codec = StdlibCodec()
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise _unreadable(path, IsADirectoryError(21, "it is a folder"))
        reader = PlainReader(lambda size: os.read(descriptor, size))
        for block in LineReader(reader.read, codec.limits).blocks():
            for number, line in zip(block.numbers, block.raws, strict=True):
                if len(events) == limit:
                    return Sampled(events, invalid, is_all=False)
                if is_blank(line):
                    continue
                if number in block.faults or codec.decode([line])[1]:
                    invalid += 1
                else:
                    events.append(line)
    except (OSError, EOFError) as error:
        raise _unreadable(path, error) from None
    finally:
        os.close(descriptor)
    return Sampled(events, invalid, is_all=True)


def _outcomes(target: Target, events: Sequence[bytes], *, timeout: float, environments: bool) -> list[dict[str, Any]]:
    hold_copy(target)
    source = model_source(target)
    found = find_environment(target.manifest) if environments and target.manifest is not None else None
    if found is not None:
        source = replace(source, python=found.python)
        hold(os.path.join(found.folder, MARK))
    if found is None:
        target.check_python()
    if _is_stateful(target):  # a child that is started again would have forgotten
        return run_one_by_one(target, source, events, timeout=timeout)
    return _supervised(target, source, events, timeout=timeout)


def _is_stateful(target: Target) -> bool:
    return target.manifest.stateful if target.manifest is not None else False


def _supervised(
    target: Target, source: ModelSource, events: Sequence[bytes], *, timeout: float
) -> list[dict[str, Any]]:
    from .lines import Lines  # noqa: PLC0415 - beside its reader

    model = SupervisedModel(ModelChild(source, timeout=timeout))
    try:
        try:
            model.start()
        except PackflowError as error:
            if error.code == "stateful":  # a project does not say so before it is loaded
                return run_one_by_one(target, source, events, timeout=timeout)
            raise explained_for(target, error) from error
        return [decode_event(model.run(Lines([number], [event])).encoded[0]) for number, event in enumerate(events, 1)]
    finally:
        model.close()


def _unreadable(path: Path, error: Exception) -> PackflowError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return PackflowError(
        f"The events file {path} cannot be read: {reason}.",
        code="events-not-found",
        exit_code=ExitCode.NOT_FOUND,
        hint="Name a file of JSON lines, plain or packed with gzip or zstd.",
    )
