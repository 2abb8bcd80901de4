"""Unicode's normal forms, in time that grows with a text's length and not with its square.

Libraries sort the combining marks behind a letter one by one: 200,000 of them took 27 s, and as
many in a cell of a table 2 minutes. Texts of people have a few dozen in a row at most.
"""

import re
from functools import cache
from typing import Literal

SHORT = 100
"""Characters of a text whose marks are not counted: sorting so many takes 0.02 ms."""

MOST_MARKS = 30
"""Marks in a row, as many as Unicode's stream-safe text has (UAX #15, section 13)."""

_MADE_OF_MARKS = "\u0f73\u0f75\u0f81\uff9e\uff9f"
"""What becomes marks in a normal form, though it is none itself: vowels of Tibetan, and the
narrow voice marks of Japanese."""

_UPPER = "\U00010000-\U0001d3ff\U0001e000-\U0001efff"
"""Scripts with marks of their own above the first 65,536 characters, letters and all: single
marks made looking for them fifteen times slower. Emoji and letters of mathematics are elsewhere."""

_STAND_IN = "\x01"


def in_normal_form(form: Literal["NFC", "NFD", "NFKC"], text: str) -> str:
    """A text in one of Unicode's normal forms; one with too many marks in a row as it is.

    >>> in_normal_form("NFC", "cafe\\u0301") == "caf\\u00e9"
    True
    >>> in_normal_form("NFC", "e" + "\\u0301" * 200) == "e" + "\\u0301" * 200
    True
    """
    if len(text) > SHORT and _too_many().search(text):
        return text
    from unicodedata import normalize  # most text is ASCII, and needs no tables

    return normalize(form, text)


def composed_sql(v: str) -> str:
    """The SQL of normal form C, by the same rule; v is evaluated several times.

    A class that is repeated 31 times takes DuckDB ten times longer to compile, for every column
    that it is asked of: each mark becomes a character that is looked for 31 times.
    """
    marks = f"regexp_replace({v}, '[{marks_class()}]', '{_STAND_IN}', 'g')"
    return (
        f"CASE WHEN contains({v}, chr(0)) THEN {v} "  # DuckDB's form C ends at a zero
        f"WHEN CASE WHEN length({v}) > {SHORT} "
        f"THEN contains({marks}, '{_STAND_IN * (MOST_MARKS + 1)}') ELSE false END THEN {v} "
        f"ELSE nfc_normalize({v}) END"
    )


@cache
def marks_class() -> str:
    """What counts as a mark, within the brackets of a class of Python's re or of RE2."""
    from unicodedata import combining

    codes = {ord(mark) for mark in (*filter(combining, map(chr, range(0x10000))), *_MADE_OF_MARKS)}
    starts = sorted(code for code in codes if code - 1 not in codes)
    ends = sorted(code for code in codes if code + 1 not in codes)
    ranges = (f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))
    return _STAND_IN + "".join(ranges) + _UPPER


@cache
def _too_many() -> re.Pattern[str]:
    mark = f"[{marks_class()}]"
    return re.compile(f"{mark}{mark}{{{MOST_MARKS}}}")  # a class in front is looked for faster
