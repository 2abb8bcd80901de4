"""What every kind of translator answers, and is asked for."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol


class Translation(NamedTuple):
    """A text, how certain it is (0 to 1), and whether it came to an end or was cut off."""

    text: str
    certainty: float
    ended: bool = True


class Engine(Protocol):
    """A translator of one kind.

    unknown_words says what becomes of words that training has not seen.
    """

    @property
    def unknown_words(self) -> str: ...

    def read(self, text: str) -> Sequence[Any]:
        """A normal text cut into what is translated, as many parts as it takes work."""
        ...

    def knows(self, word: str) -> bool:
        """Whether training has seen a word of the source, in lower case."""
        ...

    def translate(self, sentences: Sequence[Any], beam: int) -> list[Translation]:
        """The best translation of each sentence that read has cut."""
        ...
