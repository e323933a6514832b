"""How model.joblib was made: a small classifier of made-up firewall events (scikit-learn 1.7.2, joblib).

It is an example, to look around with. It knows nothing about anybody's network.
"""

import json
import sys

import joblib
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

events = pd.json_normalize([json.loads(line) for line in sys.stdin])
columns = ["duration", "bytes_sent", "bytes_received", "dst.port"]
pipeline = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
pipeline.fit(events[columns], (events["bytes_sent"] > 3000).map({True: "unusual", False: "usual"}))
joblib.dump(pipeline, "model.joblib")
