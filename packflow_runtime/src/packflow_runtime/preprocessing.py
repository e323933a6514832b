"""Compiled preprocessing: what happens to events before ``transform_inputs``, fixed once, when a backend is built.

``records`` renames, selects and flattens fields; ``numpy`` and ``pandas`` give columns in ``feature_names`` order;
``passthrough``, and ``records`` with nothing configured, hand over the events themselves. The rules for single fields
are in ``fields``; an event is never changed, though a result may share nested values with it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from .config import InputFormats
from .errors import PreprocessorInitError, UnknownPreprocessorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .jsonlines import Event

_POLICIES = ("omit", "null", "error")


class Preprocessor(NamedTuple):
    """What prepares events for ``transform_inputs``, and the source it was compiled from.

    ``run_one(event)`` gives what ``run_many([event])`` gives: a list of records, an array of shape (n, k) or a data
    frame of n rows. Both raise PreprocessorRuntimeError naming the event's index and the field that does not fit. With
    ``is_passthrough`` they return the events themselves and need not be called.
    """

    run_one: Callable[[Event], Any]
    run_many: Callable[[list[Event]], Any]
    source: str
    is_passthrough: bool = False


class PreprocessingOptions(NamedTuple):
    """The part of a backend's configuration that preprocessing reads; ``of`` takes it from any object that has it."""

    input_format: InputFormats = InputFormats.RECORDS
    renames: Mapping[str, str] = MappingProxyType({})
    features: Sequence[str] = ()
    flatten: bool = False
    flatten_lists: bool = False
    delimiter: str = "."
    ignore_collisions: bool = False
    missing: str = "omit"
    dtype: str = "float64"

    @classmethod
    def of(cls, config: object) -> PreprocessingOptions:
        """Read the options of ``config`` (a BackendConfig, or a pydantic model with the same keys).

        Raises UnknownPreprocessorError for an unknown ``input_format``, PreprocessorInitError for other values that
        cannot be done. What the input format does not use is not looked at, so that a model may use ``dtype`` or
        ``missing`` for a purpose of its own.
        """
        wanted = getattr(config, "input_format", InputFormats.RECORDS)
        try:
            input_format = InputFormats(getattr(wanted, "value", wanted))
        except ValueError:
            raise UnknownPreprocessorError(
                f"backend_config: input_format is {wanted!r}.",
                hint=f"It is one of {', '.join(InputFormats)}.",
            ) from None
        options = cls(
            input_format,
            renames=dict(getattr(config, "rename_fields", {})),
            features=list(getattr(config, "feature_names", ())),
            flatten=bool(getattr(config, "flatten_nested_inputs", False)),
            flatten_lists=bool(getattr(config, "flatten_lists", False)),
            delimiter=getattr(config, "nested_field_delimiter", "."),
            ignore_collisions=bool(getattr(config, "ignore_delimiter_collisions", False)),
            missing=getattr(config, "missing", "omit"),
            dtype=getattr(config, "dtype", "float64"),
        )
        if not options.is_passthrough:
            options.check()
        return options

    @property
    def is_passthrough(self) -> bool:
        """Whether events are handed over as they are."""
        if self.input_format is InputFormats.RECORDS:
            return not (self.renames or self.features or self.flatten)
        return self.input_format is InputFormats.PASSTHROUGH

    def check(self) -> None:
        """Raise PreprocessorInitError where the options cannot be followed."""
        if not self.delimiter:
            raise PreprocessorInitError(
                "backend_config: nested_field_delimiter is empty.", hint='Leave it out for ".", or give another text.'
            )
        if self.missing not in _POLICIES:
            raise PreprocessorInitError(
                f"backend_config: missing is {self.missing!r}.", hint=f"It is one of {', '.join(_POLICIES)}."
            )
        names: list[object] = [self.delimiter, *self.renames, *self.renames.values(), *self.features]
        if wrong := [name for name in names if not isinstance(name, str)]:
            raise PreprocessorInitError(f"backend_config: the field name {wrong[0]!r} is no text.", hint="Quote it.")
        if self.input_format is not InputFormats.RECORDS and not self.features:
            raise PreprocessorInitError(
                f"backend_config: input_format {self.input_format} needs feature_names.",
                hint="List the columns in feature_names, in the order the model was trained on.",
            )


PASSTHROUGH = Preprocessor(
    run_one=lambda event: [event],
    run_many=lambda records: records,
    source="# passthrough: nothing to do\n",
    is_passthrough=True,
)


def compile_preprocessing(config: object) -> Preprocessor:
    """The preprocessing that ``config`` asks for; raises what ``PreprocessingOptions.of`` raises.

    numpy and pandas are imported here, when the input format is theirs; without them, PreprocessorInitError.
    """
    # The compilers are imported when needed: most backends do without, and an archive's start counts milliseconds.
    options = PreprocessingOptions.of(config)
    if options.is_passthrough:
        return PASSTHROUGH
    if options.input_format is InputFormats.RECORDS:
        from .straight_line import compile_records  # noqa: PLC0415

        return compile_records(options)
    if options.input_format is InputFormats.NUMPY:
        from .arrays import compile_numpy  # noqa: PLC0415

        return compile_numpy(options)
    from .frames import compile_pandas  # noqa: PLC0415

    return compile_pandas(options)
