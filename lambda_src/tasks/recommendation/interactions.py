"""A dataset's interactions as sparse matrices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from common.datasets import SPLITS, Split
from tasks import TrainingData
from tasks.framework.training import data
from tasks.recommendation.catalogue import Catalogue

BYTES = 60
"""What an interaction is taken to need in memory, from its codes to the matrices."""

MEMORY_SHARE = 0.4
LEARNT: tuple[Split, ...] = ("train", "validation")


@dataclass(frozen=True)
class Side:
    """The interactions of one side: row of the user, place of the item, count or rating."""

    rows: np.ndarray
    places: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Interactions:
    """All sides, with items in the order of their popularity in what is learnt from.

    popular counts the items that are there at all.
    """

    users: Sequence[str]
    items: Sequence[str]
    popular: int
    sides: Mapping[Split, Side]
    counted: bool
    """Whether values are counts that differ, so that more of an item says more."""

    def matrix(
        self, sides: Sequence[Split], n_items: int | None = None, logarithmic: bool = False
    ) -> sparse.csr_array:
        """Histories of all users over the n_items most popular items, float32."""
        n_items = len(self.items) if n_items is None else n_items
        rows = np.concatenate([self.sides[side].rows for side in sides])
        places = np.concatenate([self.sides[side].places for side in sides])
        values = np.concatenate([self.sides[side].values for side in sides])
        kept = places < n_items
        weights = self._weights(values[kept], logarithmic)
        shape = (len(self.users), n_items)
        return sparse.csr_array((weights, (rows[kept], places[kept])), shape=shape)

    def _weights(self, values: np.ndarray, logarithmic: bool) -> np.ndarray:
        """1, or the logarithm of counts in such a unit that the usual count has 1."""
        if not logarithmic:
            return np.ones(len(values), np.float32)
        usual = np.median(self.sides["train"].values)
        found: np.ndarray = (np.log1p(values / usual) / np.log(2)).astype(np.float32)
        return found

    def catalogue(self, sides: Sequence[Split], logarithmic: bool) -> Catalogue:
        """The items, and what users took on some sides."""
        taken = self.matrix(sides, logarithmic=logarithmic)
        learnt = self.matrix(LEARNT)
        counts = np.bincount(learnt.indices, minlength=len(self.items))
        return Catalogue(
            items=self.items,
            popularity=(counts / max(1, len(self.users))).astype(np.float32),
            users=self.users,
            starts=taken.indptr.astype(np.int64),
            places=taken.indices.astype(np.int32),
            weights=taken.data.astype(np.float32),
        )

    def truth(self, side: Split) -> dict[int, set[int]]:
        """What each user took on a side: places by row, for the users who took anything."""
        found: dict[int, set[int]] = {}
        one = self.sides[side]
        for row, place in zip(one.rows.tolist(), one.places.tolist(), strict=True):
            found.setdefault(row, set()).add(place)
        return found


def limit(memory_mb: int) -> int:
    """How many interactions a function of this memory can hold."""
    return int(memory_mb * 1_000_000 * MEMORY_SHARE / BYTES)


def read(source: TrainingData, limit: int) -> Interactions:
    """Every side, of each its share where they are more than limit.

    Rows are in the order of a hash, so that the first of them are a fair sample.
    """
    share = min(1.0, limit / max(1, sum(source.rows.values())))
    names = {column.name for column in source.schema.columns}
    value = "count" if "count" in names else "rating"
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    sides: dict[Split, Side] = {}
    for side in SPLITS:
        rows, places, values = [], [], []
        for batch in data.batches(source.files[side], round(source.rows[side] * share)):
            rows.append([users.setdefault(user, len(users)) for user in batch["user"]])
            places.append([items.setdefault(item, len(items)) for item in batch["item"]])
            values.append(np.asarray(batch[value], np.float32))
        sides[side] = Side(
            np.concatenate([np.array(part, np.int32) for part in rows]),
            np.concatenate([np.array(part, np.int32) for part in places]),
            np.concatenate(values),
        )
    return _ordered(list(users), list(items), sides, value == "count")


def _ordered(
    users: list[str], items: list[str], sides: dict[Split, Side], counts: bool
) -> Interactions:
    """Interactions with items renumbered by popularity; of equal ones, by id."""
    popularity = np.zeros(len(items), np.int64)
    for side in LEARNT:
        popularity += np.bincount(sides[side].places, minlength=len(items))
    order = sorted(range(len(items)), key=lambda at: (-popularity[at], items[at]))
    place = np.empty(len(items), np.int32)
    place[order] = np.arange(len(items))
    return Interactions(
        users=users,
        items=[items[at] for at in order],
        popular=int((popularity > 0).sum()),
        sides={
            name: Side(side.rows, place[side.places], side.values) for name, side in sides.items()
        },
        counted=counts and any(np.ptp(side.values) > 0 for side in sides.values()),
    )
