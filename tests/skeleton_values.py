"""Values that fill in any skeleton that comes with Packflow, as ``packflow init`` would give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packflow_app.actions.init_values import TemplateModel
from packflow_app.models.description import Port
from packflow_app.models.features import FeatureMatch, MatchedFeature

if TYPE_CHECKING:
    from packflow_app.projects.skeletons import Skeleton

FEATURES = FeatureMatch(
    (
        MatchedFeature("duration", "duration", "exact", "number", 90, 100),
        MatchedFeature("port", "dst.port", "last-part", "integer", 100, 100),
        MatchedFeature("no", 'a: "b" #c', "given", "integer", 100, 100),
    ),
    named=True,
)
TEMPLATE_MODELS: dict[str, dict[str, Any]] = {
    "sklearn": {"format": "joblib", "loader": "joblib", "methods": ("predict", "predict_proba"), "classes": (0, 1)},
    "xgboost": {"format": "xgboost", "loader": "xgboost", "objective": "binary:logistic", "classes": (0, 1)},
    "lightgbm": {"format": "lightgbm", "loader": "lightgbm", "objective": "binary", "classes": (0, 1)},
    "onnx": {"format": "onnx", "loader": "onnx", "inputs": (Port("x", "tensor(float)", (None, 3)),)},
    "text": {"format": "onnx", "loader": "onnx", "inputs": (Port("input_ids", "tensor(int64)", (None, None)),)},
    "torch": {
        "format": "torch-state",
        "loader": "torch-state",
        "layers": ({"prefix": "0", "inputs": 3, "outputs": 2, "bias": True},),
    },
}


def template_model(**known: Any) -> TemplateModel:
    """A model as templates see it, with what matters to the test."""
    unset = {"type": "t", "methods": (), "classes": None, "objective": None, "inputs": (), "outputs": (), "layers": ()}
    words = {"file": "artifacts/model.x", "dtype": "float32", "fixed_batch": False, "summary": "A.", "origin": "B."}
    return TemplateModel(**{**unset, **words, **known})


def skeleton_values(skeleton: Skeleton, **others: Any) -> dict[str, Any]:
    """Everything that the skeleton's templates use."""
    model = template_model(**TEMPLATE_MODELS[skeleton.name]) if skeleton.name in TEMPLATE_MODELS else None
    answers = {one.name: one.default or (one.choices[0] if one.choices else "x") for one in skeleton.variables}
    return {
        "name": "my-model",
        "archive": "my_model-0.1.0.zip",
        "description": "A model.",
        "maintainers": [],
        "holder": "the authors of my-model",
        "year": 2026,
        "sample_events": "samples/events.ndjson",
        "events_seen": 12,
        "field_count": 3,
        "baseline": '{"events": 12, "fields": []}',
        "settings": answers,
        "model": model,
        "features": FEATURES if model is not None else None,
        "feature_sentence": "3 features.",
        "python_requires": ">=3.12",
        "requirements": [],
        **others,
    }
