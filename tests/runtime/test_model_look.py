"""Opening a model file and telling what it takes and gives, by what it can do."""

from __future__ import annotations

import pickle
import sys
import tempfile
import unittest
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from packflow_runtime.errors import ExitCode, PackflowError
from packflow_runtime.model_look import linear_layers, look_at_model
from packflow_runtime.pickle_guard import PickleGuard, PickleNotAllowedError


class Listed:
    """Behaves as an array does, as far as anybody asks."""

    def __init__(self, *items: Any) -> None:
        self.items = list(items)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Any:
        return iter(self.items)

    def tolist(self) -> list[Any]:
        return self.items


class Classifier:
    """Behaves as a fitted estimator does."""

    def __init__(self) -> None:
        self.feature_names_in_ = Listed("a", "b")
        self.n_features_in_ = 2
        self.classes_ = Listed(0, "odd", True, None)

    def get_params(self) -> dict[str, Any]:
        return {}

    def fit(self) -> None:
        pass

    def predict(self) -> None:
        pass

    def predict_proba(self) -> None:
        pass


class Warner(Classifier):
    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        warnings.warn("saved with another version", UserWarning, stacklevel=1)


class Pipeline(Classifier):
    """Its properties raise what its steps raise."""

    steps = ()

    @property
    def decision_function(self) -> Any:
        raise AttributeError("no step has it")


class Bare:
    def transform(self) -> None:
        pass


class Unfitted:
    def get_params(self) -> dict[str, Any]:
        return {}

    def fit(self) -> None:
        pass

    def predict(self) -> None:
        pass


class ModelLook(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = str(Path(self.folder.name, "model.pkl"))

    def look(self, value: object, loader: str = "pickle") -> dict[str, Any]:
        Path(self.path).write_bytes(pickle.dumps(value))
        return look_at_model(self.path, loader)

    def test_an_estimator(self) -> None:
        found = self.look(Classifier())
        self.assertEqual(found["feature_names"], ["a", "b"])
        self.assertEqual(found["feature_count"], 2)
        self.assertEqual(found["classes"], [0, "odd", True, "None"])
        self.assertEqual(found["methods"], ["predict", "predict_proba"])
        self.assertEqual(found["type"], f"{__name__}.Classifier")
        self.assertEqual((found["inputs"], found["outputs"], found["warnings"]), ([], [], []))

    def test_properties_that_raise_are_not_there(self) -> None:
        self.assertEqual(self.look(Pipeline())["methods"], ["predict", "predict_proba"])

    def test_a_model_without_names_count_or_classes(self) -> None:
        found = self.look(Bare())
        self.assertEqual(
            (found["feature_names"], found["feature_count"], found["classes"], found["methods"]),
            (None, None, None, ["transform"]),
        )

    def test_several_outputs_have_no_classes_in_common(self) -> None:
        model = Classifier()
        model.classes_ = Listed(Listed(0, 1), Listed(0, 1))
        self.assertIsNone(self.look(model)["classes"])

    def test_warnings_are_told(self) -> None:
        self.assertEqual(self.look(Warner())["warnings"], ["saved with another version"])

    def test_what_cannot_predict(self) -> None:
        for value, words in (({"model": 1, "columns": []}, "a dict with the keys 'model', 'columns'"), (3, "an int")):
            with self.assertRaises(PackflowError) as caught:
                self.look(value)
            self.assertEqual(caught.exception.code, "model-unsuitable")
            self.assertIn(words, caught.exception.title)
            self.assertEqual(caught.exception.exit_code, ExitCode.NOT_FOUND)

    def test_what_is_more_than_weights(self) -> None:
        load = SimpleNamespace(load=lambda *_given, **_named: [1, 2])
        with mock.patch.dict(sys.modules, {"torch": load}), self.assertRaises(PackflowError) as caught:
            look_at_model(self.path, "torch-state")
        self.assertEqual(caught.exception.title, "The file holds a list, not weights alone.")

    def test_types_that_skops_does_not_trust(self) -> None:
        io = SimpleNamespace(get_untrusted_types=lambda file: ["mine.Scaler", "mine.Forest"])
        skops = SimpleNamespace(io=io)
        with mock.patch.dict(sys.modules, {"skops": skops}), self.assertRaises(PackflowError) as caught:
            look_at_model(self.path, "skops")
        self.assertTrue(caught.exception.title.endswith("that skops does not trust: mine.Forest, mine.Scaler."))
        self.assertEqual(caught.exception.code, "model-untrusted")

    def test_what_was_never_fitted(self) -> None:
        with self.assertRaises(PackflowError) as caught:
            self.look(Unfitted())
        self.assertIn("never fitted", caught.exception.title)

    def test_a_module_that_is_not_there(self) -> None:
        Path(self.path).write_bytes(b"cno_such_module.parts\nModel\n.")
        self.assertEqual(look_at_model(self.path, "pickle"), {"missing": "no_such_module"})

    def test_a_file_that_cannot_be_opened(self) -> None:
        Path(self.path).write_bytes(b"\x80\x04K")
        with self.assertRaises(PackflowError) as caught:
            look_at_model(self.path, "pickle")
        self.assertEqual(caught.exception.code, "model-unreadable")

    def test_a_guards_refusal_is_raised_as_itself(self) -> None:
        Path(self.path).write_bytes(b"cbuiltins\neval\n.")
        with PickleGuard().active(), self.assertRaises(PickleNotAllowedError) as caught:
            look_at_model(self.path, "pickle")
        self.assertEqual(caught.exception.global_name, "builtins.eval")

    def test_the_layers_of_a_plain_sequence(self) -> None:
        shapes = {"0.weight": [4, 3], "0.bias": [4], "2.weight": [2, 4]}
        self.assertEqual(
            linear_layers(shapes),
            [
                {"prefix": "0", "inputs": 3, "outputs": 4, "bias": True},
                {"prefix": "2", "inputs": 4, "outputs": 2, "bias": False},
            ],
        )

    def test_any_other_network_has_none(self) -> None:
        for shapes in (
            {"0.weight": [4, 3], "2.weight": [2, 5]},  # they do not fit together
            {"0.weight": [4, 3], "0.bias": [5]},
            {"0.weight": [4, 3, 3]},  # a convolution
            {"0.weight": [4, 3], "scale": [1]},  # something between
            {"weight_ih_l0": [16, 3]},
            {},
        ):
            self.assertEqual(linear_layers(shapes), [], shapes)


if __name__ == "__main__":
    unittest.main()
