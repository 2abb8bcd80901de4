"""What data and models have about them that their owner should know, in one form."""

import msgspec

from common.problems import MAX_DETAIL, cut


class Warning(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Something that was dropped, ignored, merged, or read in one of several ways.

    One warning covers all columns, classes or rows of a kind. count says how many there are, in
    the unit that detail names; columns says how many of them are in each column; examples are up
    to three of them as they are written in the file, cut where they are long; option is what
    changes it. A version that is trained on data with a warning that blocks_promotion never goes
    live by itself.
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
"""Examples that a warning has at most."""

LONGEST_EXAMPLE = 200
"""Characters of an example, and of a frequent value in a profile."""
