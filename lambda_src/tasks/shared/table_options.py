"""What a caller may say about data that comes as a table."""

import math
from typing import Annotated, Literal

import msgspec

from common.datasets import ColumnType
from common.problems import invalid

Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]


class Split(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shares of the three sides, or the column that names each row's side."""

    train: Share | None = None
    validation: Share | None = None
    test: Share | None = None
    column: str | None = None

    def shares(self) -> tuple[float, float, float]:
        """Train, validation and test, which sum to one; 0.8, 0.1 and 0.1 by default.

        Raises Unprocessable when they do not sum to one, or some are missing.
        """
        given = (self.train, self.validation, self.test)
        if given == (None, None, None):
            return 0.8, 0.1, 0.1
        train, validation, test = (share or math.nan for share in given)
        if not math.isclose(train + validation + test, 1.0):
            raise invalid(
                ["split"], f"train, validation and test are {given}: give all three, summing to 1"
            )
        return train, validation, test


class Csv(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a CSV file is written; what is left out is sniffed. An empty quote: no quoting."""

    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None = None
    header: bool | None = None
    quote: Annotated[str, msgspec.Meta(max_length=1)] | None = None


class FileOptions(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How the file is written; found out where it is not said."""

    format: Literal["csv", "jsonl", "parquet"] | None = None
    csv: Csv = Csv()


class TableProcessing(FileOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing that every tabular task takes."""

    target: str
    exclude: list[str] = []
    types: dict[str, ColumnType] = {}
    split: Split = Split()
