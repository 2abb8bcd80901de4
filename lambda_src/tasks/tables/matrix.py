"""The matrix of a table in words and numbers, for those who make it by themselves."""

from collections.abc import Mapping
from typing import Any

from tasks.tables.encoders.base import DATETIME_PARTS, Feature, width
from tasks.tables.serving import BOUND


def encoding(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """How rows become the graph's input X; outputs describes the answers."""
    columns, at = [], 0
    for feature in inputs["features"]:
        columns.append({"name": feature["name"], **_column(feature, at)})
        at += width(feature)
    return {
        "inputs": {
            "X": f"float32 of shape (rows, {at}). Computed in float64, then held between "
            f"{-BOUND:g} and {BOUND:g}. What is missing is NaN, but for categories."
        },
        "columns": columns,
        "missing_values": list(inputs.get("missing_values", ())),
        "outputs": dict(outputs),
    }


def _column(feature: Feature, at: int) -> dict[str, Any]:
    """Which columns of the matrix a feature has, and what is in them."""
    amounts = {"subtract": feature.get("centre"), "divide_by": feature.get("scale")}
    match feature["type"]:
        case "number":
            return {"index": at, **amounts}
        case "boolean":
            return {"index": at, "false": 0, "true": 1}
        case "datetime":
            parts = {part: at + number for number, part in enumerate(DATETIME_PARTS)}
            about = "seconds since 1970, UTC, are subtracted from and divided; Monday is 0"
            return {"index": parts, **amounts, "about": about}
    count = len(feature["categories"])
    about = "a category is its position in those of the signature, from 0 on"
    return {"index": at, "missing": count, "other": count + 1, "about": about}
