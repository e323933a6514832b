"""What strings turn out to be: times, addresses, UUIDs, and numbers written as text."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IP4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = r"\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_TIMESTAMPS = (
    rf"\d{{4}}[-/]\d\d[-/]\d\d[T ]{_CLOCK}{_ZONE}",  # ISO 8601 and its like
    rf"\d\d/{_MONTH}/\d{{4}}:{_CLOCK}{_ZONE}",  # web servers' logs
    rf"{_MONTH} [ \d]\d {_CLOCK}",  # syslog, RFC 3164
    rf"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d\d? {_MONTH} \d{{4}} {_CLOCK}{_ZONE}",  # mail and HTTP, RFC 5322
)
_PATTERNS = re.compile(
    r"(?P<uuid>\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?)"
    rf"|(?P<timestamp>{'|'.join(_TIMESTAMPS)})"
    r"|(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    rf"|(?P<ip4>{_IP4})"
    rf"|(?P<ip6>(?=.*:.*:)[0-9a-fA-F:]{{2,39}}(?:(?<=:){_IP4})?(?:%\w+)?)",
    re.ASCII,
).fullmatch
_LONGEST = 48
_NAMES = {"ip4": "ip", "ip6": "ip"}


@lru_cache(maxsize=16_384)
def pattern_of(text: str) -> str:
    """The one of ``profile.PATTERNS`` that all of the text is; empty where it is none of them.

    Timestamps are dates with a time, in ISO 8601 and the forms of web servers, syslog and mail.
    """
    found = _PATTERNS(text) if len(text) <= _LONGEST else None
    if found is None or found.lastgroup is None:
        return ""
    if found.lastgroup == "ip6" and not _is_ip6(text):
        return ""
    return _NAMES.get(found.lastgroup, found.lastgroup)


def _is_ip6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
