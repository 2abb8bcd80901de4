"""Features of a dataset's images, out of a graph that is fixed."""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.datasets import Split
from common.problems import Corrupted
from tasks import TrainingData
from tasks.framework import onnx
from tasks.framework.training.context import Budget
from tasks.framework.training.trials import Skipped
from tasks.images.arrays import decoding_side, squeezed
from tasks.images.training import pretrained, reading

BATCH = 32
PROBE_BATCHES = 2
FEATURES_SHARE = 0.15
"""The part of the function's memory that features may fill; a fit holds them several times."""


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


def backbone_records(source: TrainingData) -> list[dict[str, Any] | None]:
    """Which pretrained networks the deployment has for the task."""
    return [backbone_record(name, source) for name in sorted(source.backbones)]


class FeatureCache[N, F]:
    """Features of a dataset's images by network, each made once.

    make gives the network of a name, and extract its features of some splits. Both take the budget
    that must not be overrun, None for none, and raise Skipped when it would be.
    """

    def __init__(
        self,
        make: Callable[[str, Budget | None], N],
        extract: Callable[[N, tuple[Split, ...], Budget | None], F],
    ) -> None:
        self._make, self._extract = make, extract
        self._networks: dict[str, N] = {}
        self._features: dict[tuple[str, tuple[Split, ...]], F] = {}
        self._skipped: dict[str, Skipped] = {}

    def of(self, name: str, splits: tuple[Split, ...], limit: Budget | None = None) -> F:
        """Raises Skipped, at once where the same network was skipped before."""
        key = name, splits
        if key not in self._features:
            if name in self._skipped:
                raise self._skipped[name]
            try:
                network = self.network(name, limit)
                self._features[key] = self._extract(network, splits, limit)
            except Skipped as why:
                self._skipped[name] = why
                raise
        return self._features[key]

    def network(self, name: str, limit: Budget | None = None) -> N:
        if name not in self._networks:
            self._networks[name] = self._make(name, limit)
        return self._networks[name]

    def are_there(self, name: str) -> bool:
        """Whether features of a network were made, or skipped."""
        return name in self._networks or name in self._skipped


def extract(
    network: Network,
    source: TrainingData,
    splits: Sequence[Split],
    threads: int,
    budget: Budget | None = None,
) -> np.ndarray:
    """The features of all images of some splits, float32, shape (n_images, n_features).

    Raises Skipped when they would take more time than budget.
    """
    images = reading.pictures(source, splits, decoding_side(network.side))
    batches = itertools.batched(images, BATCH, strict=False)
    pixels = (squeezed(batch, network.side, network.channels) for batch in batches)
    total = sum(source.rows[split] for split in splits)
    return computed(network, pixels, total, threads, budget)


def computed(
    network: Network,
    batches: Iterable[np.ndarray],
    total: int,
    threads: int,
    budget: Budget | None = None,
) -> np.ndarray:
    """The features of total images, which come in batches. Raises Skipped like extract."""
    parts = outputs(network, [network.output], batches, total, threads, budget)
    return np.concatenate([features for (features,) in parts])


def outputs(
    network: Network,
    names: Sequence[str],
    batches: Iterable[np.ndarray],
    total: int,
    threads: int,
    budget: Budget | None = None,
) -> Iterator[list[np.ndarray]]:
    """The named outputs of a graph, batch by batch. Raises Skipped like extract."""
    session = onnx.session(network.graph, threads)
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
