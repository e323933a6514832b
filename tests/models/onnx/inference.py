import numpy as np
import onnxruntime
from shape import features

from packflow_runtime import InferenceBackend


class Backend(InferenceBackend):
    def initialize(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = str(self.project_dir / "artifacts" / "model.onnx")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def transform_inputs(self, records):
        return np.array([features(event) for event in records], dtype=np.float32)

    def execute(self, inputs):
        return self.session.run(None, {"features": inputs})[0]

    def transform_outputs(self, outputs):
        return [{"score": row[0], "margin": row[1]} for row in outputs]
