"""Exit codes and the error every front end knows how to show."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a Packflow process tells its caller; the same numbers in the app, the runtime and every archive."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    NOT_FOUND = 3  # project, events, environment or requirement missing; packflow.yaml invalid
    MODEL_FAILED = 4  # the user's model raised, timed out or died
    NOT_WRITABLE = 5
    INTERNAL = 70
    INTERRUPTED = 130
    TERMINATED = 143


class PackflowError(Exception):
    """Something the user can mend: a title, what happened, where, and one next step.

    Raised low, where the facts are known, and turned into text or JSON once, by the front end. ``code`` is a stable
    kebab-case name for programs to test; ``file`` and ``line`` say where to look, ``hint`` what to do next.
    """

    code = "error"
    exit_code = ExitCode.USAGE

    def __init__(
        self,
        title: str,
        *,
        detail: str = "",
        hint: str = "",
        file: str | None = None,
        line: int | None = None,
        code: str | None = None,
        exit_code: ExitCode | None = None,
    ) -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.hint = hint
        self.file = file
        self.line = line
        if code is not None:
            self.code = code
        if exit_code is not None:
            self.exit_code = exit_code

    @property
    def where(self) -> str:
        """``file:line``, ``file``, or an empty string where no place is known."""
        if self.file is None:
            return ""
        return f"{self.file}:{self.line}" if self.line is not None else self.file


def message_of(error: BaseException) -> str:
    """What an exception says; one whose ``__str__`` raises harms nobody else."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the user's code, which may raise anything
        return "(its message cannot be shown)"


class InferenceBackendError(PackflowError):
    """Base of everything that goes wrong with the user's backend.

    ``step`` names the hook that failed, ``original`` is the exception it raised, where it raised one.
    """

    code = "backend-error"
    exit_code = ExitCode.MODEL_FAILED
    step = ""
    original: BaseException | None = None


class InferenceBackendLoadError(InferenceBackendError):
    """The backend's module or class could not be imported."""

    code = "backend-load-failed"


class InferenceBackendInitializationError(InferenceBackendError):
    """The backend's configuration or its ``initialize`` failed."""

    code = "backend-init-failed"


class InferenceBackendRuntimeError(InferenceBackendError):
    """A hook of the backend raised while it worked on events."""

    code = "backend-raised"


class InvalidInputError(InferenceBackendRuntimeError, TypeError):
    """A backend was called on what is neither an event nor records."""

    code = "input-invalid"


class InferenceBackendValidationError(InferenceBackendError):
    """The backend returned something that is not a list of JSON-safe dicts as long as its input."""

    code = "output-invalid"


class UnsupportedValueError(InferenceBackendValidationError, TypeError):
    """An output holds a value that JSON cannot; a TypeError too, which is what packflow 0.4 raised for those."""


class PreprocessorInitError(InferenceBackendInitializationError):
    """The configuration asks for preprocessing that cannot be done."""

    code = "preprocessor-init-failed"


class UnknownPreprocessorError(PreprocessorInitError):
    """``input_format`` names no preprocessing that Packflow knows."""

    code = "preprocessor-unknown"


class PreprocessorRuntimeError(InferenceBackendRuntimeError):
    """An event does not fit the configured preprocessing; the message names its index in the batch and the field."""

    code = "preprocess-failed"
