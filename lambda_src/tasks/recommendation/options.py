"""What a caller may say about recommendation."""

from typing import Annotated, Literal

import msgspec

from tasks.shared.table_options import Split, ValueOptions

Candidate = Literal["popularity", "item_knn", "ease", "ials"]

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class UserSplit(Split, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Shares of each user's interactions, the latest last, or in random order; or a column."""

    by: Literal["time", "random"] | None = None


class Processing(ValueOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing. Columns are found by their usual names where they are not named."""

    user: str | None = None
    item: str | None = None
    rating: str | None = None
    count: str | None = None
    time: str | None = None
    min_rating: float | None = None
    """Ratings below this say that an item was not liked: they are set aside."""

    min_user_items: AtLeastOne = 3
    min_item_users: AtLeastOne = 2
    split: UserSplit = UserSplit()


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate is tried by default."""

    candidates: list[Candidate] | None = None
    metric: Literal["ndcg@20", "recall@20"] | None = None
