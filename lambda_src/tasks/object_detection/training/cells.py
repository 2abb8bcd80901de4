"""Which object each cell of a map belongs to, and what there is to be learned from it."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from tasks.object_detection.training.maps import Maps
from tasks.object_detection.training.truth import Truth

CORE = 0.5
"""A cell is an object's if its centre is in the middle of the box, so large along each side."""

OBJECT_CELLS = 20_000
BACKGROUND_CELLS = 40_000
BACKGROUND_PER_VIEW = 64
"""Cells that heads are fitted on, at most: objects' of all labels together, and others."""

BACKGROUND = 0


@dataclass(frozen=True)
class Cells:
    """Cells to learn from.

    x (n_cells, n_features); classes (n_cells,) are BACKGROUND, or 1 + the label's number;
    shapes (n_cells, 4) say where the object's box is, as boxes() takes it. counts (n_cells,) is how
    many cells of its class each one stands for, weights (n_cells,) what it counts for its object.
    """

    x: np.ndarray
    classes: np.ndarray
    counts: np.ndarray
    shapes: np.ndarray
    weights: np.ndarray


def centres(count: int) -> np.ndarray:
    """The middles of cells, x and y in shares of the side: shape (count, count, 2)."""
    along = (np.arange(count) + 0.5) / count
    x, y = np.meshgrid(along, along)
    return np.stack([x, y], axis=-1)


def features(maps: Maps) -> np.ndarray:
    """What is known of each cell: its own features, and those of nine coarse cells around it.

    Shape (n_images, VIEWS, cells, cells, n_features).
    """
    around = np.pad(maps.coarse, ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)))
    rows, columns = maps.coarse.shape[2:4]
    windows = [around[:, :, y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    wide = np.concatenate(windows, axis=-1).repeat(2, axis=2).repeat(2, axis=3)
    return np.concatenate([maps.fine, wide], axis=-1)


def learned_from(maps: Maps, truths: Collection[Truth], seed: int) -> Cells:
    """A sample of the cells of images, of both views."""
    middles = centres(maps.fine.shape[2])
    seen = [view for truth in truths for view in (truth, truth.mirrored())]
    owners = np.stack([_owners(truth, middles) for truth in seen])
    classes = np.stack([_classes(*pair) for pair in zip(seen, owners, strict=True)])
    picked = _picked(classes, np.random.default_rng(seed))
    places = np.unravel_index(picked, classes.shape)
    of = classes[places]
    total, sampled = (np.bincount(c[c >= 0].ravel(), minlength=of.max() + 1) for c in (classes, of))
    return Cells(
        _at(maps, places),
        of,
        (total[of] / sampled[of]),
        np.stack([_shapes(*pair, middles) for pair in zip(seen, owners, strict=True)])[places],
        np.stack([_weights(one) for one in owners])[places],
    )


def boxes(shapes: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """Boxes (..., 4) of what is predicted for cells, within the square."""
    centre = middles + shapes[..., :2]
    half = np.exp(np.clip(shapes[..., 2:], *SIZES)) / 2
    return np.concatenate([centre - half, centre + half], axis=-1).clip(0, 1)


SIZES = (-5.0, 0.5)
"""Bounds of the logarithm of a box's side, which lines can leave far behind."""

_NONE = -1
_NEAR = -2


def _owners(truth: Truth, middles: np.ndarray) -> np.ndarray:
    """The object that each cell belongs to; _NEAR in the margin of one, else _NONE."""
    owners = np.full(middles.shape[:2], _NONE)
    areas = (truth.boxes[:, 2:] - truth.boxes[:, :2]).prod(axis=1)
    for number in np.argsort(-areas):  # smaller ones lie on larger ones
        low, high = truth.boxes[number, :2], truth.boxes[number, 2:]
        distance = np.abs(middles - (low + high) / 2)
        half = np.maximum(high - low, 1e-6) / 2
        owners[(distance < half).all(axis=-1) & (owners == _NONE)] = _NEAR
        core = (distance < CORE * half).all(axis=-1)
        if not core.any():
            nearest = distance.max(axis=-1)
            core = nearest == nearest.min()
        owners[core] = number
    return owners


def _classes(truth: Truth, owners: np.ndarray) -> np.ndarray:
    """The class of each cell; _NEAR for those that are neither one thing nor the other."""
    by_owner: np.ndarray = np.append(truth.labels + 1, [_NEAR, BACKGROUND])  # at -2 and -1
    classes: np.ndarray = by_owner[owners]
    return classes


def _shapes(truth: Truth, owners: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """Of each cell: how far off its object's centre is, and the logarithm of its sides."""
    of = np.append(truth.boxes, np.tile([0.0, 0.0, 1.0, 1.0], (2, 1)), axis=0)[owners]
    low, high = of[..., :2], of[..., 2:]
    return np.concatenate([(low + high) / 2 - middles, np.log(high - low)], axis=-1)


def _weights(owners: np.ndarray) -> np.ndarray:
    """Large objects have many cells: each counts by the square root of their number."""
    counts = np.bincount(owners[owners >= 0], minlength=1)
    weights: np.ndarray = np.where(
        owners >= 0, 1 / np.sqrt(np.maximum(counts[np.maximum(owners, 0)], 1)), 1.0
    )
    return weights


def _picked(classes: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Flat numbers of cells of each label in equal shares, and of the background."""
    flat = classes.ravel()
    labels = np.unique(flat[flat > BACKGROUND])
    most = {int(label): OBJECT_CELLS // len(labels) for label in labels}
    found = []
    others = min(BACKGROUND_CELLS, BACKGROUND_PER_VIEW * len(classes))
    for label, limit in [*most.items(), (BACKGROUND, others)]:
        places = np.flatnonzero(flat == label)
        found.append(chance.permutation(places)[:limit])
    return np.sort(np.concatenate(found))


def _at(maps: Maps, places: tuple[np.ndarray, ...]) -> np.ndarray:
    """features() of some cells only: all of them would take gigabytes."""
    view, row, column = places
    fine = maps.fine.reshape(-1, *maps.fine.shape[2:])
    coarse = maps.coarse.reshape(-1, *maps.coarse.shape[2:])
    around = np.pad(coarse, ((0, 0), (1, 1), (1, 1), (0, 0)))
    parts = [fine[view, row, column]]
    parts += [around[view, row // 2 + y, column // 2 + x] for y in range(3) for x in range(3)]
    return np.concatenate(parts, axis=1)
