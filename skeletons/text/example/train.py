"""How model.onnx and tokenizer.json were made: a weight for each of a few words, and their mean (onnx, tokenizers).

It is an example, to look around with. Its words were chosen by hand; it was trained on nothing.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

WORDS = {
    "failed": 2.0,
    "invalid": 2.0,
    "root": 1.0,
    "denied": 2.0,
    "accepted": -2.0,
    "opened": -1.0,
    "closed": -1.0,
    "session": -1.0,
    "password": 0.5,
    "user": 0.0,
    "for": 0.0,
    "from": 0.0,
}
vocabulary = {word: index for index, word in enumerate(["[PAD]", "[UNK]", *WORDS])}
tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
tokenizer.normalizer = Lowercase()
tokenizer.pre_tokenizer = Whitespace()
tokenizer.save("tokenizer.json")

table = np.array([[-weight, weight] for weight in [0.0, 0.0, *WORDS.values()]], dtype=np.float32)
graph = helper.make_graph(
    [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["column", "middle"], ["count"], keepdims=0),
        helper.make_node("Max", ["count", "one"], ["divisor"]),
        helper.make_node("Div", ["sum", "divisor"], ["logits"]),
    ],
    "example",
    [helper.make_tensor_value_info(name, TensorProto.INT64, [None, None]) for name in ("input_ids", "attention_mask")],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, 2])],
    [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([2]), "last"),
        numpy_helper.from_array(np.array([1]), "middle"),
        numpy_helper.from_array(np.array([1.0], dtype=np.float32), "one"),
    ],
)
model = helper.make_model(graph, producer_name="example", opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, "model.onnx")
