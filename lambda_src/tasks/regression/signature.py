"""What a regressor of rows takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Output, Signature
from tasks.framework.signatures import columns
from tasks.tables import matrix


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature(columns(inputs), [Output("value", "number")])


def encoding(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """How rows become X, and variable becomes a value."""
    target = inputs["target"]
    about = "float32 of shape (rows, 1): the value is variable * multiply_by + add"
    scale = {"multiply_by": target["scale"], "add": target["centre"]}
    return matrix.encoding(inputs, {"variable": about, **scale})
