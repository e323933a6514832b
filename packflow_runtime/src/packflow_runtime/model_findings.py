"""What a model opened, unpickled and imported while a worker ran it, as plain JSON values."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .import_record import ImportRecord
from .known_globals import Verdict, judge
from .opened_files import OpenedFiles
from .pickle_findings import project_globals, questions_about
from .pickle_guard import PickleGuard, refusal_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .errors import PackflowError
    from .pickle_listing import PickleListing

_MOST_ADVICE = 3


class ModelWatch:
    """Guards the pickles that a project opens in this process, which must be ours, and notes what it imports.

    Globals that are neither reviewed, nor ``trusted``, nor the project's own do not resolve; imports are noted where
    ``record_imports`` asks for it.
    """

    def __init__(self, project_dir: str, trusted: Iterable[str], *, record_imports: bool) -> None:
        self.project_dir = os.path.abspath(project_dir)
        self.trusted = frozenset(trusted)
        self.guard = PickleGuard(self.trusted | project_globals(self.project_dir), check_files=True)
        self.guard.guard_process()
        self.opened = OpenedFiles(self.project_dir)
        self.imports = ImportRecord.start(self.project_dir) if record_imports else None

    def findings(self, files: list[str] | None) -> dict[str, Any]:
        """What was found so far; imports are no longer noted from here on. ``files`` are the project's Python files."""
        imports, opened = None, self.opened.names()
        if self.imports is not None:
            self.imports.stop()
            imports = self.imports.as_json(sorted(self.guard.resolved), files)
        listings = [self._told(path, listing) for path, listing in sorted(self.guard.listings.items())]
        return {"pickles": listings, "resolved": sorted(self.guard.resolved), "imports": imports, "opened": opened}

    def explained(self, error: PackflowError) -> PackflowError:
        """The refusal of a pickle that an error comes from, with all that its file asks for; else the error itself."""
        refusal = refusal_in(error)
        if refusal is None:
            return error
        listing = self.guard.listings.get(refusal.file or "")
        if listing is None:
            return refusal
        questions = questions_about(listing, self.guard.allowed)
        asked = "; ".join(
            f"{question.found.name} ({question.judgement.reason or 'not on the reviewed list'})"
            for question in questions
        )
        advice = [line for question in questions[:_MOST_ADVICE] for line in question.advice]
        refusal.detail = f"{self._place(listing.path)} asks for: {asked}. Nothing of it has run."
        flags = " ".join(f"--trust-pickle {question.found.name}" for question in questions if not question.advice)
        trust = [f"If you know why it is there and trust who made the file, pass {flags}."] if flags else []
        refusal.hint = "\n".join([*advice, *trust]) or refusal.hint
        refusal.file = self._place(listing.path)
        return refusal

    def _told(self, path: str, listing: PickleListing) -> dict[str, Any]:
        return {
            "path": self._place(path),
            "kind": listing.kind,
            "pickles": listing.pickles,
            "globals": [{"name": name, "verdict": self._verdict(name)} for name in listing.names],
            "problems": [str(problem) for problem in listing.problems],
        }

    def _verdict(self, name: str) -> str:
        """Why a global may resolve: somebody trusted it, it is the project's own, or it was reviewed."""
        if name in self.trusted:
            return "trusted"
        if name in self.guard.allowed:
            return "project"
        verdict = judge(name).verdict
        return "reviewed" if verdict is Verdict.TRUSTED else verdict.value

    def _place(self, path: str) -> str:
        inside = path.startswith(os.path.join(self.project_dir, ""))
        return os.path.relpath(path, self.project_dir).replace(os.sep, "/") if inside else path
