"""What a recommender takes and gives: one of user, items and similar_items is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Input, Output, Signature


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature(
        [
            Input("user", "identifier", nullable=True),
            Input("items", "identifier", nullable=True, shape=[None]),
            Input("similar_items", "identifier", nullable=True),
            Input("k", "number", nullable=True),
            Input("exclude_seen", "boolean", nullable=True),
        ],
        [Output("items", "object", [None]), Output("source", "text")],
    )


def encoding(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What users have taken becomes the scores of all items."""
    return {
        "inputs": {"x": "float32 of shape (users, items), in the order of catalogue.npz"},
        "outputs": {"scores": "float32 of shape (users, items)"},
    }
