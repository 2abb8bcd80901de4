"""Text as it is compared: without spaces around it, in one Unicode form, and what is no value."""

from collections.abc import Collection

from tasks.framework.forms.composition import in_normal_form

WIDE_SPACES = "".join(
    map(chr, (0x85, 0xA0, 0x1680, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000))
) + chr(0xFEFF)
SPACES = "".join(map(chr, range(1, 33))) + WIDE_SPACES
"""What is trimmed from both ends of a text."""

MISSING_WORDS = (
    "na",
    "n/a",
    "#n/a",
    "<na>",
    "null",
    "none",
    "nan",
    "-nan",
    "nat",
    "?",
    "n.a.",
    "\\n",  # as MySQL and Postgres write it: \\N
    "(blank)",
    "(null)",
    "<null>",
    "#div/0!",
    "#name?",
    "#null!",
    "#num!",
    "#ref!",
    "#value!",
)
"""What stands for a missing value, in any case, where the caller does not say otherwise."""

MARKS = frozenset(
    {
        "-",
        "--",
        "---",
        "\u2013",
        "\u2014",
        ".",
        "..",
        "...",
        "*",
        "**",
        "n.a",
        "n/d",
        "nil",
        "nd",
        "#",
        "x",
    }
    | {"missing", "unknown", "not available", "not applicable", "none given", "empty", "blank"}
    | {"undefined", "void", "tbd", "tba", "(empty)", "(none)", "(na)", "(n/a)", "<none>"}
)
"""Words that say, among numbers, dates or booleans, that there is no value."""


def clean(text: str) -> str:
    """A text without spaces around it, in Unicode's normal form C (see composition.in_normal_form).

    >>> clean(" cafe\\u0301\\u00a0") == "caf\\u00e9"
    True
    """
    if not text.isascii() and "\0" not in text:  # DuckDB's form C ends at a zero
        text = in_normal_form("NFC", text)
    return text.strip(SPACES)


def is_missing(text: str, words: Collection[str]) -> bool:
    """Whether a clean text stands for a missing value; words are in lower case.

    >>> is_missing("N/A", MISSING_WORDS), is_missing("", ()), is_missing("0", MISSING_WORDS)
    (True, True, False)
    """
    return not text or text.lower() in words
