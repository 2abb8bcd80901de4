"""The reasons for which a new version is not promoted by itself."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import tasks
from common.datasets import DatasetManifest
from common.registry import ModelManifest

EQUAL = 1e-9
"""Scores that differ by less are equal: float32 graphs are no more exact."""

FEW_ROWS = 10
"""With fewer test rows, a score may be chance. The worse end of its interval must then be better
than the baseline."""

_NAMED = 5


@dataclass(frozen=True)
class TestScore:
    """The score of a model and of the baseline on the test rows, None where not defined.

    metric is the name of the scorer. rows counts the test rows. worst is the worse end of the 95%
    interval of the score.
    """

    metric: str
    score: float | None
    baseline: float | None
    rows: int
    worst: float | None = None

    @classmethod
    def of(cls, manifest: ModelManifest, rows: int) -> "TestScore":
        """The score that a manifest records for so many test rows."""
        name = _plain(manifest.metric)
        measured = manifest.metrics.get(name)
        interval = measured if isinstance(measured, dict) else {"value": measured}
        end = "high" if manifest.metric.startswith("neg_") else "low"
        return cls(
            manifest.metric,
            _finite(interval.get("value")),
            _finite(manifest.baseline.get("metrics", {}).get(name)),
            rows,
            _finite(interval.get(end)),
        )

    @property
    def sign(self) -> int:
        """1 where a greater value is better, else -1."""
        return -1 if self.metric.startswith("neg_") else 1

    @property
    def is_no_better(self) -> bool:
        """Whether the baseline is as good or better."""
        return self._is_no_better(self.score)

    @property
    def may_be_chance(self) -> bool:
        """Whether the rows are too few to distinguish the score from the baseline's."""
        if self.rows >= FEW_ROWS:
            return False
        return self.worst is None or self.baseline is None or self._is_no_better(self.worst)

    def _is_no_better(self, score: float | None) -> bool:
        if score is None or self.baseline is None:
            return False
        return self.sign * (score - self.baseline) <= EQUAL

    def __str__(self) -> str:
        name = _plain(self.metric)
        if self.score is None:
            return f"The {self.rows:,} test rows do not define {name}"
        has = "" if self.baseline is None else f", the baseline has {self.baseline:.4g}"
        return f"{name} {self.score:.4g} on {self.rows:,} test rows{has}"


def obstacles(manifest: ModelManifest, dataset: DatasetManifest, score: TestScore) -> Iterator[str]:
    """Every reason against promoting a version without a decision by its owner.

    Each is the part of a sentence, without a period. dataset is the one that the model was trained
    on, and score its result on the test rows.
    """
    for owner, warnings in (("dataset", dataset.warnings), ("model", manifest.warnings)):
        for warning in warnings:
            if warning.blocks_promotion:
                yield f"the {owner}'s warning {warning.code} ({warning.detail.rstrip('.')})"
    trained, tested = (dataset.splits[split].target or {} for split in ("train", "test"))
    if "min" in trained and trained["min"] == trained.get("max"):
        yield f"every training row has the target {trained['min']:g}"
    missing = [label for label in manifest.labels or () if tested and not tested.get(label)]
    if missing:
        more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
        yield f"no test row has {', '.join(map(repr, missing[:_NAMED]))}{more}"
    if is_unlabelled(manifest, dataset):
        return
    if score.may_be_chance:
        have = "row" if score.rows == 1 else "rows"
        yield f"the test split has only {score.rows} {have}, too few to tell"
    if score.score is None:
        yield f"the test rows do not define {_plain(manifest.metric)}"
    elif score.is_no_better:
        yield "it is no better than the baseline"
    elif score.metric == "r2" and score.score <= 0:
        yield "r2 is not above 0: the mean of the test rows is as near"


def is_unlabelled(manifest: ModelManifest, dataset: DatasetManifest) -> bool:
    """Whether the dataset has nothing to measure a model by, as its task allows."""
    has_labels = any(column.role in ("target", "label") for column in dataset.schema.columns)
    return tasks.task(manifest.task).can_lack_labels and not has_labels


def _plain(metric: str) -> str:
    """The name that a manifest's metrics have for a scorer.

    >>> _plain("neg_root_mean_squared_error"), _plain("roc_auc_ovr")
    ('root_mean_squared_error', 'roc_auc')
    """
    return metric.removeprefix("neg_").removesuffix("_ovr")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
