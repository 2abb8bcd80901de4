"""Support vectors on weighed features are a linear model of the plain ones."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from tasks.text_classification.naive_bayes import NaiveBayesSVC, plain


def sample(classes: int) -> tuple[csr_array, np.ndarray]:
    """Features of which each class has two more often than the others do."""
    random = np.random.default_rng(0)
    y = np.arange(120) % classes
    dense = random.random((120, 8)) * (random.random((120, 8)) < 0.4)
    for label in range(classes):
        dense[y == label, 2 * label : 2 * label + 2] += random.random((len(y[y == label]), 2))
    return csr_array(dense), y


def test_a_feature_is_weighed_by_how_much_likelier_it_is() -> None:
    x, y = sample(2)
    sums = [1 + x.toarray()[y == label].sum(axis=0) for label in (0, 1)]
    ratio = np.log(sums[1] / sums[1].sum()) - np.log(sums[0] / sums[0].sum())
    reference = LinearSVC().fit(x.toarray() * ratio, y)
    np.testing.assert_allclose(
        NaiveBayesSVC().fit(x, y).decision_function(x),
        reference.decision_function(x.toarray() * ratio),
        atol=1e-6,
    )


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_it_has_the_form_of_a_linear_svc(classes: int) -> None:
    x, y = sample(classes)
    fitted, reference = NaiveBayesSVC(C=3.0).fit(x, y), LinearSVC(C=3.0).fit(x, y)
    for name in ("coef_", "intercept_", "classes_"):
        assert getattr(fitted, name).shape == getattr(reference, name).shape
    assert fitted.score(x, y) > 0.7


@pytest.mark.parametrize("classes", [2, 3])
def test_what_is_kept_needs_no_code_of_this_project(classes: int) -> None:
    x, y = sample(classes)
    model = CalibratedClassifierCV(NaiveBayesSVC(), ensemble=False, cv=3).fit(x, y)
    kept = plain(model)
    np.testing.assert_array_equal(kept.predict_proba(x), model.predict_proba(x))
    assert b"naive_bayes" in pickle.dumps(model)
    assert b"naive_bayes" not in pickle.dumps(kept)
    assert isinstance(model.calibrated_classifiers_[0].estimator, NaiveBayesSVC)


def test_other_models_are_kept_as_they_are() -> None:
    x, y = sample(2)
    for model in (LogisticRegression(), CalibratedClassifierCV(LinearSVC())):
        assert plain(model.fit(x, y)) is model
