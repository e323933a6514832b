"""Score each event by how far its numbers lie from where they usually lie."""

import json
import math

from packflow_runtime import BackendConfig, InferenceBackend


class Config(BackendConfig):
    """What an operator may set; packflow.yaml holds the values."""

    threshold: float = 3.0
    """A field counts as unusual from this many standard deviations on."""


class Backend(InferenceBackend):
    """Compare numeric fields with the baseline in artifacts/baseline.json."""

    backend_config_model = Config

    def initialize(self):
        """Load the baseline: for each field its keys, mean and standard deviation."""
        text = (self.project_dir / "artifacts" / "baseline.json").read_text(encoding="utf-8")
        self.fields = [
            (".".join(field["path"]), field["path"], field["mean"], field["deviation"])
            for field in json.loads(text)["fields"]
        ]

    def execute(self, inputs):
        """Return one output per event, in order."""
        return [self.score(event) for event in inputs]

    def score(self, event):
        """Score one event on its own: nothing here may depend on the other events of a batch."""
        distances = {}
        for name, path, mean, deviation in self.fields:
            value = number_at(event, path)
            if value is not None:
                distances[name] = abs(value - mean) / deviation
        if not distances:
            return {"score": 0.0, "unusual": False, "field": None, "fields": 0}
        field = max(distances, key=distances.get)
        # math.fsum: the built-in sum of floats rounds differently from one Python version to the next.
        return {
            "score": math.fsum(distances.values()) / len(distances),
            "unusual": distances[field] >= self.config.threshold,
            "field": field,
            "fields": len(distances),
        }


def number_at(event, path):
    """The number at the keys in ``path``, or None where there is none."""
    value = event
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond every float
        return None
