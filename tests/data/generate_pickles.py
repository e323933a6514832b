"""Write the honest artifacts in ``tests/data/pickles``: small models as their libraries save them.

Run it where scikit-learn, joblib, lightgbm and torch are installed: ``python tests/data/generate_pickles.py [FOLDER]``.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

LINES = ["accepted password for root", "failed password for admin", "session opened for root", "failed login"]


def write(folder: Path) -> None:
    """Write all seven, and two of them as other options of their libraries save them."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    features = random.normal(size=(40, 4))
    labels = np.where(features[:, 0] > 0, "bad", "good")
    forest = RandomForestClassifier(3, max_depth=3, random_state=0).fit(features, labels)
    joblib.dump(forest, folder / "random_forest.joblib")
    joblib.dump(forest, folder / "random_forest_compressed.joblib", compress=("xz", 6))
    joblib.dump(TfidfVectorizer().fit(LINES), folder / "tfidf.joblib")
    regression = make_pipeline(StandardScaler(), LogisticRegression()).fit(features, labels)
    joblib.dump(regression, folder / "logistic_regression.joblib")
    (folder / "thresholds.pkl").write_bytes(
        pickle.dumps({"threshold": 0.5, "fields": ["bytes", "duration"], "ports": {22}})
    )
    np.save(folder / "weights.npy", features[:5])
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    torch.save(network.state_dict(), folder / "state_dict.pt")
    torch.save(network.state_dict(), folder / "state_dict_legacy.pt", _use_new_zipfile_serialization=False)
    boosted = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_leaves": 4, "min_data_in_leaf": 2},
        lightgbm.Dataset(features, (labels == "bad").astype(int)),
        num_boost_round=2,
    )
    boosted.save_model(folder / "lightgbm.txt")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "pickles")
