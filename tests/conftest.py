"""What every test counts on, however the tests were started."""

from __future__ import annotations

import os
import signal

from packflow_app.variables import VARIABLES

# What is tested is what everybody gets: neither what this shell prefers, nor where it is.
for name in (*VARIABLES, "NO_COLOR", "FORCE_COLOR", "COLUMNS", "SOURCE_DATE_EPOCH", "VIRTUAL_ENV", "CONDA_PREFIX"):
    os.environ.pop(name, None)

# Users do not set it, and what Python writes beside sources has been the cause of faults.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job; what a test starts would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
