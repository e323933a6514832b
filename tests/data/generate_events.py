"""Write the events that stand in for real logs where there are none: the same traits, no real data.

`python tests/data/generate_events.py` writes the files beside this one; the same script gives the same bytes.
"""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def dotted_dns(count: int = 400) -> list[dict[str, Any]]:
    """DNS records as Zeek writes them: keys with dots, some fields missing, lists of floats."""
    source = random.Random(1)
    events = []
    for number in range(count):
        event: dict[str, Any] = {
            "_path": "dns",
            "ts": f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}.{number:06}Z",
            "uid": f"C{source.getrandbits(48):x}",
            "id.orig_h": f"10.47.{source.randrange(8)}.{source.randrange(256)}",
            "id.orig_p": source.randrange(1024, 65536),
            "id.resp_h": "10.0.0.53",
            "id.resp_p": source.choice([53, 53, 53, 137, 5353]),
            "proto": "udp",
            "trans_id": source.randrange(65536),
            "rcode": source.choice([0, 0, 0, 3]),
            "AA": source.random() < 0.1,
        }
        if source.random() < 0.7:
            event["rtt"] = round(source.random() / 100, 9)
            event["answers"] = [f"host{source.randrange(50)}.example"]
            event["TTLs"] = [float(source.randrange(60, 86400))]
        if source.random() < 0.9:
            event["query"] = f"www{source.randrange(99)}.example.org"
        events.append(event)
    return events


def deep_audit(count: int = 120) -> list[dict[str, Any]]:
    """Cloud audit records: depth 11, fields whose type changes, empty containers, explicit nulls."""
    source = random.Random(2)
    events = []
    for number in range(count):
        nested: Any = {"status": source.choice(["Enabled", True, 1, None])}
        for level in range(8, 0, -1):
            nested = {f"level{level}": [nested] if level % 3 == 0 else nested}
        event: dict[str, Any] = {
            "eventVersion": "1.08",
            "eventID": f"{source.getrandbits(64):016x}",
            "readOnly": source.choice([True, False]),
            "requestParameters": source.choice([None, {}, {"maxResults": number}, {"maxResults": "all"}]),
            "responseElements": None,
            "durationMs": source.choice([source.randrange(5000), round(source.random() * 5, 3)]),
            "resources": [{"ARN": f"arn:example:{number}", "accountId": str(source.randrange(10**11))}],
            "detail": nested,
        }
        if number % 40 == 7:
            event["bytes"] = 2**64 + number
        events.append(event)
    return events


def flow_records(count: int = 60) -> list[dict[str, Any]]:
    """Flow alerts for a pretty-printed JSON array, with brackets and escapes inside strings."""
    source = random.Random(3)
    return [
        {
            "flow_id": source.getrandbits(50),
            "alert": {
                "signature": f'scan [{number}] "quoted" \\ {{brace}} \u00e9\u4e2d',
                "severity": source.randrange(1, 4),
            },
            "flow": {"pkts_toserver": source.randrange(100), "bytes_toserver": source.randrange(10**6)},
            "payload": "line one\nline two\t\u001b[31mred",
        }
        for number in range(count)
    ]


def main() -> None:
    lines = "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in dotted_dns()).encode()
    (HERE / "dotted_dns.ndjson.gz").write_bytes(gzip.compress(lines, mtime=0))
    text = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in deep_audit())
    (HERE / "deep_audit.ndjson").write_text(text, encoding="utf-8", newline="\n")
    (HERE / "flows.json").write_text(json.dumps(flow_records(), indent=2) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
