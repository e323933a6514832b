"""The target's model in processes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import PackflowError
from .jsonlines import Limits
from .supervised import ChildModels, ModelChild, ModelSource

if TYPE_CHECKING:
    import argparse

    from .target import Target


def load_children(target: Target, overrides: dict[str, Any], options: argparse.Namespace) -> ChildModels:
    """Build the backend in as many supervised children as the options of ``run`` say; raises PackflowError."""
    source = model_source(
        target,
        overrides=overrides,
        codec=options.codec,
        limits=Limits(options.max_line_bytes, options.max_depth),
        input_schema=_schema(target) if options.strict_input else None,
    )
    try:
        return ChildModels([ModelChild(source, timeout=options.timeout) for _ in range(options.workers or 1)])
    except PackflowError as error:
        raise explained_for(target, error) from error


def model_source(target: Target, **settings: Any) -> ModelSource:  # noqa: ANN401 - the fields of ModelSource
    """What a child needs to load the target's model."""
    manifest = target.manifest
    return ModelSource(
        target.project_dir,
        config=manifest.config if manifest is not None else None,
        allowlist=manifest.pickle_allowlist if manifest is not None else None,
        bytecode_dir=target.bytecode_dir,
        **settings,
    )


def explained_for(target: Target, error: PackflowError) -> PackflowError:
    """The error to show for a model that a child could not load."""
    if target.manifest is None:
        return error
    from .missing_requirements import explained  # noqa: PLC0415 - only for errors

    return explained(error, target.manifest, target.command("install"))


def _schema(target: Target) -> dict[str, Any]:
    from .input_schema import shipped_schema  # noqa: PLC0415 - only with --strict-input

    return shipped_schema(target)
