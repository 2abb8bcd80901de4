"""Faces without a pretrained network: how strong edges of each direction are in each part.

Dalal and Triggs (2005), Histograms of Oriented Gradients: of a grey picture of even brightness and
contrast. On top of them come principal components, weighed so that what differs among pictures of
one person counts little: the first step of linear discriminant analysis, as in Belhumeur,
Hespanha and Kriegman (1997). All of its directions are kept: the few that separate the enrolled
people say less about strangers.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from tasks.face_recognition.training.enrolment import Projection
from tasks.framework.training.graphs import serialized

SIDE, CELL, STEP, DIRECTIONS = 48, 8, 4, 8
FEATURES = DIRECTIONS * ((SIDE - CELL) // STEP + 1) ** 2
COMPONENTS = 100
SHRINKAGE = 0.1
"""How far the spread within people is taken for the same in all directions."""


def graph() -> bytes:
    """The graph from uint8 "images" (n, 48, 48, 1) to float32 "features" (n, 968)."""
    angles = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    kernels = np.zeros((DIRECTIONS, 1, 3, 3))
    kernels[:, 0, 1, 2], kernels[:, 0, 2, 1] = np.cos(angles), np.sin(angles)
    kernels -= kernels[:, :, ::-1, ::-1]
    floats = {"kernels": kernels, "little": np.array([1e-3])}
    constants = {name: value.astype(np.float32) for name, value in floats.items()}
    constants["border"] = np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    constants["picture"] = np.array([1, 2, 3], np.int64)
    node = helper.make_node
    nodes = [
        node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        node("ReduceMean", ["planes", "picture"], ["brightness"]),
        node("Sub", ["planes", "brightness"], ["centred"]),
        node("Mul", ["centred", "centred"], ["squares"]),
        node("ReduceMean", ["squares", "picture"], ["variance"]),
        node("Sqrt", ["variance"], ["deviation"]),
        node("Add", ["deviation", "little"], ["contrast"]),
        node("Div", ["centred", "contrast"], ["even"]),
        node("Pad", ["even", "border"], ["bordered"], mode="edge"),
        node("Conv", ["bordered", "kernels"], ["slopes"]),
        node("Relu", ["slopes"], ["edges"]),
        node(
            "AveragePool",
            ["edges"],
            ["strength"],
            kernel_shape=[CELL, CELL],
            strides=[STEP, STEP],
        ),
        node("Sqrt", ["strength"], ["roots"]),
        node("Flatten", ["roots"], ["flat"], axis=1),
        node("LpNormalization", ["flat"], ["features"], axis=1, p=2),
    ]
    made = helper.make_graph(
        nodes,
        "oriented_gradients",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", SIDE, SIDE, 1])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", FEATURES])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return serialized(made)


def fit(x: np.ndarray, y: np.ndarray) -> Projection:
    """A projection of features, shape (n_images, 968), of the people numbered y."""
    components = PCA(min(COMPONENTS, len(x) - 1, x.shape[1]), random_state=0).fit(x)
    spread = LinearDiscriminantAnalysis(solver="eigen", shrinkage=SHRINKAGE)
    spread.fit(components.transform(x), y)
    return Projection(components.mean_, components.components_.T @ spread.scalings_)
