"""The events that are measured with, always the same."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

BATCH = 256
Event = dict[str, Any]


def flat_event(number: int) -> Event:
    """20 numbers."""
    return {f"field_{index}": number + index * 0.5 for index in range(20)}


def nested_event(number: int) -> Event:
    """13 leaves in four levels, most of them numbers."""
    return {
        "ts": 1.7e9 + number,
        "uid": f"C{number}",
        "id": {"orig_h": 1.0, "orig_p": 51000 + number, "resp_h": 2.0, "resp_p": 443, "proto": 6},
        "conn": {"orig": {"bytes": number * 3, "pkts": number}, "resp": {"bytes": number * 5, "pkts": 2}},
        "host": {"risk": 0.5, "age": 3.25},
    }


NESTED_PATHS = ["id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "conn.orig.bytes", "conn.orig.pkts"]
NESTED_PATHS += ["conn.resp.bytes", "host.risk", "conn.resp.pkts", "host.age"]


def wide_event(number: int) -> Event:
    """31 leaves in three levels."""
    return {
        "ts": number,
        "a": {f"k{index}": index for index in range(8)},
        "b": {"c": {f"n{index}": "text" for index in range(8)}, "d": {f"m{index}": 0.5 for index in range(7)}},
        "e": {"f": None, "g": {"h": True, "i": [], "j": {}}, "l": 1, "m": 2, "n": "x"},
    }


def listed_event(number: int) -> Event:
    """18 leaves, nine of them in lists."""
    return {
        "ts": number,
        "dns": {"answers": [{"ttl": 60, "data": "a"}, {"ttl": 30, "data": "b"}, {"ttl": 1, "data": "c"}]},
        "tags": ["x", "y", "z"],
        "a": {f"k{index}": index for index in range(8)},
    }


def json_lines(count: int) -> list[bytes]:
    """Events like Zeek's of a connection, 553 bytes each on average."""
    chance = random.Random(1)

    def host() -> str:
        return f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"

    def event() -> Event:
        return {
            "ts": f"2024-05-0{chance.randrange(1, 9)}T12:{chance.randrange(10, 60)}:00.{chance.randrange(10**6):06}Z",
            "uid": f"C{chance.getrandbits(96):024x}",
            "id": {"orig_h": host(), "orig_p": chance.randrange(65536), "resp_h": host(), "resp_p": 443},
            "proto": "tcp",
            "service": "ssl",
            "duration": chance.random() * 100,
            "orig_bytes": chance.randrange(10**6),
            "resp_bytes": chance.randrange(10**7),
            "conn_state": "SF",
            "local_orig": True,
            "local_resp": False,
            "missed_bytes": 0,
            "history": "ShADadFf",
            "orig_pkts": chance.randrange(1000),
            "orig_ip_bytes": chance.randrange(10**6),
            "resp_pkts": chance.randrange(1000),
            "resp_ip_bytes": chance.randrange(10**7),
            "tunnel_parents": [],
            "community_id": "1:" + base64.b64encode(chance.getrandbits(160).to_bytes(20, "big")).decode(),
            "ja3": f"{chance.getrandbits(128):032x}",
            "server_name": "updates.example.org",
        }

    return [json.dumps(event(), separators=(",", ":")).encode() for _ in range(count)]
