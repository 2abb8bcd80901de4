"""What a text classifier takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Input, Signature
from tasks.framework.signatures import labelled


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature([Input(inputs["text"], "text")], labelled(labels))
