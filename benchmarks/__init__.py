"""Measured comparisons; nothing in the build or the tests depends on a time."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lambda_src"))  # as in the functions' zips
