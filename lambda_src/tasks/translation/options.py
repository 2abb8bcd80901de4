"""What a caller may say about translation."""

from typing import Annotated, Literal

import msgspec

from common.decoding import Choices
from tasks.shared.table_options import Split

Candidate = Literal["phrase_based", "recurrent_network"]
Metric = Literal["bleu", "bleu_lowercase", "chrf"]


class Processing(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing.

    The languages say which text is which: by the column's name in a table, the file's name or
    ending in a zip, the language's code in TMX. A table's column may name each pair's side of
    the split. encoding is what text is encoded in, by a name that Python knows.
    """

    source_language: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    target_language: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    encoding: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None
    split: Split = Split()


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training.

    Both candidates are tried by default. vocabulary bounds the pieces of words of each language
    that the network knows, epochs how often it reads the corpus (30 times, and a small one more
    often, where time allows). beam is what the model is judged by,
    and answers with unless a request says otherwise. A training that its time is too short for
    goes on in other invocations, up to max_invocations of them in all.
    """

    candidates: Choices[Candidate] | None = None
    metric: Metric | None = None
    vocabulary: Annotated[int, msgspec.Meta(ge=100, le=16_000)] | None = None
    epochs: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    beam: Annotated[int, msgspec.Meta(ge=1, le=10)] = 4
    max_invocations: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
