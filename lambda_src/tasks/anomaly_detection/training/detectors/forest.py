"""An Isolation Forest."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.ensemble import IsolationForest

from tasks.anomaly_detection.training.detectors.base import Detector
from tasks.anomaly_detection.training.space import Space
from tasks.tables.training.trees import round_thresholds

TREES = 100

_DEPTH = 2.0**-10
"""Depths and steps are whole multiples of it, so that float32 adds all trees' without loss."""


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
