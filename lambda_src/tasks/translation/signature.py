"""What a translator takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Input, Output, Signature


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature(
        [Input("text", "text"), Input("beam", "number", nullable=True)],
        [
            Output("translation", "text"),
            Output("score", "number"),
            Output("unknown_share", "number"),
        ],
    )


def encoding(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Empty: graphs are one part of several here."""
    return {}
