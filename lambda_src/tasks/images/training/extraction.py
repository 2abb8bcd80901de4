"""Features of a dataset's images, out of a graph that is fixed."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.datasets import Split
from common.invocation import Invocation
from common.problems import Corrupted
from tasks import TrainingData
from tasks.framework import onnx
from tasks.framework.training.run import Budget
from tasks.images.arrays import decoding_side, squeezed
from tasks.images.training import pretrained, reading

BATCH = 32
PROBE_BATCHES = 2
FEATURES_SHARE = 0.15
"""The part of the function's memory that features may fill; a fit holds them several times."""


class Skipped(Exception):
    """A network cannot be tried here; the text says why."""


@dataclass(frozen=True)
class Network:
    """A graph from uint8 "images" (n, side, side, channels) to a float32 output (n, -1)."""

    name: str
    graph: bytes
    side: int
    channels: int
    output: str = "features"


def row_limit(memory_mb: int, width: int) -> int:
    """How many images can have so many features in a function of this memory."""
    return int(memory_mb * 1_000_000 * FEATURES_SHARE / (4 * width))


def backbone(name: str, source: TrainingData, side: int) -> Network:
    """A pretrained network of the deployment.

    Raises Skipped when it has none of the name, and Corrupted for one that is damaged.
    """
    path = source.backbones.get(name)
    if path is None:
        raise Skipped("needs a pretrained network that is not deployed: `make backbones`")
    try:
        graph = pretrained.unsealed(path.read_bytes())
    except ValueError as damage:
        raise Corrupted(
            f"backbones/{name}.onnx is damaged: {damage}. `make backbones` writes "
            f"dist/backbones/{name}.onnx: copy it there."
        ) from damage.__cause__
    return Network(name, graph, side, 3)


def backbone_record(name: str, source: TrainingData) -> dict[str, Any] | None:
    """Which pretrained network a model is made of, for its manifest; None for none."""
    path = source.backbones.get(name)
    if path is None:
        return None
    return {"name": name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def extract(
    network: Network,
    source: TrainingData,
    splits: Sequence[Split],
    invocation: Invocation,
    budget: Budget | None = None,
) -> np.ndarray:
    """The features of all images of some splits, float32, shape (n_images, n_features).

    Raises Skipped when they would take more time than budget.
    """
    images = reading.pictures(source, splits, decoding_side(network.side))
    batches = itertools.batched(images, BATCH, strict=False)
    pixels = (squeezed(batch, network.side, network.channels) for batch in batches)
    total = sum(source.rows[split] for split in splits)
    return computed(network, pixels, total, invocation, budget)


def computed(
    network: Network,
    batches: Iterable[np.ndarray],
    total: int,
    invocation: Invocation,
    budget: Budget | None = None,
) -> np.ndarray:
    """The features of total images, which come in batches. Raises Skipped like extract."""
    parts = outputs(network, [network.output], batches, total, invocation, budget)
    return np.concatenate([features for (features,) in parts])


def outputs(
    network: Network,
    names: Sequence[str],
    batches: Iterable[np.ndarray],
    total: int,
    invocation: Invocation,
    budget: Budget | None = None,
) -> Iterator[list[np.ndarray]]:
    """The named outputs of a graph, batch by batch. Raises Skipped like extract."""
    session = onnx.session(network.graph, invocation.threads)
    before = budget.spent() if budget else 0.0
    done = 0
    for number, pixels in enumerate(batches, 1):
        yield session.run(names, {"images": pixels})
        done += len(pixels)
        if budget and number == PROBE_BATCHES:
            needed = (budget.spent() - before) * (total - done) / done
            if needed > budget.left():
                raise Skipped(
                    f"needs about {needed:.0f} s more for {total:,} images, and "
                    f"{max(0.0, budget.left()):.0f} s are left"
                )
