"""Lists in pages, newest first; the keys of a page take one call of S3.

S3 lists keys in ascending order only. So the keys of listed things begin with a countdown: the
milliseconds left until the year 2286. Each model and each dataset has an entry, which is an empty
object. It is written before the first version and removed when the whole is deleted. The record of
its existence decides (see existence): an entry that does not match the record is left out.
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
"""One item of a list, None where it is gone or damaged; and the keys of damaged objects."""

USUAL_LIMIT, MAX_LIMIT = 50, 100

_NAME = r"[a-z0-9][a-z0-9_-]{0,62}"

NAME_TOKEN = rf"(?:[0-9]{{13}})?\.{_NAME}"
"""The pattern of a token of names. While they are listed by name, it has no countdown."""

VERSION_TOKEN = r"[0-9]{13}\.[A-Za-z0-9][A-Za-z0-9_-]{0,127}"

_END = 10**13
_COMPLETE = "0-complete"
"""The entry that marks the list as complete; it precedes all others."""

_ROWS_PER_THREAD = 6
_MAX_THREADS = 8


class Page(msgspec.Struct, frozen=True):
    """A page: at most `limit` items after the token `after`, which is empty for the first page."""

    limit: int = USUAL_LIMIT
    after: str = ""


def asked(query: Mapping[str, str], token: str) -> Page:
    """The page that a query asks for; token is the pattern of `after`. Raises Unprocessable."""
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
    """A time as 13 digits; a later time gives a smaller number.

    >>> countdown(datetime.fromisoformat("2026-01-31T00:00:00Z"))
    '8230182400000'
    """
    return f"{_END - round(1000 * at.timestamp()):013d}"


def prefix(kind: Kind) -> str:
    """The prefix of all entries. No model and no dataset can have this name."""
    return f"{kind}/.newest/"


def entry(kind: Kind, name: str, created_at: str) -> str:
    """The key of the entry of a model or dataset; created_at is a time in ISO 8601.

    >>> entry("models", "churn", "2026-01-31T00:00:00.000Z")
    'models/.newest/8230182400000.churn'
    """
    return f"{prefix(kind)}{countdown(datetime.fromisoformat(created_at))}.{name}"


def complete(kind: Kind) -> str:
    """The key of the object that marks the list as complete."""
    return prefix(kind) + _COMPLETE


def names(store: Reader, kind: Kind, page: Page) -> Iterator[str]:
    """The tokens of the models or datasets from a page on, newest first.

    While the list is not complete, they are sorted by name instead.
    """
    most = page.limit + 2  # one of the next page, and the entry _COMPLETE
    if not page.after.startswith("."):
        folder = prefix(kind)
        # Our keys begin with a digit: skip what somebody else has put before them.
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
    """All names of models or datasets behind `after`, sorted; each call lists at_once names."""
    folder = f"{kind}/"
    behind = f"{folder}{after}0" if after else ""  # 0 comes right after the slash behind a name
    for name in store.children(folder, behind, at_once):
        if re.fullmatch(_NAME, name):
            yield name


def versions(written: Mapping[str, str], page: Page) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The versions of a page, newest first, and the field `next` if there are more.

    written has the time at which each version was written, in ISO 8601.
    """
    number, last = split(page.after)
    times = {name: countdown(datetime.fromisoformat(at)) for name, at in written.items()}
    ordered = sorted(sorted(written, reverse=True), key=lambda name: times[name])
    following = [
        name for name in ordered if times[name] > number or (times[name] == number and name < last)
    ]
    shown = following[: page.limit]
    more = {"next": f"{times[shown[-1]]}.{shown[-1]}"} if len(following) > page.limit else {}
    return [{"version": name, "created_at": written[name]} for name in shown], more


def split(token: str) -> tuple[str, str]:
    """The countdown of a token, if it has one, and its name."""
    number, _, name = token.partition(".")
    return number, name


def rows(page: Page, tokens: Iterable[str], row: Callable[[str], Row]) -> tuple[list[Any], Any]:
    """The items of a page, and the fields beside them: `next` and `damaged`, if there are such.

    row reads the item of a token.
    """
    listed = list(islice(tokens, page.limit + 1))
    shown = listed[: page.limit]
    fields: dict[str, Any] = {}
    if len(listed) > page.limit:
        fields["next"] = shown[-1]
    read = at_once(row, shown)
    if damaged := [key for _, keys in read for key in keys]:
        fields["damaged"] = damaged
    return [one for one, _ in read if one is not None], fields


def at_once[A, B](action: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """The values of an action for all items, in their order; many items use several threads."""
    threads = min(_MAX_THREADS, math.ceil(len(items) / _ROWS_PER_THREAD))
    if threads < 2:
        return list(map(action, items))
    from concurrent.futures import ThreadPoolExecutor  # rarely needed

    with ThreadPoolExecutor(threads, thread_name_prefix="rows") as pool:
        return list(pool.map(action, items))
