"""What every test counts on, however the tests were started."""

from __future__ import annotations

import os
import signal

# Users do not set it, and what Python writes beside sources has been the cause of faults.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job; what a test starts would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
