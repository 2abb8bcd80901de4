"""The smallest thing that can be learned, for tests that change what they touch: is a size big?"""

import csv
from dataclasses import dataclass
from pathlib import Path

from local.client import Client

ROWS = [{"size": n % 7, "shape": "ab"[n % 2], "big": ["no", "yes"][n % 7 > 3]} for n in range(120)]
PROCESSING = {"dataset": "sizes", "task": "classification", "target": "big"}


@dataclass(frozen=True)
class Sizes:
    """What there is once it was learned, by the names that the API gives it."""

    key: str
    dataset: str
    dataset_version: str
    model: str
    model_version: str


def learn_sizes(api: Client, folder: Path, name: str = "sizes") -> Sizes:
    """From a file, which the folder is for, to a dataset and a model of a name, which answers."""
    file = folder / "sizes.csv"
    with file.open("w", newline="") as text:
        writer = csv.DictWriter(text, ROWS[0])
        writer.writeheader()
        writer.writerows(ROWS)
    key = api.upload(name, file)
    processing = {**PROCESSING, "dataset": name, "source": {"key": key}}
    dataset = api.run("/data_processing", processing)
    training = {"model": name, "dataset": name, "candidates": ["decision_tree"]}
    model = api.run("/model_training", training)
    return Sizes(key, name, dataset["version"], name, model["version"])
