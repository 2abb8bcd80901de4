"""Candidates for a label from a table, and how they are evaluated."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.classification import serving
from tasks.classification.options import Training
from tasks.framework.training import classification, data, engine, measurement, parity
from tasks.framework.training.context import TrainingContext
from tasks.framework.training.estimators import EstimatorLearner
from tasks.framework.training.folds import folds_of
from tasks.framework.training.publication import Comparison, first_faithful, to_export
from tasks.framework.training.trials import Evaluation, Plan, Trial, conditions, named, trials
from tasks.tables.training import encoding, exported, tables
from tasks.tables.training.networks import LossStoppedMLP


def learner(source: TrainingData, options: Training, context: TrainingContext) -> "Classifier":
    """The training on a dataset, as plan, evaluate and finish."""
    return Classifier(source, options, context)


def train(source: TrainingData, options: Training, context: TrainingContext) -> Trained:
    """Chooses, fits, exports and checks a classifier."""
    return engine.train(learner(source, options, context))


class Classifier(EstimatorLearner):
    """The training of a classifier of table rows."""

    def __init__(self, source: TrainingData, options: Training, context: TrainingContext) -> None:
        self.context = context
        self._source = source
        context.progress("reading", 5, "Reading the dataset.")
        self._limit = data.row_limit(source.schema.columns, context.memory_mb)
        rows = data.read(source, ("train", "validation"), self._limit)
        self._target = data.target(source)
        self._classes = classification.Classes.of(rows[self._target])
        self._features = encoding.learn(source.schema.columns, rows)
        self._x = encoding.encode(self._features, rows)
        self.y = self._classes.numbers(rows[self._target])
        self._layout = tables.Layout.of(self._features, classifier=True, seed=context.seed)
        metric = self._classes.metric(options.metric)
        self.scorer = self._classes.scorer(metric)
        folds = folds_of(source, rows, self._x, self.y, context.seed)
        self.folds = self._classes.usable(folds, self.y, metric)
        self.plan = Plan(
            trials=named(candidates(self._layout), options.candidates),
            folds=len(self.folds),
            metric=metric,
            rows=len(self.y),
            conditions=conditions(source, "classification"),
        )

    def features(self, trial: Trial) -> np.ndarray:
        return self._x

    def estimator(self, trial: Trial) -> Any:
        return estimator(trial, self._layout, len(self.y), self.context.seed, self.context.threads)

    def finish(self, evaluations: Sequence[Evaluation]) -> Trained:
        context, classes, source = self.context, self._classes, self._source
        ranked = to_export(self, evaluations)
        inputs = encoding.inputs(source, self._features)
        held_out = data.instances(source, "test", parity.ROWS)
        test = data.read(source, ("test",), self._limit)
        test_x = encoding.encode(self._features, test)
        test_y = classes.numbers(test[self._target])

        def compare(fitted: Any, graph: bytes) -> Comparison[np.ndarray]:
            served = classification.served(serving, inputs, classes.labels, graph, held_out)
            expected = fitted.predict_proba(test_x[: len(held_out)])
            return Comparison(parity.compare_probabilities(served, expected), served)

        published = first_faithful(
            ranked,
            refit=lambda trial: tables.refit(self.estimator(trial), self._x, self.y),
            export=lambda fitted: tables.export(
                fitted, self._x.shape[1], True, self._layout.many_sizes
            ),
            compare=compare,
        )

        context.progress("evaluating", 85, "Evaluating it on the test split.")
        fitted = published.fitted
        answers = fitted.predict_proba(test_x)
        metrics, baseline, matrix = classification.evaluated(
            classes, test_y, answers, self.y, context.seed
        )
        few = np.flatnonzero(test_y >= 0)[: measurement.IMPORTANCE_ROWS]
        importance = measurement.permutation_importance(
            predict=fitted.predict_proba,
            metric=lambda truth, answers: classification.score(self.plan.metric, truth, answers),
            matrix=test_x[few],
            truth=test_y[few],
            groups=tables.groups(self._features),
            seed=context.seed,
        )
        scores = classification.per_class(classes.labels, matrix)
        return Trained(
            metric=self.plan.metric,
            inputs=inputs,
            labels=classes.labels,
            selected=published.selected,
            candidates=published.candidates(),
            metrics=metrics,
            baseline=baseline,
            details={
                "confusion_matrix": matrix,
                "per_class": scores,
                "permutation_importance": importance,
            },
            parity=published.parity.record(),
            files=published.files(exported.classifier(inputs, fitted, classes.labels)),
            warnings=[
                *classification.unknown_test_classes(classes, self._target, test[self._target]),
                *classification.few_test_rows(self._target, scores),
            ],
        )


def candidates(layout: tables.Layout) -> list[Trial]:
    """The trials of each candidate, quick ones first."""
    depths = ({"decisiontreeclassifier__max_depth": depth} for depth in (4, 8))
    boosting = (
        {"learning_rate": 0.1, "max_leaf_nodes": 31, "l2_regularization": 0.0},
        {"learning_rate": 0.05, "max_leaf_nodes": 15, "l2_regularization": 1.0},
    )
    return [
        *trials("logistic_regression", *({"logisticregression__C": c} for c in (0.03, 0.3, 3.0))),
        *trials("decision_tree", *tables.encodings(layout, *depths)),
        *trials("hist_gradient_boosting", *tables.encodings(layout, *boosting)),
        *trials("random_forest", *tables.encodings(layout, {})),
        *trials("mlp"),
    ]


def estimator(trial: Trial, layout: tables.Layout, rows: int, seed: int, threads: int) -> Any:
    """The estimator of a trial that is to learn from so many rows."""
    leaf = max(1, min(20, rows // 1000))
    model: Any
    match trial.candidate:
        case "logistic_regression":
            model = tables.one_hot(layout, LogisticRegression(max_iter=2000))
        case "decision_tree":
            tree = DecisionTreeClassifier(min_samples_leaf=max(5, leaf), random_state=seed)
            model = tables.imputed(layout, tree)
        case "hist_gradient_boosting":
            model = HistGradientBoostingClassifier(random_state=seed)
        case "random_forest":
            forest = RandomForestClassifier(
                n_estimators=200,
                min_samples_leaf=max(2, leaf),
                max_leaf_nodes=2048,
                n_jobs=threads,
                random_state=seed,
            )
            model = tables.imputed(layout, forest)
        case "mlp":
            network = LossStoppedMLP(
                hidden_layer_sizes=(64, 32), alpha=1e-3, early_stopping=True, random_state=seed
            )
            model = tables.one_hot(layout, network)
    return tables.with_parameters(layout, model, trial.parameters)


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better."""
    return classification.score_published(serving, manifest, files, *data.scored(source), metric)
