"""What a caller may say about tabular classification."""

from typing import Literal

import msgspec

from common.decoding import Choices
from tasks.tables.options import TableProcessing as Processing

__all__ = ["Processing", "Training"]

Candidate = Literal[
    "logistic_regression", "decision_tree", "random_forest", "hist_gradient_boosting", "mlp"
]
Metric = Literal["roc_auc", "accuracy", "f1_macro", "neg_log_loss"]


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate is tried by default."""

    candidates: Choices[Candidate] | None = None
    """Candidates to compare; all that suit the data when left out."""

    metric: Metric | None = None
    """Metric that candidates are compared by; the task's own when left out."""
