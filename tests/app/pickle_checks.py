"""What tests/app/test_pickles.py runs in a Python that has the real libraries: one check by name, a JSON value out."""

from __future__ import annotations

import importlib
import io
import json
import pickle
import pkgutil
import re
import sys
import warnings
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent / "packflow_runtime" / "src"), str(TESTS)]

from packflow_runtime.known_globals import CLASS_MODULES, Verdict, judge  # noqa: E402 - the path comes first
from packflow_runtime.pickle_containers import list_pickles, list_pickles_in  # noqa: E402
from packflow_runtime.pickle_findings import questions_about  # noqa: E402
from packflow_runtime.pickle_guard import PickleGuard, PickleNotAllowedError  # noqa: E402
from runtime.hostile_pickles import _payload, call, clean, hostile_pickles, raw, stack_global, text  # noqa: E402


def loader_of(path: Path) -> Any:
    """The call by which the library that writes such a file loads it."""
    import joblib
    import numpy as np
    import torch

    loaders = {
        ".joblib": joblib.load,
        ".npy": lambda name: np.load(name, allow_pickle=True),
        ".pkl": lambda name: pickle.loads(Path(name).read_bytes()),
        ".pt": lambda name: torch.load(name, weights_only=False),
        ".txt": lambda name: importlib.import_module("lightgbm").Booster(model_file=str(name)),
    }
    return loaders[path.suffix]


def honest(folder: str) -> Any:
    """Load each file under a guard that checks files; what resolved beyond the listing, by file."""
    surprises = {}
    for path in sorted(Path(folder).iterdir()):
        load = loader_of(path)
        guard = PickleGuard(check_files=True)
        with guard.active():
            load(path)
        listed = list_pickles(path)
        surprises[path.name] = [*guard.resolved - set(listed.names), *map(str, listed.problems)]
        surprises[path.name] += [question.found.name for question in questions_about(listed)]
    return surprises


def hostile(folder: str) -> Any:
    """Load each hostile file that needs a library, unguarded and guarded; what happened, by name."""
    import joblib
    import numpy as np
    import torch

    made = f"{folder}/made"
    files = {item.name: item.data for item in hostile_pickles(made)}
    inner = f"{folder}/inner.pkl"
    Path(inner).write_bytes(_payload(made))
    files["joblib.load"] = raw(call(stack_global("joblib", "load"), text(inner)))
    files["numpy.load"] = raw(call(stack_global("numpy", "load"), text(inner), b"N\x88"))
    files["scipy.stats"] = scipy_gadget(made)

    def unpickle(name: str) -> object:
        return pickle.loads(Path(name).read_bytes())

    loaders = {
        "joblib.load": unpickle,
        "numpy.load": unpickle,
        "scipy.stats": unpickle,
        "joblib, zlib": joblib.load,
        "joblib, gzip": joblib.load,
        "joblib, bz2": joblib.load,
        "joblib, xz": joblib.load,
        "joblib, lzma": joblib.load,
        "joblib, after an array": joblib.load,
        "joblib, in an array of objects": joblib.load,
        "joblib's bytes that are opcodes": unpickle,
        "torch zip": lambda name: torch.load(name, weights_only=False),
        "torch zip under two names": lambda name: torch.load(name, weights_only=False),
        "torch, legacy": lambda name: torch.load(name, weights_only=False),
        ".npy of objects": lambda name: np.load(name, allow_pickle=True),
        ".npz": lambda name: np.load(name, allow_pickle=True)["x"],
    }
    results = {}
    for name, load in loaders.items():
        path = f"{folder}/model.bin"
        Path(path).write_bytes(files[name])
        unguarded = attempt(load, path), clean(made)
        with PickleGuard().active():
            resolving = attempt(load, path), clean(made)
        with PickleGuard(check_files=True).active():
            opening = attempt(load, path), clean(made)
        questions = [item.judgement.verdict.value for item in questions_about(list_pickles(path))]
        results[name] = {"unguarded": unguarded, "resolving": resolving, "opening": opening, "questions": questions}
    return results


def attempt(load: Any, path: str) -> str:
    try:
        load(path)
    except Exception as error:  # noqa: BLE001 - libraries raise what they like
        while error is not None:
            if isinstance(error, PickleNotAllowedError):
                return "refused"
            error = error.__cause__ or error.__context__  # type: ignore[assignment]
        return "failed"
    return "loaded"


def scipy_gadget(made: str) -> bytes:
    """A distribution whose state holds source text of its own."""
    from scipy import stats

    distribution = (
        stats.uniform_gen(name="uniform") if hasattr(stats, "uniform_gen") else stats._continuous_distns.uniform_gen()
    )
    vars(distribution)["_parse_arg_template"] = f"import os; os.mkdir({made!r})"
    return pickle.dumps(distribution)


def estimators(_: str) -> Any:
    """Fit many estimators and pickle them at each protocol; the questions about them."""
    import numpy as np
    from sklearn.utils.discovery import all_estimators

    warnings.simplefilter("ignore")
    features = np.abs(np.random.default_rng(0).normal(size=(60, 4)))
    labels = (features[:, 0] > 0.7).astype(int)
    asked: dict[str, list[str]] = {}
    fitted = 0
    for name, kind in all_estimators():
        try:
            model = kind().fit(features, labels)
        except Exception:  # noqa: BLE001 - it needs arguments of its own
            continue
        fitted += 1
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            found = list_pickles_in(io.BytesIO(pickle.dumps(model, protocol)))
            wanted = [question.found.name for question in questions_about(found)] + [
                str(item) for item in found.problems
            ]
            if wanted:
                asked[name] = wanted
    return {"fitted": fitted, "asked": asked}


def reviewed_modules(_: str) -> Any:
    """The names in CamelCase of modules whose classes are trusted that lead outside their library, and whereto."""
    warnings.simplefilter("ignore")
    outside: set[str] = set()
    count = 0
    for module in _modules():
        for name, value in vars(module).items():
            if re.fullmatch(r"_*[A-Z]\w*", name) and judge(f"{module.__name__}.{name}").verdict is Verdict.TRUSTED:
                count += 1
                home = str(getattr(value, "__module__", None) or type(value).__module__)
                if not home.startswith(module.__name__.partition(".")[0]):
                    outside.add(f"{home}.{getattr(value, '__name__', name)}")
    return {"looked at": count, "outside": sorted(outside)}


def _modules() -> Any:
    for top in CLASS_MODULES:
        try:
            module = importlib.import_module(top)
        except ImportError:
            continue  # __torch__, which Python has not
        yield module
        for found in pkgutil.walk_packages(getattr(module, "__path__", []), f"{top}."):
            if not re.search(r"\.(tests|externals)\b", found.name):
                try:
                    yield importlib.import_module(found.name)
                except ImportError:
                    continue


if __name__ == "__main__":
    check = {item.__name__: item for item in (honest, hostile, estimators, reviewed_modules)}[sys.argv[1]]
    print(json.dumps(check(sys.argv[2])))
