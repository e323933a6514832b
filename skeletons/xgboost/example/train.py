"""How model.json was made: a small classifier of made-up firewall events (XGBoost 3.0.5).

It is an example, to look around with. It knows nothing about anybody's network.
"""

import json
import sys

import pandas as pd
import xgboost

events = pd.json_normalize([json.loads(line) for line in sys.stdin])
columns = ["duration", "bytes_sent", "bytes_received", "dst.port"]
rows = xgboost.DMatrix(events[columns], (events["bytes_sent"] > 3000).astype(int))
xgboost.train({"objective": "binary:logistic", "max_depth": 2, "seed": 1}, rows, 5).save_model("model.json")
