"""What graphs of detectors are built of: nodes, constants, and trees in one operator."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper


class GraphBuilder:
    """Nodes and constants, with names of their own."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def add(self, operator: str, *inputs: str | np.ndarray, **attributes: Any) -> str:
        """A node of one output, whose name it returns; arrays become constants."""
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def top(self, values: str, count: int) -> str:
        """The least values of the last axis, in ascending order."""
        self.add("TopK", values, np.array([count]), axis=-1, largest=0)
        node = self.nodes[-1]
        node.output.append(f"{node.output[0]}_at")
        return str(node.output[0])

    def double(self, values: str) -> str:
        return self.add("Cast", values, to=TensorProto.DOUBLE)

    def sum(self, values: str) -> str:
        """The sum of each row, shape (n_rows, 1)."""
        return self.add("ReduceSum", values, np.array([1]), keepdims=1)

    def part(self, values: str, start: int, end: int) -> str:
        """Some columns of a matrix."""
        return self.add("Slice", values, np.array([start]), np.array([end]), np.array([1]))

    def mean(self, values: Sequence[str]) -> str:
        """The mean of several arrays; onnxruntime has none of doubles."""
        return self.add("Div", self.add("Sum", *values), np.array(float(len(values))))

    def square(self, values: str) -> str:
        return self.add("Mul", values, values)

    def named(self, values: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [values], [name]))

    def _constant(self, values: np.ndarray) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = values
        return name


class TreesBuilder:
    """The attributes of one operator of trees."""

    def __init__(self) -> None:
        self._tree: list[int] = []
        self._node: list[int] = []
        self._feature: list[int] = []
        self._threshold: list[float] = []
        self._left: list[int] = []
        self._right: list[int] = []
        self._leaf: list[bool] = []
        self._leaves: list[tuple[int, int, int, float]] = []

    def nodes(
        self,
        tree: int,
        feature: Sequence[int] | np.ndarray,
        threshold: Sequence[float] | np.ndarray,
        left: Sequence[int] | np.ndarray,
        right: Sequence[int] | np.ndarray,
    ) -> None:
        """A tree by its nodes, leaves among them, whose left is below 0."""
        self._tree += [tree] * len(left)
        self._node += range(len(left))
        self._feature += [max(0, int(one)) for one in feature]
        self._threshold += [float(one) for one in threshold]
        self._left += [max(0, int(one)) for one in left]
        self._right += [max(0, int(one)) for one in right]
        self._leaf += [int(one) < 0 for one in left]

    def leaf(self, tree: int, node: int, targets: Sequence[int], weights: Sequence[float]) -> None:
        self._leaves += [
            (tree, int(node), int(target), float(weight))
            for target, weight in zip(targets, weights, strict=True)
        ]

    def halves(self, number: int, cuts: np.ndarray, answers: np.ndarray) -> None:
        """A tree that finds where a value is among cuts; it adds the answer to the value's own."""
        rows: list[tuple[float, int, int]] = []

        def grow(first: int, last: int) -> int:
            at = len(rows)
            rows.append((0.0, -1, -1))
            if first == last:
                self.leaf(number, at, [number], [float(answers[first])])
            else:
                middle = (first + last) // 2
                left, right = grow(first, middle), grow(middle + 1, last)
                rows[at] = (float(cuts[middle]), left, right)
            return at

        grow(0, len(cuts))
        thresholds, left, right = zip(*rows, strict=True)
        self.nodes(number, [number] * len(rows), thresholds, left, right)

    def operator(self, graph: GraphBuilder, values: str, targets: int) -> str:
        """The sums of the leaves that rows end in, float32, shape (n_samples, targets)."""
        leaves = sorted(self._leaves)
        return graph.add(
            "TreeEnsembleRegressor",
            values,
            domain="ai.onnx.ml",
            n_targets=targets,
            aggregate_function="SUM",
            post_transform="NONE",
            nodes_treeids=self._tree,
            nodes_nodeids=self._node,
            nodes_featureids=self._feature,
            nodes_values=self._threshold,
            nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in self._leaf],
            nodes_truenodeids=self._left,
            nodes_falsenodeids=self._right,
            target_treeids=[one[0] for one in leaves],
            target_nodeids=[one[1] for one in leaves],
            target_ids=[one[2] for one in leaves],
            target_weights=[one[3] for one in leaves],
        )
