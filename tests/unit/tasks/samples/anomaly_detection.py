"""Unusual rows of a table: most follow one rule, and a few break it. Some rows have a label."""

import random
from typing import Any

from tests.unit.tasks.samples import Sample
from tests.unit.tasks.samples.tables import instances
from tests.unit.tasks.splits import Row
from tests.unit.tasks.tables import csv_bytes


def rows(count: int, seed: int, every: int = 12) -> list[Row]:
    """Readings of a pump: one in every so many is an anomaly."""
    chance = random.Random(seed)
    made: list[Row] = []
    for number in range(count):
        odd = number % every == 0
        load = chance.random()
        flow = 40 + 60 * load + chance.gauss(0, 2)
        made.append(
            {
                "flow": flow + (chance.choice([-25, 25]) if odd else 0),
                "pressure": None if chance.random() < 0.05 else 3 + load + chance.gauss(0, 0.05),
                "pump": "spare" if odd and number % 2 else chance.choice("ab"),
                "at": f"2024-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T10:00:00",
                "manual": chance.random() < (0.7 if odd else 0.1),
                "broken": None if chance.random() < 0.1 else int(odd),
            }
        )
    return made


def source(order: int) -> bytes:
    """A CSV file of 300 rows, 20 of them twice."""
    table = rows(300, 7)
    lines: list[list[Any]] = [
        ["" if value is None else value for value in row.values()] for row in [*table, *table[:20]]
    ]
    random.Random(order).shuffle(lines)
    return csv_bytes(list(table[0]), lines)


SAMPLE = Sample(
    source=source,
    processing={"anomaly_label": "broken"},
    counts={"read": 320, "duplicates": 0, "rejected": 0, "used": 320},
    instances=instances,
    bad=[
        ({}, "/at"),
        ({"at": "2024-01-01", "flow": "high"}, "/flow"),
        ({"at": {"not": "a scalar"}}, "/at"),
        ("text", ""),
        (None, ""),
    ],
)
