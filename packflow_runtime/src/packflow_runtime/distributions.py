"""Which installed distributions provide which modules, told from the lists of files that installers leave.

A module belongs to the distribution that installed its file; its name alone proves nothing, since ``google`` has many
owners and a stray ``numpy.py`` on ``sys.path`` has none. The name decides only where there is no file to go by. A list
is read once, whatever is asked, and forgotten at once, so that a large environment costs no memory.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HEADER = re.compile(r"^(Name|Version):[ \t]*(\S+)", re.MULTILINE)
_MODULE_SUFFIXES = (".py", ".so", ".pyd")
_SITE_FOLDERS = ("site-packages", "dist-packages")


class Provider(NamedTuple):
    """An installed distribution, its name as it spells it; ``url`` is where it came from, if not from an index."""

    name: str
    version: str
    url: str = ""

    @property
    def key(self) -> str:
        """The name as PEP 503 compares it."""
        return normalized(self.name)


def normalized(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass
class Providers:
    """The distributions of files and of dotted module names, several where several claim one."""

    files: dict[str, set[Provider]] = field(default_factory=lambda: defaultdict(set))
    modules: dict[str, set[Provider]] = field(default_factory=lambda: defaultdict(set))


def find_providers(files: Iterable[str], modules: Iterable[str] = ()) -> Providers:
    """Look for who installed these files, given by absolute paths, and who would provide these modules."""
    wanted_files, wanted_modules = set(files), set(modules)
    found, editable = Providers(), []
    below: dict[str, dict[str, str]] = {}  # by folder of distributions: the wanted files by path below it
    seen: set[str] = set()
    for distribution in metadata.distributions():
        installed = _Installed.of(distribution)
        if installed is None or installed.provider.key in seen:  # the first on the path is the one that is imported
            continue
        seen.add(installed.provider.key)
        if installed.root not in below:
            below[installed.root] = _paths_below(installed.root, wanted_files)
        for path in installed.among(below[installed.root]):
            found.files[below[installed.root][path]].add(installed.provider)
        for module in installed.importable(wanted_modules):
            found.modules[module].add(installed.provider)
        if installed.editable_root:
            editable.append((installed.editable_root, installed.provider))
    editable.sort(key=lambda item: len(item[0]), reverse=True)
    for file in wanted_files - found.files.keys():
        owner = next((provider for root, provider in editable if _is_source(file, root)), None)
        if owner is not None:
            found.files[file].add(owner)
    return found


@dataclass
class _Installed:
    """One distribution as its metadata folder shows it; ``paths`` are below ``root``, with slashes.

    Where no list of files was left (Debian, eggs), ``tops`` are the top-level names that it is known to have.
    """

    provider: Provider
    root: str
    paths: set[str]
    tops: set[str]
    editable_root: str

    @classmethod
    def of(cls, distribution: metadata.Distribution) -> _Installed | None:
        """Read what is known; None for a folder that some uninstall left behind."""
        try:
            header = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
            values = dict(reversed(_HEADER.findall(header.partition("\n\n")[0])))  # the first of a name counts
            listed = distribution.read_text("RECORD") or ""
            tops = set() if listed else set((distribution.read_text("top_level.txt") or "").split())
            url, is_editable = _origin(distribution.read_text("direct_url.json"))
            provider = Provider(values["Name"], values["Version"], url)
        except (OSError, ValueError, KeyError):
            return None
        paths = {line.partition(",")[0].replace("\\", "/") for line in listed.splitlines()}
        if not listed and not tops:
            tops = {provider.key.replace("-", "_")}
        editable_root = _folder_of(url) if is_editable else ""
        return cls(provider, str(distribution.locate_file("")), paths, tops, editable_root)

    def among(self, paths: dict[str, str]) -> Iterator[str]:
        """Those of ``paths`` below ``root`` that this distribution installed."""
        yield from self.paths & paths.keys()
        if self.tops:
            yield from (path for path in paths if path.partition("/")[0].partition(".")[0] in self.tops)

    def importable(self, modules: set[str]) -> Iterator[str]:
        """Those of ``modules`` that this distribution has a file for."""
        if not modules:
            return
        yield from (module for module in modules if module in self.tops)
        tops = {module.partition(".")[0] for module in modules}
        names = {_module_name(path) for path in self.paths if path.partition("/")[0].partition(".")[0] in tops}
        yield from names & modules


def _paths_below(folder: str, files: Iterable[str]) -> dict[str, str]:
    start = os.path.join(folder, "")
    return {file[len(start) :].replace(os.sep, "/"): file for file in files if file.startswith(start)}


def _module_name(path: str) -> str:
    """The dotted name under which a file is imported; empty for one that is no module."""
    if not path.endswith(_MODULE_SUFFIXES):
        return ""
    folder, _, file = path.rpartition("/")
    stem = file.partition(".")[0]  # cpython-311-x86_64-linux-gnu.so and the like go too
    return (folder if stem == "__init__" else f"{folder}/{stem}" if folder else stem).replace("/", ".")


def _origin(direct_url: str | None) -> tuple[str, bool]:
    """Where a distribution was installed from and whether it stays there (PEP 610); empty for one from an index."""
    try:
        data = json.loads(direct_url or "null")
        return str(data["url"]), bool(data.get("dir_info", {}).get("editable"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", False


def _folder_of(url: str) -> str:
    from urllib.parse import urlsplit  # noqa: PLC0415 - few distributions are editable
    from urllib.request import url2pathname  # noqa: PLC0415

    return os.path.normpath(url2pathname(urlsplit(url).path)) if url.startswith("file:") else ""


def _is_source(file: str, root: str) -> bool:
    """Whether ``file`` is in the source tree at ``root``, and not in an environment that happens to be inside it."""
    return file.startswith(os.path.join(root, "")) and not any(
        part in _SITE_FOLDERS for part in file[len(root) :].split(os.sep)
    )
