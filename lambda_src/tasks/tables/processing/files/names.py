"""The names of columns, by the same rules in every format of file."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from common.decoding import MAX_COLUMNS, MAX_TEXT
from common.problems import Unprocessable
from tasks.framework.forms.words import clean


@dataclass(frozen=True)
class Names:
    """The columns that are read: their names, and their positions among those of the file."""

    names: tuple[str, ...]
    positions: tuple[int, ...]


def checked_names(
    given: Sequence[str], exclude: Collection[str], unread: Sequence[str] = ()
) -> Names:
    """The names in their normal form.

    Of excluded columns, one of each name is read. Raises Unprocessable for other names that
    cannot be told apart, also from those that are left unread, or too many.
    """
    if len(given) > MAX_COLUMNS:
        raise Unprocessable(f"The table has {len(given):,} columns: {MAX_COLUMNS:,} at most.")
    names = [clean(name) or f"column{index}" for index, name in enumerate(given)]
    for name in names:
        if len(name) > MAX_TEXT:
            raise Unprocessable(
                f"The name of a column has {len(name):,} characters, {MAX_TEXT:,} at most: "
                f"{name:.60}… Shorten it, or say that the table has no header."
            )
    excluded = normal_names(exclude)
    pairs = zip([*names, *unread], [*given, *unread], strict=True)
    if twice := repeated(pair for pair in pairs if pair[0] not in excluded):
        one, other = twice
        apart = clean(one) != clean(other)  # or exclude would leave out both
        raise Unprocessable(
            f"Two columns are named {one!r} and {other!r}: give every column a name "
            "of its own (case, spaces around it and its Unicode form do not count)"
            f"{', or exclude one' if apart else ''}."
        )
    counts = Counter(names)
    first = {name: index for index, name in reversed(list(enumerate(names)))}
    kept = tuple(i for i, name in enumerate(names) if counts[name] == 1 or first[name] == i)
    return Names(tuple(names[index] for index in kept), kept)


def repeated(names: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """The first two names that cannot be told apart; of each, its normal form and it as written.

    >>> repeated([("a", " a"), ("b", "b"), ("A", "A")])
    (' a', 'A')
    """
    seen: dict[str, str] = {}
    for name, written in names:
        if (key := name.casefold()) in seen:
            return seen[key], written
        seen[key] = written
    return None


def normal_names(names: Collection[str]) -> frozenset[str]:
    return frozenset(map(clean, names))
