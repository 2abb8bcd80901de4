"""What a regressor of rows takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Output, Signature
from tasks.framework.signatures import columns


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature(columns(inputs), [Output("value", "number")])
