"""Open one model file in the project's own Python and tell what it takes and gives, as plain JSON values.

Nothing is imported here but what the file itself needs; models are known by what they can do, not by their class.
"""

from __future__ import annotations

import json
import os
import warnings
from typing import TYPE_CHECKING, Any

from .errors import ExitCode, PackflowError, message_of
from .pickle_guard import refusal_in

if TYPE_CHECKING:
    from collections.abc import Callable

_METHODS = ("predict", "predict_proba", "decision_function", "score_samples", "transform")
_MOST_CLASSES = 1000
_MOST_KEYS = 8
_MOST_WARNINGS = 5


class ModelLookError(PackflowError):
    """A model file could not be opened, or holds nothing that can be asked."""

    code = "model-unreadable"
    exit_code = ExitCode.NOT_FOUND


def look_at_model(path: str, loader: str) -> dict[str, Any]:
    """What the model at ``path`` is like; ``loader`` is a key of ``LOOKS``.

    Keys: ``type``, ``feature_names`` (None: it has none), ``feature_count`` (None: not told), ``inputs`` and
    ``outputs`` (name, type, shape), ``classes`` (None: no classifier), ``methods``, ``objective``, ``warnings``; or
    only ``missing``, the module that the file needs and this Python lacks. Raises ModelLookError, or a pickle guard's
    refusal.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = LOOKS[loader](path)
        except PackflowError:
            raise
        except ImportError as error:
            return {"missing": (error.name or message_of(error)).partition(".")[0]}
        except Exception as error:
            refusal = refusal_in(error)
            if refusal is not None:
                raise refusal from error
            raise ModelLookError(
                f"{os.path.basename(path)} could not be opened: {type(error).__name__}: {message_of(error)}",
                hint="Save the model again where it was trained, with the versions that packflow is to run it with.",
            ) from error
    unset: dict[str, Any] = {
        "feature_names": None,
        "feature_count": None,
        "inputs": [],
        "outputs": [],
        "classes": None,
        "methods": [],
    }
    told = [str(entry.message) for entry in caught if issubclass(entry.category, UserWarning)]
    return {**unset, "objective": None, **found, "warnings": list(dict.fromkeys(told))[:_MOST_WARNINGS]}


# --- models that were pickled: estimators and whatever behaves like one ---------------------------------------


def _pickle(path: str) -> dict[str, Any]:
    import pickle  # noqa: PLC0415 - what this file needs

    with open(path, "rb") as file:
        return _estimator(pickle.load(file), path)  # noqa: S301 - guarded, and somebody said yes


def _joblib(path: str) -> dict[str, Any]:
    import joblib  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - what this file needs

    return _estimator(joblib.load(path), path)


def _skops(path: str) -> dict[str, Any]:
    from skops import io  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - what this file needs

    unknown = io.get_untrusted_types(file=path)
    if unknown:
        shown = ", ".join(sorted(unknown)[:_MOST_KEYS])
        raise ModelLookError(
            f"{os.path.basename(path)} holds types that skops does not trust: {shown}.",
            code="model-untrusted",
            exit_code=ExitCode.USAGE,
            hint="Save a model of scikit-learn's own types, or load it in a backend of your own (--kind python).",
        )
    return _estimator(io.load(path, trusted=[]), path)


def _estimator(model: Any, path: str) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    methods = [name for name in _METHODS if callable(_asked(model, name))]
    if not {"predict", "transform", "score_samples"} & {*methods}:
        raise ModelLookError(
            f"{os.path.basename(path)} holds {_told(model, kind)}, which has no predict.",
            code="model-unsuitable",
            hint="Save the fitted model itself, for example: joblib.dump(pipeline, 'model.joblib')",
        )
    names = _names(_asked(model, "feature_names_in_"))
    if names is None:
        names = _names(_asked(model, "feature_name_"))
    count = _asked(model, "n_features_in_")
    if count is None and "predict" in methods and _is_unfitted(model):
        raise ModelLookError(
            f"{os.path.basename(path)} holds {_with_article(kind)} that was never fitted.",
            code="model-unsuitable",
            hint="Save it after fit().",
        )
    return {
        "type": kind,
        "feature_names": names,
        "feature_count": int(count) if count is not None else len(names) if names else None,
        "classes": _classes(_asked(model, "classes_")),
        "methods": methods,
    }


def _asked(model: Any, name: str) -> Any:  # noqa: ANN401 - whatever the model has
    """An attribute, None where it is not there: properties of pipelines raise what their steps raise."""
    try:
        return getattr(model, name, None)
    except Exception:  # noqa: BLE001 - such as NotFittedError
        return None


def _is_unfitted(model: Any) -> bool:  # noqa: ANN401
    """Whether it is an estimator that learned nothing: what is learned ends in an underscore."""
    if not callable(_asked(model, "fit")) or _asked(model, "steps") is not None:
        return False
    learned = [name for name in getattr(model, "__dict__", {}) if name.endswith("_") and not name.startswith("_")]
    return not learned and callable(_asked(model, "get_params"))


def _told(model: Any, kind: str) -> str:  # noqa: ANN401
    if isinstance(model, dict):
        keys = ", ".join(repr(key) for key in list(model)[:_MOST_KEYS])
        return f"a dict with the keys {keys}"
    return _with_article(kind.removeprefix("builtins."))


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _names(value: Any) -> list[str] | None:  # noqa: ANN401 - an array, a list or nothing
    return [str(name) for name in value] if value is not None and len(value) else None


def _classes(value: Any) -> list[Any] | None:  # noqa: ANN401 - an array, a list of arrays (several outputs), or nothing
    if value is None:
        return None
    listed = value.tolist() if hasattr(value, "tolist") else list(value)
    if any(hasattr(one, "__len__") and not isinstance(one, str) for one in listed):
        return None  # several outputs, each with classes of its own
    plain = [one if isinstance(one, (bool, int, float, str)) else str(one) for one in listed]
    return plain[:_MOST_CLASSES]


# --- models in formats of their own ----------------------------------------------------------------------------


def _xgboost(path: str) -> dict[str, Any]:
    import xgboost  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - what this file needs

    booster = xgboost.Booster()
    booster.load_model(path)
    learner = json.loads(booster.save_config())["learner"]
    objective = str(learner["objective"]["name"])
    several = int(learner["learner_model_param"]["num_class"])
    count = several or (2 if objective == "binary:logistic" else 0)
    return {
        "type": "xgboost.Booster",
        "feature_names": list(booster.feature_names) if booster.feature_names else None,
        "feature_count": int(booster.num_features()),
        "classes": list(range(count)) or None,
        "objective": objective,
    }


def _lightgbm(path: str) -> dict[str, Any]:
    import lightgbm  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - what this file needs

    booster = lightgbm.Booster(model_file=path)
    objective = str(booster.dump_model(num_iteration=1).get("objective", "")).partition(" ")[0]
    several = int(booster.dump_model(num_iteration=1)["num_class"])
    count = several if several > 1 else 2 if objective == "binary" else 0
    return {
        "type": "lightgbm.Booster",
        "feature_names": list(booster.feature_name()) or None,
        "feature_count": int(booster.num_feature()),
        "classes": list(range(count)) or None,
        "objective": objective,
    }


def _onnx(path: str) -> dict[str, Any]:
    import onnxruntime  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - what this file needs

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = [_port(one) for one in session.get_inputs()]
    columns = [one["name"] for one in inputs] if len(inputs) > 1 and all(map(_is_column, inputs)) else None
    matrix = inputs[0]["shape"] if len(inputs) == 1 else []
    width = matrix[1] if len(matrix) == 2 and isinstance(matrix[1], int) else None
    return {
        "type": "onnx",
        "feature_names": columns,
        "feature_count": len(columns) if columns else width,
        "inputs": inputs,
        "outputs": [_port(one) for one in session.get_outputs()],
    }


def _port(port: Any) -> dict[str, Any]:  # noqa: ANN401 - one of onnxruntime's
    shape = [size if isinstance(size, int) else None for size in port.shape or []]
    return {"name": str(port.name), "type": str(port.type), "shape": shape}


def _is_column(port: dict[str, Any]) -> bool:
    return len(port["shape"]) in (1, 2) and port["shape"][1:] in ([], [1])


def _torchscript(path: str) -> dict[str, Any]:
    import torch  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - what this file needs

    network = torch.jit.load(path, map_location="cpu").eval()
    arguments = [str(one.name) for one in network.forward.schema.arguments[1:]]
    widths = [parameter.shape[-1] for parameter in network.parameters() if parameter.dim() == 2]
    found: dict[str, Any] = {"type": "torch.jit.ScriptModule", "inputs": [{"name": name} for name in arguments]}
    if len(arguments) != 1 or not widths:
        return found
    with torch.inference_mode():
        try:  # what the first layer's weights promise, shown by a call
            given = network(torch.zeros(2, widths[0]))
        except Exception:  # noqa: BLE001 - it takes something else, which nobody can tell from its weights
            return found
    if hasattr(given, "shape"):
        found["outputs"] = [{"name": "output", "type": str(given.dtype), "shape": [None, *given.shape[1:]]}]
    return {**found, "feature_count": int(widths[0])}


def _torch_state(path: str) -> dict[str, Any]:
    import torch  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - what this file needs

    return _weights(torch.load(path, map_location="cpu", weights_only=True))


def _safetensors(path: str) -> dict[str, Any]:
    from safetensors import torch as tensors  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415

    return _weights(tensors.load_file(path))


def _weights(state: Any) -> dict[str, Any]:  # noqa: ANN401 - a state dict, one hopes
    """A state dict's linear layers in order; none where it is not made of such alone."""
    if not isinstance(state, dict) or not all(hasattr(value, "shape") for value in state.values()):
        kind = f"{type(state).__module__}.{type(state).__qualname__}"
        raise ModelLookError(
            f"The file holds {_told(state, kind)}, not weights alone.",
            code="model-unsuitable",
            hint="Save the weights alone: torch.save(network.state_dict(), 'model.pt')",
        )
    shapes = {str(name): [int(size) for size in value.shape] for name, value in state.items()}
    layers = linear_layers(shapes)
    found: dict[str, Any] = {"type": "torch state dict", "layers": layers, "shapes": shapes}
    if layers:
        found["feature_count"] = layers[0]["inputs"]
        found["outputs"] = [{"name": "output", "type": "float32", "shape": [None, layers[-1]["outputs"]]}]
    return found


def linear_layers(shapes: dict[str, list[int]]) -> list[dict[str, Any]]:
    """The linear layers of a plain sequence's state dict: prefix, inputs, outputs, bias; none for any other network."""
    layers: list[dict[str, Any]] = []
    names = {*shapes}
    for name, shape in shapes.items():
        if not name.endswith(".weight"):
            continue
        prefix = name.removesuffix(".weight")
        bias = f"{prefix}.bias"
        if len(shape) != 2 or (layers and layers[-1]["outputs"] != shape[1]):
            return []
        if bias in shapes and shapes[bias] != [shape[0]]:
            return []
        names -= {name, bias}
        layers.append({"prefix": prefix, "inputs": shape[1], "outputs": shape[0], "bias": bias in shapes})
    return layers if not names else []


LOOKS: dict[str, Callable[[str], dict[str, Any]]] = {
    "pickle": _pickle,
    "joblib": _joblib,
    "skops": _skops,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "onnx": _onnx,
    "torchscript": _torchscript,
    "torch-state": _torch_state,
    "safetensors": _safetensors,
}
"""How each loader looks at a file."""
