"""Warnings about data and models, in one form."""

import msgspec

from common.problems import MAX_DETAIL, cut


class Warning(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Something that was dropped, ignored, merged, or read in one of several possible ways.

    One warning covers all columns, classes or rows of a kind. count is their number, in the unit
    that detail names. columns has the number for each column. examples are up to three of them as
    the file has them, cut if long. option is the option of the request that changes this. If
    blocks_promotion is set, a version that is trained on the data is not promoted by itself.
    """

    code: str
    detail: str
    count: int | None = None
    columns: dict[str, int] = {}
    examples: list[str] = []
    option: str | None = None
    blocks_promotion: bool = False

    def __post_init__(self) -> None:
        self.detail = cut(self.detail, MAX_DETAIL)
        self.examples = [cut(example, LONGEST_EXAMPLE) for example in self.examples]


EXAMPLES = 3
"""The most examples of a warning."""

LONGEST_EXAMPLE = 200
"""The most characters of an example, and of a frequent value in a profile."""
