"""What a classifier of rows takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Signature
from tasks.framework.signatures import columns, labelled


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature(columns(inputs), labelled(labels))
