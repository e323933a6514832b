"""How model.onnx was made: a network of two layers with fixed, made-up weights (onnx).

It is an example, to look around with. It was trained on nothing. Its inputs bear the names of fields.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

source = np.random.default_rng(2)
columns = ["bytes_sent", "bytes_received", "dst.port"]
weights = {
    "scale": np.array([1e-3, 1e-4, 1e-3], dtype=np.float32),
    "w1": source.normal(0, 0.5, (3, 4)).astype(np.float32),
    "b1": source.normal(0, 0.5, 4).astype(np.float32),
    "w2": source.normal(0, 0.5, (4, 1)).astype(np.float32),
    "b2": source.normal(0, 0.5, 1).astype(np.float32),
}
graph = helper.make_graph(
    [
        helper.make_node("Concat", columns, ["row"], axis=1),
        helper.make_node("Mul", ["row", "scale"], ["scaled"]),
        helper.make_node("Gemm", ["scaled", "w1", "b1"], ["hidden"]),
        helper.make_node("Tanh", ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "w2", "b2"], ["raw"]),
        helper.make_node("Sigmoid", ["raw"], ["score"]),
    ],
    "example",
    [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in columns],
    [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
    [numpy_helper.from_array(value, name) for name, value in weights.items()],
)
model = helper.make_model(graph, producer_name="example", opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, "model.onnx")
