import numpy as np
from shape import features

from packflow_runtime import InferenceBackend

LIMITS = np.array([30, 45, 8, 2, 7, 120], dtype=np.float32)


class Backend(InferenceBackend):
    def transform_inputs(self, records):
        return np.array([features(event) for event in records], dtype=np.float32)

    def execute(self, inputs):
        over = inputs > LIMITS
        return over.sum(axis=1), (inputs / LIMITS).max(axis=1), over

    def transform_outputs(self, outputs):
        return [
            {"rules": np.flatnonzero(hit), "count": count, "worst": worst}
            for count, worst, hit in zip(*outputs, strict=True)
        ]
