"""Addresses of sources and sinks, the files of client properties, and which module serves which broker.

An address never holds a secret, since command lines are seen by everybody on a machine: user names and passwords stand
in a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from ...errors import ExitCode, PackflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .messages import Sink, Source

_MODULES = {
    "kafka": "kafka",
    "redis": "redis_streams",
    "rediss": "redis_streams",
    "nats": "nats_jetstream",
    "stdin": "standard_streams",
    "stdout": "standard_streams",
    "file": "standard_streams",
}
_PORTS = {"kafka": 9092, "redis": 6379, "rediss": 6379, "nats": 4222}
_LOOPBACK = {"127.0.0.1", "::1"}
_NO_SOURCE, _NO_SINK = {"stdout", "file"}, {"stdin"}


@dataclass(frozen=True)
class Pipe:
    """Standard input: its descriptor, what reads from it, and the longest line that is kept."""

    descriptor: int
    read: Callable[[int], bytes]
    max_line_bytes: int


@dataclass(frozen=True)
class Address:
    """``SCHEME://HOST:PORT[,HOST:PORT]/NAME?option=value``, ``stdin:``, ``stdout:`` or ``file:PATH``."""

    scheme: str
    hosts: tuple[tuple[str, int], ...] = ()
    name: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @property
    def servers(self) -> str:
        """``HOST:PORT``, with commas between several."""
        return ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.servers}/{self.name}" if self.hosts else f"{self.scheme}:{self.name}"

    def leads_back_to(self, source: Address) -> bool:
        """Whether what is published here is taken from that source again, as far as addresses tell."""
        if _MODULES[self.scheme] != _MODULES[source.scheme] or not set(self._places()).intersection(source._places()):
            return False
        if self.scheme == "nats":
            return _is_subject_of(self.name.split("."), source.name.split("."))
        return self.name == source.name and self.options.get("db", "0") == source.options.get("db", "0")

    def _places(self) -> list[tuple[str, int]]:
        return [("localhost" if host in _LOOPBACK else host.lower(), port) for host, port in self.hosts]

    def chosen(self, defaults: Mapping[str, str]) -> dict[str, str]:
        """The options, over these defaults; raises PackflowError for one that is not among them."""
        for option in self.options:
            if option not in defaults:
                known = ", ".join(sorted(defaults)) or "none"
                raise address_error(f"{self} has no option {option!r}.", f"There are here: {known}.")
        return {**defaults, **self.options}

    def number(self, options: Mapping[str, str], name: str, *, least: float = 0) -> float:
        """An option that is a number; raises PackflowError."""
        try:
            value = float(options[name])
        except ValueError:
            value = float("nan")
        if not least <= value < 1e9:
            raise address_error(
                f"{self}: {name}={options[name]} is not a number from {least:g} up.", "Mend the address."
            )
        return value

    def starts_late(self, options: Mapping[str, str]) -> bool:
        """Whether a new group leaves out what is there already; raises PackflowError."""
        start = options["from"]
        if start not in ("earliest", "latest"):
            raise address_error(f"{self}: from={start} is neither earliest nor latest.", "Mend the address.")
        return start == "latest"

    def group(self, options: Mapping[str, str]) -> str:
        """The consumer group of a source; raises PackflowError where the address names none."""
        group = options["group"]
        if not group:
            raise address_error(
                f"{self} names no consumer group, which the broker keeps our place by.",
                "Add one, such as ?group=scoring, to the address; processes with the same group share the events.",
            )
        return group


def parse_source(text: str) -> Address:
    """Read the address of a source; raises ValueError, which says what is wrong."""
    return _parsed(text, _NO_SOURCE, "read from")


def parse_sink(text: str) -> Address:
    """Read the address of a sink; raises ValueError, which says what is wrong."""
    return _parsed(text, _NO_SINK, "written to")


def _parsed(text: str, excluded: set[str], verb: str) -> Address:
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in _MODULES:
        raise ValueError(f"an address starts with {', '.join(f'{name}:' for name in _MODULES)}")
    if scheme in excluded:
        raise ValueError(f"{scheme}: cannot be {verb}")
    if scheme not in _PORTS:
        if (scheme == "file") != bool(rest):
            raise ValueError("write file:PATH" if scheme == "file" else f"nothing follows {scheme}:")
        return Address(scheme, name=rest)
    slashes, place, query = rest[:2], *rest[2:].partition("?")[::2]
    authority, slash, name = place.partition("/")
    if slashes != "//" or not slash or not name or not authority:
        raise ValueError(f"write {scheme}://HOST:PORT/NAME")
    if "@" in authority:
        raise ValueError(
            "a user or password does not belong on a command line, where all can see it: "
            "write it into a file and name that with --source-properties or --sink-properties"
        )
    hosts = tuple(_host(part, _PORTS[scheme]) for part in authority.split(","))
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise ValueError(f"what follows the question mark is not option=value: {query}") from None
    return Address(scheme, hosts, unquote(name), options)


def _is_subject_of(subject: list[str], pattern: list[str]) -> bool:
    """Whether a subject of NATS is among those of a pattern; both are in parts."""
    for index, part in enumerate(pattern):
        if part == ">":
            return len(subject) > index
        if index >= len(subject) or part not in ("*", subject[index]):
            return False
    return len(subject) == len(pattern)


def _host(text: str, port: int) -> tuple[str, int]:
    host, colon, number = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, number = text, str(port)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or not number.isascii() or not number.isdecimal() or not 0 < int(number) < 65536:
        raise ValueError(f"{text} is not HOST:PORT")
    return host, int(number)


def read_properties(path: Path | None) -> dict[str, str]:
    """Read a file of ``name=value`` lines, as Kafka's own tools have them; raises PackflowError.

    Lines that are empty or start with ``#`` do not count; white space around names and values is dropped.
    """
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise PackflowError(
            f"The properties file {path} cannot be read: {reason}.",
            code="properties-not-found",
            exit_code=ExitCode.NOT_FOUND,
            hint="Name an existing file of name=value lines.",
        ) from None
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not line.strip() or name.startswith("#"):
            continue
        if not equals or not name:
            raise PackflowError(  # the line is not shown: it may be a password
                f"Line {number} of the properties file {path} is not name=value.",
                code="properties-invalid",
                exit_code=ExitCode.NOT_FOUND,
                file=str(path),
                line=number,
                hint="Write one name=value a line.",
            )
        found[name] = value
    return found


def refuse_properties(name: str, properties: Mapping[str, str], allowed: set[str]) -> None:
    """Raise PackflowError for properties that a client does not have."""
    for key in properties:
        if key not in allowed:
            raise address_error(f"{name}: there is no property {key!r}.", f"There are: {', '.join(sorted(allowed))}.")


def open_source(address: Address, properties: dict[str, str], pipe: Pipe) -> Source:
    """The source at an address, not yet connected; ``pipe`` is that of ``stdin:``. Raises PackflowError."""
    source: Source = _module(address).open_source(address, properties, pipe)
    return source


def open_sink(address: Address, properties: dict[str, str], descriptor: int) -> Sink:
    """The sink at an address, not yet connected; ``descriptor`` is that of ``stdout:``. Raises PackflowError."""
    sink: Sink = _module(address).open_sink(address, properties, descriptor)
    return sink


def _module(address: Address) -> Any:  # noqa: ANN401 - a module of this package
    return import_module(f".{_MODULES[address.scheme]}", __package__)


def address_error(title: str, hint: str) -> PackflowError:
    """The error for an address or properties that cannot be."""
    return PackflowError(title, code="address-invalid", exit_code=ExitCode.USAGE, hint=hint)
