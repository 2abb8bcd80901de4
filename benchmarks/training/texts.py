"""The texts that both sides learn from, and what scikit-learn alone makes of their n-grams."""

from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline

from tasks.text_classification import training
from tasks.text_classification.grams import MAX_GRAMS, RANGES, Grams

WORDS = 30
VOCABULARY = 50_000


def made(rows: int) -> tuple[list[str], np.ndarray]:
    """Texts of WORDS words, drawn by Zipf's law, and which of two classes each is in."""
    random = np.random.default_rng(0)
    names = np.array([f"w{number:x}" for number in range(VOCABULARY)])
    ranks = (random.zipf(1.3, (rows, WORDS)) - 1) % VOCABULARY
    noise = random.normal(0, 1, rows)
    classes = ((ranks % 2).mean(axis=1) * 8 + noise > 4 + noise.mean()).astype(np.int64)
    return [" ".join(row) for row in names[ranks]], classes


def settings(texts: list[str]) -> list[Pipeline]:
    """Every setting of model_training, with vectorizers that each fit counts anew."""
    grams = Grams(texts[:100])
    every = (training.estimator(trial, grams, len(texts)) for trial in training.candidates())
    return [
        Pipeline([("grams", _vectorizers(one["grams"])), ("model", one["model"])]) for one in every
    ]


def _vectorizers(weighed: Any) -> FeatureUnion:
    return FeatureUnion(
        [
            (
                analyzer,
                TfidfVectorizer(
                    analyzer=analyzer,
                    ngram_range=RANGES[analyzer],
                    sublinear_tf=True,
                    min_df=block.least,
                    max_features=MAX_GRAMS,
                ),
            )
            for analyzer, block in weighed.transformer_list
        ]
    )
