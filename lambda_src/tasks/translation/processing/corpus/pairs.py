"""A sentence with its translation, and a stream of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.warnings import Warning


@dataclass(frozen=True)
class Pair:
    """A sentence and its translation as they were read; split and reason where they are known."""

    source: str
    target: str
    split: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Corpus:
    """A stream of pairs, the names of source and target, what the file is, and its warnings."""

    names: tuple[str, str]
    pairs: Iterator[Pair]
    facts: Mapping[str, Any]
    warnings: Sequence[Warning] = ()
