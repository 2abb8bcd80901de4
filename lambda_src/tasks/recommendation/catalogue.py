"""Who took what: the ids of items and users, and each user's history, in one file of arrays."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Catalogue:
    """Items in the order of their popularity, users, and histories as rows of a sparse matrix.

    popularity has the share of users that each item is in. The history of user i is
    places[starts[i]:starts[i + 1]], its items' places, and the weights there.
    """

    items: Sequence[str]
    popularity: np.ndarray
    users: Sequence[str]
    starts: np.ndarray
    places: np.ndarray
    weights: np.ndarray

    @cached_property
    def place_of(self) -> dict[str, int]:
        return {item: place for place, item in enumerate(self.items)}

    @cached_property
    def row_of(self) -> dict[str, int]:
        return {user: row for row, user in enumerate(self.users)}

    @cached_property
    def longest_history(self) -> int:
        """How many items the user has who has most."""
        return int(np.diff(self.starts).max(initial=0))

    def history(self, user: int) -> tuple[np.ndarray, np.ndarray]:
        """Places and weights of the items of a user."""
        row = slice(self.starts[user], self.starts[user + 1])
        return self.places[row], self.weights[row]

    def encode(self) -> bytes:
        """The catalogue as an .npz file that holds nothing to be unpickled."""
        items, item_ends = _packed(self.items)
        users, user_ends = _packed(self.users)
        file = io.BytesIO()
        np.savez(
            file,
            items=items,
            item_ends=item_ends,
            popularity=self.popularity,
            users=users,
            user_ends=user_ends,
            starts=self.starts,
            places=self.places,
            weights=self.weights,
        )
        return file.getvalue()

    @classmethod
    def decode(cls, content: bytes) -> "Catalogue":
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return cls(
                items=_unpacked(file["items"], file["item_ends"]),
                popularity=file["popularity"],
                users=_unpacked(file["users"], file["user_ends"]),
                starts=file["starts"],
                places=file["places"],
                weights=file["weights"],
            )


def _packed(ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Strings as UTF-8 end to end, and where each one ends."""
    encoded = [one.encode() for one in ids]
    ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends


def _unpacked(text: np.ndarray, ends: np.ndarray) -> list[str]:
    whole, starts = text.tobytes(), [0, *ends.tolist()]
    return [whole[a:b].decode() for a, b in pairwise(starts)]
