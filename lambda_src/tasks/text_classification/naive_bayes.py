"""Support vectors on features that naive Bayes has weighed (NBSVM; Wang and Manning, 2012).

A feature is multiplied by how much likelier it is in a class than in the rest. What is learned of
weighed features is linear in the plain ones, and is served as any linear model is.
"""

import copy
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import LinearSVC

SMOOTHING = 1.0
"""Added to each feature's sum in a class, so that none has seen nothing."""


class NaiveBayesSVC(LinearSVC):  # type: ignore[misc]  # scikit-learn has no types
    """A linear SVC for each class against the rest, on features weighed by log-count ratios.

    Features must not be negative; counts may be weighed, as TF-IDF weighs them.
    """

    def fit(self, x: csr_array, y: np.ndarray) -> Self:
        """coef_ and intercept_ are those of plain features, in the form of LinearSVC's."""
        self.classes_ = np.unique(y)
        told = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        found = [self._against_rest(x, y == label) for label in told]
        self.coef_ = np.vstack([coefficients for coefficients, _ in found])
        self.intercept_ = np.concatenate([intercept for _, intercept in found])
        self.n_features_in_ = x.shape[1]
        return self

    def _against_rest(self, x: csr_array, mine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ratio = _shares(x[mine]) - _shares(x[~mine])
        linear = LinearSVC(**self.get_params()).fit(csr_array(x.multiply(ratio)), mine)
        return linear.coef_ * ratio, linear.intercept_


def plain(model: Any) -> Any:
    """A calibrated NaiveBayesSVC as one of LinearSVC, which needs no code of this project.

    Any other model is returned as it is.
    """
    if not isinstance(getattr(model, "estimator", None), NaiveBayesSVC):
        return model
    calibrated: CalibratedClassifierCV = copy.copy(model)
    calibrated.estimator = LinearSVC(**model.estimator.get_params())
    calibrated.calibrated_classifiers_ = [copy.copy(one) for one in model.calibrated_classifiers_]
    for one in calibrated.calibrated_classifiers_:
        fitted, one.estimator = one.estimator, LinearSVC(**one.estimator.get_params())
        vars(one.estimator).update(vars(fitted))
    return calibrated


def _shares(x: csr_array) -> np.ndarray:
    """The logarithm of each feature's share of all there is."""
    sums = SMOOTHING + np.asarray(x.sum(axis=0), dtype=np.float64).ravel()
    shares: np.ndarray = np.log(sums / sums.sum())
    return shares
