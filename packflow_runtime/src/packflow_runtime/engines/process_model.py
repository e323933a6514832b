"""The model in a process of an engine: loaded once, held to its pickle allowlist in its own calls and nowhere else."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cached_copies import bytecode_dir, cache_root, find_tree
from ..codec import choose_codec
from ..environment_start import hold_copy
from ..errors import ExitCode, PackflowError
from ..lines import Lines
from ..loading import load_tree
from ..manifest import MANIFEST_NAME, parse_manifest
from ..missing_requirements import explained
from ..opening import opened_target
from ..outcomes import EventRunner
from ..outputs import ERROR_KEY
from ..stream import ends_on_failure, failure_of_event
from ..target import Target
from .shipped import stateful_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    from .shipped import ShippedModel

    Fetch: TypeAlias = Callable[[], AbstractContextManager[Path]]

_INSTALL = "Install them where the engine's processes run, on every node."
_models: dict[bytes, ProcessModel] = {}
_loading = threading.Lock()


class ProcessModel:
    """A loaded model; one call at a time, whatever threads the engine has."""

    def __init__(self, target: Target, shipped: ShippedModel) -> None:
        assert target.manifest is not None  # noqa: S101 - of an archive
        hold_copy(target)
        try:
            self.backend = load_tree(target.tree, target.manifest, dict(shipped.config), target.bytecode_dir)
        except PackflowError as error:
            raise explained(error, target.manifest, _INSTALL) from error
        if self.backend.stateful:
            raise stateful_error(shipped.name)
        schema = None
        if shipped.strict_input:
            from ..input_schema import InputSchema, shipped_schema  # noqa: PLC0415 - only where it is asked for

            schema = InputSchema(shipped_schema(target))
        self._runner = EventRunner(self.backend, choose_codec(shipped.codec, shipped.limits), schema=schema)
        self._batch_size = shipped.batch_size
        self.raises = ends_on_failure(self.backend)
        self._calling = threading.Lock()

    def run(self, numbers: Sequence[int], raws: Sequence[bytes]) -> tuple[list[bytes], dict[int, str]]:
        """The encoded outcome of each event, and by index the codes of those that failed."""
        encoded: list[bytes] = []
        codes: dict[int, str] = {}
        for start in range(0, len(raws), self._batch_size):
            part = slice(start, start + self._batch_size)
            with self._calling:
                outcomes = self._runner.run(Lines(numbers[part], list(raws[part])))
            encoded += outcomes.encoded
            codes.update({start + index: code for index, code in outcomes.codes.items()})
        return encoded, codes

    def score(self, numbers: Sequence[int], raws: Sequence[bytes]) -> tuple[list[bytes], dict[int, dict[str, Any]]]:
        """The encoded outcome of each event, and by index what the error records of those that failed say.

        Raises InferenceBackendRuntimeError for an event that the model fails on where its configuration has
        ``on_error: raise``.
        """
        encoded, codes = self.run(numbers, raws)
        errors = {index: json.loads(encoded[index])[ERROR_KEY] for index in sorted(codes)}
        if self.raises:
            for record in errors.values():
                if record["step"] != "decode":
                    raise failure_of_event(record)
        return encoded, errors


def process_model(shipped: ShippedModel, fetch: Fetch) -> ProcessModel:
    """The model of this process, loaded when it is first asked for; ``fetch`` opens a place that has the archive.

    Every byte is checked against the digest that was shipped. Raises PackflowError where the archive is another one,
    or the model does not load.
    """
    with _loading:
        if shipped.key not in _models:
            _models[shipped.key] = ProcessModel(_checked_copy(shipped, fetch), shipped)
        return _models[shipped.key]


def _checked_copy(shipped: ShippedModel, fetch: Fetch) -> Target:
    """The archive's checked copy, which this machine's cache may have already."""
    root = cache_root()
    tree = find_tree(root, shipped.digest)
    if tree is not None:
        manifest = parse_manifest(Path(tree, MANIFEST_NAME).read_bytes())
        return Target(shipped.name, Path(tree), manifest, bytecode_dir(root))
    with fetch() as archive:
        target = opened_target(archive)
    if target.manifest is None or target.digest() != shipped.digest:
        raise PackflowError(
            f"{shipped.name} is not the archive that the job was written with.",
            code="archive-changed",
            exit_code=ExitCode.CHECK_FAILED,
            hint="Start the job again, and leave the archive as it is while it runs.",
        )
    return target
