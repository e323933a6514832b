"""The verifier in one file: those of the runtime's modules that check archives and kits, and how to start them.

The same runtime gives the same bytes, so its SHA-256 can be published beside the runtime and compared with.
"""

from __future__ import annotations

import ast
import hashlib
import zipfile
from typing import TYPE_CHECKING

from packflow_app.runtime import RUNTIME_DIR, runtime_version, runtime_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERIFIER_NAME = "verify.py"
_START = "commands.verify"
_PACKAGES = ("", "commands")

# The head of the file. Like an archive's __main__.py it imports nothing but sys before it takes its own folder off the
# path, for a json.py in a kit would otherwise stand in for the real one; and every Python can parse it.
_HEAD = '''\
#!/usr/bin/env python3
"""Check Packflow archives and kits, with nothing but Python 3.10 or later. Nothing is written, nothing of them runs.

    python3 -I verify.py                          the kit that this file lies in, and its archive
    python3 -I verify.py --key SENDER.pub         and that its archive is signed by this key
    python3 -I verify.py ARCHIVE... [--key PUB] [--require WORDS] [-v] [--json]

Made from packflow-runtime {version}; the same runtime always gives the same file. From the first line that begins with
"#: " on it holds the modules of that runtime, each line as it is behind a "#|".
"""
import sys

sys.dont_write_bytecode = True
HERE = __file__.replace("\\\\", "/").rpartition("/")[0] or "."
if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]
if sys.version_info < (3, 10):
    sys.stderr.write("verify.py needs Python 3.10 or later; this is Python %d.%d.\\n" % sys.version_info[:2])
    sys.exit(3)

from importlib.machinery import ModuleSpec


class Modules:
    """Finds and loads the modules that this file holds."""

    def __init__(self):
        self.sources, lines = {{}}, []
        with open(__file__, encoding="utf-8", newline="\\n") as file:
            for line in file:
                if line.startswith("#: "):
                    lines = self.sources.setdefault(line[3:-1], [])
                elif line.startswith("#|"):
                    lines.append(line[2:])

    def find_spec(self, name, path=None, target=None):
        if name not in self.sources:
            return None
        spec = ModuleSpec(name, self, origin=__file__ + ":" + name, is_package=name in {packages})
        spec.has_location = True
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        code = compile("".join(self.sources[module.__name__]), module.__spec__.origin, "exec", dont_inherit=True)
        exec(code, module.__dict__)


def main():
    sys.meta_path.insert(0, Modules())
    import argparse

    from packflow_runtime.commands import verify
    from packflow_runtime.errors import PackflowError
    from packflow_runtime.reporting import print_error

    parser = argparse.ArgumentParser(prog="verify.py", description=verify.DESCRIPTION, allow_abbrev=False)
    parser.add_argument("targets", nargs="*", metavar="ARCHIVE|KIT", help="default: the kit that verify.py lies in")
    verify.add_options(parser)
    options = parser.parse_args()
    options.targets = [verify.Path(one) for one in options.targets or [HERE]]
    try:
        return verify.answer(None, options)
    except PackflowError as error:
        return print_error(error)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

'''


def verifier() -> bytes:
    """The file's content."""
    with zipfile.ZipFile(runtime_wheel()) as wheel:
        files = {name: wheel.read(name) for name in wheel.namelist() if name.startswith(f"{RUNTIME_DIR}/")}
    sources = {name: files[_file_of(name)].decode() for name in sorted(_needed(files))}
    sources[""] = _package(files)
    sources.setdefault("commands", "")
    head = _HEAD.format(version=runtime_version, packages=repr(tuple(_full(name) for name in _PACKAGES)))
    return "".join([head, *(_block(name, sources[name]) for name in sorted(sources))]).encode()


def _package(files: Mapping[str, bytes]) -> str:
    """What stands for the runtime's own ``__init__``: its version, and the digests of its files."""
    prefix = f"{RUNTIME_DIR}/"
    digests = {
        name.removeprefix(prefix): hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())
    }
    rows = "".join(f'    "{name}": "{digest}",\n' for name, digest in digests.items())
    return f'__version__ = "{runtime_version}"\nDIGESTS = {{\n{rows}}}\n'


def _block(name: str, source: str) -> str:
    lines = source.splitlines(keepends=True)
    return f"#: {_full(name)}\n" + "".join(f"#|{line}" for line in lines)


def _full(name: str) -> str:
    return f"{RUNTIME_DIR}.{name}" if name else RUNTIME_DIR


def _file_of(name: str) -> str:
    path = name.replace(".", "/")
    return f"{RUNTIME_DIR}/{path}.py" if name not in _PACKAGES else f"{RUNTIME_DIR}/{path}/__init__.py"


def _needed(files: Mapping[str, bytes]) -> set[str]:
    """The modules that checking needs, wherever in them the imports stand; the package itself is replaced."""
    needed: set[str] = set()
    waiting = [_START]
    while waiting:
        name = waiting.pop()
        if name in needed or not name:
            continue
        needed.add(name)
        waiting += _imported(ast.parse(files[_file_of(name)]), name, files)
    return needed


def _imported(tree: ast.AST, module: str, files: Mapping[str, bytes]) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            package = module.split(".")[: -node.level]
            base = ".".join([*package, *([node.module] if node.module else [])])
            if node.module:
                yield base
            for alias in node.names:
                inner = f"{base}.{alias.name}" if base else alias.name
                if _file_of(inner) in files:
                    yield inner
        yield from _imported(node, module, files)
