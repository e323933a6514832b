"""How model.pt was made: a network of two layers with fixed, made-up weights, traced (PyTorch).

It is an example, to look around with. It was trained on nothing, and like every such program it has no names for its
features: features.txt names them.
"""

import torch
from torch import nn


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        self.register_buffer("scale", torch.tensor([1e-3, 1e-4, 1e-3]))

    def forward(self, rows):
        return self.layers(rows * self.scale)


torch.manual_seed(3)
network = Network().eval()
with torch.inference_mode():
    torch.jit.trace(network, torch.zeros(2, 3)).save("model.pt")
