"""What a detector of anomalies takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Output, Signature
from tasks.framework.signatures import columns


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
