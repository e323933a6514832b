"""From an install as users make it to an exported archive of a real model: two commands, at most eight Enters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from terminals import ENTER, Terminal

ROOT = Path(__file__).resolve().parent.parent
TRAIN = """
import json, joblib, pandas
from sklearn.linear_model import LogisticRegression

events = [json.loads(line) for line in open("events.ndjson")]
columns = pandas.DataFrame(events)[["bytes_sent", "bytes_received", "hops"]]
model = LogisticRegression().fit(columns, columns.bytes_sent > 5000)
joblib.dump(model, "model.joblib")
json.dump([bool(said) for said in model.predict(columns)], open("expected.json", "w"))
"""


def run(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
def test_from_pipx_install_to_an_archive_in_two_commands_and_eight_enters(tmp_path: Path) -> None:
    tools, learning, folder = tmp_path / "tools", tmp_path / "learning", tmp_path / "churn"
    for environment, wanted in ((tools, "pipx"), (learning, "scikit-learn joblib pandas")):
        run(sys.executable, "-m", "venv", environment)
        run(environment / "bin" / "python", "-m", "pip", "install", "--quiet", *wanted.split())
    pipx = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    run(tools / "bin" / "pipx", "install", "--python", sys.executable, ROOT, env={**os.environ, **pipx})
    folder.mkdir()
    events = [
        {"bytes_sent": 37 * n % 9973, "bytes_received": 91 * n % 7919, "hops": n % 13, "label": n % 2}
        for n in range(300)
    ]
    (folder / "events.ndjson").write_text("".join(json.dumps(event) + "\n" for event in events))
    run(learning / "bin" / "python", "-c", TRAIN, cwd=folder)

    pressed = []
    packflow = str(tmp_path / "bin" / "packflow")
    with Terminal("init", folder=folder, command=packflow, VIRTUAL_ENV=str(learning)) as terminal:
        for wanted in ("Project name", "What is your", "Which Python", "Model file", "Do you trust", "Example events"):
            pressed.append("y" if wanted == "Do you trust" else ENTER)
            terminal.answer(wanted, pressed[-1])
        for wanted in ("Which fields are the features", "Create it?"):
            pressed.append(ENTER)
            terminal.answer(wanted, ENTER)
        assert terminal.end() == 0, terminal.text
    with Terminal("export", "churn", folder=folder, command=packflow, VIRTUAL_ENV=str(learning)) as terminal:
        pressed.append(ENTER)
        terminal.answer("may ship?", ENTER)
        assert terminal.end(300) == 0, terminal.text
    assert pressed.count(ENTER) <= 8
    (archive,) = folder.glob("*.zip")
    with (folder / "events.ndjson").open() as given:
        ran = run(learning / "bin" / "python", archive, stdin=given)
    said = [bool(json.loads(line)["prediction"]) for line in ran.stdout.splitlines()]
    assert said == json.loads((folder / "expected.json").read_text())
    assert len(set(said)) == 2
