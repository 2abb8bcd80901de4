"""Numbers in figures, and the same in words: a language small enough to be learned in seconds."""

import random

from tasks import TrainingData
from tasks.framework.training import data
from tests.unit.tasks.samples import Sample

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def pairs(count: int) -> list[tuple[str, str]]:
    """Different rows of figures and their names."""
    chance = random.Random(5)
    found: dict[str, str] = {}
    while len(found) < count:
        figures = [chance.randrange(10) for _ in range(chance.randint(3, 5))]
        found[" ".join(map(str, figures))] = " ".join(DIGITS[figure] for figure in figures)
    return list(found.items())


def source(order: int) -> bytes:
    made = pairs(400)
    lines = [f"{one}\t{other}" for one, other in [*made, *made[:20], ("7 7 7", "")]]
    random.Random(order).shuffle(lines)
    return "\n".join(["source\ttarget", *lines, ""]).encode()


def instances(found: TrainingData) -> list[dict[str, str]]:
    return [{"text": one["source"]} for one in data.instances(found, "test", 20)]


SAMPLE = Sample(
    source=source,
    counts={"read": 421, "duplicates": 20, "rejected": 1, "used": 400},
    instances=instances,
    bad=[
        ({}, "/text"),
        ({"text": ["a", "list"]}, "/text"),
        ({"text": None}, "/text"),
        ({"text": "one " * 10_000}, "/text"),
        ({"text": "1 2", "beam": 0}, "/beam"),
        ("text", ""),
        (None, ""),
    ],
    training={"epochs": 24, "beam": 2},
)
