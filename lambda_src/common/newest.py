"""Lists: newest first, in pages, with one call of S3 for what a page lists.

S3 lists keys in their order alone. So what is to be listed has a key that begins with a countdown:
the milliseconds that are left until the year 2286. Models and datasets have an entry each, an
object without bytes that is written before the first version and removed with the last one.
What is there is told by the object of their existence: an entry that does not fit is left out.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal

import msgspec

from common.problems import both, invalid
from common.store import PAGE, Reader

type Kind = Literal["models", "datasets"]

type Row = tuple[dict[str, Any] | None, Sequence[str]]
"""What a list shows of one thing, None where that is gone or damaged, and keys of what is damaged.
"""

USUAL_LIMIT, MAX_LIMIT = 50, 100

_NAME = r"[a-z0-9][a-z0-9_-]{0,62}"

NAME_TOKEN = rf"(?:[0-9]{{13}})?\.{_NAME}"
"""A token of names has no countdown while they are listed by name."""

VERSION_TOKEN = r"[0-9]{13}\.[A-Za-z0-9][A-Za-z0-9_-]{0,127}"

_END = 10**13
_COMPLETE = "0-complete"
"""The entry, before all others, that says that all models or datasets have one."""

_ROWS_PER_THREAD = 6
_MAX_THREADS = 8


class Page(msgspec.Struct, frozen=True):
    """What is asked for: so many, after the one that a token names, which is empty at first."""

    limit: int = USUAL_LIMIT
    after: str = ""


def asked(query: Mapping[str, str], token: str) -> Page:
    """The page that a query asks for; token is a pattern. Raises Unprocessable."""
    return Page(*both(lambda: _limit(query), lambda: _after(query, token)))


def _limit(query: Mapping[str, str]) -> int:
    limit = query.get("limit", str(USUAL_LIMIT))
    if not re.fullmatch("[1-9][0-9]?|100", limit):
        raise invalid(["limit"], f"{limit!r:.80} is not a whole number from 1 to {MAX_LIMIT}")
    return int(limit)


def _after(query: Mapping[str, str], token: str) -> str:
    after = query.get("after", "")
    if "after" in query and not re.fullmatch(token, after):
        raise invalid(["after"], "send what an answer of this list has in `next`, as it is")
    return after


def countdown(at: datetime) -> str:
    """A time as 13 digits, of which later times have smaller ones.

    >>> countdown(datetime.fromisoformat("2026-01-31T00:00:00Z"))
    '8230182400000'
    """
    return f"{_END - round(1000 * at.timestamp()):013d}"


def prefix(kind: Kind) -> str:
    """Where the entries are: no model and no dataset can have this name."""
    return f"{kind}/.newest/"


def entry(kind: Kind, name: str, created_at: str) -> str:
    """The key of the entry of what came to be at a time, as ISO 8601 has it.

    >>> entry("models", "churn", "2026-01-31T00:00:00.000Z")
    'models/.newest/8230182400000.churn'
    """
    return f"{prefix(kind)}{countdown(datetime.fromisoformat(created_at))}.{name}"


def complete(kind: Kind) -> str:
    """The key of what says that entries are complete."""
    return prefix(kind) + _COMPLETE


def names(store: Reader, kind: Kind, page: Page) -> Iterator[str]:
    """The token of each model or dataset of a page and beyond, newest first.

    Until entries are complete, they are listed by name.
    """
    most = page.limit + 2  # the next page's first, and the entry that says that all have one
    if not page.after.startswith("."):
        folder = prefix(kind)
        # Behind whatever else somebody has put there: all that is ours begins with a digit.
        keys = (item.key for item in store.list(folder, folder + (page.after or "0"), most))
        if page.after or next(keys, "") == folder + _COMPLETE:
            for key in keys:
                token = key.removeprefix(folder)
                if re.fullmatch(NAME_TOKEN, token):
                    yield token
            return
    for name in by_name(store, kind, page.after.removeprefix("."), most):
        yield f".{name}"


def by_name(store: Reader, kind: Kind, after: str = "", at_once: int = PAGE) -> Iterator[str]:
    """The names of all models or datasets behind one of them, by name, so many with each call."""
    folder = f"{kind}/"
    behind = f"{folder}{after}0" if after else ""  # 0 comes right after the slash behind a name
    for name in store.children(folder, behind, at_once):
        if re.fullmatch(_NAME, name):
            yield name


def versions(written: Mapping[str, str], page: Page) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The versions of a page, of those that were written at such times, and its field next if any.

    There is no entry for a version: the keys of all of them are listed, many with each call.
    """
    number, last = split(page.after)
    times = {name: countdown(datetime.fromisoformat(at)) for name, at in written.items()}
    ordered = sorted(sorted(written, reverse=True), key=lambda name: times[name])
    found = [
        name for name in ordered if times[name] > number or (times[name] == number and name < last)
    ]
    shown = found[: page.limit]
    more = {"next": f"{times[shown[-1]]}.{shown[-1]}"} if len(found) > page.limit else {}
    return [{"version": name, "created_at": written[name]} for name in shown], more


def split(token: str) -> tuple[str, str]:
    """The countdown of a token, if it has one, and its name."""
    number, _, name = token.partition(".")
    return number, name


def rows(page: Page, tokens: Iterable[str], row: Callable[[str], Row]) -> tuple[list[Any], Any]:
    """What a page shows, and the fields beside it: next, and damaged, where there is such."""
    found = list(islice(tokens, page.limit + 1))
    shown = found[: page.limit]
    fields: dict[str, Any] = {}
    if len(found) > page.limit:
        fields["next"] = shown[-1]
    read = at_once(row, shown)
    if damaged := [key for _, keys in read for key in keys]:
        fields["damaged"] = damaged
    return [one for one, _ in read if one is not None], fields


def at_once[A, B](action: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """An action's values for items, which do not wait for one another where they are many."""
    threads = min(_MAX_THREADS, math.ceil(len(items) / _ROWS_PER_THREAD))
    if threads < 2:
        return list(map(action, items))
    from concurrent.futures import ThreadPoolExecutor  # no start has a need of it

    with ThreadPoolExecutor(threads, thread_name_prefix="rows") as pool:
        return list(pool.map(action, items))
