"""What a caller may say about tabular regression."""

from typing import Literal

import msgspec

from common.decoding import Choices
from tasks.tables.options import TableProcessing as Processing

__all__ = ["Processing", "Training"]

Candidate = Literal[
    "linear_regression",
    "ridge",
    "decision_tree",
    "random_forest",
    "hist_gradient_boosting",
    "mlp",
]
Metric = Literal["r2", "neg_mean_absolute_error", "neg_root_mean_squared_error"]


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate is tried by default."""

    candidates: Choices[Candidate] | None = None
    """Candidates to compare; all that suit the data when left out."""

    metric: Metric | None = None
    """Metric that candidates are compared by; the task's own when left out."""
