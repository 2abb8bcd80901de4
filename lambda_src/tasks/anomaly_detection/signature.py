"""What a detector of anomalies takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Output, Signature
from tasks.framework.signatures import columns
from tasks.tables import matrix


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    """Objects of columns have the name of a column and its contribution."""
    return Signature(
        columns(inputs),
        [
            Output("score", "number"),
            Output("p_value", "number"),
            Output("is_anomaly", "boolean"),
            Output("columns", "object", [None]),
        ],
    )


def encoding(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """How rows become X, and what the outputs are."""
    names = [feature["name"] for feature in inputs["features"]]
    return matrix.encoding(
        inputs,
        {
            "score": "of shape (rows,), greater for more unusual rows",
            "p_value": "of shape (rows,)",
            "shares": "of shape (rows, columns): how much each column contributes, which sums to 1",
            "columns": names,
            "false_alarm_rate": inputs["false_alarm_rate"],
        },
    )
