"""What a text classifier takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Input, Signature
from tasks.framework.signatures import labelled


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature([Input(inputs["text"], "text")], labelled(labels))


def encoding(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """How texts become counted n-grams, which are properties of the graph as well."""
    return {
        "inputs": {
            "ids": "int64: the n-grams that each text has, once each. The id of an n-gram is its "
            "line in the property of its block's analyzer, counted on from block to block, from 0",
            "counts": "float32: how often the text has each of them",
            "segments": "int64 for each of them: number of the text * blocks + number of the block",
            "rows": "int64 of shape (1,): how many texts there are",
        },
        "about": "Texts are in Unicode's form C without spaces around them, and cut as the "
        "analyzers of scikit-learn's CountVectorizer cut them, in lower case.",
        "blocks": inputs["blocks"],
        "outputs": {"probabilities": "float32 of shape (texts, labels)"},
    }
