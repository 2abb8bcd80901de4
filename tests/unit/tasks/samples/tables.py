"""Rows with a target that follows from their features, with some noise."""

import random
from typing import Any

from tasks import TrainingData
from tasks.framework.training import data
from tests.unit.tasks.samples import Sample
from tests.unit.tasks.splits import Row
from tests.unit.tasks.tables import csv_bytes

GOOD = ["good", "lovely", "fast", "warm", "cheap", "好吃"]
BAD = ["bad", "awful", "slow", "cold", "dear", "难吃"]
TYPES = {"x": "number", "color": "category", "when": "datetime", "active": "boolean"}


def rows(count: int, seed: int, number_target: bool, text: bool) -> list[Row]:
    chance = random.Random(seed)
    made: list[Row] = []
    for _ in range(count):
        active, color, x = chance.random() < 0.5, chance.choice("rgb"), chance.random() * 10
        value = x + 4 * active + 3 * (color == "r") + chance.gauss(0, 0.5)
        words = chance.choices(GOOD if value > 8 else BAD, k=6) + chance.choices(GOOD + BAD, k=4)
        row: Row = {
            "x": None if chance.random() < 0.05 else x,
            "color": None if chance.random() < 0.05 else color,
            "when": f"2024-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T10:00:00",
            "active": active,
        }
        label: Any = value if number_target else ("high" if value > 8 else "low")
        made.append({**({"remark": " ".join(words)} if text else row), "y": label})
    return made


def sample(number_target: bool, text: bool) -> Sample:
    """A CSV file of 300 rows, 20 of them twice, and one with nothing to be learned."""
    table = rows(300, 7, number_target, text)
    unlabelled = {**table[0], "y": None}
    lines = [list(row.values()) for row in [*table, *table[:20], unlabelled]]

    def source(order: int) -> bytes:
        shuffled = [["" if value is None else value for value in line] for line in lines]
        random.Random(order).shuffle(shuffled)
        return csv_bytes(list(table[0]), shuffled)

    required = "remark" if text else "when"
    return Sample(
        source=source,
        processing={"target": "y"},
        counts={"read": 321, "duplicates": 0, "rejected": 1, "used": 320},
        instances=instances,
        bad=[
            ({}, f"/{required}"),
            ({required: {"not": "a scalar"}}, f"/{required}"),
            ("text", ""),
            (None, ""),
        ],
    )


def instances(source: TrainingData) -> list[dict[str, Any]]:
    return data.instances(source, "test", 60)
