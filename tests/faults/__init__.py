"""Faults of everything around the functions, injected one by one and at random."""

import sys
from pathlib import Path

_SOURCES = str(Path(__file__).resolve().parents[2] / "lambda_src")
if _SOURCES not in sys.path:  # pytest has it there
    sys.path.insert(0, _SOURCES)
