"""Parts of signatures that several tasks have."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Input, Output

IMAGE = Input("image", "image")


def columns(inputs: Mapping[str, Any]) -> list[Input]:
    """The columns that a model of a table reads, in the order of its features."""
    return [
        Input(
            feature["name"],
            feature["type"],
            nullable=feature["nullable"],
            categories=feature.get("categories"),
            form=feature.get("form"),
        )
        for feature in inputs["features"]
    ]


def labelled(labels: Sequence[str] | None) -> list[Output]:
    """What every classifier answers."""
    names = list(labels or ())
    return [
        Output("label", "text"),
        Output("probability", "number"),
        Output("probabilities", "number", [len(names)], names),
    ]


def detected() -> list[Output]:
    """What every detector answers: boxes are objects of label, score and box."""
    return [
        Output("objects", "object", [None]),
        Output("width", "number"),
        Output("height", "number"),
    ]
