"""Fit a pipeline on made-up numbers and save it."""

import sys

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

source = np.random.default_rng(1)
rows = source.random((300, 6)) * [40, 60, 11, 5, 9, 200]
pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(20, random_state=1))
pipeline.fit(rows, rows[:, 1] + rows[:, 5] / 4 > 55)
joblib.dump(pipeline, sys.argv[1], compress=3)
