"""What a caller may say about the detection of anomalies."""

from typing import Annotated, Literal

import msgspec

from common.decoding import Choices, ColumnName
from tasks.tables.options import TableOptions

Candidate = Literal["rank_average", "knn", "isolation_forest", "pca", "ecod"]
Metric = Literal["roc_auc", "average_precision"]

FALSE_ALARM_RATE = 0.01


class Processing(TableOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing: those of tables without a target."""

    anomaly_label: ColumnName | None = None
    """Column that labels rows as usual or as anomalies, where there is one. Nothing is learned from
    it: candidates are compared by it, and models are measured. It may be missing in any row."""


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate is tried by default."""

    candidates: Choices[Candidate] | None = None
    """Candidates to compare; all that suit the data when left out."""

    metric: Metric | None = None
    """Metric that candidates are compared by; the task's own when left out."""

    false_alarm_rate: Annotated[float, msgspec.Meta(ge=0.0001, le=0.5)] = FALSE_ALARM_RATE
    """Share of rows like those of the dataset that is_anomaly may be true for."""
