"""Values that are read as missing, though something is written there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from tasks.framework.forms.numbers import PLAIN
from tasks.framework.forms.words import MARKS

FIELD, VALUE, WORD = "\x1f", "\x1e", "\x1d"
"""What divides odd values of a row, and a column's number from its value; what stands before a
number that is a word for a missing value, in whichever way it is written."""

LONGEST = 100
"""Characters of an odd value that are kept."""

_MOST = 5000
"""Different odd values of a column that are looked at, the most frequent ones."""

_CODE = re.compile(r"(?=.*[A-Za-z])(?=.*\d)[\w./-]+")
_BOUND = re.compile(r"[<>~\u2264\u2265\u2248=]")


@dataclass(frozen=True)
class Odd:
    """Odd values of a column that is not of text, most frequent first, with their rows.

    marks counts words that say there is no value, codes texts of letters and digits, digits all
    others that have digits in them.
    """

    values: Sequence[tuple[str, int]] = ()
    marks: int = 0
    codes: int = 0
    digits: int = 0

    @classmethod
    def of(cls, values: Sequence[tuple[str, int]]) -> "Odd":
        counts = {"marks": 0, "codes": 0, "digits": 0, "words": 0}
        for text, rows in values:
            counts[_kind(text)] += rows
        return cls(values, counts["marks"], counts["codes"], counts["digits"])

    @property
    def total(self) -> int:
        return sum(rows for _, rows in self.values)

    @property
    def examples(self) -> list[str]:
        return [text for text, _ in self.values[:3]]


def _kind(text: str) -> str:
    if text.lower() in MARKS:
        return "marks"
    if _BOUND.match(text) or not re.search(r"\d", text):
        return "words"
    is_number = re.fullmatch(PLAIN, text) is not None  # too large, or a code with leading zeros
    return "codes" if _CODE.fullmatch(text) and not is_number else "digits"


def odd_sql(at: str, value: str, number: str | None = None) -> str:
    """SQL of an odd value of a column, with its column; null where the value is not odd.

    number is the SQL of what the cell is read as, where that may be a word for a missing value.
    """
    text = f"left(stripped({at}), {LONGEST})"
    if number is not None:
        text = f"CASE WHEN ({number}) IS NULL THEN '' ELSE '{WORD}' END || {text}"
    return f"CASE WHEN {value} IS NULL AND {at} IS NOT NULL THEN '{at[1:]}{VALUE}' || {text} END"


def collect(connection: duckdb.DuckDBPyConnection, typed: str = "typed") -> None:
    """Makes the table odd_values of typed rows: column, text, rows, whether it is a word."""
    connection.execute(f"""
        CREATE OR REPLACE TABLE odd_values AS
        SELECT name, ltrim(text, '{WORD}') AS text, rows,
            text LIKE '{WORD}%' OR as_value(text) IS NULL AS is_word FROM (
            SELECT 'c' || split_part(odd, '{VALUE}', 1) AS name,
                split_part(odd, '{VALUE}', 2) AS text, count(*) AS rows
            FROM (SELECT unnest(string_split(odd, '{FIELD}')) AS odd FROM {typed}
                WHERE odd IS NOT NULL)
            GROUP BY ALL)
    """)


def unreadable(connection: duckdb.DuckDBPyConnection, at: str) -> Odd:
    """The values of a column that could not be read, words for missing values left out."""
    return Odd.of(_selected(connection, at, "NOT is_word"))


def words(connection: duckdb.DuckDBPyConnection, at: str) -> Sequence[tuple[str, int]]:
    """The words of a column that were read as missing, most frequent first."""
    return _selected(connection, at, "is_word")


def _selected(
    connection: duckdb.DuckDBPyConnection, at: str, which: str
) -> Sequence[tuple[str, int]]:
    return connection.execute(
        f"SELECT text, rows FROM odd_values WHERE name = ? AND {which} "
        f"ORDER BY rows DESC, text LIMIT {_MOST}",
        [at],
    ).fetchall()


def count(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many values could not be read, by column."""
    return dict(
        connection.execute("""
            SELECT name, CAST(sum(rows) AS BIGINT) FROM odd_values WHERE NOT is_word GROUP BY ALL
        """).fetchall()
    )
