"""Python source that reads an event's fields with as few look-ups as a careful programmer would write.

Names of fields enter the source as ``repr`` alone. What is generated is right for events that have every field once;
each ``except`` and each guard leads to the general code of ``fields``, which decides about all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .fields import FieldPath

_DEEPEST = 40  # levels of brackets; the parsers of some Pythons give up at 100
_INDENT = "    "


class FieldReads:
    """How to read some paths: ``preparation`` lines first, then an expression for each path.

    ``nested`` reads paths with several keys inside nested objects, which is right as long as none of their names is
    itself a key of the event: ``guard`` is the condition that one is. ``literal`` reads those keys instead, which is
    right as long as no nested path can begin: ``literal_guard`` is the condition that one may.
    """

    def __init__(self, paths: Iterable[FieldPath], event: str = "event") -> None:
        self._event = event
        self._paths = list(dict.fromkeys(paths))
        deep = [path for path in self._paths if len(path.keys) > 1]
        self.guard = " or ".join(f"{path.name!r} in {event}" for path in deep)
        roots = dict.fromkeys(path.keys[0] for path in deep)
        self.literal_guard = " or ".join(f"{root!r} in {event}" for root in roots)
        self._shared = self._shared_objects(deep)
        self.preparation = [
            f"{name} = {self._expression(keys[:-1])}[{keys[-1]!r}]" for keys, name in self._shared.items()
        ]

    @property
    def is_possible(self) -> bool:
        """Whether the paths are shallow enough to be written out."""
        return all(len(path.keys) <= _DEEPEST for path in self._paths)

    def nested(self, path: FieldPath) -> str:
        """The expression for ``path``, which may use what ``preparation`` assigned."""
        return f"{self._expression(path.keys[:-1])}[{path.keys[-1]!r}]"

    def literal(self, path: FieldPath) -> str:
        """The expression for the event's key that is spelled like ``path``."""
        return f"{self._event}[{path.name!r}]"

    @staticmethod
    def _shared_objects(deep: list[FieldPath]) -> dict[tuple[str, ...], str]:
        """Names for the nested objects that several paths go through, outer ones first."""
        members: dict[tuple[str, ...], set[str]] = {}
        for path in deep:
            for depth in range(1, len(path.keys)):
                members.setdefault(path.keys[:depth], set()).add(path.keys[depth])
        shared = sorted((keys for keys, inside in members.items() if len(inside) > 1), key=len)
        return {keys: f"object_{number}" for number, keys in enumerate(shared, 1)}

    def _expression(self, keys: tuple[str, ...]) -> str:
        for depth in range(len(keys), 0, -1):
            if keys[:depth] in self._shared:
                return self._shared[keys[:depth]] + _subscripts(keys[depth:])
        return self._event + _subscripts(keys)


def guarded(reads: FieldReads, write: Callable[[Callable[[FieldPath], str]], list[str]], otherwise: str) -> list[str]:
    """The lines that read one event: nested, by keys that are spelled like the paths, or with ``otherwise``.

    ``write(expression)`` gives the lines that make use of the fields, for either way of reading them.
    """
    ordinary = [*reads.preparation, *write(reads.nested)]
    if not reads.guard:
        return ordinary
    return [
        f"if {reads.guard}:  # a key spelled like a path",
        *indented([f"if {reads.literal_guard}:", *indented([otherwise]), "else:", *indented(write(reads.literal))]),
        "else:",
        *indented(ordinary),
    ]


def dict_display(items: Sequence[tuple[tuple[str, ...], str]]) -> list[str]:
    """The lines of a dict display with ``items``: paths of keys and the expressions for their values."""
    tree: dict[str, Any] = {}
    for keys, expression in items:
        inside = tree
        for key in keys[:-1]:
            inside = inside.setdefault(key, {})
        inside[keys[-1]] = expression
    return _display(tree)


def indented(lines: Iterable[str], levels: int = 1) -> list[str]:
    """The lines, further to the right."""
    return [_INDENT * levels + line for line in lines]


def compile_source(source: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run generated source in a namespace that has ``names``; returns the namespace."""
    namespace = dict(names)
    exec(compile(source, "<packflow preprocessing>", "exec"), namespace)  # noqa: S102 - the source is our own
    return namespace


def _subscripts(keys: tuple[str, ...]) -> str:
    return "".join(f"[{key!r}]" for key in keys)


def _display(tree: dict[str, Any]) -> list[str]:
    lines = ["{"]
    for key, value in tree.items():
        if isinstance(value, dict):
            inner = _display(value)
            lines += indented([f"{key!r}: {inner[0]}", *inner[1:-1], f"{inner[-1]},"])
        else:
            lines.append(f"{_INDENT}{key!r}: {value},")
    return [*lines, "}"]
