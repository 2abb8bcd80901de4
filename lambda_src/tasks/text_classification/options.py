"""What a caller may say about text classification."""

from typing import Literal

import msgspec

from common.decoding import Choices, ColumnName
from tasks.shared.table_options import TableProcessing

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
    """Options of processing; text is the column to read, found by itself when there is one."""

    text: ColumnName | None = None


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate is tried by default."""

    candidates: Choices[Candidate] | None = None
    metric: Metric | None = None
