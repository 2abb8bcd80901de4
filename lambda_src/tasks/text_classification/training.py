"""Candidates for a label from a text, and how they are judged."""

from collections.abc import Mapping
from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import LinearSVC

from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.framework.forms.words import clean
from tasks.framework.training import classification, data, parity, threads
from tasks.framework.training.folds import folds_of
from tasks.framework.training.publication import first_faithful
from tasks.framework.training.run import Run
from tasks.framework.training.selection import Candidate, choose, fit, named
from tasks.tables.training import encoding
from tasks.text_classification import estimator, serving
from tasks.text_classification.grams import Grams, Weighed
from tasks.text_classification.graph import export
from tasks.text_classification.naive_bayes import NaiveBayesSVC
from tasks.text_classification.options import Training


def train(source: TrainingData, options: Training, run: Run) -> Trained:
    """Chooses, fits, exports and checks a text classifier."""
    run.progress("reading", 5, "Reading the dataset.")
    limit = data.row_limit(source.schema.columns, run.invocation.memory_mb)
    rows = data.read(source, ("train", "validation"), limit)
    column, target = _text_column(source), data.target(source)
    classes = classification.Classes.of(rows[target])
    texts, y = list(map(clean, rows[column])), classes.numbers(rows[target])
    run.progress("reading", 8, "Counting n-grams.")
    grams = Grams(texts)
    x = grams.count(texts)
    metric = classes.metric(options.metric)
    rivals = candidates(grams, len(y))
    threads.limit(len(y), run.invocation.threads)
    folds = classes.usable(folds_of(source, rows, texts, y, run.seed), y, metric)
    rivals = named(rivals, options.candidates)
    outcomes = choose(rivals, x, y, classes.scorer(metric), run, folds)

    run.progress("exporting", 75, f"Exporting {outcomes[0].name} and comparing it with its origin.")
    held_out = data.instances(source, "test", parity.ROWS)
    test = data.read(source, ("test",), limit)
    test_texts = list(map(clean, test[column]))
    published = first_faithful(
        outcomes,
        fit_again=lambda outcome: fit(outcome.estimator, x, y),
        exported=lambda fitted: export(grams.of_texts(fitted)),
        compare=lambda fitted, graph: parity.compare_probabilities(
            classification.served(
                serving,
                inputs_of(grams.of_texts(fitted), column),
                classes.labels,
                graph,
                held_out,
            ),
            grams.of_texts(fitted).predict_proba(test_texts[: len(held_out)]),
        ),
    )

    run.progress("judging", 85, "Judging it on the test split.")
    fitted = grams.of_texts(published.fitted)
    answers = published.fitted.predict_proba(grams.count(test_texts))
    metrics, baseline, matrix = classification.judged(
        classes, classes.numbers(test[target]), answers, y, run.seed
    )
    scores = classification.per_class(classes.labels, matrix)
    about = {
        "ignored": [other.name for other in source.schema.columns if other.name != column],
        "missing_values": encoding.missing_words(source),
    }
    return Trained(
        metric=metric,
        inputs={**inputs_of(fitted, column), **about},
        labels=classes.labels,
        selected=published.outcome.name,
        candidates=[outcome.record() for outcome in outcomes],
        metrics=metrics,
        baseline=baseline,
        details={"confusion_matrix": matrix, "per_class": scores},
        parity=published.parity.record(),
        files=published.files(estimator.classifier(fitted, classes.labels)),
        warnings=[
            *classification.unknown_test_classes(classes, target, test[target]),
            *classification.few_test_rows(target, scores),
        ],
    )


def candidates(grams: Grams, rows: int) -> list[Candidate]:
    """The candidates; the first one does well in every language, with spaces or without.

    char is of characters within words, run of those across them, too.
    """
    words = grams.weighed("word", least=1 if rows < 20_000 else 2)
    characters = grams.weighed("char_wb", least=2)
    runs = grams.weighed("char", least=2)

    def pipeline(blocks: list[tuple[str, Weighed]], model: Any) -> Pipeline:
        return Pipeline([("grams", FeatureUnion(blocks)), ("model", model)])

    def logistic(c: float) -> LogisticRegression:
        # On sparse rows its few steps take a tenth of the time of the default's many.
        return LogisticRegression(C=c, solver="newton-cg")

    def calibrated(linear: LinearSVC) -> CalibratedClassifierCV:
        return CalibratedClassifierCV(linear, ensemble=False, cv=3)

    return [
        Candidate("logistic_regression_char", [pipeline([characters], logistic(10))]),
        Candidate(
            "logistic_regression_word_char",
            [pipeline([words, characters], logistic(c)) for c in (3, 30)],
        ),
        Candidate(
            "linear_svc_word_char",
            [pipeline([words, characters], calibrated(LinearSVC(C=c))) for c in (0.3, 1.0)],
        ),
        Candidate("linear_svc_word_run", [pipeline([words, runs], calibrated(LinearSVC()))]),
        Candidate(
            "naive_bayes_svc_word_run", [pipeline([words, runs], calibrated(NaiveBayesSVC()))]
        ),
        Candidate("logistic_regression_word", [pipeline([words], logistic(10))]),
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


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better."""
    return classification.score_published(serving, manifest, files, *data.scored(source), metric)


def _text_column(source: TrainingData) -> str:
    return next(
        column.name
        for column in source.schema.columns
        if column.role == "feature" and column.type == "text"
    )
