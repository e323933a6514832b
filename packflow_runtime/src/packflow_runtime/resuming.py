"""What ``run --resume`` needs and opens: a file to a file, a checkpoint beside the output, the backend's state."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from .backend import InferenceBackend
from .checkpoints import Checkpoints, input_identity
from .errors import ExitCode, PackflowError
from .jsonlines import encode
from .outcomes import BackendState
from .reporting import print_notice

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from .output_file import OutputFile
    from .stream import StreamSettings
    from .supervised import ChildModels
    from .target import Target


def check_resume(options: argparse.Namespace) -> None:
    """Raise PackflowError where ``--resume`` was asked for without a file to read and a file to write."""
    missing = [flag for flag, value in (("EVENTS", options.events), ("-o OUT", options.output)) if value is None]
    verb = "is" if len(missing) == 1 else "are"
    if missing or not options.events.is_file():
        raise PackflowError(
            f"--resume goes from a file to a file: {' and '.join(missing)} {verb} missing."
            if missing
            else "--resume needs an events file that can be read again.",
            code="usage",
            exit_code=ExitCode.USAGE,
            hint="Write: run EVENTS -o OUT --resume.",
        )


def checkpoint_of(output: Path) -> Path:
    """Where the checkpoint of an output is."""
    return output.with_name(f"{output.name}.checkpoint")


def open_checkpoints(
    target: Target,
    backend: InferenceBackend | ChildModels,
    output: OutputFile,
    settings: StreamSettings,
    options: argparse.Namespace,
    overrides: dict[str, Any],
) -> Checkpoints:
    """The checkpoints of a run; where it goes on from one, a stateful backend gets its state back.

    Raises PackflowError for a stateful backend whose state cannot be kept, and for a checkpoint of something else.
    """
    state = BackendState.of(backend) if isinstance(backend, InferenceBackend) else None
    if state is None and isinstance(backend, InferenceBackend) and backend.stateful:
        raise PackflowError(
            "The model is stateful and has no snapshot() and restore(value), so a run cannot be resumed.",
            code="stateful",
            exit_code=ExitCode.USAGE,
            hint="Add both to the backend, or run without --resume.",
        )
    identity = {
        "model": target.digest(),
        "config": hashlib.sha256(encode(overrides)).hexdigest(),
        "batch size": settings.batch_size,
        "codec": settings.codec.name,
        "events": input_identity(options.events),
        "strict input": options.strict_input,
    }
    checkpoints = Checkpoints(
        checkpoint_of(options.output),
        identity,
        {"output": output.descriptor},
        interval=options.checkpoint_every,
        state=state,
        letters=settings.dead_letters,
    )
    if checkpoints.resumed is not None:
        print_notice(f"going on after line {checkpoints.resumed.line:,}")
        if state is not None:
            state.restore(checkpoints.resumed.state)
    return checkpoints
