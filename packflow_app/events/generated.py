"""Events made up by a seeded generator: firewall logs for the demo, and for a first look without data of one's own."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SERVICES = (("dns", 53, 60, 180), ("https", 443, 900, 52_000), ("ssh", 22, 2_400, 3_100), ("ntp", 123, 48, 48))
_START = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def firewall_events(count: int, seed: int = 7) -> Iterator[bytes]:
    """Yield ``count`` firewall connection logs as JSON lines (without the newline); the same seed gives the same bytes.

    Most are ordinary, about one in fifty moves far more data than its service does; some lack a duration, as real logs
    do, and some carry nested rule information.
    """
    source = random.Random(seed)  # noqa: S311 - sample data, no secret
    clock = _START
    for number in range(count):
        clock += source.random() * 3
        yield json.dumps(_event(source, number, clock), separators=(",", ":")).encode()


def feature_events(features: Sequence[str], count: int, seed: int = 7) -> Iterator[bytes]:
    """Yield ``count`` JSON lines with a number for each of ``features``, which are fields or ``feature=field``.

    The numbers say nothing: they stand where a model is to be tried before there are events.
    """
    source = random.Random(seed)  # noqa: S311 - sample data, no secret
    fields = [one.partition("=")[2] or one for one in features]
    for _ in range(count):
        yield json.dumps({field: round(source.gauss(0, 1), 4) for field in fields}, separators=(",", ":")).encode()


def _event(source: random.Random, number: int, clock: float) -> dict[str, Any]:
    service, port, sent, received = _SERVICES[int(source.random() * len(_SERVICES))]
    unusual = source.random() < 0.02
    scale = (60 if unusual else 1) * (0.5 + source.random())
    event: dict[str, Any] = {
        "ts": round(clock, 6),
        "uid": f"C{number:07d}",
        "src": {
            "ip": f"10.0.{int(source.random() * 4)}.{1 + int(source.random() * 250)}",
            "port": 1024 + number % 60000,
        },
        "dst": {"ip": f"203.0.113.{1 + int(source.random() * 250)}", "port": port},
        "service": service,
        "duration": round(0.01 + source.random() * (30 if unusual else 2), 6),
        "bytes_sent": int(sent * scale),
        "bytes_received": int(received * (0.5 + source.random())),
        "action": "allow" if source.random() < 0.95 else "deny",
    }
    if source.random() < 0.1:
        del event["duration"]
    if event["action"] == "deny":
        event["rule"] = {"id": 100 + int(source.random() * 20), "tags": ["policy", service]}
    return event
