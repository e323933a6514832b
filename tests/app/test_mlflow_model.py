"""MLflow model folders read without MLflow: made by hand as several of its versions write them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.actions.init_mlflow import _no_events
from packflow_app.projects.mlflow_model import MlflowField, MlflowModel, read_mlflow_model
from packflow_app.runtime import PackflowError

INPUTS = [{"type": "double", "name": "rtt"}, {"type": "long", "name": "bytes", "required": False}]
ENV = "python: 3.10.13\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n"


SKLEARN = (
    "  sklearn:\n    pickled_model: model.pkl\n    sklearn_version: 1.4.2\n    serialization_format: cloudpickle\n"
)


def description(
    flavor: str = SKLEARN,
    inputs: list[Any] | None = INPUTS,
    more: str = "",
) -> str:
    signature = (
        ""
        if inputs is None
        else f"signature:\n  inputs: '{json.dumps(inputs)}'\n  outputs: '[{{\"type\": \"long\"}}]'\n"
    )
    return (
        f"artifact_path: model\nflavors:\n{flavor}"
        "  python_function:\n    loader_module: mlflow.any\n    python_version: 3.10.13\n    predict_fn: predict\n"
        f"mlflow_version: 2.14.1\n{signature}{more}"
    )


def folder(path: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_everything(tmp_path: Path) -> None:
    requirements = "mlflow==2.14.1\ncloudpickle==3.0.0  # why\n\n# only a comment\nscikit-learn==1.4.2\n-r more.txt\n"
    example = json.dumps({"columns": ["rtt", "bytes"], "data": [[0.5, 3], [float("nan"), 4]]})
    info = "saved_input_example_info:\n  artifact_path: example.json\n  pandas_orient: split\n  type: dataframe\n"
    found = read_mlflow_model(
        folder(
            tmp_path,
            {
                "MLmodel": description(more=info),
                "model.pkl": b"\x80\x04.",
                "requirements.txt": requirements,
                "python_env.yaml": ENV,
                "example.json": example,
            },
        )
    )
    assert (found.flavor, found.model_file, found.format) == ("sklearn", tmp_path / "model.pkl", "cloudpickle")
    assert (found.framework_version, found.python_version, found.mlflow_version) == ("1.4.2", "3.10.13", "2.14.1")
    assert found.requirements == ("cloudpickle==3.0.0", "scikit-learn==1.4.2")
    assert found.inputs == (MlflowField("rtt", "double"), MlflowField("bytes", "long", required=False))
    assert (found.feature_names, found.feature_count) == (("rtt", "bytes"), 2)
    assert found.outputs == (MlflowField(None, "long"),)
    assert found.events == ({"rtt": 0.5, "bytes": 3}, {"rtt": None, "bytes": 4})
    assert [note for note in found.notes if "more.txt" in note]
    assert [note for note in found.notes if "NaN" in note]
    assert len(found.notes) == 2


@pytest.mark.parametrize(
    ("flavor", "file", "key"),
    [
        (
            "  xgboost: {data: model.ubj, xgb_version: 2.0.3, model_class: xgboost.core.Booster, model_format: ubj}\n",
            "model.ubj",
            ("xgboost", "ubj", "xgboost.core.Booster", "2.0.3"),
        ),
        ("  xgboost:\n    data: model.xgb\n    xgb_version: 1.5.0\n", "model.xgb", ("xgboost", None, None, "1.5.0")),
        (
            "  lightgbm: {data: model.lgb, lgb_version: 4.3.0, model_class: lightgbm.basic.Booster,"
            " serialization_format: skops}\n",
            "model.lgb",
            ("lightgbm", None, "lightgbm.basic.Booster", "4.3.0"),
        ),
        (
            "  lightgbm: {data: model.pkl, model_class: lightgbm.sklearn.LGBMClassifier,"
            " serialization_format: cloudpickle}\n",
            "model.pkl",
            ("lightgbm", "cloudpickle", "lightgbm.sklearn.LGBMClassifier", None),
        ),
        (
            "  onnx:\n    data: model.onnx\n    onnx_version: 1.16.0\n    code: null\n",
            "model.onnx",
            ("onnx", None, None, "1.16.0"),
        ),
        ("  onnx:\n    data: data\n    onnx_version: '1.10'\n", "data/model.onnx", ("onnx", None, None, "1.10")),
        (
            "  pytorch:\n    model_data: data\n    pytorch_version: 2.3.0+cpu\n",
            "data/model.pth",
            ("pytorch", None, None, "2.3.0+cpu"),
        ),
        (
            "  pytorch:\n    model_data: data\n    pytorch_version: 2.10\n    serialization_format: pt2\n",
            "data/model.pt2",
            ("pytorch", "pt2", None, "2.10"),
        ),
    ],
)
def test_each_flavor(tmp_path: Path, flavor: str, file: str, key: tuple[str | None, ...]) -> None:
    found = read_mlflow_model(folder(tmp_path, {"MLmodel": description(flavor), file: b"model"}))
    assert found.model_file == tmp_path / file
    assert (found.flavor, found.format, found.model_class, found.framework_version) == key


@pytest.mark.parametrize(
    ("flavor", "requirements", "kept"),
    [
        ("  onnx:\n    data: m\n", "mlflow-skinny\nonnx==1.16.0\nonnxruntime-gpu==1.18\n", ("onnxruntime-gpu==1.18",)),
        ("  onnx:\n    data: m\n", "mlflow\nonnx==1.16.0\n", ("onnxruntime",)),
        ("  xgboost:\n    data: m\n", "cloudpickle==3\nxgboost==2.0.3\nmlflow[extras]>=2\n", ("xgboost==2.0.3",)),
        ("  pytorch:\n    model_data: m\n", "cloudpickle==3\ntorch==2.3.0\n", ("cloudpickle==3", "torch==2.3.0")),
        (
            "  xgboost:\n    data: m\n",
            "x @ file:///tmp/x.whl\ny @ https://example.org/y.whl\n./z.whl\n",
            ("y @ https://example.org/y.whl",),
        ),
    ],
)
def test_requirements_without_mlflows_own(
    tmp_path: Path, flavor: str, requirements: str, kept: tuple[str, ...]
) -> None:
    files: dict[str, str | bytes] = {"MLmodel": description(flavor), "m": b"m", "requirements.txt": requirements}
    assert read_mlflow_model(folder(tmp_path, files)).requirements == kept


def test_a_conda_environment_where_there_are_no_requirements(tmp_path: Path) -> None:
    conda = (
        "channels:\n- defaults\ndependencies:\n- python=3.9.7\n- pip<=21\n- pip:\n  - mlflow\n  - scikit-learn==0.24\n"
    )
    text = description().replace("    python_version: 3.10.13\n", "")
    found = read_mlflow_model(folder(tmp_path, {"MLmodel": text, "model.pkl": b".", "conda.yaml": conda}))
    assert (found.python_version, found.requirements) == ("3.9.7", ("scikit-learn==0.24",))


@pytest.mark.parametrize(
    ("example", "inputs", "events"),
    [
        ({"columns": ["a", "b"], "data": [[1, "x"]]}, None, [{"a": 1, "b": "x"}]),
        ({"index": [0], "columns": ["a"], "data": [[1]]}, None, [{"a": 1}]),
        ([{"a": 1}, {"a": 2, "b": {"c": 3}}], None, [{"a": 1}, {"a": 2, "b": {"c": 3}}]),
        ({"a": 1, "b": [1, 2]}, None, [{"a": 1, "b": [1, 2]}]),
        ({"dataframe_split": {"columns": ["a"], "data": [[1], [2]]}}, None, [{"a": 1}, {"a": 2}]),
        ({"dataframe_records": [{"a": 1}]}, None, [{"a": 1}]),
        (
            {"inputs": {"rtt": [1.5, 2.5], "bytes": [3, 4]}},
            INPUTS,
            [{"rtt": 1.5, "bytes": 3}, {"rtt": 2.5, "bytes": 4}],
        ),
        ({"inputs": [[1.5, 3]], "params": {"x": 1}}, INPUTS, [{"rtt": 1.5, "bytes": 3}]),
        ({"inputs": 5, "other": 1}, None, [{"inputs": 5, "other": 1}]),
        ([[1.5, 3], [2.5, 4]], INPUTS, [{"rtt": 1.5, "bytes": 3}, {"rtt": 2.5, "bytes": 4}]),
        ([1.5, 3], INPUTS, [{"rtt": 1.5, "bytes": 3}]),
        ([[1.5, 3, 4]], INPUTS, None),
        ([[1.5, 3]], [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}], None),
        ("text", INPUTS, None),
        ([], INPUTS, None),
    ],
)
def test_examples(tmp_path: Path, example: Any, inputs: list[Any] | None, events: list[Any] | None) -> None:
    files: dict[str, str | bytes] = {
        "MLmodel": description(inputs=inputs),
        "model.pkl": b".",
        "requirements.txt": "scikit-learn\n",
        "input_example.json": json.dumps(example),
    }
    found = read_mlflow_model(folder(tmp_path, files))
    assert list(found.events) == (events or [])
    assert any("without names" in note for note in found.notes) is (events is None)


def test_the_serving_example_stands_in(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "MLmodel": description(),
        "model.pkl": b".",
        "serving_input_example.json": '{"dataframe_split": {"columns": ["rtt", "bytes"], "data": [[1, 2]]}}',
    }
    assert read_mlflow_model(folder(tmp_path, files)).events == ({"rtt": 1, "bytes": 2},)


def test_at_most_200_events(tmp_path: Path) -> None:
    rows = [{"rtt": number} for number in range(1000)]
    files: dict[str, str | bytes] = {
        "MLmodel": description(),
        "model.pkl": b".",
        "input_example.json": json.dumps(rows),
    }
    assert len(read_mlflow_model(folder(tmp_path, files)).events) == 200


def test_what_cannot_be_carried_over_is_noted(tmp_path: Path) -> None:
    flavor = "  pytorch:\n    model_data: data\n    code: code\n"
    text = description(flavor, inputs=None).replace("predict_fn: predict\n", "predict_fn: predict_proba\n")
    text += "signature:\n  inputs: 'nonsense'\n  params: '[{\"name\": \"x\"}]'\n"
    files: dict[str, str | bytes] = {
        "MLmodel": text,
        "data/model.pth": b"x",
        "data/pickle_module_info.txt": "mlflow.pytorch.pickle_module",
        "code/net.py": "",
        "input_example.json": "{",
    }
    notes = read_mlflow_model(folder(tmp_path, files)).notes
    for part in (
        "code/",
        "predict_proba",
        "class must be importable",
        "inputs cannot be read",
        "params",
        "not valid JSON",
    ):
        assert [note for note in notes if part in note], part


def test_arrays(tmp_path: Path) -> None:
    inputs = [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 7]}}]
    found = read_mlflow_model(folder(tmp_path, {"MLmodel": description(inputs=inputs), "model.pkl": b"."}))
    assert found.inputs == (MlflowField(None, "float32", shape=(-1, 7)),)
    assert (found.feature_names, found.feature_count) == ((), 7)


@pytest.mark.parametrize(
    ("text", "code", "exit_code", "says"),
    [
        ("", "mlflow-invalid", 3, "empty"),
        ("- a\n", "mlflow-invalid", 3, "no mapping"),
        ("a: [\n", "mlflow-invalid", 3, "not valid YAML"),
        ("? {a: b}\n: c\n", "mlflow-invalid", 3, "not valid YAML"),
        ("a: \xff", "mlflow-invalid", 3, "UTF-8"),
        ("flavors: none\n", "mlflow-invalid", 3, "no flavors"),
        ("flavors:\n  sklearn:\n    x: y\n", "mlflow-invalid", 3, "names no file"),
        ("flavors:\n  sklearn:\n    pickled_model: ../model.pkl\n", "mlflow-invalid", 3, "outside"),
        ("flavors:\n  sklearn:\n    pickled_model: /etc/passwd\n", "mlflow-invalid", 3, "outside"),
        ("flavors:\n  sklearn:\n    pickled_model: link.pkl\n", "mlflow-invalid", 3, "outside"),
        ("flavors:\n  sklearn:\n    pickled_model: none.pkl\n", "model-not-found", 3, "none.pkl"),
        ("flavors:\n  pytorch:\n    model_data: empty\n", "model-not-found", 3, "empty/model.pth"),
        ("flavors:\n  sklearn:\n    pickled_model: pointer.pkl\n", "lfs-pointer", 2, "Git LFS pointer"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "lfs-pointer", 2, "Git LFS pointer"),
        (
            "flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n",
            "flavor-unsupported",
            2,
            "code of its own",
        ),
        (
            "flavors:\n  tensorflow: {a: b}\n  python_function: {loader_module: mlflow.tensorflow}\n",
            "flavor-unsupported",
            2,
            "tensorflow",
        ),
        ("flavors:\n  python_function: {loader_module: mlflow.prophet}\n", "flavor-unsupported", 2, "mlflow.prophet"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, code: str, exit_code: int, says: str) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
    model = folder(tmp_path / "model", {"MLmodel": text.encode("latin-1"), "pointer.pkl": pointer, "empty/x": b""})
    (tmp_path / "secret").write_text("x")
    (model / "link.pkl").symlink_to(tmp_path / "secret")
    with pytest.raises(PackflowError) as caught:
        read_mlflow_model(model)
    assert (caught.value.code, caught.value.exit_code) == (code, exit_code)
    assert says in caught.value.title
    assert caught.value.hint


def test_what_is_no_mlflow_model(tmp_path: Path) -> None:
    with pytest.raises(PackflowError, match="has no file MLmodel"):
        read_mlflow_model(tmp_path)
    with pytest.raises(PackflowError, match="there is no such folder"):
        read_mlflow_model(tmp_path / "none")
    folder(tmp_path, {"artifacts/model/MLmodel": description()})
    with pytest.raises(PackflowError) as caught:
        read_mlflow_model(tmp_path)
    assert str(tmp_path / "artifacts" / "model") in caught.value.hint
    assert caught.value.code == "mlflow-not-found"


def test_tags_run_nothing_and_anchors_are_read(tmp_path: Path) -> None:
    text = (
        "x: &base\n  pickled_model: model.pkl\n  sklearn_version: 1.10\n"
        f"y: !!python/object/apply:os.mkdir [{json.dumps(str(tmp_path / 'made'))}]\n"
        "flavors:\n  sklearn: *base\n"
    )
    found = read_mlflow_model(folder(tmp_path, {"MLmodel": text, "model.pkl": b"."}))
    assert found.framework_version == "1.10"
    assert not (tmp_path / "made").exists()


def test_aliases_of_aliases_take_no_time(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    text = "\n".join(
        [*lines, "flavors:", "  sklearn:", "    pickled_model: model.pkl", "    skops_trusted_types: *a29"]
    )
    found = read_mlflow_model(folder(tmp_path, {"MLmodel": text, "model.pkl": b"."}))
    assert found.trusted_types == ()


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200) | st.text(" -:[]{}&*!#\n'\"abflvorsk\t,|>", max_size=80).map(str.encode))
def test_any_description_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    model = folder(tmp_path_factory.mktemp("model"), {"MLmodel": content})
    with pytest.raises(PackflowError) as caught:
        read_mlflow_model(model)
    assert caught.value.code in ("mlflow-invalid", "flavor-unsupported", "lfs-pointer")


@settings(deadline=None, max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda one: (
            st.lists(one, max_size=4)
            | st.dictionaries(st.sampled_from(["inputs", "columns", "data", "params", "rtt", "bytes"]), one, max_size=4)
        ),
    )
)
def test_any_example_is_read_or_left_out(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    files: dict[str, str | bytes] = {
        "MLmodel": description(),
        "model.pkl": b".",
        "input_example.json": json.dumps(value),
    }
    found = read_mlflow_model(folder(tmp_path_factory.mktemp("model"), files))
    assert all(isinstance(event, dict) for event in found.events)
    json.dumps(found.events, allow_nan=False)


def test_a_model_without_example_events_says_which_to_pass() -> None:
    found = MlflowModel(Path("model"), "sklearn", Path("model/model.pkl"))
    named = (MlflowField("a", "double"), MlflowField("b", "double"))
    for model, told in (
        (replace(found, inputs=named), "Pass example events with the fields a, b: --events FILE."),
        (found, "Pass example events: --events FILE."),
        (replace(found, inputs=(MlflowField(None, "double", shape=(-1, 1)),)), "Name the 1 feature in the order"),
    ):
        error = _no_events(model)
        assert error.title == "model holds no example events, and --events names none."
        assert error.hint.startswith(told)
