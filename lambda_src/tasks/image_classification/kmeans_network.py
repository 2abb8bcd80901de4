"""A convolutional network of one layer, whose filters are learned by k-means.

Coates, Lee and Ng (2011), An Analysis of Single-Layer Networks in Unsupervised Feature
Learning; Coates and Ng (2011): patches of equal brightness and contrast, whitened (ZCA up to a
rotation, which distances do not see), clustered; the activation of filter k at a place is the
triangle max(0, mean distance - distance to centre k), summed over a grid of places. No
gradient is needed, which is why it fits a function without a library for them.
"""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from sklearn.cluster import KMeans

from tasks.framework.training.graphs import serialized
from tasks.framework.training.trials import Skipped

FILTERS = 256
WIDEST = FILTERS * 4 * 4
"""Features of an image at most: a value per filter and cell of the grid."""

PATCHES = 40_000
PATCHES_PER_IMAGE = 100
ITERATIONS = 12
"""More of these made scores no better by more than noise."""

CONTRAST = 10.0
"""Added to a patch's variance (of values of 0 to 255), so that flat ones stay flat."""

WHITENING = 0.1
SMALL_SIDE = 12
LEAST_SIDE = 8


@dataclass(frozen=True)
class Geometry:
    """The shape of a network: its input, its patches, and the grid that it sums over."""

    side: int
    channels: int
    patch: int
    padding: int
    grid: int

    @classmethod
    def of(cls, side: int, channels: int) -> "Geometry":
        """What suited images of a size best: digits of 8 x 8, of 28 x 28, photographs of 32."""
        if side <= SMALL_SIDE:
            return cls(side, channels, patch=4, padding=2, grid=2)
        return cls(side, channels, patch=6, padding=2, grid=4)

    @property
    def places(self) -> int:
        """Places of a patch along a side."""
        return self.side + 2 * self.padding - self.patch + 1

    @property
    def patch_values(self) -> int:
        return self.patch * self.patch * self.channels


def learn(images: np.ndarray, geometry: Geometry, seed: int) -> bytes:
    """The graph from uint8 "images" (n, side, side, channels) to float32 "features" (n, -1).

    Raises Skipped when there is nothing in the images to be learned from.
    """
    patches = _patches(images, geometry, np.random.default_rng(seed))
    centred = patches - patches.mean(axis=1, keepdims=True)
    if not centred.any():
        raise Skipped("sees shapes, and every image is of one even colour")
    patches = centred / np.sqrt(patches.var(axis=1, keepdims=True) + CONTRAST)
    mean = patches.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(patches - mean, rowvar=False))
    used = spread > 1e-6 * spread[-1]  # the mean of each patch is gone, and one axis with it
    whiten = axes[:, used] / np.sqrt(spread[used] + WHITENING)
    whitened = ((patches - mean) @ whiten).astype(np.float32)
    filters = min(FILTERS, len(whitened) // 10)
    clusters = KMeans(filters, init="random", n_init=1, max_iter=ITERATIONS, random_state=seed)
    return _graph(geometry, mean, whiten, clusters.fit(whitened).cluster_centers_)


def _patches(images: np.ndarray, geometry: Geometry, chance: np.random.Generator) -> np.ndarray:
    """Patches from anywhere, shape (n_patches, patch_values)."""
    pad, size = geometry.padding, geometry.patch
    count = min(PATCHES, PATCHES_PER_IMAGE * len(images))
    padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    picked = windows[
        chance.integers(0, len(images), count),
        chance.integers(0, geometry.places, count),
        chance.integers(0, geometry.places, count),
    ]
    patches: np.ndarray = picked.reshape(count, geometry.patch_values).astype(np.float64)
    return patches


def _graph(geometry: Geometry, mean: np.ndarray, whiten: np.ndarray, centres: np.ndarray) -> bytes:
    """Patch statistics and whitening as convolutions; distances by the binomial formula."""
    size, channels, axes = geometry.patch, geometry.channels, whiten.shape[1]
    pad, pool = geometry.padding, geometry.places // geometry.grid
    window = geometry.places - pool * (geometry.grid - 1)
    kernel = whiten - whiten.mean(axis=0)  # takes each patch's mean away as it is applied
    floats = {
        "mean_kernel": np.full((1, channels, size, size), 1 / geometry.patch_values),
        "whiten": kernel.T.reshape(axes, channels, size, size),
        "whitened_mean": (mean @ whiten).reshape(1, axes, 1, 1),
        "centres": -2 * centres.reshape(len(centres), axes, 1, 1),
        "centre_squares": (centres**2).sum(axis=1),
        "contrast": np.array([CONTRAST]),
        "least": np.array([1e-6]),
        "zero": np.array([0.0]),
    }
    constants = {name: value.astype(np.float32) for name, value in floats.items()}
    constants["padding"] = np.array([0, 0, pad, pad, 0, 0, pad, pad], np.int64)
    constants["channel_axis"] = np.array([1], np.int64)
    constants["flat"] = np.array([0, -1], np.int64)
    node = helper.make_node
    nodes = [
        node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        node("Pad", ["planes", "padding"], ["x"], mode="edge"),
        node("Conv", ["x", "mean_kernel"], ["mean"]),
        node("Mul", ["x", "x"], ["squares"]),
        node("Conv", ["squares", "mean_kernel"], ["mean_square"]),
        node("Mul", ["mean", "mean"], ["square_mean"]),
        node("Sub", ["mean_square", "square_mean"], ["raw_variance"]),
        node("Max", ["raw_variance", "zero"], ["variance"]),
        node("Add", ["variance", "contrast"], ["power"]),
        node("Sqrt", ["power"], ["deviation"]),
        node("Conv", ["x", "whiten"], ["projected"]),
        node("Div", ["projected", "deviation"], ["equalised"]),
        node("Sub", ["equalised", "whitened_mean"], ["z"]),
        node("Mul", ["z", "z"], ["z_squares"]),
        node("ReduceSum", ["z_squares", "channel_axis"], ["z_square"], keepdims=1),
        node("Conv", ["z", "centres", "centre_squares"], ["rest"]),
        node("Add", ["rest", "z_square"], ["raw_distance"]),
        node("Max", ["raw_distance", "least"], ["square_distance"]),
        node("Sqrt", ["square_distance"], ["distance"]),
        node("ReduceMean", ["distance", "channel_axis"], ["mean_distance"], keepdims=1),
        node("Sub", ["mean_distance", "distance"], ["triangle"]),
        node("Relu", ["triangle"], ["activation"]),
        node("AveragePool", ["activation"], ["pooled"], kernel_shape=[window] * 2,
             strides=[pool] * 2),
        node("Reshape", ["pooled", "flat"], ["features"]),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "kmeans_network",
        [
            helper.make_tensor_value_info(
                "images", TensorProto.UINT8, ["n", geometry.side, geometry.side, channels]
            )
        ],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", None])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return serialized(graph)
