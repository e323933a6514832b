"""Redis Streams, by redis-py: consumer groups, and the pending entries of consumers that are gone.

An entry is one event: field ``value`` holds it, ``key`` its key, every other field is a header. What a consumer was
given and has not acknowledged stays pending; entries that are so for ``claim-after`` seconds are taken over.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from typing import TYPE_CHECKING, Any

from .addresses import address_error, refuse_properties
from .certificates import tls_context
from .messages import BrokerDownError, Message, Outgoing, Unpublished, client_module, not_allowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .addresses import Address, Pipe

_ANSWER_SECONDS = 10.0
_PROPERTIES = {"username", "password", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"}
_NAMED = (b"value", b"key")


def open_source(address: Address, properties: dict[str, str], pipe: Pipe) -> RedisSource:
    """A stream, read by a consumer group; raises PackflowError."""
    del pipe
    own = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    options = address.chosen({"group": "", "from": "earliest", "consumer": own, "claim-after": "60", "db": "0"})
    return RedisSource(address, properties, options)


def open_sink(address: Address, properties: dict[str, str], descriptor: int) -> RedisSink:
    """A stream, added to; raises PackflowError."""
    del descriptor
    return RedisSink(address, properties, address.chosen({"maxlen": "0", "db": "0"}))


class _Client:
    """What both ends share: a connection that is made again when it is used."""

    def __init__(self, address: Address, properties: dict[str, str], options: dict[str, str]) -> None:
        refuse_properties(str(address), properties, _PROPERTIES)
        self.name = str(address)
        self._stream = address.name.encode()
        library = client_module("redis", "redis")
        self._errors = library.exceptions
        (host, port), *others = address.hosts
        if others:
            raise address_error(f"{self.name} names several servers.", "Name one: Redis Cluster is not followed.")
        self._is_up = False
        self._redis = library.Redis(
            host=host,
            port=port,
            db=int(address.number(options, "db")),
            ssl=address.scheme == "rediss",
            protocol=2,
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_ANSWER_SECONDS / 2,
            retry=None,  # whoever calls tries again, and knows what that may double
            **_settings(address, properties),
        )

    def _done(self, *words: Any) -> Any:  # noqa: ANN401 - a command and its answer
        """One command's answer; raises BrokerDownError and PackflowError."""
        try:
            answer = self._redis.execute_command(*words)
        except self._errors.RedisError as error:
            raise self._raised(error) from None
        self._is_up = True
        return answer

    def _raised(self, error: Exception) -> Exception:
        errors = self._errors
        self._is_up = False
        if isinstance(error, errors.AuthenticationError | errors.NoPermissionError) or "NOAUTH" in str(error):
            return not_allowed(self.name, str(error))
        if str(error).startswith("WRONGTYPE"):
            return address_error(f"{self.name} is there, and no stream.", "Name another stream.")
        return BrokerDownError(str(error))

    def close(self) -> None:
        """End the connection."""
        self._redis.close()


class RedisSource(_Client):
    """One stream, whose entries the processes of a group share."""

    ended = False

    def __init__(self, address: Address, properties: dict[str, str], options: dict[str, str]) -> None:
        super().__init__(address, properties, options)
        self._group = address.group(options)
        self._start = "$" if address.starts_late(options) else "0"
        self._consumer = options["consumer"]
        self._claim_ms = int(1000 * address.number(options, "claim-after", least=0.001))
        self._own: str | None = "0"  # after which entry our own pending ones are asked for; None once there are none
        self._cursor = "0-0"
        self._claim_at = 0.0

    def connect(self) -> None:
        """Make the group where it is not there; what an answer that got lost had given us is asked for first."""
        try:
            self._done("XGROUP", "CREATE", self._stream, self._group, self._start, "MKSTREAM")
        except BrokerDownError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._start = "0"  # a group that vanished with the broker's memory is not to skip what came since
        self._own = "0"

    def take(self, most: int, seconds: float) -> list[Message]:
        """Our own entries of before a break, then those of the dead, then new ones."""
        while self._own is not None:
            entries = self._read(most, self._own, None)
            self._own = entries[-1][0].decode() if entries else None
            batch = self._messages(entries)
            if batch:
                return batch
        if time.monotonic() >= self._claim_at:
            claimed = self._claimed(most)
            if claimed:
                return claimed
        return self._messages(self._read(most, ">", seconds))

    def _read(self, most: int, after: str, seconds: float | None) -> list[Any]:
        blocking = () if seconds is None else ("BLOCK", max(1, int(1000 * seconds)))
        words = ("XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", most, *blocking)
        answer = self._done(*words, "STREAMS", self._stream, after)
        return answer[0][1] if answer else []

    def _claimed(self, most: int) -> list[Message]:
        """What others have had for too long; looked for again at once while there is more, and now and then else."""
        answer = self._done(
            "XAUTOCLAIM", self._stream, self._group, self._consumer, self._claim_ms, self._cursor, "COUNT", most
        )
        self._cursor = answer[0].decode()
        batch = self._messages(answer[1])
        if not batch and self._cursor == "0-0":
            self._claim_at = time.monotonic() + min(self._claim_ms / 2000, 5.0)
        return batch

    def _messages(self, entries: list[Any]) -> list[Message]:
        return [self._message(place, fields) for place, fields in entries if place is not None and fields]

    def _message(self, place: bytes, fields: dict[bytes, bytes]) -> Message:
        headers = tuple(
            (name.decode("utf-8", "backslashreplace"), value) for name, value in fields.items() if name not in _NAMED
        )
        text = place.decode()
        return Message(
            f"redis:{self._stream.decode()}/{text}",
            fields.get(b"value"),
            fields.get(b"key"),
            headers,
            token=text,
            mark=self._group,
        )

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Take the entries off the pending ones."""
        self._done("XACK", self._stream, self._group, *(message.token for message in messages))

    def close(self) -> None:
        """Remove our name from the group where nothing is pending under it, so that names do not pile up."""
        try:
            if self._is_up and not self._redis.xpending_range(self._stream, self._group, "-", "+", 1, self._consumer):
                self._done("XGROUP", "DELCONSUMER", self._stream, self._group, self._consumer)
        except Exception:  # noqa: BLE001, S110 - a courtesy to a broker that may be gone
            pass
        super().close()


class RedisSink(_Client):
    """One stream, with ``maxlen`` entries at least where that is given; a batch is added as a whole or not at all."""

    def __init__(self, address: Address, properties: dict[str, str], options: dict[str, str]) -> None:
        super().__init__(address, properties, options)
        longest = int(address.number(options, "maxlen"))
        self._trimming: tuple[object, ...] = ("MAXLEN", "~", longest) if longest else ()

    def connect(self) -> None:
        """See whether it answers."""
        self._done("PING")

    def publish(self, messages: Sequence[Outgoing]) -> list[Unpublished | None]:
        """Add all in one transaction."""
        pipeline = self._redis.pipeline(transaction=True)
        for message in messages:
            fields: list[object] = [] if message.value is None else [b"value", message.value]
            if message.key is not None:
                fields += [b"key", message.key]
            for name, value in message.headers:
                fields += [f"header-{name}" if name.encode() in _NAMED else name, value]
            pipeline.execute_command("XADD", self._stream, *self._trimming, "*", *fields)
        try:
            pipeline.execute()
        except self._errors.RedisError as error:
            raise self._raised(error) from None
        finally:
            pipeline.reset()
        return [None] * len(messages)


def _settings(address: Address, properties: dict[str, str]) -> dict[str, Any]:
    """The client's settings from a file's properties; raises PackflowError for what would be of no effect."""
    settings: dict[str, Any] = {**properties}
    of_tls = sorted(key for key in properties if key.startswith("ssl_"))
    if address.scheme == "redis" and of_tls:
        raise address_error(f"{address} does not use TLS, and yet there is {', '.join(of_tls)}.", "Write rediss://.")
    if address.scheme == "rediss":  # the client itself would try again and again to read them
        tls_context(str(address), *(properties.get(key) for key in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")))
    checks = properties.get("ssl_check_hostname", "true").lower()
    if checks not in ("true", "false"):
        raise address_error(
            f"{address}: ssl_check_hostname={checks} is neither true nor false.", "Mend the properties file."
        )
    if "ssl_check_hostname" in properties:
        settings["ssl_check_hostname"] = checks == "true"
    return settings
