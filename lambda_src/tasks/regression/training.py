"""Candidates for a number from a table, and how they are evaluated."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import get_scorer
from sklearn.neural_network import MLPRegressor
from sklearn.tree import DecisionTreeRegressor

from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.framework.training import data, engine, measurement, metrics, parity
from tasks.framework.training.context import TrainingContext
from tasks.framework.training.estimators import EstimatorLearner
from tasks.framework.training.folds import folds_of
from tasks.framework.training.publication import Comparison, first_faithful, to_export
from tasks.framework.training.trials import Evaluation, Plan, Trial, conditions, named, trials
from tasks.regression import serving
from tasks.regression.options import Training
from tasks.tables.training import encoding, exported, tables


def learner(source: TrainingData, options: Training, context: TrainingContext) -> "Regressor":
    """The training on a dataset, as plan, evaluate and finish."""
    return Regressor(source, options, context)


def train(source: TrainingData, options: Training, context: TrainingContext) -> Trained:
    """Chooses, fits, exports and checks a regressor."""
    return engine.train(learner(source, options, context))


class Regressor(EstimatorLearner):
    """The training of a regressor of table rows; y is the target in standard deviations."""

    def __init__(self, source: TrainingData, options: Training, context: TrainingContext) -> None:
        self.context = context
        self._source = source
        context.progress("reading", 5, "Reading the dataset.")
        self._limit = data.row_limit(source.schema.columns, context.memory_mb)
        rows = data.read(source, ("train", "validation"), self._limit)
        self._features = encoding.learn(source.schema.columns, rows)
        self._x = encoding.encode(self._features, rows)
        self._target = rows[data.target(source)]
        self._centre, self._scale = encoding.centre_and_scale(self._target)
        self.y = (self._target - self._centre) / self._scale
        self._layout = tables.Layout.of(self._features, classifier=False, seed=context.seed)
        metric = options.metric or "r2"
        self.scorer = get_scorer(metric)
        self.folds = folds_of(source, rows, self._x, self.y, context.seed)
        self.plan = Plan(
            trials=named(candidates(self._layout), options.candidates),
            folds=len(self.folds),
            metric=metric,
            rows=len(self.y),
            conditions=conditions(source, "regression"),
        )

    def features(self, trial: Trial) -> np.ndarray:
        return self._x

    def estimator(self, trial: Trial) -> Any:
        return estimator(trial, self._layout, len(self.y), self.context.seed, self.context.threads)

    def finish(self, evaluations: Sequence[Evaluation]) -> Trained:
        context, source = self.context, self._source
        ranked = to_export(self, evaluations)
        target_scale = {"centre": self._centre, "scale": self._scale}
        inputs = {**encoding.inputs(source, self._features), "target": target_scale}
        held_out = data.instances(source, "test", parity.ROWS)
        test = data.read(source, ("test",), self._limit)
        test_x = encoding.encode(self._features, test)
        test_y = test[data.target(source)]

        def compare(fitted: Any, graph: bytes) -> Comparison[np.ndarray]:
            values = served(inputs, graph, held_out)
            expected = self._predict(fitted, test_x[: len(held_out)])
            return Comparison(parity.compare_values(values, expected, self._scale), values)

        published = first_faithful(
            ranked,
            refit=lambda trial: tables.refit(self.estimator(trial), self._x, self.y),
            export=lambda fitted: tables.export(
                fitted, self._x.shape[1], False, self._layout.many_sizes
            ),
            compare=compare,
        )

        context.progress("evaluating", 85, "Evaluating it on the test split.")
        fitted = published.fitted
        values = self._predict(fitted, test_x)
        mean = DummyRegressor().fit(np.zeros((len(self.y), 1)), self._target)
        constant = mean.predict(np.zeros((len(test_y), 1)))
        few = slice(measurement.IMPORTANCE_ROWS)
        importance = measurement.permutation_importance(
            predict=lambda matrix: self._predict(fitted, matrix),
            metric=lambda truth, values: _score(self.plan.metric, truth, values),
            matrix=test_x[few],
            truth=test_y[few],
            groups=tables.groups(self._features),
            seed=context.seed,
        )
        return Trained(
            metric=self.plan.metric,
            inputs=inputs,
            labels=None,
            selected=published.selected,
            candidates=published.candidates(),
            metrics=measurement.with_intervals(metrics.REGRESSION, test_y, values, context.seed),
            baseline={
                "name": "mean of the training rows",
                "metrics": measurement.measure(metrics.REGRESSION, test_y, constant),
            },
            details={
                "residual_quantiles": measurement.residual_quantiles(test_y, values),
                "permutation_importance": importance,
            },
            parity=published.parity.record(),
            files=published.files(exported.regressor(inputs, fitted)),
        )

    def _predict(self, fitted: Any, matrix: np.ndarray) -> np.ndarray:
        """Values in the target's unit."""
        values: np.ndarray = fitted.predict(matrix) * self._scale + self._centre
        return values


def candidates(layout: tables.Layout) -> list[Trial]:
    """The trials of each candidate, quick ones first."""
    depths = ({"decisiontreeregressor__max_depth": depth} for depth in (4, 8))
    shares = ({"randomforestregressor__max_features": share} for share in (1.0, 0.4))
    boosting = (
        {"learning_rate": 0.1, "max_leaf_nodes": 31, "max_iter": 100},
        {"learning_rate": 0.05, "max_leaf_nodes": 15, "max_iter": 300},
    )
    return [
        *trials("ridge", *({"ridge__alpha": alpha} for alpha in (0.1, 1, 10, 100))),
        *trials("linear_regression"),
        *trials("decision_tree", *tables.encodings(layout, *depths)),
        *trials("hist_gradient_boosting", *tables.encodings(layout, *boosting)),
        *trials("random_forest", *tables.encodings(layout, *shares)),
        *trials("mlp"),
    ]


def estimator(trial: Trial, layout: tables.Layout, rows: int, seed: int, threads: int) -> Any:
    """The estimator of a trial that is to learn from so many rows."""
    leaf = max(1, min(20, rows // 1000))
    model: Any
    match trial.candidate:
        case "ridge":
            model = tables.one_hot(layout, Ridge())
        case "linear_regression":
            model = tables.one_hot(layout, LinearRegression())
        case "decision_tree":
            tree = DecisionTreeRegressor(min_samples_leaf=max(5, leaf), random_state=seed)
            model = tables.imputed(layout, tree)
        case "hist_gradient_boosting":
            model = HistGradientBoostingRegressor(random_state=seed)
        case "random_forest":
            forest = RandomForestRegressor(
                n_estimators=200,
                min_samples_leaf=leaf,
                max_leaf_nodes=2048,
                n_jobs=threads,
                random_state=seed,
            )
            model = tables.imputed(layout, forest)
        case "mlp":
            network = MLPRegressor(
                hidden_layer_sizes=(64, 32),
                alpha=1e-3,
                early_stopping=True,
                max_iter=500,
                random_state=seed,
            )
            model = tables.one_hot(layout, network)
    return tables.with_parameters(layout, model, trial.parameters)


def served(inputs: Mapping[str, Any], graph: bytes, instances: Sequence[Any]) -> np.ndarray:
    """Values as inference would answer them, shape (n_samples,)."""
    model = serving.load(inputs, None, {"model.onnx": graph})
    return np.array([prediction["value"] for prediction in model.predict(instances)[0]])


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better."""
    held_out, truth = data.scored(source)
    return _score(metric, truth, served(manifest.inputs, files["model.onnx"], held_out))


def _score(metric: str, truth: np.ndarray, values: np.ndarray) -> float:
    """A metric by its scorer's name; greater is better."""
    value = metrics.value(metrics.REGRESSION[metric.removeprefix("neg_")], truth, values)
    return -value if metric.startswith("neg_") else value
