import torch
from shape import features

from packflow_runtime import InferenceBackend


def network():
    return torch.nn.Sequential(torch.nn.Linear(6, 64), torch.nn.GELU(), torch.nn.Linear(64, 3))


class Backend(InferenceBackend):
    def initialize(self):
        torch.set_num_threads(1)
        self.network = network()
        state = torch.load(self.project_dir / "artifacts" / "network.pt", weights_only=True, map_location="cpu")
        self.network.load_state_dict(state)
        self.network.eval()

    def transform_inputs(self, records):
        return torch.tensor([features(event) for event in records], dtype=torch.float32)

    def execute(self, inputs):
        with torch.inference_mode():
            return self.network(inputs).softmax(dim=1)

    def transform_outputs(self, outputs):
        return [{"probabilities": row, "best": row.argmax()} for row in outputs]
