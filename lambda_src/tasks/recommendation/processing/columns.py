"""Which column of a table of interactions is what: named by the request, or by its usual name."""

import re
from collections.abc import Sequence

from common.problems import invalid
from tasks.framework.similar_names import no_column
from tasks.recommendation.options import Processing

USUAL = {
    "user": (
        *("user", "userid", "username", "customer", "customerid", "member", "memberid"),
        *("visitor", "visitorid", "listener", "listenerid", "reader", "readerid", "account"),
        *("accountid", "client", "clientid", "session", "sessionid", "basket", "basketid"),
        *("order", "orderid", "transaction", "transactionid", "invoice", "invoiceno"),
    ),
    "item": (
        *("item", "itemid", "product", "productid", "movie", "movieid", "film", "filmid"),
        *("track", "trackid", "song", "songid", "artist", "artistid", "book", "bookid", "isbn"),
        *("article", "articleid", "sku", "stockcode", "asin", "title"),
    ),
    "rating": ("rating", "ratings", "stars", "score"),
    "count": ("count", "quantity", "qty", "plays", "playcount", "listens", "times", "purchases"),
    "time": (
        *("time", "timestamp", "datetime", "date", "when", "createdat", "orderdate"),
        *("invoicedate", "ts"),
    ),
}
"""Usual names in lower case, letters alone; the first that is there wins."""


def find(names: Sequence[str], options: Processing) -> dict[str, str]:
    """The columns c<i> of raw by their roles.

    Raises Unprocessable with a pointer when a named one is missing, or user or item are not found.
    """
    plain = {_plain(name): index for index, name in reversed(list(enumerate(names)))}
    found: dict[str, str] = {}
    for role, usual in USUAL.items():
        named = getattr(options, role)
        if named is not None:
            if named not in names:
                raise invalid([role], no_column(named, names))
            found[role] = f"c{names.index(named)}"
        elif index := next((plain[name] + 1 for name in usual if name in plain), 0):
            found[role] = f"c{index - 1}"
    for role in ("user", "item"):
        if role not in found:
            listed = ", ".join(map(repr, names[:20]))
            raise invalid(
                [role], f"no column has a usual name for it: name one of the columns {listed}"
            )
    if len(set(found.values())) < len(found):
        twice = next(role for role in found if list(found.values()).count(found[role]) > 1)
        raise invalid([twice], "one column cannot be two things: name another one")
    return found


def _plain(name: str) -> str:
    """A name without case and punctuation, or the type that RecBole appends.

    >>> _plain("User_ID"), _plain("item_id:token")
    ('userid', 'itemid')
    """
    return re.sub(r"[\W_]", "", name.partition(":")[0]).lower()
