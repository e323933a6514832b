"""What to ask about a listing, and the helpful answer to a class that was defined in a script."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .known_globals import Judgement, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from .pickle_listing import PickleGlobal, PickleListing

_MAIN = "__main__"
_UNNAMED_REASON = "It is not on the reviewed list of what model files need."


@dataclass(frozen=True)
class PickleQuestion:
    """One global that needs somebody's yes; ``advice`` holds lines of help, for ``__main__.X`` those that re-save."""

    found: PickleGlobal
    judgement: Judgement
    hint: str
    advice: tuple[str, ...] = ()


def questions_about(
    listing: PickleListing, trusted: Container[str] = frozenset(), module: str = "inference"
) -> tuple[PickleQuestion, ...]:
    """Every global of a listing that is neither reviewed nor in ``trusted``, dangerous ones first.

    ``module`` is the project's module that a class of ``__main__`` should move to. ``listing.problems`` are to be shown
    beside these: they say what nobody could tell.
    """
    questions = []
    for found in listing.globals:
        judgement = judge(found.name)
        if judgement.verdict is Verdict.TRUSTED or found.name in trusted:
            continue
        advice = resave_advice(found, listing, module) if is_of_main(found.name) else ()
        questions.append(PickleQuestion(found, judgement, hint_for(found.name, listing.path or None), advice))
    return tuple(sorted(questions, key=lambda question: question.judgement.verdict is not Verdict.DANGEROUS))


def is_of_main(name: str) -> bool:
    """Whether the global was defined in the program that saved the file."""
    return name.startswith((f"{_MAIN}.", f"{_MAIN}:"))


def unnamed_reason(reason: str) -> str:
    """A judgement's reason as a sentence."""
    return f"{reason[:1].upper()}{reason[1:]}." if reason else _UNNAMED_REASON


def hint_for(name: str, file: str | None = None) -> str:
    """The next step for somebody whose file names ``name``."""
    if is_of_main(name):
        return f"Move {_last(name)} from the script that saved it to a module of the project, and save the model again."
    place = f"in {os.path.basename(file)}" if file else "there"
    return f"If you know why it is {place} and trust who made the file, pass --trust-pickle {name}."


def resave_advice(found: PickleGlobal, listing: PickleListing, module: str = "inference") -> tuple[str, ...]:
    """How to give a class or function of ``__main__`` a home: what to move, then the lines that open and re-save.

    The lines run in the folder of the project, and need no training: the old file finds the moved class once.
    """
    name = _last(found.name)
    file = os.path.basename(listing.path) or "model.pkl"
    loader, load, save = _SAVERS.get(listing.kind, _SAVERS["raw"])
    what = "class" if found.uses or name[:1].isupper() else "function"
    return (
        f"Move the {what} {name} from the script or notebook that saved {file} to {module}.py, then run there:",
        "",
        f"    import __main__, {loader}",
        f"    from {module} import {name}",
        "",
        f"    __main__.{name} = {name}  # where the old file looks for it",
        f"    model = {load.format(file=repr(file))}",
        f"    {save.format(file=repr(file))}",
    )


# The module, the expression that loads, and the statement that saves, by the kind of a listing.
_PICKLE = (
    "pickle",
    "pickle.loads(open({file}, 'rb').read())",
    "open({file}, 'wb').write(pickle.dumps(model))",
)
_TORCH = ("torch", "torch.load({file}, weights_only=False)", "torch.save(model, {file})")
_JOBLIB = ("joblib", "joblib.load({file})", "joblib.dump(model, {file})")
_NUMPY = ("numpy", "numpy.load({file}, allow_pickle=True)", "numpy.save({file}, model, allow_pickle=True)")
_SAVERS = {"raw": _PICKLE, "torch": _TORCH, "torch-legacy": _TORCH, "npy": _NUMPY}
_SAVERS.update(dict.fromkeys(("joblib", "gzip", "bz2", "xz", "lzma", "zlib"), _JOBLIB))


def _last(name: str) -> str:
    return name.replace(":", ".").split(".", 1)[1].split(".")[0]


def project_globals(project_dir: str) -> frozenset[str]:
    """The classes and functions that the project's own modules define, found without importing them.

    What a module only imports is not its own: ``inference.system`` stays a question where inference.py says
    ``from os import system``.
    """
    return frozenset(_defined_in(project_dir, ()))


def _defined_in(folder: str, packages: tuple[str, ...]) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            stem, extension = os.path.splitext(entry.name)
            if entry.is_dir(follow_symlinks=False):
                environment = os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))
                if entry.name.isidentifier() and entry.name != "__pycache__" and not environment:
                    yield from _defined_in(entry.path, (*packages, entry.name))
            elif extension == ".py" and stem.isidentifier():
                names = packages if stem == "__init__" else (*packages, stem)
                yield from _definitions(entry.path, ".".join(names))


def _definitions(path: str, module: str) -> Iterator[str]:
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (SyntaxError, ValueError, OSError):
        return  # importing it will say more
    waiting: list[tuple[str, list[ast.stmt]]] = [("", tree.body)]
    while waiting:
        outer, body = waiting.pop()
        for node in body:
            if isinstance(node, (ast.If, ast.Try)):
                handlers = node.handlers if isinstance(node, ast.Try) else []
                waiting.append((outer, [*node.body, *node.orelse, *(line for one in handlers for line in one.body)]))
            elif isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                yield f"{module}:{outer}{node.name}" if outer else f"{module}.{node.name}"
                if isinstance(node, ast.ClassDef):
                    waiting.append((f"{outer}{node.name}.", node.body))
