"""Candidates for a label from a text, and how they are judged."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import joblib
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import LinearSVC

from common.invocation import Invocation
from common.jobs import Progress
from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.shared.training import classification, data, parity, threads
from tasks.shared.training.publication import first_faithful
from tasks.shared.training.selection import Budget, Candidate, choose, fit
from tasks.text_classification import serving
from tasks.text_classification.graph import export
from tasks.text_classification.options import Training

WORDS = (1, 2)
CHARACTERS = (1, 4)
"""Runs of up to four characters: Chinese words have one or two, English stems four."""

MAX_GRAMS = 60_000
"""Most frequent n-grams of each kind that are kept; more made no score better, only models
larger."""


def train(
    source: TrainingData,
    options: Training,
    seed: int,
    invocation: Invocation,
    budget_seconds: float,
    progress: Progress,
) -> Trained:
    """Chooses, fits, exports and checks a text classifier."""
    budget = Budget(budget_seconds)
    progress("reading", 5, "Reading the dataset.")
    limit = data.row_limit(source.schema.columns, invocation.memory_mb)
    rows = data.read(source, ("train", "validation"), limit)
    classes = classification.Classes.of(source, rows)
    column = _text_column(source)
    x, y = list(rows[column]), classes.numbers(source, rows)
    metric = classes.metric(options.metric)
    rivals = candidates(len(y))
    chosen = [c for c in rivals if options.candidates is None or c.name in options.candidates]
    threads.limit(len(y), invocation.threads)
    outcomes = choose(chosen, x, y, metric, seed, budget, progress)

    progress("exporting", 75, f"Exporting {outcomes[0].name} and comparing it with its origin.")
    held_out = data.instances(source, "test", parity.ROWS)
    test = data.read(source, ("test",), limit)
    test_x, test_y = list(test[column]), classes.numbers(source, test)
    published = first_faithful(
        outcomes,
        fit_again=lambda outcome: fit(outcome.estimator, x, y),
        exported=export,
        compare=lambda fitted, graph: parity.compare_probabilities(
            served(inputs_of(fitted, column), classes.labels, graph, held_out),
            fitted.predict_proba(test_x[: len(held_out)]),
        ),
    )

    progress("judging", 85, "Judging it on the test split.")
    fitted = published.fitted
    metrics, baseline, matrix = classification.judged(
        classes, test_y, fitted.predict_proba(test_x), y, seed
    )
    pickle = io.BytesIO()
    joblib.dump({"pipeline": fitted, "labels": classes.labels}, pickle, compress=3)
    return Trained(
        metric=metric,
        inputs=inputs_of(fitted, column),
        labels=classes.labels,
        selected=published.outcome.name,
        candidates=[outcome.record() for outcome in outcomes],
        metrics=metrics,
        baseline=baseline,
        details={"confusion_matrix": matrix},
        parity=published.parity.record(),
        files={"model.onnx": published.graph, "model.joblib": pickle.getvalue()},
    )


def candidates(rows: int) -> list[Candidate]:
    """The candidates, quick ones first."""
    rare = 1 if rows < 20_000 else 2

    def words() -> tuple[str, TfidfVectorizer]:
        return "word", TfidfVectorizer(
            ngram_range=WORDS, sublinear_tf=True, max_features=MAX_GRAMS, min_df=rare
        )

    def characters() -> tuple[str, TfidfVectorizer]:
        return "char_wb", TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=CHARACTERS,
            sublinear_tf=True,
            max_features=MAX_GRAMS,
            min_df=2,
        )

    def pipeline(blocks: list[tuple[str, TfidfVectorizer]], model: Any) -> Pipeline:
        return Pipeline([("grams", FeatureUnion(blocks)), ("model", model)])

    def logistic(c: float) -> LogisticRegression:
        return LogisticRegression(C=c, max_iter=1000)

    return [
        Candidate("logistic_regression_word", [pipeline([words()], logistic(10))]),
        Candidate(
            "logistic_regression_word_char",
            [pipeline([words(), characters()], logistic(c)) for c in (3, 30)],
        ),
        Candidate("logistic_regression_char", [pipeline([characters()], logistic(10))]),
        Candidate(
            "linear_svc_word_char",
            [
                pipeline(
                    [words(), characters()],
                    CalibratedClassifierCV(LinearSVC(C=c), ensemble=False, cv=3),
                )
                for c in (0.3, 1.0)
            ],
        ),
    ]


def inputs_of(fitted: Pipeline, column: str) -> dict[str, Any]:
    """What serving needs beside the graph: the column, and how each block cuts it."""
    return {
        "text": column,
        "blocks": [
            {"analyzer": name, "ngram_range": list(vectorizer.ngram_range)}
            for name, vectorizer in fitted["grams"].transformer_list
        ],
    }


def served(
    inputs: Mapping[str, Any], labels: Sequence[str], graph: bytes, instances: Sequence[Any]
) -> np.ndarray:
    """Probabilities as inference would answer them, shape (n_samples, n_classes)."""
    model = serving.load(inputs, labels, {"model.onnx": graph})
    return classification.probabilities(model.predict(instances)[0], labels)


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better."""
    return classification.score_published(served, manifest, files, source, metric)


def _text_column(source: TrainingData) -> str:
    return next(
        column.name
        for column in source.schema.columns
        if column.role == "feature" and column.type == "text"
    )
