"""``--cache DIR``, which every command takes: the cache is needed before anything is parsed."""

from __future__ import annotations

import os

from .cached_copies import CACHE_VARIABLE


def choose_cache(arguments: list[str]) -> None:
    """Take ``--cache DIR`` out of the words of a command line; DIR then is the cache of this process and its children.

    What is malformed stays for the parser to refuse.
    """
    for place, word in enumerate(arguments):
        if word == "--":
            return
        chosen = arguments[place + 1 : place + 2] if word == "--cache" else [word[8:]] * word.startswith("--cache=")
        if chosen and chosen[0] and not chosen[0].startswith("-"):
            os.environ[CACHE_VARIABLE] = os.path.abspath(chosen[0])
            del arguments[place : place + (2 if word == "--cache" else 1)]
            return
