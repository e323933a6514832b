"""A Python of a test's own with a stand-in for scikit-learn: fast to make, and enough to be looked at and run."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

from packflow_app.events.generated import firewall_events

VERSION = "1.5.0"
SLOW = "slow"
"""A file of this name beside the stand-in makes importing it take two seconds."""
_LOGISTIC = f'''
import os
import time

time.sleep(2 * os.path.exists(os.path.join(os.path.dirname(__file__), "{SLOW}")))


class LogisticRegression:
    """Says 1 where the sum of its features is over a bound."""

    def __init__(self, names, count, bound=5.0):
        self.n_features_in_ = count
        if names:
            self.feature_names_in_ = list(names)
        self.classes_ = [0, 1]
        self.bound = bound
        self._sklearn_version = "{VERSION}"

    def predict(self, rows):
        import numpy

        return (numpy.nansum(numpy.asarray(rows, dtype=float), axis=1) > self.bound).astype(int)
'''


def make_python(folder: Path) -> Path:
    """An environment at ``folder`` with the stand-in, and with what the tests' own environment has; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", folder], check=True)
    python = folder / "bin" / "python"
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "tests_own.pth").write_text(sysconfig.get_path("purelib") + "\n")
    package = site / "sklearn" / "linear_model"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text(f'__version__ = "{VERSION}"\n')
    (package / "__init__.py").write_text("from sklearn.linear_model._logistic import LogisticRegression\n")
    (package / "_logistic.py").write_text(_LOGISTIC)
    info = site / f"scikit_learn-{VERSION}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: scikit-learn\nVersion: {VERSION}\n")
    (info / "RECORD").write_text("sklearn/__init__.py,,\nsklearn/linear_model/_logistic.py,,\n")
    return python


def save_model(python: Path, path: Path, *names: str, count: int = 0) -> Path:
    """Pickle a stand-in that was trained on columns of these names, or on ``count`` of none."""
    program = (
        "import pickle, sys; from sklearn.linear_model import LogisticRegression as M\n"
        "pickle.dump(M(sys.argv[3:], int(sys.argv[2])), open(sys.argv[1], 'wb'))"
    )
    subprocess.run([str(python), "-c", program, str(path), str(count or len(names)), *names], check=True)
    return path


def make_bench(folder: Path, python: Path) -> Path:
    """A folder with a model of three named features, one of them below another key, and events."""
    folder.mkdir()
    save_model(python, folder / "model.pkl", "duration", "bytes_sent", "port")
    events = [json.loads(line) for line in firewall_events(60)]
    for event in events:
        event["src"].pop("port")
    (folder / "events.ndjson").write_text("".join(json.dumps(event) + "\n" for event in events))
    return folder


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if not path.is_symlink()
    }
