"""``run --engine ray``: an actor for each worker, which is started again where it dies or hangs."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, InferenceBackendError, PackflowError
from ..reporting import print_notice
from ..supervised import ChildDiedError, ChildModels, load_error
from .installed import engine_module
from .ray import put
from .running import BATCHES_A_CALL, EngineProcess, outcomes_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ..outcomes import BatchOutcomes
    from .ray import RayArchive
    from .shipped import ShippedModel

_INIT_TIMEOUT = 120.0
_PACKAGE = Path(__file__).parent.parent


def ray_models(model: ShippedModel, archive: Path, options: argparse.Namespace) -> ChildModels:
    """The model in actors: ``--workers`` of them, else one for each CPU of the cluster. Raises PackflowError."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported from a cluster that is ours
    if not options.engine_address:
        _keep_to_ourselves()
    ray = engine_module("ray")
    try:
        ray.init(
            address=options.engine_address or "local",  # which joins none that happens to run here
            runtime_env={"py_modules": [str(_PACKAGE)]},
            log_to_driver=False,
            logging_level="ERROR",
            **({} if options.engine_address else {"include_dashboard": False}),
        )
    except Exception as error:
        raise _not_started(error, options.engine_address) from error
    try:
        count = options.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        print_notice(f"Ray: {count} {'actor' if count == 1 else 'actors'}")
        source = model, put(archive)
    except BaseException:
        ray.shutdown()
        raise
    timeout = options.timeout * BATCHES_A_CALL["ray"]
    return ChildModels([RayChild(ray, source, timeout) for _ in range(count)], release=ray.shutdown)


def _keep_to_ourselves() -> None:
    """Have a cluster of this run demand a token that this run alone knows: Ray listens on all of a machine's addresses.

    Ray reads it when it is imported, and runs whatever it is sent.
    """
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.pop("RAY_AUTH_TOKEN_PATH", None)
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


class RayChild:
    """One actor with the model loaded; ``timeout`` is seconds for the batches that it gets together."""

    def __init__(self, ray: Any, source: tuple[ShippedModel, RayArchive], timeout: float) -> None:  # noqa: ANN401 - Ray's module
        self._ray = ray
        self._source = source
        self._timeout = timeout
        self._actor: Any = None
        self._cpus = 1

    def start(self) -> dict[str, Any]:
        """Start an actor and load the model in it; raises PackflowError."""
        kind = self._ray.remote(num_cpus=self._cpus, max_restarts=0)(EngineProcess)
        # One that is started again takes its predecessor's place, also where that was on a node that is lost.
        self._cpus = 0
        self._actor = kind.remote(*self._source)
        try:
            told: dict[str, Any] = self._get(self._actor.about.remote(), _INIT_TIMEOUT)
        except ChildDiedError as death:
            raise InferenceBackendError(
                f"The model's actor could not load it: {death}.",
                code=death.code,
                hint="See whether the cluster has a free CPU for it: ray status.",
            ) from None
        if told["op"] == "failed":
            raise load_error(told["error"])
        return told

    def run(self, numbers: Sequence[int], raws: Sequence[bytes]) -> BatchOutcomes:
        """One outcome per line; raises ChildDiedError."""
        told, text = self._get(self._actor.run.remote(list(numbers), b"\n".join(raws)), self._timeout)
        if told["op"] == "failed":
            raise load_error(told["error"])
        return outcomes_of([(told, text)])

    def stop(self) -> None:
        """End the actor."""
        actor, self._actor = self._actor, None
        if actor is not None:
            self._ray.kill(actor)

    def _get(self, answer: Any, timeout: float) -> Any:  # noqa: ANN401 - Ray's reference, and what it stands for
        exceptions = self._ray.exceptions
        try:
            return self._ray.get(answer, timeout=timeout)
        except exceptions.GetTimeoutError:
            self.stop()
            raise ChildDiedError("model-timeout", f"it did not answer within {timeout:g} s") from None
        except exceptions.RayActorError:
            self._actor = None
            raise ChildDiedError("model-died", "its actor ended") from None
        except exceptions.RayError as error:
            raise PackflowError(
                "Ray gave the run up.",
                detail=(str(error).strip() or type(error).__name__).splitlines()[-1],
                code="engine-failed",
                exit_code=ExitCode.MODEL_FAILED,
                hint="See whether the cluster is well: ray status. With --resume the run goes on from where it was.",
            ) from error


def _not_started(error: Exception, address: str | None) -> PackflowError:
    return PackflowError(
        f"Ray could not be {'joined at ' + address if address else 'started'}.",
        detail=str(error),
        code="engine-not-started",
        exit_code=ExitCode.NOT_FOUND,
        hint="Check the address with: ray status --address HOST:PORT."
        if address
        else "See what Ray itself says above.",
    )
