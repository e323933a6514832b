"""Run the runtime's tests with nothing installed: ``python -I -S tests/runtime/run_bare.py``."""

from __future__ import annotations

import sys
import unittest
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parents[1] / "packflow_runtime" / "src"


def main() -> int:
    sys.path[:0] = [str(SOURCES), str(HERE), str(HERE.parent)]
    warnings.simplefilter("error")
    suite = unittest.defaultTestLoader.discover(str(HERE), pattern="test_*.py", top_level_dir=str(HERE))
    result = unittest.TextTestRunner(verbosity=1, warnings="error").run(suite)
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
