"""Interactions made up by a rule, where no package ships real ones.

Everybody belongs to one of a few groups, and so does every item. How many items somebody takes
follows a geometric distribution; each is drawn from the own group's with a given loyalty, and from
all otherwise, in proportion to popularity, which falls with rank as 1 / rank^0.8 (Zipf).
"""

import random
from dataclasses import dataclass
from typing import Any

type Row = dict[str, Any]

_LEAST_ITEMS = 4


@dataclass(frozen=True)
class World:
    """Who takes what: item number i belongs to group i % groups."""

    users: int = 600
    items: int = 120
    groups: int = 6
    mean_items: int = 12
    loyalty: float = 0.8

    def taken(self, chance: random.Random) -> list[tuple[int, list[int]]]:
        """Each user's group and items, every item once, in the order they were taken."""
        everything = range(self.items)
        weights = [1 / (rank + 1) ** 0.8 for rank in everything]
        found = []
        for _ in range(self.users):
            group = chance.randrange(self.groups)
            own = [item for item in everything if item % self.groups == group]
            items: dict[int, None] = {}
            while len(items) < _LEAST_ITEMS or chance.random() > 1 / self.mean_items:
                loyal = chance.random() < self.loyalty
                pool = own if loyal else list(everything)
                (item,) = chance.choices(pool, [weights[item] for item in pool])
                items[item] = None
                if len(items) == len(own):
                    break
            found.append((group, list(items)))
        return found


def baskets(world: World = World(), seed: int = 0) -> list[Row]:
    """Orders of products, a line each: who shops has a need, and a line has a quantity."""
    chance = random.Random(seed)
    return [
        {
            "order_id": f"order-{order:05}",
            "product_id": f"product-{item:03}",
            "quantity": 1 + int(chance.expovariate(1.5)),
            "ordered_at": f"2026-{1 + order % 12:02}-{1 + order % 28:02}T12:{place % 60:02}:00",
        }
        for order, (_, items) in enumerate(world.taken(chance))
        for place, item in enumerate(items)
    ]


def plays(world: World = World(loyalty=0.5), seed: int = 0) -> list[Row]:
    """How often listeners played artists: far more often those of their own group."""
    chance = random.Random(seed)
    return [
        {
            "listener": f"listener-{listener:05}",
            "artist": f"artist-{item:03}",
            "plays": 1 + int(chance.lognormvariate(3 if item % world.groups == group else 0, 1)),
        }
        for listener, (group, items) in enumerate(world.taken(chance))
        for item in items
    ]
