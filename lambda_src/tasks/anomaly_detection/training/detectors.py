"""Detectors of unusual rows, each with what every value adds to a row's score.

All take the values of a space and know no labels. Greater scores are more unusual. Contributions
are never negative; those of a row are compared with each other only.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.ensemble import IsolationForest
from sklearn.utils.extmath import randomized_svd

from tasks.anomaly_detection.training.space import Space
from tasks.tables.training.trees import round_thresholds

CHUNK = 2_000
"""Rows whose distances are in memory at once."""

TREES = 100

SAMPLES, SAMPLE_ROWS, NEIGHBOURS = 4, 128, 10
"""Distances to several small samples: in a large one, anomalies have anomalies as neighbours. On
ten public sets the mean ROC AUC of four samples of 128 is 0.887, of one of 2,000 0.854."""

_LEAST_VARIANCE = 0.1
"""Of the mean variance: directions of less count as if they had it."""

_MOST_COMPONENTS, _MANY_VALUES = 64, 512
"""So many components are enough where values are so many that all would take long."""

NEAR = 1e-6
"""Added to squared distances: the root of what rounding leaves of zero would differ too much."""

_DEPTH = 2.0**-10
"""Depths and steps are whole multiples of it, so that float32 adds all trees' without loss."""

_LEAVES, _TOTAL_LEAVES = 128, 40_000
"""Of a value's tails, and of those of all values together."""


class Detector(ABC):
    """What is fitted on rows, in the units of its scores."""

    @abstractmethod
    def scores(self, values: np.ndarray) -> np.ndarray:
        """Scores of values of the space, float64, shape (n_samples,)."""

    @abstractmethod
    def contributions(self, values: np.ndarray) -> np.ndarray:
        """What each value adds to the score, shape (n_samples, n_values)."""


@dataclass(frozen=True)
class Forest(Detector):
    """An Isolation Forest (Liu, Ting and Zhou, 2008): unusual rows are parted from others sooner.

    The nodes of all trees are counted through: starts has the number of each tree's first one, and
    depths has the depth of each leaf, with that of the rows which share it.
    """

    model: IsolationForest
    starts: np.ndarray
    depths: np.ndarray
    usual: float
    """The mean depth of a row among as many as a tree has seen."""

    @classmethod
    def fit(cls, values: np.ndarray, space: Space, seed: int) -> "Forest":
        model = IsolationForest(n_estimators=TREES, random_state=seed).fit(values)
        round_thresholds(model)
        trees = [estimator.tree_ for estimator in model.estimators_]
        starts = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
        depths = np.concatenate(
            [np.where(tree.children_left < 0, _depths(tree), 0) for tree in trees]
        )
        usual = float(_expected_depth(np.array([model.max_samples_]))[0])
        return cls(model, starts, (depths / _DEPTH).round() * _DEPTH, max(usual, 1.0))

    @cached_property
    def parts(self) -> csr_array:
        """How much sooner each value parts a row from others than is expected, by the leaf.

        The shape is (n_nodes, n_values). Only a model that is published needs it.
        """
        rows: list[int] = []
        columns: list[int] = []
        weights: list[float] = []
        for start, estimator in zip(self.starts, self.model.estimators_, strict=True):
            for leaf, by_value in _steps(estimator.tree_).items():
                rows += [int(start) + leaf] * len(by_value)
                columns += by_value.keys()
                weights += by_value.values()
        shape = (len(self.depths), self.model.n_features_in_)
        exact = (np.array(weights) / _DEPTH).round() * _DEPTH
        return csr_array((exact, (rows, columns)), shape=shape)

    def _leaves(self, values: np.ndarray) -> np.ndarray:
        """The node that each row ends in, of each tree, among the nodes of all trees."""
        found = [estimator.apply(values) for estimator in self.model.estimators_]
        nodes: np.ndarray = np.column_stack(found) + self.starts
        return nodes

    def scores(self, values: np.ndarray) -> np.ndarray:
        depth = self.depths[self._leaves(values)].mean(axis=1)
        found: np.ndarray = 2.0 ** (-depth / self.usual)
        return found

    def contributions(self, values: np.ndarray) -> np.ndarray:
        leaves = self._leaves(values)
        ends = np.arange(0, leaves.size + 1, leaves.shape[1])
        each = csr_array(
            (np.ones(leaves.size), leaves.ravel(), ends), shape=(len(values), self.parts.shape[0])
        )
        found: np.ndarray = np.maximum((each @ self.parts).toarray(), 0.0)
        return found


def _depths(tree: Any) -> np.ndarray:
    """The depth of each node of a tree; of a leaf, with that of the rows which share it."""
    left, right = tree.children_left, tree.children_right
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # children come after their parents
        if left[node] >= 0:
            depth[[left[node], right[node]]] = depth[node] + 1
    depth += _expected_depth(tree.n_node_samples) * (left < 0)
    return depth


def _steps(tree: Any) -> dict[int, dict[int, float]]:
    """What each value has added on the way to each leaf of a tree.

    A step adds how much less deep a row is expected to end after it than before.
    """
    left, right = tree.children_left, tree.children_right
    mean = _depths(tree)
    for node in reversed(range(tree.node_count)):
        if left[node] >= 0:
            both = [left[node], right[node]]
            mean[node] = np.average(mean[both], weights=tree.n_node_samples[both])
    steps: dict[int, dict[int, float]] = {0: {}}
    for node in range(tree.node_count):
        if left[node] >= 0:
            path, value = steps.pop(node), int(tree.feature[node])
            for child in (int(left[node]), int(right[node])):
                added = path.get(value, 0.0) + float(mean[node] - mean[child])
                steps[child] = {**path, value: added}
    return steps


def _expected_depth(rows: np.ndarray) -> np.ndarray:
    """The mean depth at which a row is alone among so many, as the paper has it."""
    many = np.maximum(rows, 3)
    of_many = 2 * (np.log(many - 1.0) + np.euler_gamma) - 2 * (many - 1.0) / many
    return np.where(rows > 2, of_many, np.where(rows == 2, 1.0, 0.0))


@dataclass(frozen=True)
class Tails(Detector):
    """ECOD (Li et al., 2022): how far in the tail of its own distribution each value is.

    thresholds and surprises are of each value: the surprise before the first threshold, and after
    each. A row's score is their sum.
    """

    thresholds: list[np.ndarray]
    surprises: list[np.ndarray]
    width: int

    @classmethod
    def fit(cls, values: np.ndarray, space: Space, seed: int) -> "Tails":
        leaves = max(8, min(_LEAVES, _TOTAL_LEAVES // max(1, space.tails)))
        found = [_tails(values[:, at], leaves) for at in range(space.tails)]
        return cls([one for one, _ in found], [one for _, one in found], space.width)

    def scores(self, values: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.contributions(values).sum(axis=1)
        return found

    def contributions(self, values: np.ndarray) -> np.ndarray:
        added = np.zeros(values.shape)
        for at, (cuts, surprises) in enumerate(zip(self.thresholds, self.surprises, strict=True)):
            added[:, at] = surprises[np.searchsorted(cuts, values[:, at], side="left")]
        return added


def _tails(column: np.ndarray, leaves: int) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds, float32, and the surprise of values up to each of them and beyond the last."""
    count = len(column)
    ascending = np.sort(column)
    half = np.geomspace(1, count, leaves // 2).round().astype(np.int64)
    at = np.unique(ascending[np.concatenate([half - 1, count - half])])
    below = (np.searchsorted(ascending, at, side="right") + 1) / (count + 1)
    above = (count - np.searchsorted(ascending, at, side="left") + 1) / (count + 1)
    surprises = np.maximum(-np.log(below), -np.log(above)).clip(0)
    # A row between two of these counts as the nearer one; beyond all, as more than any.
    cuts = (at[:-1] / 2 + at[1:] / 2).astype(np.float32)
    gap = np.float32(max(float(np.abs(at).max()), 1.0) * 1e-5)
    cuts = np.concatenate([[at[0] - gap], cuts, [at[-1] + gap]]).astype(np.float32)
    most = np.log(count + 1.0)
    return cuts, np.concatenate([[most], surprises, [most]]).astype(np.float32)


@dataclass(frozen=True)
class Components(Detector):
    """PCA: the error of a row's reconstruction, and its distance along the components kept.

    Each component counts in its own standard deviations; the rest, which has little variance, in
    those of the least component that would be kept. components has shape (n_values, n_kept).
    """

    space: Space
    middle: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    least: float

    @classmethod
    def fit(cls, values: np.ndarray, space: Space, seed: int) -> "Components":
        z = space.standardised(values)
        middle = z.mean(axis=0)
        z -= middle
        total = float((z * z).sum()) / len(z)
        least = max(_LEAST_VARIANCE * total / space.width, 1e-6)
        if space.width > _MANY_VALUES:
            _, singular, vectors = randomized_svd(z, _MOST_COMPONENTS, random_state=seed)
            variances, vectors = singular**2 / len(z), vectors.T
        else:
            variances, vectors = np.linalg.eigh(z.T @ z / len(z))
        kept = variances > least
        return cls(space, middle, vectors[:, kept], variances[kept], least)

    def _of(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows about the middle, what is left of them, and where they are along components."""
        z = self.space.standardised(values) - self.middle
        along = z @ self.components
        return z, z - along @ self.components.T, along

    def scores(self, values: np.ndarray) -> np.ndarray:
        _, left, along = self._of(values)
        squared = (left**2).sum(axis=1) / self.least + (along**2 / self.variances).sum(axis=1)
        found: np.ndarray = np.sqrt(squared + NEAR)
        return found

    def contributions(self, values: np.ndarray) -> np.ndarray:
        z, left, along = self._of(values)
        found = z * (left / self.least + (along / self.variances) @ self.components.T)
        positive: np.ndarray = np.maximum(found, 0.0)
        return positive


@dataclass(frozen=True)
class Neighbours(Detector):
    """The mean distance to the nearest rows of several samples.

    samples has shape (n_samples, n_rows, n_values), standardised.
    """

    space: Space
    samples: np.ndarray
    nearest: int

    @classmethod
    def fit(cls, values: np.ndarray, space: Space, seed: int) -> "Neighbours":
        random = np.random.default_rng(seed)
        rows = min(SAMPLE_ROWS, len(values))
        chosen = [random.permutation(len(values))[:rows] for _ in range(SAMPLES)]
        samples = np.stack([space.standardised(values[some]) for some in chosen])
        return cls(space, samples, max(1, min(NEIGHBOURS, rows // 4)))

    def _squared(self, z: np.ndarray) -> np.ndarray:
        """Squared distances, shape (n_rows, n_samples, n_rows_of_sample)."""
        flat = self.samples.reshape(-1, z.shape[1])
        lengths = (flat * flat).sum(axis=1)
        squared = (z * z).sum(axis=1)[:, np.newaxis] + lengths - 2 * (z @ flat.T)
        positive: np.ndarray = np.maximum(squared, 0.0)
        return positive.reshape(len(z), *self.samples.shape[:2])

    def scores(self, values: np.ndarray) -> np.ndarray:
        z = self.space.standardised(values)
        return _by_chunks(z, lambda some: _nearest(self._squared(some), self.nearest))

    def contributions(self, values: np.ndarray) -> np.ndarray:
        return _by_chunks(self.space.standardised(values), self._contributions)

    def _contributions(self, z: np.ndarray) -> np.ndarray:
        squared = self._squared(z)
        furthest = np.partition(squared, self.nearest - 1, axis=2)[:, :, [self.nearest - 1]]
        weights = (squared <= furthest).reshape(len(z), -1).astype(float)
        weights /= weights.sum(axis=1, keepdims=True)
        flat = self.samples.reshape(-1, z.shape[1])
        found = z * z - 2 * z * (weights @ flat) + weights @ (flat * flat)
        positive: np.ndarray = np.maximum(found, 0.0)
        return positive


def _nearest(squared: np.ndarray, count: int) -> np.ndarray:
    nearest = np.partition(squared, count - 1, axis=2)[:, :, :count]
    found: np.ndarray = np.sqrt(nearest + NEAR).mean(axis=(1, 2))
    return found


def _by_chunks(z: np.ndarray, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    chunks = [of(z[start : start + CHUNK]) for start in range(0, max(1, len(z)), CHUNK)]
    return np.concatenate(chunks)


DETECTORS: Mapping[str, type[Forest] | type[Tails] | type[Components] | type[Neighbours]] = {
    "knn": Neighbours,
    "isolation_forest": Forest,
    "pca": Components,
    "ecod": Tails,
}
"""By name of candidate, the best first: their order is that of mean ROC AUC on ten public sets."""
