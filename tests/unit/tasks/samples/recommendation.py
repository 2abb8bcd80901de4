"""Orders of products with a line twice, one without a product, and a customer of one product."""

import random
from typing import Any

from local.demo.made_up import World, baskets
from tasks import TrainingData
from tasks.recommendation.interactions import read
from tests.unit.tasks.samples import Sample
from tests.unit.tasks.tables import csv_bytes

LINES = baskets(World(users=150, items=40, groups=4, mean_items=8))


def source(order: int) -> bytes:
    extra: dict[str, Any] = {**LINES[0], "product_id": ""}
    once = {**LINES[0], "order_id": "of one product"}
    rows = [list(row.values()) for row in [*LINES, *LINES[:20], extra, once]]
    random.Random(order).shuffle(rows)
    return csv_bytes(list(LINES[0]), rows)


def instances(data: TrainingData) -> list[dict[str, Any]]:
    known = read(data, 10_000)
    return [
        {"user": known.users[0]},
        {"user": known.users[1], "k": 3, "exclude_seen": False},
        {"items": list(known.items[:3]), "k": 5},
        {"similar_items": known.items[0], "k": 2},
    ]


SAMPLE = Sample(
    source=source,
    counts={"read": len(LINES) + 22, "duplicates": 20, "rejected": 2, "used": len(LINES)},
    instances=instances,
    bad=[
        ({}, ""),
        ({"user": "a", "items": ["b"]}, ""),
        ({"user": ["a"]}, "/user"),
        ({"items": ["a", None]}, "/items/1"),
        ({"items": "a"}, "/items"),
        ({"user": "a", "k": 0}, "/k"),
        ({"user": "a", "exclude_seen": "no"}, "/exclude_seen"),
        ("a", ""),
        (None, ""),
    ],
)
