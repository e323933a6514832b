"""Run the runtime's tests with nothing installed: ``python -I -S tests/runtime/run_bare.py [PART PARTS]``.

``1 3`` runs every third file, from the first on, so that several processes can share the work.
"""

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
    part, parts = map(int, sys.argv[1:] or ("1", "1"))
    names = [file.stem for file in sorted(HERE.glob("test_*.py"))][part - 1 :: parts]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=1, warnings="error").run(suite)
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
