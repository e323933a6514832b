"""Import a project's backend without touching the project, the host's path or the standard library's names."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .backend import InferenceBackend, current_project, error_place, wrapped_error
from .config import merged
from .errors import InferenceBackendError, InferenceBackendLoadError, message_of
from .outputs import KeptFields
from .project import ProjectConfig, read_project_config
from .project_modules import ProjectModules
from .typed import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from .drift import DriftCounters
    from .manifest import Manifest
    from .pickle_guard import PickleGuard


def load(path: str | os.PathLike[str] = ".", /, **overrides: Any) -> InferenceBackend:  # noqa: ANN401 - any values
    """Load the backend of a project folder, of an archive, or of the folder an archive was unzipped to.

    ``overrides`` go over the project's ``backend_config``, deeply, and what the file that ``PACKFLOW_CONFIG`` names
    goes over them. An archive is checked and extracted to the cache first; while it loads and in each call of its
    backend, pickles resolve what its manifest allows and nothing else. Raises PackflowError (ProjectConfigError,
    ManifestError, ArchiveFormatError, PickleNotAllowedError), InferenceBackendLoadError or
    InferenceBackendInitializationError.
    """
    from .archive import check_tree, is_archive  # noqa: PLC0415 - an archive that runs itself does without these
    from .cached_copies import cache_root  # noqa: PLC0415
    from .extraction import extract_to_cache  # noqa: PLC0415
    from .manifest import MANIFEST_NAME, parse_manifest  # noqa: PLC0415

    overrides = merged(overrides, operator_config())
    place = Path(path)
    if not is_archive(place) and not (place / MANIFEST_NAME).is_file():
        return load_project(place, overrides)
    if place.is_dir():
        tree, bytecode_dir, manifest = place, None, check_tree(place)
    else:
        extracted = extract_to_cache(place, cache_root())
        tree, bytecode_dir = Path(extracted.tree), extracted.bytecode_dir
        manifest = parse_manifest((tree / MANIFEST_NAME).read_bytes())
    return load_tree(tree, manifest, overrides, bytecode_dir)


def load_tree(
    tree: Path, manifest: Manifest, overrides: dict[str, Any], bytecode_dir: str | None = None
) -> InferenceBackend:
    """Load the backend of an archive's checked copy into a process that is not ours.

    While it loads and in each call of the backend, pickles resolve what the manifest allows; all others are left alone.
    """
    from .manifest import PROJECT_DIR  # noqa: PLC0415 - a project has no manifest

    guard = allowlist_guard(manifest.pickle_allowlist)
    with guard.active():
        backend = load_backend(tree / PROJECT_DIR, manifest.project_config, overrides, bytecode_dir=bytecode_dir)
    backend.guard = guard
    backend.drift = shipped_drift(tree)
    return backend


def allowlist_guard(allowlist: list[str]) -> PickleGuard:
    """Lets pickles resolve what an archive's manifest allows, and nothing else."""
    from .pickle_guard import PickleGuard  # noqa: PLC0415 - only archives have an allowlist

    return PickleGuard(allowlist, reviewed=False)


def guard_process(allowlist: list[str]) -> None:
    """Hold this process, which must be ours, to an archive's allowlist from now on."""
    allowlist_guard(allowlist).guard_process()


def operator_config() -> dict[str, Any]:
    """What the environment says of the configuration, for hosts that have no command line; raises PackflowError."""
    if not any(os.environ.get(name) for name in ("PACKFLOW_CONFIG", "BACKEND_CONFIG_FILE_PATH")):
        return {}
    import warnings  # noqa: PLC0415 - rarely asked for

    from .config_overrides import read_environment  # noqa: PLC0415 - rarely asked for

    return read_environment(os.environ, lambda text: warnings.warn(text, DeprecationWarning, stacklevel=5))


def shipped_drift(tree: Path) -> DriftCounters | None:
    """Counters against the schema of events in an archive's tree; None where it was shipped without one."""
    from .manifest import INPUT_SCHEMA_NAME  # noqa: PLC0415 - an archive has a manifest

    schema = tree / INPUT_SCHEMA_NAME
    if not schema.is_file():
        return None
    import json  # noqa: PLC0415 - few archives have one

    from .drift import DriftCounters  # noqa: PLC0415 - few archives have a schema

    return DriftCounters(json.loads(schema.read_bytes()))


def load_project(project_dir: Path, overrides: dict[str, Any] | None = None) -> InferenceBackend:
    """Load the backend that ``packflow.yaml`` in ``project_dir`` names, with ``overrides`` over its configuration.

    Raises ProjectConfigError, InferenceBackendLoadError or InferenceBackendInitializationError.
    """
    return load_backend(project_dir, read_project_config(project_dir), overrides)


def load_backend(
    project_dir: Path,
    config: ProjectConfig,
    overrides: dict[str, Any] | None = None,
    *,
    bytecode_dir: str | None = None,
) -> InferenceBackend:
    """Load the backend that ``config`` names from the modules in ``project_dir``.

    ``bytecode_dir`` is where compiled modules are kept; by default beside their sources. Several projects may be loaded
    in one process; ``project_modules`` keeps their modules apart.
    """
    os.environ.update(config.env)
    backend = build_backend(
        project_dir.absolute(),
        config.inference_backend,
        config.loader,
        merged(plain_text(config.backend_config), overrides or {}),
        bytecode_dir=bytecode_dir,
    )
    backend.kept_fields = KeptFields(config.output)
    if config.stateful:
        backend.stateful = True  # type: ignore[misc]
    return backend


def build_backend(
    project_dir: Path, entry: str, loader: str, values: dict[str, Any], *, bytecode_dir: str | None = None
) -> InferenceBackend:
    """Import ``entry`` (``module:Class``) from the modules in ``project_dir`` and build it with ``values``.

    ``loader`` is ``local`` (the module must be a file of the project) or ``module`` (any that can be imported). An
    entry that is an instance already is given as it is.
    """
    modules = ProjectModules.of(str(project_dir), bytecode_dir)
    with modules.active(), _project_context(project_dir):
        found = _find_entry(modules, project_dir, entry, loader)
        backend = found if isinstance(found, InferenceBackend) else _build(found, values, project_dir)
    if "initialize_ns" not in vars(backend):
        raise InferenceBackendLoadError(
            f"{entry} defines __init__ without calling super().__init__().",
            hint="Move the code to initialize(), or call super().__init__(**config) first.",
        )
    if backend is found and values:
        raise InferenceBackendLoadError(
            f"{entry} is an instance already, which takes no configuration.",
            hint="Name the class in inference_backend, or remove backend_config.",
        )
    return backend


def _build(found: type[InferenceBackend], values: dict[str, Any], project_dir: Path) -> InferenceBackend:
    try:
        return found(**values)
    except InferenceBackendError:
        raise
    except (Exception, SystemExit) as error:  # from an __init__ of the user's own
        raise wrapped_error("initialize", error, project_dir) from error


def _find_entry(modules: ProjectModules, project_dir: Path, entry: str, loader: str) -> Any:  # noqa: ANN401 - the user's class or instance
    module_name, colon, attribute = entry.partition(":")
    if not colon or ":" in attribute:
        raise InferenceBackendLoadError(
            f"{entry!r} does not name a backend.", hint="Write module:Class, such as inference:Backend."
        )
    try:
        module = _import_entry(modules, project_dir, module_name, loader)
    except InferenceBackendError:
        raise
    except (Exception, SystemExit) as error:
        file, line = error_place(error, project_dir)
        if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(project_dir):
            file, line = str(Path(error.filename).relative_to(project_dir)), error.lineno
        failure = InferenceBackendLoadError(
            f"Importing {module_name} raised {type(error).__name__}: {message_of(error)}", file=file, line=line
        )
        if isinstance(error, ModuleNotFoundError):
            failure.hint = f"Install what provides {error.name!r} in the project's environment."
        failure.original, failure.step = error, "import"
        raise failure from error
    found = getattr(module, attribute, None)
    if isinstance(found, InferenceBackend) or (isinstance(found, type) and issubclass(found, InferenceBackend)):
        return found
    candidates = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, InferenceBackend) and value is not InferenceBackend
    ]
    raise InferenceBackendLoadError(
        f"{module_name} has no InferenceBackend called {attribute}.",
        hint=f"Set inference_backend to {module_name}:{candidates[0]}."
        if candidates
        else f"Define `class {attribute}(InferenceBackend)` in {module_name.replace('.', '/')}.py.",
    )


def _import_entry(modules: ProjectModules, project_dir: Path, name: str, loader: str) -> ModuleType:
    if loader == "module":
        return modules.import_module(name)
    base = project_dir.joinpath(*name.split("."))
    candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    file = next((path for path in candidates if path.is_file()), None)
    if file is None:
        raise InferenceBackendLoadError(
            f"The project has no {candidates[0].relative_to(project_dir)}, which inference_backend names.",
            code="backend-not-found",
            hint="Create it, or set inference_backend in packflow.yaml to the module that has the backend.",
            file="packflow.yaml",
        )
    if name.partition(".")[0] not in sys.stdlib_module_names:
        return modules.import_module(name)
    return modules.load_file(name, str(file))


@contextmanager
def _project_context(project_dir: Path) -> Iterator[None]:
    token = current_project.set(project_dir)
    try:
        yield
    finally:
        current_project.reset(token)
