"""Candidates for a label from a table, and how they are judged."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.classification import serving
from tasks.classification.options import Training
from tasks.framework.training import classification, data, judgement, parity, threads
from tasks.framework.training.folds import folds_of
from tasks.framework.training.publication import first_faithful
from tasks.framework.training.run import Run
from tasks.framework.training.selection import Candidate, choose, named
from tasks.tables.training import encoding, estimator, tables
from tasks.tables.training.networks import LossStoppedMLP


def train(source: TrainingData, options: Training, run: Run) -> Trained:
    """Chooses, fits, exports and checks a classifier."""
    run.progress("reading", 5, "Reading the dataset.")
    limit = data.row_limit(source.schema.columns, run.invocation.memory_mb)
    rows = data.read(source, ("train", "validation"), limit)
    target = data.target(source)
    classes = classification.Classes.of(rows[target])
    features = encoding.learn(source.schema.columns, rows)
    x, y = encoding.encode(features, rows), classes.numbers(rows[target])
    metric = classes.metric(options.metric)
    layout = tables.Layout.of(features, classifier=True, seed=run.seed)
    rivals = candidates(layout, len(y), run.seed, run.invocation.threads)
    threads.limit(len(y), run.invocation.threads)
    folds = classes.usable(folds_of(source, rows, x, y, run.seed), y, metric)
    rivals = named(rivals, options.candidates)
    outcomes = choose(rivals, x, y, classes.scorer(metric), run, folds)

    run.progress("exporting", 75, f"Exporting {outcomes[0].name} and comparing it with its origin.")
    inputs = encoding.inputs(source, features)
    held_out = data.instances(source, "test", parity.ROWS)
    test = data.read(source, ("test",), limit)
    test_x, test_y = encoding.encode(features, test), classes.numbers(test[target])
    published = first_faithful(
        outcomes,
        fit_again=lambda outcome: tables.refit(outcome.estimator, x, y),
        exported=lambda fitted: tables.export(fitted, x.shape[1], True, layout.many_sizes),
        compare=lambda fitted, graph: parity.compare_probabilities(
            classification.served(serving, inputs, classes.labels, graph, held_out),
            fitted.predict_proba(test_x[: len(held_out)]),
        ),
    )

    run.progress("judging", 85, "Judging it on the test split.")
    fitted = published.fitted
    answers = fitted.predict_proba(test_x)
    metrics, baseline, matrix = classification.judged(classes, test_y, answers, y, run.seed)
    few = np.flatnonzero(test_y >= 0)[: judgement.IMPORTANCE_ROWS]
    importance = judgement.permutation_importance(
        predict=fitted.predict_proba,
        metric=lambda truth, found: classification.score(metric, truth, found),
        matrix=test_x[few],
        truth=test_y[few],
        groups=tables.groups(features),
        seed=run.seed,
    )
    scores = classification.per_class(classes.labels, matrix)
    return Trained(
        metric=metric,
        inputs=inputs,
        labels=classes.labels,
        selected=published.outcome.name,
        candidates=[outcome.record() for outcome in outcomes],
        metrics=metrics,
        baseline=baseline,
        details={
            "confusion_matrix": matrix,
            "per_class": scores,
            "permutation_importance": importance,
        },
        parity=published.parity.record(),
        files=published.files(estimator.classifier(inputs, fitted, classes.labels)),
        warnings=[
            *classification.unknown_test_classes(classes, target, test[target]),
            *classification.few_test_rows(target, scores),
        ],
    )


def candidates(layout: tables.Layout, rows: int, seed: int, threads: int) -> list[Candidate]:
    """The candidates, quick ones first."""
    leaf = max(1, min(20, rows // 1000))
    trees = partial(tables.rival_encodings, layout)
    return [
        Candidate(
            "logistic_regression",
            [
                tables.one_hot(layout, LogisticRegression(C=c, max_iter=2000))
                for c in (0.03, 0.3, 3.0)
            ],
        ),
        Candidate(
            "decision_tree",
            trees(
                tables.imputed(
                    layout,
                    DecisionTreeClassifier(
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
                    HistGradientBoostingClassifier(random_state=seed),
                    HistGradientBoostingClassifier(
                        learning_rate=0.05,
                        max_leaf_nodes=15,
                        l2_regularization=1.0,
                        random_state=seed,
                    ),
                ]
            ),
        ),
        Candidate(
            "random_forest",
            trees(
                [
                    tables.imputed(
                        layout,
                        RandomForestClassifier(
                            n_estimators=200,
                            min_samples_leaf=max(2, leaf),
                            max_leaf_nodes=2048,
                            n_jobs=threads,
                            random_state=seed,
                        ),
                    )
                ]
            ),
        ),
        Candidate(
            "mlp",
            [
                tables.one_hot(
                    layout,
                    LossStoppedMLP(
                        hidden_layer_sizes=(64, 32),
                        alpha=1e-3,
                        early_stopping=True,
                        random_state=seed,
                    ),
                )
            ],
        ),
    ]


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better."""
    return classification.score_published(serving, manifest, files, *data.scored(source), metric)
