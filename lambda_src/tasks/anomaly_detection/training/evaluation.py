"""What test rows show of a detector: labels, where there are any, and the share of alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.datasets import Column, Schema
from common.warnings import Warning
from tasks.anomaly_detection.labels import anomaly_of
from tasks.framework.training import measurement, metrics
from tasks.framework.training.data import Rows


@dataclass(frozen=True)
class Labels:
    """The column of labels, and the label of anomalies."""

    name: str
    anomaly: str

    @classmethod
    def of(cls, schema: Schema) -> "Labels | None":
        columns: Sequence[Column] = [one for one in schema.columns if one.role == "label"]
        if not columns:
            return None
        return cls(columns[0].name, anomaly_of(columns[0].categories or []))

    def truth(self, rows: Rows) -> np.ndarray:
        """1 for anomalies, 0 for other rows, and NaN for those without a label."""
        return np.array(
            [np.nan if one is None else float(one == self.anomaly) for one in rows[self.name]]
        )


@dataclass(frozen=True)
class Measured:
    """What the test rows show: alarms is the share of rows with a small p-value, by their label."""

    metrics: Mapping[str, Any]
    baseline: Mapping[str, Any]
    alarms: Mapping[str, Any]


def measured(
    scores: np.ndarray, truth: np.ndarray | None, alarms: np.ndarray, seed: int
) -> Measured:
    def share(which: np.ndarray) -> dict[str, Any]:
        found = alarms[which].astype(float)
        shares = measurement.with_intervals({"share": metrics.mean}, found, found, seed)
        return {"rows": len(found), **shares.get("share", {})}

    everything = np.ones(len(scores), dtype=bool)
    if truth is None:
        nothing = {"name": "none, as the rows have no labels", "metrics": {}}
        return Measured({}, nothing, {"test": share(everything)})
    known = np.isfinite(truth)
    labelled, found = truth[known].astype(np.int64), scores[known]
    constant = measurement.measure(metrics.ANOMALIES, labelled, np.zeros(len(found)))
    return Measured(
        measurement.with_intervals(metrics.ANOMALIES, labelled, found, seed),
        {"name": "the same score for every row", "metrics": constant},
        {
            "test": share(everything),
            "usual": share(truth == 0),
            "anomalies": share(truth == 1),
        },
    )


def few_rows(rows: int, rate: float) -> list[Warning]:
    """A warning where p-values cannot be as small as the rate, so that there are no alarms."""
    if 1 / (1 + rows) <= rate:
        return []
    return [
        Warning(
            code="few_calibration_rows",
            detail=f"{rows:,} rows were held out, so that no p-value is below {1 / (1 + rows):.2g} "
            f"and is_anomaly is never true at a false_alarm_rate of {rate:g}. Send more rows, or "
            "ask for a greater rate.",
            count=rows,
            option="false_alarm_rate",
        )
    ]
