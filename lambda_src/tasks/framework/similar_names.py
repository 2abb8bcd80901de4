"""What to say of a column that there is not: perhaps which one was meant, and which there are."""

import difflib
from collections.abc import Iterator, Sequence

_LONGEST = 60
"""Characters of names that are compared, and that are shown."""

_MOST_WORK = 2_000_000
"""Pairs of characters that are compared at most: so many take a third of a second."""

_SHOWN = 20


def no_column(name: str, columns: Sequence[str]) -> str:
    """That there is no such column.

    >>> no_column("Prize", ["price", "size"])
    "there is no column 'Prize'. Did you mean 'price'? The columns are 'price', 'size'"
    """
    folded = {column.casefold(): column for column in compared(name, columns)}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"Did you mean {folded[close[0]]!r}? " if close else ""
    shown = ", ".join(f"{column!r:.{_LONGEST}}" for column in columns[:_SHOWN])
    more = f" and {len(columns) - _SHOWN:,} more" if len(columns) > _SHOWN else ""
    return f"there is no column {name!r:.{_LONGEST}}. {hint}The columns are {shown}{more}"


def compared(name: str, columns: Sequence[str]) -> Iterator[str]:
    """The columns that a name is compared with, which takes a time for each pair of characters."""
    work = 0
    for column in columns if len(name) <= _LONGEST else ():
        if len(column) <= _LONGEST:
            work += len(name) * len(column)
            if work > _MOST_WORK:
                return
            yield column
