"""NATS JetStream, by nats-py: a durable pull consumer at one end, publications that the stream confirms at the other.

The client lives on an event loop in a thread of its own, so that heartbeats go on while the model works. It is told not
to reconnect by itself: a service tries again in one place only. Publications carry ``Nats-Msg-Id``, by which the server
drops doubles within the stream's window.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ...errors import ExitCode, PackflowError
from .addresses import address_error, refuse_properties
from .certificates import tls_context
from .messages import BrokerDownError, Message, Outgoing, Unpublished, client_module, not_allowed, not_there
from .nats_headers import from_nats, to_nats

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from .addresses import Address, Pipe

_ANSWER_SECONDS = 5.0
_PULL_SECONDS = 5.0  # how long the server keeps a request for messages
_PROPERTIES = {"user", "password", "token", "user_credentials", "nkeys_seed", "tls_ca_file", "tls_cert_file"}
_PROPERTIES |= {"tls", "tls_key_file", "tls_hostname"}
_TOO_LARGE = 10054  # the code of JetStream for a message beyond the stream's max_msg_size


def open_source(address: Address, properties: dict[str, str], pipe: Pipe) -> NatsSource:
    """A subject of a stream, read by a durable consumer; raises PackflowError."""
    del pipe
    options = address.chosen({"group": "", "from": "earliest", "stream": "", "ack-wait": "60"})
    return NatsSource(address, properties, options)


def open_sink(address: Address, properties: dict[str, str], descriptor: int) -> NatsSink:
    """A subject that a stream listens to; raises PackflowError."""
    del descriptor
    address.chosen({})
    if any(part in ("*", ">", "") for part in address.name.split(".")):
        raise address_error(f"{address} is no subject that can be published to.", "Name one without wildcards.")
    return NatsSink(address, properties)


class _Client:
    """A connection on its own loop; made anew by each ``connect``."""

    def __init__(self, address: Address, properties: dict[str, str]) -> None:
        refuse_properties(str(address), properties, _PROPERTIES)
        self.name = str(address)
        self._library = client_module("nats", "nats-py")
        self._servers = [f"nats://{host}:{port}" for host, port in address.hosts]
        self._settings = _settings(str(address), properties)
        self._subject = address.name
        self._connection: Any = None
        self._forbidden = ""  # what the server said that we may not do
        self._was_there = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def _wait(self, work: Coroutine[Any, Any, Any], seconds: float = _ANSWER_SECONDS) -> Any:  # noqa: ANN401 - its result
        """The result of work on the loop; raises BrokerDownError where it fails or takes too long."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="packflow-nats", daemon=True).start()
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, seconds), self._loop)
        try:
            return future.result(seconds + _ANSWER_SECONDS)
        except (BrokerDownError, PackflowError):
            raise
        except Exception as error:  # noqa: BLE001 - the library raises many kinds, and asyncio others
            raise self._raised(error) from None

    def _raised(self, error: Exception) -> Exception:
        if isinstance(error, ImportError):  # nkeys, which only some ways to prove oneself need
            return address_error(f"{self.name}: {error}.", "python -m pip install 'nats-py[nkeys]'")
        if self._forbidden:
            return not_allowed(self.name, self._forbidden)
        if isinstance(error, asyncio.TimeoutError):
            return BrokerDownError("there was no answer in time")
        said = str(error) or type(error).__name__
        if not self._was_there and "uthorization" in said:
            return not_allowed(self.name, said)
        return BrokerDownError(said)

    def _check_allowed(self) -> None:
        """Raise PackflowError where the server has refused something: it says so aside, and answers nothing."""
        if self._forbidden:
            raise not_allowed(self.name, self._forbidden)

    async def _told(self, error: Exception) -> None:
        """What goes wrong in the background is met again by whoever waits for something, but for what is forbidden."""
        if "ermissions" in str(error):
            self._forbidden = str(error).removeprefix("nats: ")

    async def _connect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        self._forbidden = ""
        self._connection = self._client()
        await self._connection.connect(
            servers=self._servers,
            name="packflow",
            allow_reconnect=False,
            max_reconnect_attempts=1,
            connect_timeout=_ANSWER_SECONDS / 2,
            error_cb=self._told,
            **self._settings,
        )

    def _client(self) -> Any:  # noqa: ANN401 - a client of the library
        """A client; one that is to encrypt says nothing, and no password, to a server that does not.

        Of itself the library encrypts where the server asks for it, whatever settings it is given.
        """
        if "tls" not in self._settings:
            return self._library.NATS()
        plain = PackflowError(
            f"{self.name} starts no TLS, which the properties ask for; nothing was sent to it.",
            code="not-encrypted",
            exit_code=ExitCode.NOT_FOUND,
            hint="Have the server demand TLS, or remove the properties that start with tls.",
        )

        class Encrypted(self._library.NATS):  # type: ignore[misc, name-defined]
            def _connect_command(self) -> Any:  # noqa: ANN401 - the library's own
                if not self._server_info.get("tls_required"):
                    raise plain
                return super()._connect_command()

        return Encrypted()

    async def _stream_of(self, subject: str) -> str:
        """The stream that listens to a subject; raises PackflowError where there never was one."""
        answer = await self._ask("$JS.API.STREAM.NAMES", {"subject": subject})
        if "error" in answer:
            raise BrokerDownError(str(answer["error"].get("description")))
        names: list[str] = answer.get("streams") or []
        if not names:
            if self._was_there:
                raise BrokerDownError(f"no stream has the subject {subject} now")
            raise not_there(
                f"A stream with the subject {subject} on {self.name}",
                f"nats stream add --subjects {subject}, or mend the address.",
            )
        return names[0]

    async def _ask(self, subject: str, request: dict[str, Any]) -> dict[str, Any]:
        """JetStream's answer to a request; raises BrokerDownError where it has no JetStream, or none that is up."""
        answer = await self._connection.request(subject, json.dumps(request).encode(), timeout=_ANSWER_SECONDS)
        found: dict[str, Any] = json.loads(answer.data)
        return found

    def close(self) -> None:
        """End the connection and the loop."""
        loop = self._loop
        if loop is None:
            return
        if self._connection is not None:
            with suppress(BrokerDownError, PackflowError):
                self._wait(self._connection.close())
        loop.call_soon_threadsafe(loop.stop)


class NatsSource(_Client):
    """The messages of one subject, which the processes of a group (a durable consumer) share."""

    ended = False

    def __init__(self, address: Address, properties: dict[str, str], options: dict[str, str]) -> None:
        super().__init__(address, properties)
        self._group = address.group(options)
        if not self._group.isascii() or not self._group.replace("-", "").replace("_", "").isalnum():
            raise address_error(
                f"{address}: group={self._group} is no consumer's name.", "Use letters, digits, - and _."
            )
        self._has_wildcard = bool({"*", ">"}.intersection(self._subject.split(".")))
        self._stream = options["stream"]
        self._policy = "new" if address.starts_late(options) else "all"
        self._ack_wait = address.number(options, "ack-wait", least=0.1)
        self._waiting: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._wanted = 0  # messages that the server was asked for and has not sent
        self._asked_at = 0.0
        self._lost = ""

    def connect(self) -> None:
        """Make the durable consumer where it is not there, and an inbox to have messages sent to."""
        self._wait(self._open(), 2 * _ANSWER_SECONDS)
        self._was_there = True

    async def _open(self) -> None:
        await self._connect()
        self._waiting.clear()  # they come again
        self._arrived = asyncio.Event()
        self._wanted, self._lost = 0, ""
        stream = self._stream or await self._stream_of(self._subject)
        config = {
            "durable_name": self._group,
            "ack_policy": "explicit",
            "ack_wait": int(self._ack_wait * 1e9),
            "deliver_policy": self._policy,
            "filter_subject": self._subject,
            "max_deliver": -1,
            "max_ack_pending": -1,
        }
        self._stream = stream
        about = f"{stream}.{self._group}"
        answer = await self._ask(f"$JS.API.CONSUMER.INFO.{about}", {})
        if "error" in answer:
            request = {"stream_name": stream, "config": config}
            answer = await self._ask(f"$JS.API.CONSUMER.DURABLE.CREATE.{about}", request)
        if "error" in answer:
            raise self._refusal(answer["error"])
        found = answer["config"]
        if found.get("ack_policy") != "explicit" or found.get("deliver_subject") or not self._is_ours(found):
            raise address_error(
                f"{self.name}: the consumer {self._group} is there already, and of another kind.",
                "Name another group: it must be a pull consumer of this subject with explicit acknowledgement.",
            )
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{about}"
        self._inbox = self._connection.new_inbox()
        await self._connection.subscribe(self._inbox, cb=self._received)

    def _is_ours(self, config: dict[str, Any]) -> bool:
        return bool(config.get("filter_subject", self._subject) == self._subject)

    def _refusal(self, error: dict[str, Any]) -> Exception:
        said = f"{error.get('description')} ({error.get('err_code')})"
        if error.get("code") == 404 and not self._was_there:
            return not_there(f"The stream {self._stream} on {self.name}", "Create it, or mend the address.")
        return BrokerDownError(said)

    async def _received(self, message: Any) -> None:  # noqa: ANN401 - a message of the library
        headers = message.headers
        if headers and "Status" in headers and not message.reply:
            self._wanted = 0  # the request has ended
            if headers["Status"] not in ("404", "408"):  # nothing is there, or its time is over
                self._lost = f"{headers['Status']} {headers.get('Description', 'no responders')}"
            return
        self._wanted -= 1
        # $JS.ACK.[DOMAIN.HASH.]STREAM.CONSUMER.DELIVERED.SEQUENCE.CONSUMER_SEQUENCE.TIME.PENDING[.TOKEN]
        parts = message.reply.split(".")
        start = 2 if len(parts) == 9 else 4
        stream, sequence, moment = parts[start], parts[start + 3], parts[start + 5]
        key, kept = from_nats(headers)
        if key is None and self._has_wildcard:
            key = message.subject.encode()
        self._waiting.append(
            Message(
                f"nats:{stream}/{sequence}",
                message.data,
                key,
                kept,
                token=message.reply,
                mark=f"{self._group}.{moment}",
            )
        )
        self._arrived.set()

    def take(self, most: int, seconds: float) -> list[Message]:
        """What the server has sent; the next messages are asked for in advance, while the model works."""
        self._check_allowed()
        batch: list[Message] = self._wait(self._take(most, seconds), seconds + _ANSWER_SECONDS)
        return batch

    async def _take(self, most: int, seconds: float) -> list[Message]:
        if not self._connection.is_connected:
            raise BrokerDownError("the connection has ended")
        if self._lost:
            raise BrokerDownError(self._lost)
        await self._ask_for(most)
        if not self._waiting:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), seconds)
            except asyncio.TimeoutError:
                return []
            await asyncio.sleep(0)  # the rest of what came with the first
        batch = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        await self._ask_for(most)
        return batch

    async def _ask_for(self, most: int) -> None:
        """Ask for a batch where none is asked for, or where the server has forgotten that it was."""
        now = time.monotonic()
        if self._wanted > 0 and now - self._asked_at < 2 * _PULL_SECONDS:
            return
        if len(self._waiting) >= most:
            return
        self._wanted, self._asked_at = most, now
        request = {"batch": most, "expires": int(_PULL_SECONDS * 1e9)}
        await self._connection.publish(self._next, json.dumps(request).encode(), reply=self._inbox)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Say so to the server, and wait until it has heard it."""
        self._wait(self._acknowledge(messages))

    async def _acknowledge(self, messages: Sequence[Message]) -> None:
        connection = self._connection
        if not connection.is_connected:
            raise BrokerDownError("the connection has ended")
        for message in messages:
            await connection.publish(message.token, b"+ACK")
        await connection.flush(timeout=_ANSWER_SECONDS)

    def close(self) -> None:
        """Give back what was sent and is not begun, so that others get it at once."""
        if self._connection is not None and self._connection.is_connected:
            with suppress(BrokerDownError, PackflowError):
                self._wait(self._give_back())
        super().close()

    async def _give_back(self) -> None:
        for message in self._waiting:
            await self._connection.publish(message.token, b"-NAK")
        await self._connection.flush(timeout=_ANSWER_SECONDS)


class NatsSink(_Client):
    """One subject; each message is confirmed by the stream that keeps it."""

    def __init__(self, address: Address, properties: dict[str, str]) -> None:
        super().__init__(address, properties)
        self._confirmed: dict[str, Any] = {}
        self._all_there = asyncio.Event()
        self._expected = 0
        self._round = ""

    def connect(self) -> None:
        """Connect, and find the stream."""
        self._wait(self._open(), 2 * _ANSWER_SECONDS)
        self._was_there = True

    async def _open(self) -> None:
        await self._connect()
        await self._stream_of(self._subject)
        self._inbox = self._connection.new_inbox()
        await self._connection.subscribe(f"{self._inbox}.*", cb=self._received)

    async def _received(self, message: Any) -> None:  # noqa: ANN401 - a message of the library
        if not message.subject.startswith(self._round):
            return  # late, of a round that was given up
        self._confirmed[message.subject] = message
        if len(self._confirmed) >= self._expected:
            self._all_there.set()

    def publish(self, messages: Sequence[Outgoing]) -> list[Unpublished | None]:
        """Publish all, and wait for the stream's answer to each."""
        fates: list[Unpublished | None] = self._wait(self._publish(messages), 3 * _ANSWER_SECONDS)
        self._check_allowed()
        return fates

    async def _publish(self, messages: Sequence[Outgoing]) -> list[Unpublished | None]:
        connection = self._connection
        if not connection.is_connected:
            raise BrokerDownError("the connection has ended")
        self._confirmed = {}
        self._all_there = asyncio.Event()
        self._expected = len(messages)
        self._round = f"{self._inbox}.{time.monotonic_ns()}-"
        fates: list[Unpublished | None] = [Unpublished("the stream has not confirmed it")] * len(messages)
        for index, message in enumerate(messages):
            headers = to_nats(message, self._subject)
            size = len(message.value or b"") + sum(len(name) + len(value) + 4 for name, value in headers.items()) + 16
            if size > connection.max_payload:
                fates[index] = Unpublished(f"{size:,} bytes are more than the server takes", refused=True)
                self._expected -= 1
                continue
            await connection.publish(
                self._subject, message.value or b"", reply=f"{self._round}{index}", headers=headers
            )
        if self._expected > len(self._confirmed):
            with suppress(asyncio.TimeoutError):  # those that are confirmed by then are
                await asyncio.wait_for(self._all_there.wait(), _ANSWER_SECONDS)
        for subject, answer in self._confirmed.items():
            fates[int(subject[len(self._round) :])] = _fate(answer)
        return fates


def _fate(answer: Any) -> Unpublished | None:  # noqa: ANN401 - a message of the library
    if answer.headers and "Status" in answer.headers:
        return Unpublished("no stream listens to the subject now")
    error = json.loads(answer.data).get("error")
    if error is None:
        return None
    return Unpublished(str(error.get("description")), refused=error.get("err_code") == _TOO_LARGE)


def _settings(name: str, properties: dict[str, str]) -> dict[str, Any]:
    """The client's settings from a file's properties."""
    asked = properties.get("tls", "true").lower()
    if asked not in ("true", "false"):
        raise address_error(f"{name}: tls={asked} is neither true nor false.", "Mend the properties file.")
    settings: dict[str, Any] = {key: value for key, value in properties.items() if not key.startswith("tls")}
    of_tls = {key: value for key, value in properties.items() if key.startswith("tls_")}
    if asked == "false" and of_tls:
        raise address_error(f"{name}: tls=false, and yet there is {', '.join(of_tls)}.", "Mend the properties file.")
    if of_tls or ("tls" in properties and asked == "true"):
        if "tls_hostname" in of_tls:
            settings["tls_hostname"] = of_tls["tls_hostname"]
        files = (of_tls.get(key) for key in ("tls_ca_file", "tls_cert_file", "tls_key_file"))
        settings["tls"] = tls_context(name, *files)
    return settings
