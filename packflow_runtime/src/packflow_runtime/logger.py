"""The logger a backend gets: the standard library's, which also understands how loguru is called.

packflow 0.4 gave backends loguru's logger, so ``logger.success(...)`` and ``logger.info("{} of {}", 1, 2)`` go on to
work. Only the logger ``packflow`` and those below it are touched. Its level is ``PACKFLOW_LOG_LEVEL``, INFO by default;
its lines go to standard error as long as the host has not configured logging itself.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

SUCCESS = 25
TRACE = 5
_ROOT = "packflow"
_OPTIONS = ("exc_info", "stack_info", "extra")
_LEVELS = {"TRACE": TRACE, "SUCCESS": SUCCESS}


def get_logger(name: str = "") -> BackendLogger:
    """The logger ``packflow.NAME``, or ``packflow`` itself."""
    root = logging.getLogger(_ROOT)
    if not any(isinstance(handler, _HostlessHandler) for handler in root.handlers):
        root.addHandler(_HostlessHandler())
        root.setLevel(_level(os.environ.get("PACKFLOW_LOG_LEVEL", "INFO")))
    return BackendLogger(logging.getLogger(f"{_ROOT}.{name}") if name else root)


class BackendLogger:
    """Logs with either way of giving arguments, ``"%s of %s"`` or ``"{} of {}"``; braces win where both fit."""

    def __init__(self, logger: logging.Logger, options: dict[str, Any] | None = None, *, lazy: bool = False) -> None:
        self.logger = logger
        self._options = options or {}
        self._lazy = lazy

    def bind(self, **fields: object) -> BackendLogger:
        """A logger whose records have these fields in ``record.extra``."""
        bound = {**self._options.get("extra", {}).get("extra", {}), **fields}
        return BackendLogger(self.logger, {**self._options, "extra": {"extra": bound}}, lazy=self._lazy)

    def opt(self, *, exception: object = None, lazy: bool = False, **_: object) -> BackendLogger:
        """A logger that shows an exception (True: the one being handled), or calls its arguments when it shows a line.

        loguru's options for looks are accepted and do nothing.
        """
        return BackendLogger(self.logger, {**self._options, "exc_info": exception}, lazy=lazy)

    def log(self, level: int | str, message: object, /, *args: object, **fields: object) -> None:
        """Log at a level given by its number or its name."""
        number = level if isinstance(level, int) else _level(level)
        if not self.logger.isEnabledFor(number):
            return
        given = {name: fields.pop(name) for name in _OPTIONS if name in fields}
        options: dict[str, Any] = {**self._options, **given}
        if self._lazy:
            args = tuple(value() if callable(value) else value for value in args)
            fields = {name: value() if callable(value) else value for name, value in fields.items()}
        self.logger.log(number, "%s", _filled(str(message), args, fields), **options, stacklevel=3)

    def trace(self, message: object, /, *args: object, **fields: object) -> None:
        """Log at level 5, below DEBUG."""
        self.log(TRACE, message, *args, **fields)

    def debug(self, message: object, /, *args: object, **fields: object) -> None:
        """Log at DEBUG."""
        self.log(logging.DEBUG, message, *args, **fields)

    def info(self, message: object, /, *args: object, **fields: object) -> None:
        """Log at INFO."""
        self.log(logging.INFO, message, *args, **fields)

    def success(self, message: object, /, *args: object, **fields: object) -> None:
        """Log at level 25, between INFO and WARNING."""
        self.log(SUCCESS, message, *args, **fields)

    def warning(self, message: object, /, *args: object, **fields: object) -> None:
        """Log at WARNING."""
        self.log(logging.WARNING, message, *args, **fields)

    def error(self, message: object, /, *args: object, **fields: object) -> None:
        """Log at ERROR."""
        self.log(logging.ERROR, message, *args, **fields)

    def critical(self, message: object, /, *args: object, **fields: object) -> None:
        """Log at CRITICAL."""
        self.log(logging.CRITICAL, message, *args, **fields)

    def exception(self, message: object, /, *args: object, **fields: object) -> None:
        """Log at ERROR with the traceback of the exception being handled."""
        self.log(logging.ERROR, message, *args, **{"exc_info": True, **fields})

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the rest of logging.Logger
        if name == "logger":  # a copy that is being made has none yet
            raise AttributeError(name)
        return getattr(self.logger, name)


class _HostlessHandler(logging.Handler):
    """Writes to standard error, unless the host configured logging, which then gets the records by propagation."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.getLogger().handlers and sys.stderr is not None:
            sys.stderr.write(self.format(record) + "\n")


def _level(name: str) -> int:
    number = _LEVELS.get(name.upper(), getattr(logging, name.upper(), None))
    return number if isinstance(number, int) else logging.INFO


def _filled(message: str, args: tuple[object, ...], fields: dict[str, object]) -> str:
    if not args and not fields:
        return message
    if "{" in message:
        try:
            return message.format(*args, **fields)
        except (AttributeError, LookupError, TypeError, ValueError):  # braces that were not meant as places
            pass
    try:
        return message % args if args else message
    except (TypeError, ValueError):
        return f"{message} {args}"


for _number, _name in ((TRACE, "TRACE"), (SUCCESS, "SUCCESS")):
    if logging.getLevelName(_number) == f"Level {_number}":
        logging.addLevelName(_number, _name)
