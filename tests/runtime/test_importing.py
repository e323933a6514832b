"""What ``import packflow_runtime`` does to the process that imports it: as little as can be."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import packflow_runtime

SOURCE = str(Path(packflow_runtime.__file__).parent.parent)
LIBRARIES = ("torch", "pandas", "numpy", "loguru", "pydantic", "orjson", "PIL", "yaml")
USE = """\
import logging
host = logging.StreamHandler(sys.stdout)
logging.getLogger().addHandler(host)
before = (logging.getLogger().handlers[:], logging.getLogger().level, sys.path[:], sys.excepthook)
import packflow_runtime
for name in packflow_runtime.__all__:
    getattr(packflow_runtime, name)

class Backend(packflow_runtime.InferenceBackend):
    def execute(self, inputs):
        return inputs

assert Backend(rename_fields={"a": "b"})({"a": 1}) == {"b": 1}
assert packflow_runtime.ensure_native_types({1: (2, b"x")}) == {"1": [2, "eA=="]}
assert before == (logging.getLogger().handlers[:], logging.getLogger().level, sys.path[:], sys.excepthook)
"""


class Importing(unittest.TestCase):
    def run_code(self, code: str) -> str:
        """Standard output of ``code`` where every library is a module that must not be imported."""
        with tempfile.TemporaryDirectory() as folder:
            for name in LIBRARIES:
                (Path(folder) / f"{name}.py").write_text(f"raise RuntimeError('{name} was imported')\n")
            program = f"import sys; sys.path[:0] = [{SOURCE!r}, {folder!r}]\n{code}"
            command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", program]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_no_library_is_imported_and_the_hosts_logging_is_left_alone(self) -> None:
        self.assertEqual(self.run_code(USE), "")

    def test_the_package_alone_imports_nothing_that_costs_time(self) -> None:
        code = "before = set(sys.modules); import packflow_runtime; print(*sorted(set(sys.modules) - before))"
        self.assertEqual(self.run_code(code).split(), ["__future__", "packflow_runtime"])


if __name__ == "__main__":
    unittest.main()
