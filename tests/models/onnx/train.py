"""Write a two-layer network of fixed, made-up weights."""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

source = np.random.default_rng(2)
weights = {
    "w1": source.normal(0, 0.2, (6, 32)).astype(np.float32),
    "b1": source.normal(0, 0.2, 32).astype(np.float32),
    "w2": source.normal(0, 0.2, (32, 2)).astype(np.float32),
    "b2": source.normal(0, 0.2, 2).astype(np.float32),
}
graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["features", "w1", "b1"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "w2", "b2"], ["output"]),
    ],
    "network",
    [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 6])],
    [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None, 2])],
    [numpy_helper.from_array(value, name) for name, value in weights.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1])
