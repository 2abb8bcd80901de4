"""What a caller may say about translation."""

from typing import Annotated, Literal

import msgspec

from common.decoding import Choices
from tasks.tables.options import Split

Candidate = Literal["phrase_based", "recurrent_network"]
Metric = Literal["bleu", "bleu_lowercase", "chrf"]


class Processing(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing.

    The languages say which text is which: by the column's name in a table, the file's name or
    ending in a zip, the language's code in TMX. A table's column may name each pair's split.
    """

    source_language: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    """Column, file or language code of the sentences to be translated."""

    target_language: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    """Column, file or language code of their translations."""

    encoding: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None
    """Encoding of texts in a zip, by a name that Python knows; found out for each file when left
    out."""

    split: Split = Split()


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training."""

    candidates: Choices[Candidate] | None = None
    """Candidates to compare; all that suit the data when left out."""

    metric: Metric | None = None
    """Metric that candidates are compared by; the task's own when left out."""

    vocabulary: Annotated[int, msgspec.Meta(ge=100, le=16_000)] | None = None
    """Pieces of words of each language that the network knows, at most."""

    epochs: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    """How often the network reads the corpus; 30 times when left out, and a small one more often,
    where time allows."""

    beam: Annotated[int, msgspec.Meta(ge=1, le=10)] = 4
    """How widely translations are searched for, when the model is evaluated and when it answers a
    request that does not say."""

    max_invocations: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    """Invocations that a long training may take one after the other."""
