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
    """Shares above 0 and below 1, all three or none, that sum to 1, or a column.

    By default they are 0.8, 0.1 and 0.1. A column without by names each row's split, and then there
    are no shares.
    """

    train: Share | None = None
    """Share of the rows to learn from."""

    validation: Share | None = None
    """Share of the rows that candidates are compared on."""

    test: Share | None = None
    """Share of the rows that the model is measured on."""

    column: ColumnName | None = None
    """Column that names each row's split, or that holds what rows are split by."""

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
    """The shares of the three splits, and by what rows are split."""

    by: Literal["features", "rows", "time", "group"] | None = None
    """What rows are split by; found out when left out.

    features: rows that agree in all features stay together. rows: each by itself. time: the last
    rows by column are the test. group: rows with the same value of column stay together. time and
    group need the column, features and rows take none.
    """

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
    """How a CSV file is written. What is left out is found out.

    Delimiter and quote are no ends of lines, nor NUL, and not the same; quote is an ASCII
    character.
    """

    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None = None
    """Character between two values."""

    header: bool | None = None
    """Whether the first line names the columns."""

    quote: Annotated[str, msgspec.Meta(max_length=1)] | None = None
    """Character around texts; empty where nothing is quoted."""

    skip_lines: Annotated[int, msgspec.Meta(ge=0, le=MAX_SKIPPED_LINES)] | None = None
    """Lines before the header."""

    decimal: Literal[".", ","] | None = None
    """Mark before the decimals of numbers."""

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
    """Which part of an Excel workbook is the table. What is left out is found out."""

    sheet: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None
    """Name of the sheet; the first one when left out."""

    header: bool | None = None
    """Whether the first row names the columns."""

    skip_lines: Annotated[int, msgspec.Meta(ge=0, le=MAX_SKIPPED_LINES)] | None = None
    """Rows before the header."""


class FileOptions(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How the file is written; found out where it is not said."""

    format: Literal["csv", "jsonl", "parquet", "xlsx"] | None = None
    """Format of the file; found out when left out."""

    encoding: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None
    """Encoding of a text file, by a name that Python knows, such as gb18030 or windows-1251; found
    out when left out."""

    csv: Csv = Csv()
    excel: Excel = Excel()


class ValueOptions(FileOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How the file's values are read; found out where it is not said."""

    missing_values: Annotated[list[MissingWord], msgspec.Meta(max_length=100)] | None = None
    """Words that stand for a missing value, in any case, in place of NA, N/A, null and the other
    usual ones."""

    day_first: bool | None = None
    """Whether the day comes before the month in dates that could be read either way."""


class TableOptions(ValueOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing that every tabular task takes."""

    exclude: Annotated[list[ColumnName], msgspec.Meta(max_length=MAX_COLUMNS)] = []
    """Columns to leave out."""

    types: Annotated[dict[ColumnName, ColumnType], msgspec.Meta(max_length=MAX_COLUMNS)] = {}
    """Types of columns where the inferred ones are wrong, by column, each one of number, boolean,
    category, datetime and text. A column's name has 1,000 characters at most."""

    split: TableSplit = TableSplit()
    duplicates: Literal["keep", "drop"] = "keep"
    """What becomes of rows that repeat others."""


class TableProcessing(TableOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing of tables with a column that is learned."""

    target: Target
    """Column to be learned. Tables and texts need it."""
