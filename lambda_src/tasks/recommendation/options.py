"""What a caller may say about recommendation."""

from typing import Annotated, Literal

import msgspec

from common.decoding import Choices, ColumnName
from tasks.tables.options import Split, ValueOptions

Candidate = Literal["popularity", "item_knn", "ease", "ials"]
Metric = Literal["ndcg@20", "recall@20"]

AtLeastOne = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class UserSplit(Split, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Shares of each user's interactions, the latest last, or in random order; or a column."""

    by: Literal["time", "random"] | None = None
    """Whether each user's latest interactions are the test, or any."""


class Processing(ValueOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing: how interactions are read, and which of them are learned from."""

    user: ColumnName | None = None
    """Column of users; found by its usual names when left out."""

    item: ColumnName | None = None
    """Column of items; found by its usual names when left out."""

    rating: ColumnName | None = None
    """Column of ratings; found by its usual names when left out."""

    count: ColumnName | None = None
    """Column of counts; found by its usual names when left out."""

    time: ColumnName | None = None
    """Column of times; found by its usual names when left out."""

    min_rating: Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)] | None = None
    """Ratings below this say that an item was not liked: they are set aside."""

    min_user_items: AtLeastOne = 3
    """Items that a user needs to be learned from."""

    min_item_users: AtLeastOne = 2
    """Users that an item needs to be learned from."""

    split: UserSplit = UserSplit()


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate is tried by default."""

    candidates: Choices[Candidate] | None = None
    """Candidates to compare; all that suit the data when left out."""

    metric: Metric | None = None
    """Metric that candidates are compared by; the task's own when left out."""
