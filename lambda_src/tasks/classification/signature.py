"""What a classifier of rows takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Signature
from tasks.framework.signatures import columns, labelled
from tasks.tables import matrix


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature(columns(inputs), labelled(labels))


def encoding(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """How rows become X, and what probabilities are of."""
    return matrix.encoding(inputs, {"probabilities": "float32 of shape (rows, labels)"})
