"""Flatten nested events quickly: the joined names of key paths are remembered from event to event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .fields import ambiguous

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .fields import FieldRules
    from .preprocessing import PreprocessingOptions

_MOST_NAMES = 8192
_LONGEST_NAME = 512
_INDEXES = tuple(map(str, range(256)))
_SCALARS = frozenset({str, int, float, bool, type(None)})
_Node = tuple[str, dict[Any, str], dict[Any, Any], dict[Any, Any]]
"""What is known of one object: the prefix of its names, names of its values, its inner objects, its inner lists."""


class Flattener:
    """Turns a nested event into one with a key per leaf, keys joined by ``delimiter`` in the event's own order.

    A leaf is any value but a non-empty dict (or, with ``lists``, a non-empty list, whose indexes become keys): empty
    containers stay as values. Keys that are no strings are spelled with ``str``. At most 8,192 names are remembered;
    further ones are joined each time, so that events with ever new keys cost time and no memory.
    """

    def __init__(self, delimiter: str = ".", *, lists: bool = False, literal_wins: bool = False) -> None:
        self.delimiter = delimiter
        self.lists = lists
        self.literal_wins = literal_wins
        self._room = _MOST_NAMES
        self._root: _Node = ("", {}, {}, {})
        self._may_collide = False  # becomes true with the first key that holds the delimiter or is no string
        self._walk = self._walk_with_lists if lists else self._walk_objects

    def flatten(self, event: dict[Any, Any], index: int = 0) -> dict[str, Any]:
        """The flat form of ``records[index]``; raises PreprocessorRuntimeError where two leaves get one name.

        When collisions are ignored, the leaf whose key was spelled out (the least nested one, the first of several)
        wins instead.
        """
        flat: dict[str, Any] = {}
        self._walk(event, self._root, flat)
        if self._may_collide:
            flat, twice = self.resolved(event, flat)
            if twice and not self.literal_wins:
                raise ambiguous(index, twice[0])
        return flat

    def flatten_and_collisions(self, event: dict[Any, Any]) -> tuple[dict[str, Any], list[str]]:
        """The flat form in which the least nested leaf wins, and the names that several leaves share."""
        flat: dict[str, Any] = {}
        self._walk(event, self._root, flat)
        return self.resolved(event, flat) if self._may_collide else (flat, [])

    def resolved(self, event: dict[Any, Any], flat: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """What ``flatten_and_collisions`` gives, where ``flat`` was made without regard to collisions."""
        leaves = list(self._leaves(event.items(), "", 1))
        if len(flat) == len(leaves):
            return flat, []
        winners: dict[str, tuple[int, Any]] = {}
        twice: dict[str, None] = {}
        for name, depth, value in leaves:
            if name in winners:
                twice[name] = None
            if depth < winners.get(name, (depth + 1,))[0]:
                winners[name] = (depth, value)
        return {name: value for name, (_, value) in winners.items()}, list(twice)

    def _walk_objects(self, event: dict[Any, Any], node: _Node, flat: dict[str, Any]) -> None:
        _, names, objects, _ = node
        for key, value in event.items():
            # Most values are of these types, which is faster to see than that they are no dict.
            if type(value) in _SCALARS or not isinstance(value, dict) or not value:
                try:
                    flat[names[key]] = value
                except KeyError:
                    flat[self._learn_name(node, key)] = value
            else:
                self._walk_objects(value, objects.get(key) or self._learn_node(node, objects, key), flat)

    def _walk_with_lists(self, event: dict[Any, Any], node: _Node, flat: dict[str, Any]) -> None:
        self._walk_items(event.items(), node, flat)

    def _walk_items(self, items: Iterable[tuple[Any, Any]], node: _Node, flat: dict[str, Any]) -> None:
        _, names, objects, lists = node
        for key, value in items:
            if type(value) in _SCALARS or not isinstance(value, (dict, list)) or not value:
                try:
                    flat[names[key]] = value
                except KeyError:
                    flat[self._learn_name(node, key)] = value
            elif isinstance(value, dict):
                self._walk_items(value.items(), objects.get(key) or self._learn_node(node, objects, key), flat)
            else:
                inner = lists.get(key) or self._learn_node(node, lists, key)
                if len(value) <= len(_INDEXES):
                    self._walk_items(zip(_INDEXES, value), inner, flat)  # noqa: B905 - as many as the list has
                else:
                    self._add_long_list(value, inner[0], flat)

    def _add_long_list(self, values: list[Any], prefix: str, flat: dict[str, Any]) -> None:
        """Flatten a list whose many indexes would crowd out the names of fields."""
        self._may_collide = True  # what is in there is not looked at
        flat.update((name, value) for name, _, value in self._leaves(enumerate(values), prefix, 1))

    def _learn_name(self, node: _Node, key: object) -> str:
        name = f"{node[0]}{key}"
        if self._is_worth_keeping(key, name):
            node[1][key] = name
        return name

    def _learn_node(self, node: _Node, siblings: dict[Any, Any], key: object) -> _Node:
        prefix = f"{node[0]}{key}{self.delimiter}"
        inner: _Node = (prefix, {}, {}, {})
        if self._is_worth_keeping(key, prefix):
            siblings[key] = inner
        return inner

    def _is_worth_keeping(self, key: object, name: str) -> bool:
        """Whether to remember ``name``; numbers never are, since the keys 1, 1.0 and True are one key of a dict."""
        if type(key) is not str:
            self._may_collide = True
            return False
        # A longer delimiter may also come about where it meets the edge of a key: "a_" + "__" + "b".
        if self.delimiter in key or (key and (key[0] in self.delimiter or key[-1] in self.delimiter)):
            self._may_collide = True
        if self._room <= 0 or len(name) > _LONGEST_NAME:
            return False
        self._room -= 1
        return True

    def _leaves(self, items: Iterable[tuple[Any, Any]], prefix: str, depth: int) -> Iterator[tuple[str, int, Any]]:
        for key, value in items:
            name = f"{prefix}{key}"
            if isinstance(value, dict) and value:
                yield from self._leaves(value.items(), name + self.delimiter, depth + 1)
            elif self.lists and isinstance(value, list) and value:
                yield from self._leaves(enumerate(value), name + self.delimiter, depth + 1)
            else:
                yield name, depth, value


def flattening_of(options: PreprocessingOptions, rules: FieldRules) -> Callable[[dict[Any, Any], int], dict[str, Any]]:
    """The function that flattens ``records[index]`` as ``options`` say.

    It raises PreprocessorRuntimeError where a name that is used is ambiguous, and without ``feature_names`` all are.
    """
    flattener = Flattener(options.delimiter, lists=options.flatten_lists, literal_wins=options.ignore_collisions)
    if not options.features:
        return flattener.flatten

    def flatten(event: dict[Any, Any], index: int) -> dict[str, Any]:
        flat, twice = flattener.flatten_and_collisions(event)
        if twice and not flattener.literal_wins:
            rules.refuse_ambiguous(flat, twice, index)
        return flat

    return flatten
