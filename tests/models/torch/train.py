"""Save a network of made-up weights."""

import sys

import torch

torch.manual_seed(3)
network = torch.nn.Sequential(torch.nn.Linear(6, 64), torch.nn.GELU(), torch.nn.Linear(64, 3))
torch.save(network.state_dict(), sys.argv[1])
