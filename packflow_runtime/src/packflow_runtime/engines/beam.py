"""Score the events of a Beam pipeline with the model of an archive.

Importing this module imports Apache Beam. Workers need this runtime and what the model requires.
"""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..dead_letters import letter
from ..errors import PackflowError
from .fetching import written_file
from .installed import engine_module
from .process_model import process_model
from .shipped import ShippedModel, checked_archive, configuration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    import apache_beam as beam
else:
    beam = engine_module("apache_beam")
_windowed_value = engine_module("apache_beam.utils.windowed_value")
DEAD_LETTERS, OUTPUTS = "dead_letters", "outputs"


class RunPackflow(beam.PTransform):
    """From a PCollection of events to two: ``.outputs`` and ``.dead_letters``, each with its event's time and window.

    An event is JSON text, as bytes or str; outputs are JSON text (str). A dead letter is a line as ``run
    --dead-letters`` writes it: the error and the event; ``line`` counts the events of a bundle from 1.

    ``archive`` is a path on this machine and on every worker, or a place in a file system that Beam knows, such as
    ``gs://``. The model gets at most ``batch_size`` events of a bundle a call; ``config`` goes over its configuration.
    Raises PackflowError for an archive that does not verify, or a stateful model.
    """

    def __init__(
        self, archive: str, *, batch_size: int = 64, codec: str = "auto", config: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._fetch = _Fetch(str(archive))
        with self._fetch() as path:
            self._model = checked_archive(path, batch_size=batch_size, codec=codec, config=configuration(config))

    def expand(self, events: Any) -> Any:  # noqa: ANN401 - PCollections
        """Apply it."""
        return events | beam.ParDo(_Scoring(self._model, self._fetch)).with_outputs(DEAD_LETTERS, main=OUTPUTS)


class _Fetch:
    def __init__(self, place: str) -> None:
        self.place = place

    def __call__(self) -> AbstractContextManager[Path]:
        """The archive as a file of this machine."""
        filesystems = engine_module("apache_beam.io.filesystems").FileSystems
        if filesystems.get_scheme(self.place) is None:
            return nullcontext(Path(self.place))
        name = self.place.rpartition("/")[2]
        return written_file(name, lambda file: shutil.copyfileobj(filesystems.open(self.place), file))


class _Scoring(beam.DoFn):
    """Holds the events of a bundle until the model can take them together, at the latest at the bundle's end."""

    def __init__(self, model: ShippedModel, fetch: _Fetch) -> None:
        self._shipped, self._fetch = model, fetch

    def setup(self) -> None:
        self._model = process_model(self._shipped, self._fetch)

    def start_bundle(self) -> None:
        self._held: list[tuple[bytes, Any, Any]] = []
        self._count = 0

    def process(
        self,
        event: bytes | str,
        timestamp: Any = beam.DoFn.TimestampParam,  # noqa: ANN401
        window: Any = beam.DoFn.WindowParam,  # noqa: ANN401
    ) -> Iterator[Any]:
        if not isinstance(event, (bytes, str)):
            raise PackflowError(
                f"An element is {type(event).__name__}; expected is JSON text, as bytes or str.",
                code="event-type",
                hint="Write `| beam.Map(json.dumps)` before.",
            )
        raw = event if isinstance(event, bytes) else event.encode("utf-8", "surrogatepass")
        self._held.append((raw, timestamp, window))
        if len(self._held) >= self._shipped.batch_size:
            yield from self._scored()

    def finish_bundle(self) -> Iterator[Any]:
        if self._held:
            yield from self._scored()

    def _scored(self) -> Iterator[Any]:
        held, self._held = self._held, []
        numbers = range(self._count + 1, self._count + 1 + len(held))
        self._count += len(held)
        encoded, failed = self._model.score(numbers, [raw for raw, _, _ in held])
        for index, (outcome, (raw, timestamp, window)) in enumerate(zip(encoded, held, strict=True)):
            text = letter(outcome, raw).rstrip(b"\n") if index in failed else outcome
            value = _windowed_value.WindowedValue(text.decode(), timestamp, (window,))
            yield beam.pvalue.TaggedOutput(DEAD_LETTERS, value) if index in failed else value
