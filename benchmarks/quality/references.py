"""What a good engineer writes with scikit-learn alone for each kind of data."""

from collections.abc import Callable

import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

type Reference = Callable[[], Pipeline]

_categories = make_column_selector(dtype_include=[object, "category", "string"])
_numbers = make_column_selector(dtype_include="number")


def scaled_logistic_regression() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def one_hot_logistic_regression() -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), _categories), (numbers, _numbers)
    )
    return make_pipeline(encode, LogisticRegression(max_iter=1000))


def ordinal_gradient_boosting() -> Pipeline:
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1
    )
    encode = make_column_transformer((ordinal, _categories), remainder="passthrough")
    return make_pipeline(encode, HistGradientBoostingClassifier(random_state=0))


def ridge() -> Pipeline:
    return make_pipeline(StandardScaler(), RidgeCV(alphas=(0.1, 1.0, 10.0, 100.0)))


def word_tfidf() -> Pipeline:
    return _text(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10))


def character_tfidf() -> Pipeline:
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2)
    return _text(vectorizer, LogisticRegression(C=10, max_iter=1000))


def word_and_character_tfidf() -> Pipeline:
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return _text(FeatureUnion([("words", words), ("characters", characters)]), LinearSVC())


def _text(vectorizer: object, model: object) -> Pipeline:
    column = make_column_transformer((vectorizer, "text"))
    return make_pipeline(column, model)


def features(frame: pd.DataFrame, target: str) -> pd.DataFrame:
    """What a reference may see of a frame."""
    return frame.drop(columns=[target, "fold"], errors="ignore")
