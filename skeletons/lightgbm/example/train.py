"""How model.txt was made: a small classifier of made-up firewall events (LightGBM).

It is an example, to look around with. It knows nothing about anybody's network.
"""

import json
import sys

import lightgbm
import pandas as pd

events = pd.json_normalize([json.loads(line) for line in sys.stdin])
columns = ["duration", "bytes_sent", "bytes_received"]
rows = lightgbm.Dataset(events[columns], (events["bytes_sent"] > 3000).astype(int))
settings = {"objective": "binary", "num_leaves": 4, "verbose": -1, "seed": 1, "deterministic": True}
lightgbm.train(settings, rows, 5).save_model("model.txt")
