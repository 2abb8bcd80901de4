"""Candidates that find unusual rows, and how they are calibrated, chosen and evaluated.

Every candidate scores rows that it was not fitted on, fold by fold. The p-values of the published
model follow from these scores (cross-conformal prediction; Vovk, 2015). Labels, where there are
any, only choose among candidates and measure the chosen one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from common.problems import Unprocessable
from common.registry import ModelManifest
from tasks import Incomparable, Trained, TrainingData
from tasks.anomaly_detection import serving
from tasks.anomaly_detection.options import Training
from tasks.anomaly_detection.training import graph, model
from tasks.anomaly_detection.training.detectors import DETECTORS
from tasks.anomaly_detection.training.evaluation import Labels, few_rows, measured
from tasks.anomaly_detection.training.held_out import HeldOut
from tasks.anomaly_detection.training.model import RANK_AVERAGE, Fitted
from tasks.framework.training import data, engine, metrics, parity
from tasks.framework.training.context import TrainingContext
from tasks.framework.training.engine import Learner
from tasks.framework.training.folds import folds_of
from tasks.framework.training.publication import Comparison, first_faithful
from tasks.framework.training.trials import (
    CandidateResult,
    Evaluation,
    Plan,
    Trial,
    conditions,
    named,
    results,
)
from tasks.tables.training import encoding

MOST_ROWS = 100_000
"""Rows that are read at most. Detectors and p-values hardly change with more."""

LEAST_ROWS = 30
"""With fewer rows nothing shows what is usual."""

_LEAST_SPREAD = 1e-3
"""Of scores that are compared: where all rows are alike, there is hardly any."""

METRIC = "roc_auc"
"""Average precision varies more where a fold has a few anomalies."""


def learner(source: TrainingData, options: Training, context: TrainingContext) -> "Detection":
    """The training on a dataset, as plan, evaluate and finish."""
    return Detection(source, options, context)


def train(source: TrainingData, options: Training, context: TrainingContext) -> Trained:
    """Fits, calibrates, chooses, exports and checks a detector of unusual rows."""
    return engine.train(learner(source, options, context))


class Detection(Learner):
    """The training of a detector of unusual rows."""

    def __init__(self, source: TrainingData, options: Training, context: TrainingContext) -> None:
        self.context = context
        self._source, self._rate = source, options.false_alarm_rate
        context.progress("reading", 5, "Reading the dataset.")
        self._limit = min(MOST_ROWS, data.row_limit(source.schema.columns, context.memory_mb))
        rows = data.read(source, ("train", "validation"), self._limit)
        if rows.count < LEAST_ROWS:
            raise Unprocessable(
                f"The training and validation splits have {rows.count:,} rows: anomaly detection "
                f"takes {LEAST_ROWS} at least. Send more rows, or ask for a smaller test split."
            )
        self._features = encoding.learn(source.schema.columns, rows)
        self._x = encoding.encode(self._features, rows)
        self._labels = Labels.of(source.schema)
        self._truth = self._labels.truth(rows) if self._labels else None
        anomalies = np.zeros(rows.count) if self._truth is None else self._truth == 1
        folds = folds_of(source, rows, self._x, anomalies.astype(np.int64), context.seed)
        self._held_out = HeldOut(self._features, self._x, folds, context.seed)
        names = (*DETECTORS, RANK_AVERAGE)
        self.plan = Plan(
            trials=named([Trial(name) for name in names], options.candidates),
            folds=len(folds),
            metric=options.metric or METRIC,
            rows=rows.count,
            every_fold=True,  # p-values follow from the scores of all held-out rows
            conditions=conditions(source, "anomaly_detection"),
        )

    def score(self, trial: Trial, fold: int) -> float | None:
        """The metric of the labelled rows that a fold holds out; None where it is not defined."""
        scores = self._held_out.scores(trial.candidate, fold)
        if self._truth is None:
            return None
        truth = self._truth[self._held_out.rows(fold)]
        known = np.isfinite(truth)
        if not known.any():
            return None
        metric = metrics.ANOMALIES[self.plan.metric]
        value = metrics.value(metric, truth[known].astype(np.int64), scores[known])
        return value if np.isfinite(value) else None

    def finish(self, evaluations: Sequence[Evaluation]) -> Trained:
        context, source, labels = self.context, self._source, self._labels
        ranked = _ranked(results(self.plan, evaluations))
        message = f"Exporting {ranked[0].name} and comparing it with its origin."
        context.progress("exporting", 75, message)
        inputs = {**encoding.inputs(source, self._features), "false_alarm_rate": self._rate}
        held_out = data.instances(source, "test", parity.ROWS)
        test = data.read(source, ("test",), self._limit)
        test_x = encoding.encode(self._features, test)

        def compare(fitted: Fitted, graph_: bytes) -> Comparison[list[dict[str, Any]]]:
            answers = served(inputs, graph_, held_out)
            return Comparison(_compare(fitted, test_x[: len(held_out)], inputs, answers), answers)

        published = first_faithful(
            ranked,
            refit=lambda trial: self._refit(trial, _folds(trial, evaluations)),
            export=lambda fitted: graph.export(fitted, self._x.shape[1]),
            compare=compare,
        )

        context.progress("evaluating", 85, "Evaluating it on the test split.")
        fitted = published.fitted
        scores = fitted.scores(test_x)
        alarms = fitted.p_values(scores) <= self._rate * serving.ROUNDING
        measurement = measured(scores, labels.truth(test) if labels else None, alarms, context.seed)
        calibration_rows = sum(
            len(self._held_out.rows(fold)) for fold in _folds(published.trial, evaluations)
        )
        return Trained(
            metric=self.plan.metric,
            inputs=inputs,
            labels=None,
            selected=published.selected,
            candidates=published.candidates(),
            metrics=measurement.metrics,
            baseline=measurement.baseline,
            details={
                "calibration_rows": calibration_rows,
                "alarms": {"promised": self._rate, **measurement.alarms},
                **({"label": {"column": labels.name, "anomaly": labels.anomaly}} if labels else {}),
            },
            parity=published.parity.record(),
            files={"model.onnx": published.graph},
            warnings=few_rows(calibration_rows, self._rate),
        )

    def _refit(self, trial: Trial, folds: Sequence[int]) -> Fitted:
        """The candidate fitted on all rows, calibrated by those that some folds held out."""
        names = self._held_out.detectors(trial.candidate, folds)
        detectors = model.fit(self._features, self._x, names, self.context.seed)
        scores = self._held_out.of_detectors(names, folds)
        return model.calibrated(trial.candidate, detectors, scores, len(self._features))


def _ranked(candidates: Sequence[CandidateResult]) -> list[CandidateResult]:
    """The results with the best first; of those without a score, the rank average.

    Raises Unprocessable when no candidate could be fitted.
    """
    ordered = sorted(candidates, key=lambda result: result.name != RANK_AVERAGE)
    ordered.sort(key=lambda result: (result.status != "ok", result.rank()))
    if ordered[0].status != "ok":
        reasons = "; ".join(f"{result.name}: {result.reason}" for result in ordered)
        raise Unprocessable(f"No candidate could be trained: {reasons}.")
    return ordered


def _folds(trial: Trial, evaluations: Sequence[Evaluation]) -> list[int]:
    """The folds that a trial was evaluated on."""
    return [one.fold for one in evaluations if one.trial == trial and one.status == "ok"]


def served(
    inputs: Mapping[str, Any], exported: bytes, instances: Sequence[Any]
) -> list[dict[str, Any]]:
    """Predictions as inference would answer them."""
    return serving.load(inputs, None, {"model.onnx": exported}).predict(instances)[0]


def _compare(
    fitted: Fitted, x: np.ndarray, inputs: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]
) -> parity.Parity:
    """Scores (in standard deviations), p-values and contributions. Raises ParityFailed."""
    scores, shares = fitted.scores(x), fitted.shares(x)
    p_values = fitted.p_values(scores)
    at = {feature["name"]: number for number, feature in enumerate(inputs["features"])}
    pairs: list[tuple[Callable[[Mapping[str, Any]], float], np.ndarray, float]] = [
        (lambda answer: answer["score"], scores, max(float(scores.std()), _LEAST_SPREAD)),
        (lambda answer: answer["p_value"], p_values, 1.0),
    ]
    compared = [
        parity.compare_values(np.array([of(one) for one in answers]), expected, scale)
        for of, expected, scale in pairs
    ]
    listed = [
        (column["contribution"], shares[row, at[column["column"]]])
        for row, answer in enumerate(answers)
        for column in answer["columns"]
    ]
    if listed:
        answered, expected = np.array(listed).T
        compared.append(parity.compare_values(answered, expected, 1.0))
    largest = max(one.max_difference for one in compared)
    sure = np.abs(p_values - inputs["false_alarm_rate"]) > parity.TOLERANCE
    alarms = np.array([answer["is_anomaly"] for answer in answers], dtype=bool)
    differ = int(((p_values <= inputs["false_alarm_rate"]) != alarms)[sure].sum())
    return parity.checked(parity.Parity(len(answers), largest, differ))


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the labelled test rows; greater is better.

    Raises Incomparable where the dataset has no labels.
    """
    labels = Labels.of(source.schema)
    if labels is None:
        raise Incomparable(
            "the dataset has no labels, without which nothing shows which version is better; "
            "process data with a column of labels as anomaly_label to compare versions by it"
        )
    rows = data.read(source, ("test",), data.SCORED_ROWS)
    held_out, truth = data.instances(source, "test", data.SCORED_ROWS), labels.truth(rows)
    answers = served(manifest.inputs, files["model.onnx"], held_out)
    known = np.isfinite(truth)
    scores = np.array([answer["score"] for answer in answers])[known]
    if not len(scores):
        return float("nan")
    return metrics.value(metrics.ANOMALIES[metric], truth[known].astype(np.int64), scores)
