"""Candidates for a number from a table, and how they are judged."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.tree import DecisionTreeRegressor

from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.framework.training import data, judgement, metrics, parity, threads
from tasks.framework.training.folds import folds_of
from tasks.framework.training.publication import first_faithful
from tasks.framework.training.run import Run
from tasks.framework.training.selection import Candidate, choose, named
from tasks.regression import serving
from tasks.regression.options import Training
from tasks.tables.training import encoding, estimator, tables


def train(source: TrainingData, options: Training, run: Run) -> Trained:
    """Chooses, fits, exports and checks a regressor."""
    run.progress("reading", 5, "Reading the dataset.")
    limit = data.row_limit(source.schema.columns, run.invocation.memory_mb)
    rows = data.read(source, ("train", "validation"), limit)
    features = encoding.learn(source.schema.columns, rows)
    x, target = encoding.encode(features, rows), rows[data.target(source)]
    centre, scale = encoding.centre_and_scale(target)
    y = (target - centre) / scale
    metric = options.metric or "r2"
    layout = tables.Layout.of(features, classifier=False, seed=run.seed)
    rivals = candidates(layout, len(y), run.seed, run.invocation.threads)
    threads.limit(len(y), run.invocation.threads)
    folds = folds_of(source, rows, x, y, run.seed)
    outcomes = choose(named(rivals, options.candidates), x, y, metric, run, folds)

    run.progress("exporting", 75, f"Exporting {outcomes[0].name} and comparing it with its origin.")
    target_scale = {"centre": centre, "scale": scale}
    inputs = {**encoding.inputs(source, features), "target": target_scale}
    held_out = data.instances(source, "test", parity.ROWS)
    test = data.read(source, ("test",), limit)
    test_x, test_y = encoding.encode(features, test), test[data.target(source)]

    def answers(fitted: Any, matrix: np.ndarray) -> np.ndarray:
        found: np.ndarray = fitted.predict(matrix) * scale + centre
        return found

    published = first_faithful(
        outcomes,
        fit_again=lambda outcome: tables.refit(outcome.estimator, x, y),
        exported=lambda fitted: tables.export(fitted, x.shape[1], False, layout.many_sizes),
        compare=lambda fitted, graph: parity.compare_values(
            served(inputs, graph, held_out), answers(fitted, test_x[: len(held_out)]), scale
        ),
    )

    run.progress("judging", 85, "Judging it on the test split.")
    fitted = published.fitted
    found = answers(fitted, test_x)
    mean = DummyRegressor().fit(np.zeros((len(y), 1)), target)
    constant = mean.predict(np.zeros((len(test_y), 1)))
    few = slice(judgement.IMPORTANCE_ROWS)
    importance = judgement.permutation_importance(
        predict=lambda matrix: answers(fitted, matrix),
        metric=lambda truth, values: _score(metric, truth, values),
        matrix=test_x[few],
        truth=test_y[few],
        groups=tables.groups(features),
        seed=run.seed,
    )
    return Trained(
        metric=metric,
        inputs=inputs,
        labels=None,
        selected=published.outcome.name,
        candidates=[outcome.record() for outcome in outcomes],
        metrics=judgement.with_intervals(metrics.REGRESSION, test_y, found, run.seed),
        baseline={
            "name": "mean of the training rows",
            "metrics": judgement.measure(metrics.REGRESSION, test_y, constant),
        },
        details={
            "residual_quantiles": judgement.residual_quantiles(test_y, found),
            "permutation_importance": importance,
        },
        parity=published.parity.record(),
        files=published.files(estimator.regressor(inputs, fitted)),
    )


def candidates(layout: tables.Layout, rows: int, seed: int, threads: int) -> list[Candidate]:
    """The candidates, quick ones first."""
    leaf = max(1, min(20, rows // 1000))
    trees = partial(tables.rival_encodings, layout)
    return [
        Candidate("ridge", [tables.one_hot(layout, Ridge(alpha)) for alpha in (0.1, 1, 10, 100)]),
        Candidate("linear_regression", [tables.one_hot(layout, LinearRegression())]),
        Candidate(
            "decision_tree",
            trees(
                tables.imputed(
                    layout,
                    DecisionTreeRegressor(
                        max_depth=depth, min_samples_leaf=max(5, leaf), random_state=seed
                    ),
                )
                for depth in (4, 8)
            ),
        ),
        Candidate(
            "hist_gradient_boosting",
            trees(
                [
                    HistGradientBoostingRegressor(random_state=seed),
                    HistGradientBoostingRegressor(
                        learning_rate=0.05, max_leaf_nodes=15, max_iter=300, random_state=seed
                    ),
                ]
            ),
        ),
        Candidate(
            "random_forest",
            trees(
                tables.imputed(
                    layout,
                    RandomForestRegressor(
                        n_estimators=200,
                        min_samples_leaf=leaf,
                        max_features=share,
                        max_leaf_nodes=2048,
                        n_jobs=threads,
                        random_state=seed,
                    ),
                )
                for share in (1.0, 0.4)
            ),
        ),
        Candidate(
            "mlp",
            [
                tables.one_hot(
                    layout,
                    MLPRegressor(
                        hidden_layer_sizes=(64, 32),
                        alpha=1e-3,
                        early_stopping=True,
                        max_iter=500,
                        random_state=seed,
                    ),
                )
            ],
        ),
    ]


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
    found = metrics.value(metrics.REGRESSION[metric.removeprefix("neg_")], truth, values)
    return -found if metric.startswith("neg_") else found
