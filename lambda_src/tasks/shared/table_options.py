"""What a caller may say about data that comes as a table."""

import math
from typing import Annotated, Literal

import msgspec

from common.datasets import ColumnType
from common.decoding import MAX_COLUMNS, ColumnName, Target
from common.problems import InvalidField

Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
_LEFT_OUT = (None, None, None)
MissingWord = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class Split(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shares of the three splits, or the column that names each row's split."""

    train: Share | None = None
    validation: Share | None = None
    test: Share | None = None
    column: ColumnName | None = None

    def shares(self) -> tuple[float, float, float]:
        """Train, validation and test, which sum to one; 0.8, 0.1 and 0.1 by default."""
        if self.train is None or self.validation is None or self.test is None:
            return 0.8, 0.1, 0.1
        return self.train, self.validation, self.test

    def __post_init__(self) -> None:
        given = (self.train, self.validation, self.test)
        if given != _LEFT_OUT and not math.isclose(sum(share or math.nan for share in given), 1.0):
            raise ValueError(
                f"train, validation and test are {given}: give all three, summing to 1"
            )


class TableSplit(Split, frozen=True, forbid_unknown_fields=True):
    """The shares of the three splits, and by what rows are split.

    by is one of features (rows that agree in all features stay together), rows (each by itself),
    time (the last rows by column are the test) and group (rows with the same value of column stay
    together); found out where it is not said. A column without by names each row's split.
    """

    by: Literal["features", "rows", "time", "group"] | None = None

    def __post_init__(self) -> None:
        if self.by in ("time", "group") and self.column is None:
            raise InvalidField(
                "column", f"a split by {self.by} needs the column that holds the {self.by}"
            )
        if self.by in ("features", "rows") and self.column is not None:
            raise InvalidField(
                "column",
                f"a split by {self.by} takes no column: leave it out, or choose by time or group",
            )
        given = (self.train, self.validation, self.test)
        if self.by is None and self.column is not None and given != _LEFT_OUT:
            raise ValueError(
                "shares and a column without by cannot be combined: the column says where each row "
                "goes. Leave the shares out, or choose by time or group"
            )
        Split.__post_init__(self)


MAX_SKIPPED_LINES = 1000


class Csv(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a CSV file is written; what is left out is found out. An empty quote: no quoting.

    skip_lines is how many lines stand before the header; decimal is the mark before the decimals
    of numbers.
    """

    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None = None
    header: bool | None = None
    quote: Annotated[str, msgspec.Meta(max_length=1)] | None = None
    skip_lines: Annotated[int, msgspec.Meta(ge=0, le=MAX_SKIPPED_LINES)] | None = None
    decimal: Literal[".", ","] | None = None

    def __post_init__(self) -> None:
        for name, mark in (("delimiter", self.delimiter), ("quote", self.quote)):
            if mark in ("\r", "\n", "\0"):
                raise ValueError(f"{name} {mark!r} ends lines or texts: choose another character")
        if self.quote and not self.quote.isascii():
            raise ValueError(f"quote {self.quote!r} is not an ASCII character: choose one that is")
        if self.quote and self.quote == self.delimiter:
            raise ValueError(
                f"delimiter and quote are both {self.quote!r}: choose two characters, or leave "
                "one of them out"
            )


class Excel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of an Excel workbook is the table: a sheet's name, the first by default."""

    sheet: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None
    header: bool | None = None
    skip_lines: Annotated[int, msgspec.Meta(ge=0, le=MAX_SKIPPED_LINES)] | None = None


class FileOptions(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How the file is written; found out where it is not said.

    encoding is what text is encoded in, by a name that Python knows, such as gb18030.
    """

    format: Literal["csv", "jsonl", "parquet", "xlsx"] | None = None
    encoding: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None
    csv: Csv = Csv()
    excel: Excel = Excel()


class ValueOptions(FileOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How the file's values are read; found out where it is not said.

    missing_values are the words that stand for a missing value, in place of the usual ones;
    day_first says how dates are read of which day and month could change places.
    """

    missing_values: Annotated[list[MissingWord], msgspec.Meta(max_length=100)] | None = None
    day_first: bool | None = None


class TableProcessing(ValueOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing that every tabular task takes.

    duplicates says what becomes of rows that repeat others.
    """

    target: Target
    exclude: Annotated[list[ColumnName], msgspec.Meta(max_length=MAX_COLUMNS)] = []
    types: Annotated[dict[ColumnName, ColumnType], msgspec.Meta(max_length=MAX_COLUMNS)] = {}
    split: TableSplit = TableSplit()
    duplicates: Literal["keep", "drop"] = "keep"
