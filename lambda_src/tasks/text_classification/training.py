"""Candidates for a label from a text, and how they are evaluated."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import LinearSVC

from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.framework.forms.words import clean
from tasks.framework.training import classification, data, engine, parity
from tasks.framework.training.context import TrainingContext
from tasks.framework.training.estimators import EstimatorLearner, fit
from tasks.framework.training.folds import folds_of
from tasks.framework.training.publication import Comparison, first_faithful, to_export
from tasks.framework.training.trials import Evaluation, Plan, Trial, conditions, named, trials
from tasks.tables.training import encoding
from tasks.text_classification import exported, serving
from tasks.text_classification.grams import Grams
from tasks.text_classification.graph import export
from tasks.text_classification.naive_bayes import NaiveBayesSVC
from tasks.text_classification.options import Training


def learner(source: TrainingData, options: Training, context: TrainingContext) -> "TextClassifier":
    """The training on a dataset, as plan, evaluate and finish."""
    return TextClassifier(source, options, context)


def train(source: TrainingData, options: Training, context: TrainingContext) -> Trained:
    """Chooses, fits, exports and checks a text classifier."""
    return engine.train(learner(source, options, context))


class TextClassifier(EstimatorLearner):
    """The training of a classifier of texts."""

    def __init__(self, source: TrainingData, options: Training, context: TrainingContext) -> None:
        self.context = context
        self._source = source
        context.progress("reading", 5, "Reading the dataset.")
        self._limit = data.row_limit(source.schema.columns, context.memory_mb)
        rows = data.read(source, ("train", "validation"), self._limit)
        self._column, self._target = _text_column(source), data.target(source)
        self._classes = classification.Classes.of(rows[self._target])
        texts = list(map(clean, rows[self._column]))
        self.y = self._classes.numbers(rows[self._target])
        context.progress("reading", 8, "Counting n-grams.")
        self._grams = Grams(texts)
        self._x = self._grams.count(texts)
        metric = self._classes.metric(options.metric)
        self.scorer = self._classes.scorer(metric)
        folds = folds_of(source, rows, texts, self.y, context.seed)
        self.folds = self._classes.usable(folds, self.y, metric)
        self.plan = Plan(
            trials=named(candidates(), options.candidates),
            folds=len(self.folds),
            metric=metric,
            rows=len(self.y),
            conditions=conditions(source, "text_classification"),
        )

    def features(self, trial: Trial) -> Any:
        return self._x

    def estimator(self, trial: Trial) -> Pipeline:
        return estimator(trial, self._grams, len(self.y))

    def finish(self, evaluations: Sequence[Evaluation]) -> Trained:
        context, classes, grams, source = self.context, self._classes, self._grams, self._source
        ranked = to_export(self, evaluations)
        held_out = data.instances(source, "test", parity.ROWS)
        test = data.read(source, ("test",), self._limit)
        test_texts = list(map(clean, test[self._column]))

        def compare(fitted: Pipeline, graph: bytes) -> Comparison[np.ndarray]:
            of_texts = grams.of_texts(fitted)
            inputs = inputs_of(of_texts, self._column)
            served = classification.served(serving, inputs, classes.labels, graph, held_out)
            expected = of_texts.predict_proba(test_texts[: len(held_out)])
            return Comparison(parity.compare_probabilities(served, expected), served)

        published = first_faithful(
            ranked,
            refit=lambda trial: fit(self.estimator(trial), self._x, self.y),
            export=lambda fitted: export(grams.of_texts(fitted)),
            compare=compare,
        )

        context.progress("evaluating", 85, "Evaluating it on the test split.")
        fitted = grams.of_texts(published.fitted)
        answers = published.fitted.predict_proba(grams.count(test_texts))
        metrics, baseline, matrix = classification.evaluated(
            classes, classes.numbers(test[self._target]), answers, self.y, context.seed
        )
        scores = classification.per_class(classes.labels, matrix)
        about = {
            "ignored": [one.name for one in source.schema.columns if one.name != self._column],
            "missing_values": encoding.missing_words(source),
        }
        return Trained(
            metric=self.plan.metric,
            inputs={**inputs_of(fitted, self._column), **about},
            labels=classes.labels,
            selected=published.selected,
            candidates=published.candidates(),
            metrics=metrics,
            baseline=baseline,
            details={"confusion_matrix": matrix, "per_class": scores},
            parity=published.parity.record(),
            files=published.files(exported.classifier(fitted, classes.labels)),
            warnings=[
                *classification.unknown_test_classes(classes, self._target, test[self._target]),
                *classification.few_test_rows(self._target, scores),
            ],
        )


def candidates() -> list[Trial]:
    """The trials of each candidate; the first one does well in every language, with spaces or not.

    char is of characters within words, run of those across them, too.
    """
    return [
        *trials("logistic_regression_char"),
        *trials("logistic_regression_word_char", *({"model__C": c} for c in (3, 30))),
        *trials("linear_svc_word_char", *({"model__estimator__C": c} for c in (0.3, 1.0))),
        *trials("linear_svc_word_run"),
        *trials("naive_bayes_svc_word_run"),
        *trials("logistic_regression_word"),
    ]


def estimator(trial: Trial, grams: Grams, rows: int) -> Pipeline:
    """The estimator of a trial that is to learn from the counts of n-grams of so many texts."""
    words = grams.weighed("word", least=1 if rows < 20_000 else 2)
    characters = grams.weighed("char_wb", least=2)
    runs = grams.weighed("char", least=2)
    # On sparse rows newton-cg's few steps take a tenth of the time of the default's many.
    logistic = LogisticRegression(C=10, solver="newton-cg")

    def calibrated(linear: LinearSVC) -> CalibratedClassifierCV:
        return CalibratedClassifierCV(linear, ensemble=False, cv=3)

    blocks, model = {
        "logistic_regression_char": ([characters], logistic),
        "logistic_regression_word_char": ([words, characters], logistic),
        "linear_svc_word_char": ([words, characters], calibrated(LinearSVC())),
        "linear_svc_word_run": ([words, runs], calibrated(LinearSVC())),
        "naive_bayes_svc_word_run": ([words, runs], calibrated(NaiveBayesSVC())),
        "logistic_regression_word": ([words], logistic),
    }[trial.candidate]
    pipeline = Pipeline([("grams", FeatureUnion(blocks)), ("model", model)])
    return pipeline.set_params(**trial.parameters)


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
