"""What a caller may say about text classification."""

from typing import Literal

import msgspec

from common.decoding import Choices, ColumnName
from tasks.tables.options import TableProcessing

Candidate = Literal[
    "logistic_regression_word",
    "logistic_regression_char",
    "logistic_regression_word_char",
    "linear_svc_word_char",
    "linear_svc_word_run",
    "naive_bayes_svc_word_run",
]
Metric = Literal["roc_auc", "accuracy", "f1_macro", "neg_log_loss"]


class Processing(TableProcessing, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing: those of tables, and which column to read."""

    text: ColumnName | None = None
    """Column that holds the text; found by itself when there is one."""


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate is tried by default."""

    candidates: Choices[Candidate] | None = None
    """Candidates to compare; all that suit the data when left out."""

    metric: Metric | None = None
    """Metric that candidates are compared by; the task's own when left out."""
