"""What a caller may say about recommendation."""

from typing import Annotated, Literal

import msgspec

from common.decoding import Choices, ColumnName
from tasks.shared.table_options import Split, ValueOptions

Candidate = Literal["popularity", "item_knn", "ease", "ials"]
Metric = Literal["ndcg@20", "recall@20"]

AtLeastOne = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class UserSplit(Split, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Shares of each user's interactions, the latest last, or in random order; or a column."""

    by: Literal["time", "random"] | None = None


class Processing(ValueOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing. Columns are found by their usual names where they are not named."""

    user: ColumnName | None = None
    item: ColumnName | None = None
    rating: ColumnName | None = None
    count: ColumnName | None = None
    time: ColumnName | None = None
    min_rating: Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)] | None = None
    """Ratings below this say that an item was not liked: they are set aside."""

    min_user_items: AtLeastOne = 3
    min_item_users: AtLeastOne = 2
    split: UserSplit = UserSplit()


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate is tried by default."""

    candidates: Choices[Candidate] | None = None
    metric: Metric | None = None
