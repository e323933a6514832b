"""Doubles of brokers' client libraries: their surface as far as Packflow uses it, over a broker in memory."""

from __future__ import annotations

import threading
from collections import deque
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class KafkaError:
    """Codes as confluent-kafka numbers them."""

    MSG_SIZE_TOO_LARGE, RECORD_LIST_TOO_LARGE, INVALID_RECORD = 10, 18, 87
    ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS, FENCED_INSTANCE_ID = 22, 25, 27, 82
    UNKNOWN_TOPIC_OR_PART, TOPIC_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED = 3, 29, 31
    COORDINATOR_NOT_AVAILABLE, GROUP_AUTHORIZATION_FAILED = 15, 30
    _ALL_BROKERS_DOWN, _AUTHENTICATION, _SSL, _TIMED_OUT, _TRANSPORT, UNKNOWN_TOPIC = -187, -169, -181, -185, -195, -188

    def __init__(self, code: int, text: str = "", *, fatal: bool = False) -> None:
        self._code, self._text, self._is_fatal = code, text or f"error {code}", fatal

    def code(self) -> int:
        return self._code

    def str(self) -> str:
        return self._text

    def fatal(self) -> bool:
        return self._is_fatal


class KafkaException(Exception):  # noqa: N818 - the library's name
    """Carries a KafkaError."""


class KafkaMessage:
    def __init__(self, partition: int, offset: int, value: bytes | None, **more: Any) -> None:
        self._fields = {"topic": "in", "partition": partition, "offset": offset, "value": value, **more}

    def __getattr__(self, name: str) -> Callable[[], Any]:
        value = (7, 1000) if name == "timestamp" else self._fields.get(name)
        return lambda: value


class KafkaCluster:
    """One broker with one topic; what is put into its lists happens next."""

    def __init__(self) -> None:
        self.partitions = 2
        self.topic_error: KafkaError | None = None
        self.is_away = False
        self.complaints: list[KafkaError] = []
        self.fetched: deque[KafkaMessage] = deque()
        self.committed: dict[int, int] = {}
        self.commit_error: KafkaError | None = None
        self.answering = threading.Event()
        self.answering.set()
        self.commits = 0
        self.calls: list[tuple[str, list[int]]] = []
        self.place_error: KafkaError | None = None
        self.delivery_errors: dict[bytes, KafkaError] = {}
        self.refusals: dict[bytes, KafkaError] = {}
        self.full_for = 0
        self.never_answers: set[bytes] = set()
        self.produced: list[dict[str, Any]] = []
        self.made: list[_KafkaClient] = []

    def client_module(self) -> ModuleType:
        module: Any = ModuleType("confluent_kafka")
        module.KafkaError, module.KafkaException = KafkaError, KafkaException
        module.TopicPartition = lambda topic, partition, offset: SimpleNamespace(
            topic=topic, partition=partition, offset=offset, error=None
        )
        module.Consumer = lambda config: _KafkaClient(self, config)
        module.Producer = lambda config: _KafkaClient(self, config)
        found: ModuleType = module
        return found


class _KafkaClient:
    def __init__(self, cluster: KafkaCluster, config: dict[str, Any]) -> None:
        self.cluster, self.config = cluster, config
        self.subscribed: dict[str, Any] = {}
        self.queue: list[tuple[bytes, Callable[..., None]]] = []
        self.closed = False
        if config.get("bad"):
            raise KafkaException(KafkaError(-186, "No such configuration property"))
        cluster.made.append(self)

    def list_topics(self, topic: str, timeout: float) -> Any:
        del timeout
        if self.cluster.is_away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT, "Failed to get metadata"))
        partitions = dict.fromkeys(range(self.cluster.partitions))
        return SimpleNamespace(topics={topic: SimpleNamespace(error=self.cluster.topic_error, partitions=partitions)})

    def poll(self, seconds: float) -> KafkaMessage | None:
        del seconds
        while self.cluster.complaints:
            self.config["error_cb"](self.cluster.complaints.pop(0))
        return self.cluster.fetched.popleft() if self.subscribed and self.cluster.fetched else None

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        self.subscribed = {"topics": topics, **callbacks}

    def consume(self, count: int, seconds: float) -> list[KafkaMessage]:
        del seconds
        return [self.cluster.fetched.popleft() for _ in range(min(count, len(self.cluster.fetched)))]

    def commit(self, offsets: Sequence[Any], *, asynchronous: bool) -> Sequence[Any]:
        assert not asynchronous
        self.cluster.commits += 1
        self.cluster.answering.wait()
        if self.cluster.commit_error is not None:
            raise KafkaException(self.cluster.commit_error)
        for place in offsets:
            place.error = self.cluster.place_error
            if place.error is None:
                self.cluster.committed[place.partition] = place.offset
        return offsets

    def assignment(self) -> list[int]:
        return [*range(self.cluster.partitions)]

    def pause(self, partitions: list[int]) -> None:
        self.cluster.calls.append(("pause", partitions))

    def resume(self, partitions: list[int]) -> None:
        self.cluster.calls.append(("resume", partitions))

    def produce(self, topic: str, value: bytes, key: bytes, **more: Any) -> None:
        if self.cluster.full_for:
            self.cluster.full_for -= 1
            raise BufferError("Local: Queue full")
        if value in self.cluster.refusals:
            raise KafkaException(self.cluster.refusals[value])
        self.queue.append((value, more.pop("on_delivery")))
        self.cluster.produced.append({"topic": topic, "value": value, "key": key, **more})

    def flush(self, seconds: float) -> int:
        del seconds
        waiting, self.queue = self.queue, []
        for value, told in waiting:
            if value in self.cluster.never_answers:
                self.queue.append((value, told))
            else:
                told(self.cluster.delivery_errors.get(value), None)
        return len(self.queue)

    def purge(self) -> None:
        self.cluster.never_answers.clear()
        for value, _ in self.queue:
            self.cluster.delivery_errors[value] = KafkaError(-152, "Purged in queue")

    def __len__(self) -> int:
        return len(self.queue)

    def close(self) -> None:
        self.closed = True


class RedisServer:
    """Answers commands from a script, in redis-py's shapes, and notes them."""

    def __init__(self, answers: dict[str, list[Any]] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[tuple[Any, ...]] = []
        self.settings: dict[str, Any] = {}
        names = ["ConnectionError", "AuthenticationError", "NoPermissionError", "ResponseError"]
        base = type("RedisError", (Exception,), {})
        kinds = {name: type(name, (base,), {}) for name in names}
        self.exceptions = SimpleNamespace(RedisError=base, **kinds)

    def client_module(self) -> ModuleType:
        module: Any = ModuleType("redis")
        module.exceptions = self.exceptions
        module.Redis = lambda **settings: _RedisClient(self, settings)
        found: ModuleType = module
        return found

    def error(self, kind: str, text: str) -> Exception:
        found: Exception = getattr(self.exceptions, kind)(text)
        return found

    def words(self, command: str) -> list[tuple[Any, ...]]:
        return [words for words in self.asked if words[0] == command]


class _RedisClient:
    def __init__(self, server: RedisServer, settings: dict[str, Any]) -> None:
        self.server = server
        server.settings = settings
        self.pending: list[tuple[Any, ...]] | None = None

    def execute_command(self, *words: Any) -> Any:
        if self.pending is not None:
            self.pending.append(words)
            return None
        self.server.asked.append(words)
        answers = self.server.answers.get(words[0], [])
        answer = answers.pop(0) if answers else _NOTHING.get(words[0])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pipeline(self, *, transaction: bool) -> _RedisClient:
        assert transaction
        found = _RedisClient(self.server, self.server.settings)
        found.pending = []
        return found

    def execute(self) -> None:
        waiting, self.pending = self.pending or [], None
        self.execute_command("EXEC")
        self.server.asked += waiting

    def reset(self) -> None:
        self.pending = None

    def xpending_range(self, *words: Any) -> list[Any]:
        found: list[Any] = self.execute_command("XPENDING", *words) or []
        return found

    def close(self) -> None:
        """No connection is there to end."""


_NOTHING: dict[str, Any] = {"XREADGROUP": [], "XAUTOCLAIM": [b"0-0", [], []]}
