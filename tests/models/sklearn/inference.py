import joblib
from shape import features

from packflow_runtime import InferenceBackend


class Backend(InferenceBackend):
    def initialize(self):
        self.pipeline = joblib.load(self.project_dir / "artifacts" / "pipeline.joblib")

    def transform_inputs(self, records):
        return [features(event) for event in records]

    def execute(self, inputs):
        return self.pipeline.predict_proba(inputs)

    def transform_outputs(self, outputs):
        return [{"score": row[1], "label": "odd" if row[1] > 0.5 else "usual"} for row in outputs]
