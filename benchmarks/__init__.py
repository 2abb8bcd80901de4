"""Measured comparisons; nothing in the build or the tests depends on a time."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "lambda_src"))  # behind a zip that is measured
