"""Refuse pickle globals outside an allowlist before they resolve, and note those that did.

An audit hook cannot be removed, so there is one for the whole process, which asks the guards that are active: one for a
process that is ours (a worker, an archive that runs), and in a host's process the one of the context that is inside our
load or call. Threads that the model starts have a context of their own and are covered only in processes that are ours.
What other processes send through multiprocessing is theirs, and passes. Unpicklers written in Python that import by
themselves, without ``super().find_class``, are outside it.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from contextlib import contextmanager
from contextvars import ContextVar, Token
from enum import Enum
from typing import TYPE_CHECKING, Any

from .errors import ExitCode, InferenceBackendError

# What knows about globals is imported where a pickle asks for one: an archive whose model has none starts without.

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

    from .pickle_listing import PickleListing

_TRAFFIC = ("multiprocessing.", "concurrent.futures.", "joblib.externals.loky.", "torch.multiprocessing.")
_IMPORTERS = ("importlib._bootstrap_external", "zipimport")


class Mode(Enum):
    """What a guard does about a global outside its allowlist."""

    RECORD = "record"  # note it
    ENFORCE = "enforce"  # note it and refuse it


class PickleNotAllowedError(InferenceBackendError):
    """A pickle asked for a global outside the allowlist; ``global_name`` is its name."""

    code = "pickle-not-allowed"
    exit_code = ExitCode.CHECK_FAILED
    step = "load"

    def __init__(self, name: str, *, file: str | None = None) -> None:
        from .known_globals import judge  # noqa: PLC0415 - see above
        from .pickle_findings import hint_for, unnamed_reason  # noqa: PLC0415

        judgement = judge(name)
        super().__init__(
            f"A pickle asks for {name}, which is not allowed.",
            detail=f"{unnamed_reason(judgement.reason)} Nothing of it has run.",
            hint=hint_for(name, file),
            file=file,
        )
        self.global_name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.global_name, self.file)


class PickleGuard:
    """An allowlist and what came up against it.

    ``allowed`` are names as ``pickle_values.global_name`` spells them; with ``reviewed`` the reviewed list is allowed
    too. With ``check_files`` each file is listed before it is first opened for reading, and one that names something
    outside the allowlist is refused unopened. ``resolved``, ``refused`` and ``listings`` (by absolute path, of files
    that hold pickles or cannot be read) may be looked at any time.
    """

    def __init__(
        self,
        allowed: Iterable[str] = (),
        *,
        mode: Mode = Mode.ENFORCE,
        reviewed: bool = True,
        check_files: bool = False,
    ) -> None:
        self.allowed = frozenset(allowed)
        self.mode = mode
        self.reviewed = reviewed
        self.check_files = check_files
        self.resolved: set[str] = set()
        self.refused: set[str] = set()
        self.listings: dict[str, PickleListing] = {}
        self._seen: dict[tuple[int, ...], PickleListing] = {}
        self._lock = threading.RLock()

    def permits(self, name: str) -> bool:
        """Whether a global of that name may resolve."""
        if name in self.allowed or not self.reviewed:
            return name in self.allowed
        from .known_globals import Verdict, judge  # noqa: PLC0415 - see above

        return judge(name).verdict is Verdict.TRUSTED

    def __reduce__(self) -> tuple[Any, ...]:
        return _guard_of, (self.allowed, self.mode, self.reviewed, self.check_files)

    @contextmanager
    def active(self) -> Iterator[PickleGuard]:
        """Guard what this context does; a refusal that a library wrapped in an error of its own is raised as itself."""
        token = self.enter()
        try:
            yield self
        except Exception as error:
            refusal = refusal_in(error)
            if refusal is None or refusal is error:
                raise
            raise refusal from error
        finally:
            self.leave(token)

    def enter(self) -> Token[PickleGuard | None]:
        """Guard this context until ``leave(token)``: what ``active`` does, for those who count microseconds."""
        _install()
        return _context_guard.set(self)

    def leave(self, token: Token[PickleGuard | None]) -> None:
        """Give the context the guard it had before ``enter``."""
        _context_guard.reset(token)

    def guard_process(self) -> None:
        """Guard everything in this process from now on, which must be ours; one guard at a time."""
        _install()
        _Process.guard = self

    # --- called by the hook ----------------------------------------------------------------------------------

    def resolving(self, module: str, name: str) -> None:
        """Take note of a global; raises PickleNotAllowedError."""
        from .pickle_values import global_name, modern_name  # noqa: PLC0415 - see above

        spelled, modern = global_name(module, name), global_name(*modern_name(module, name))
        if self.permits(spelled) or self.permits(modern):
            self.resolved.add(modern)
            return
        if self.mode is Mode.RECORD:
            self.resolved.add(modern)
            return
        self.refused.add(modern)
        raise PickleNotAllowedError(modern, file=self._file_with(modern))

    def opening(self, path: Any, flags: Any) -> None:  # noqa: ANN401 - what the program handed to open()
        """List a file that is about to be read, the first time; raises PickleNotAllowedError."""
        if not isinstance(path, (str, bytes, os.PathLike)) or getattr(_busy, "listing", False):
            return
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_TRUNC):
            return
        _busy.listing = True
        try:
            listing = self._listing(os.path.abspath(os.fsdecode(path)))
        except (OSError, ValueError):
            return  # what opens it will say so
        finally:
            _busy.listing = False
        if listing is None or self.mode is Mode.RECORD:
            return
        for name in listing.names:
            if not self.permits(name):
                self.refused.add(name)
                raise PickleNotAllowedError(name, file=listing.path)

    def _listing(self, path: str) -> PickleListing | None:
        """The listing of a regular file that is not part of Python's own installation."""
        if path.startswith(_installed()):
            return None
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode):
            return None
        identity = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
        with self._lock:
            listing = self._seen.get(identity)
            if listing is None:
                from .pickle_containers import list_pickles  # noqa: PLC0415 - only guards that check files need it

                listing = self._seen[identity] = list_pickles(path)
                if listing.pickles or listing.problems:
                    self.listings[path] = listing
        return listing

    def _file_with(self, name: str) -> str | None:
        return next((path for path, listing in list(self.listings.items()) if name in listing.names), None)


def refusal_in(error: BaseException | None) -> PickleNotAllowedError | None:
    """The refusal that an error was raised from, or is; None where there is none."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, PickleNotAllowedError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__ or getattr(error, "original", None)
    return None


def _guard_of(allowed: frozenset[str], mode: Mode, reviewed: bool, check_files: bool) -> PickleGuard:  # noqa: FBT001 - for pickle
    return PickleGuard(allowed, mode=mode, reviewed=reviewed, check_files=check_files)


def _restored(name: str, file: str | None) -> PickleNotAllowedError:
    return PickleNotAllowedError(name, file=file)


# --- The one hook -----------------------------------------------------------------------------------------


class _Process:
    """What this process has one of."""

    guard: PickleGuard | None = None
    hooked = False
    lock = threading.Lock()
    installed: tuple[str, ...] = ()


_context_guard: ContextVar[PickleGuard | None] = ContextVar("packflow_pickle_guard", default=None)
_busy = threading.local()


def _install() -> None:
    if _Process.hooked:
        return
    with _Process.lock:
        if not _Process.hooked:
            sys.addaudithook(_hook)
            _Process.hooked = True


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class":
        for guard in _guards():
            if not _comes_from(sys._getframe(1), _TRAFFIC):  # noqa: SLF001 - the one way to see who asks
                guard.resolving(*arguments)
    elif event == "open":
        for guard in _guards():
            if guard.check_files and not _comes_from(sys._getframe(1), _IMPORTERS):  # noqa: SLF001
                guard.opening(arguments[0], arguments[2])


def _guards() -> tuple[PickleGuard, ...]:
    here, everywhere = _context_guard.get(), _Process.guard
    if here is everywhere or everywhere is None:
        return () if here is None else (here,)
    return (everywhere,) if here is None else (here, everywhere)


def _comes_from(frame: FrameType, modules: tuple[str, ...]) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith(modules)


def _installed() -> tuple[str, ...]:
    """The folders of Python's own and installed modules: what is read there is code, which was trusted already."""
    if not _Process.installed:
        import sysconfig  # noqa: PLC0415 - only guards that check files need it

        paths = sysconfig.get_paths()
        folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
        _Process.installed = tuple(os.path.join(os.path.abspath(folder), "") for folder in sorted(folders))
    return _Process.installed
