"""What a frozen network makes of images: two maps of a few features a cell."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from onnx import helper
from PIL import Image, ImageOps
from sklearn.decomposition import PCA

from common.datasets import Split
from tasks import TrainingData
from tasks.framework.training.context import Budget
from tasks.images.arrays import decoding_side, letterboxed
from tasks.images.training import reading
from tasks.images.training.extraction import Network, backbone, outputs
from tasks.images.training.heads import appended

STRIDES = {"fine": ("stride_16", 32), "coarse": ("stride_32", 64)}
"""Each map's output in the network, and the principal components of it that are kept."""

VIEWS = 2
"""An image and its mirror image."""

SAMPLE = 200
"""Images whose cells tell the principal components."""

BATCH = 4


@dataclass(frozen=True)
class Maps:
    """Features of images in each view, float32.

    fine has shape (n_images, VIEWS, side / 16, side / 16, components), coarse half as many cells
    along a side.
    """

    fine: np.ndarray
    coarse: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "Maps":
        return Maps(self.fine[rows], self.coarse[rows])

    def __len__(self) -> int:
        return len(self.fine)


def values_per_image(side: int) -> int:
    """The numbers that the maps of an image hold."""
    (_, fine), (_, coarse) = STRIDES.values()
    return VIEWS * ((side // 16) ** 2 * fine + (side // 32) ** 2 * coarse)


def mapping(
    source: TrainingData,
    name: str,
    side: int,
    threads: int,
    budget: Budget | None = None,
) -> Network:
    """A pretrained network that ends in the two maps.

    Raises Skipped where it is not deployed, or when no time would be left to use it.
    """
    pretrained = backbone(name, source, side)
    sample = reading.limited(source, SAMPLE)
    names = [output for output, _ in STRIDES.values()]
    images = _batches(sample, ("train",), side)
    pixels = (letterboxed(batch, side, 3) for batch in images)
    total = sample.rows["train"] + VIEWS * (source.rows["train"] + source.rows["validation"])
    batches = outputs(pretrained, names, pixels, total, threads, budget)
    nodes, constants = [], {}
    for map_name, cells in zip(STRIDES, zip(*batches, strict=True), strict=True):
        output, components = STRIDES[map_name]
        flat = np.concatenate([_channels_last(one).reshape(-1, one.shape[1]) for one in cells])
        components = min(components, *flat.shape)
        pca = PCA(components, svd_solver="covariance_eigh").fit(flat)
        axes = pca.components_ / np.sqrt(max(pca.explained_variance_[0], 1e-9))
        weights, bias = f"{map_name}_components", f"{map_name}_means"
        constants[weights] = axes[:, :, None, None]
        constants[bias] = -axes @ pca.mean_
        nodes.append(helper.make_node("Conv", [output, weights, bias], [map_name]))
    graph = appended(
        pretrained.graph, nodes, constants, {name: ["n", None, None, None] for name in STRIDES}
    )
    return replace(pretrained, graph=graph)


def extract(
    network: Network,
    source: TrainingData,
    splits: tuple[Split, ...],
    threads: int,
    budget: Budget | None = None,
) -> Maps:
    """The maps of all images of some splits. Raises Skipped for want of time."""
    images = _batches(source, splits, network.side)
    pixels = (
        letterboxed([*batch, *map(ImageOps.mirror, batch)], network.side, 3) for batch in images
    )
    total = VIEWS * sum(source.rows[split] for split in splits)
    batches = list(outputs(network, list(STRIDES), pixels, total, threads, budget))
    return Maps(*(_joined(parts) for parts in zip(*batches, strict=True)))


def _batches(
    source: TrainingData, splits: tuple[Split, ...], side: int
) -> Iterator[tuple[Image.Image, ...]]:
    images = reading.pictures(source, splits, decoding_side(side))
    return itertools.batched(images, BATCH, strict=False)


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Batches of images, then their mirror images, as one array of images in each view."""
    views = [np.stack(np.split(_channels_last(part), VIEWS), axis=1) for part in parts]
    return np.concatenate(views)


def _channels_last(cells: np.ndarray) -> np.ndarray:
    return cells.transpose(0, 2, 3, 1)
