"""What brokers have in common: messages that are taken and acknowledged, messages that are published and confirmed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ...errors import ExitCode, PackflowError
from ...reporting import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...jsonlines import BadLineError

Headers = tuple[tuple[str, bytes], ...]

ID_HEADER = "packflow-id"
"""Where the event stood that an outcome belongs to: the same each time that event is delivered."""

ORIGIN_HEADER = "packflow-origin"
"""The id that the event had at the first of several models in a row."""

ERROR_PREFIX = "packflow-error-"
"""Headers of dead letters: ``-code``, ``-step``, ``-type`` and ``-message`` of the error record."""

LINGER_SECONDS = 0.002
"""How long a batch that is not full waits for more where a client hands over what it has fetched in pieces."""


class Message(NamedTuple):
    """One event as a source gives it; ``id`` says where it stands, ``token`` is what the source acknowledges it by.

    ``mark`` tells events of one id apart: those of other groups, and of a topic that was made anew. ``fault`` says why
    the source could not keep the value.
    """

    id: str
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    partition: int | None = None
    token: Any = None
    mark: str = ""
    fault: BadLineError | None = None


class Outgoing(NamedTuple):
    """One message to publish; ``id`` and ``mark`` are those of its event.

    ``record`` is the error record of a dead letter, encoded.
    """

    id: str
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    partition: int | None = None
    mark: str = ""
    record: bytes | None = None


class Unpublished(NamedTuple):
    """Why a message is not published: for now, or, where it is ``refused``, for good (it is too large)."""

    reason: str
    refused: bool = False


class BrokerDownError(Exception):
    """A broker cannot be reached, or cannot do what it is asked to now; trying again may help."""


class Source(Protocol):
    """Where events come from; used by one thread.

    Every method may raise BrokerDownError, after which ``connect`` is called again, and PackflowError for what trying
    again does not mend.
    """

    name: str
    ended: bool

    def connect(self) -> None:
        """Reach the broker, for the first time or again."""

    def take(self, most: int, seconds: float) -> list[Message]:
        """What is there, at most ``most``; waits up to ``seconds`` for the first. None at all is no end."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Say that these are done with: the messages of one ``take``, from the first on, in its order.

        Returns once the broker knows, or once it has given them to somebody else, who will do them again.
        """

    def close(self) -> None:
        """Leave; what is taken and not acknowledged goes to others, or comes again. Never raises."""


class Sink(Protocol):
    """Where outcomes go; used by one thread. Methods raise as those of a source do."""

    name: str

    def connect(self) -> None:
        """Reach the broker, for the first time or again."""

    def publish(self, messages: Sequence[Outgoing]) -> list[Unpublished | None]:
        """For each message None once the broker has confirmed it, or why it is not published."""

    def close(self) -> None:
        """Leave. Never raises."""


def client_module(module: str, distribution: str) -> Any:  # noqa: ANN401 - a library, used through its own names
    """A broker's client library; raises PackflowError, with the command that installs it, where it is absent."""
    import shlex  # noqa: PLC0415 - for the error alone
    import sys  # noqa: PLC0415

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise PackflowError(
            f"The client library {distribution} is not installed in this Python.",
            code="client-missing",
            exit_code=ExitCode.NOT_FOUND,
            hint=f"{shlex.quote(sys.executable)} -m pip install {distribution}\n"
            "or list it in the project's requirements.txt, so that the archive's lock has it.",
        ) from None


def not_there(what: str, hint: str) -> PackflowError:
    """The error for a topic, stream or subject that a broker does not have."""
    return PackflowError(
        f"{printable(what)} does not exist.", code="topic-not-found", exit_code=ExitCode.NOT_FOUND, hint=hint
    )


def not_allowed(name: str, reason: str) -> PackflowError:
    """The error for a broker that does not let us in."""
    return PackflowError(
        f"{name} refuses this client: {printable(reason)}.",
        code="access-refused",
        exit_code=ExitCode.NOT_FOUND,
        hint="Check the file that --source-properties or --sink-properties names.",
    )
