"""Rows that repeat others: counted, dropped where that is asked, numbered where they are kept.

The copies of a row have numbers of their own, from which their hashes follow: the order of hashes
is as good as random with copies, too, and a sample by hashes holds its share of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from common.datasets import SplitRule
from common.warnings import EXAMPLES, Warning
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.database import one_row

WARNED_SHARE = 0.05
"""From this share of repeated rows on there is a warning."""

SPREAD = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio: its multiples, modulo 2^64, are spread evenly, so that any
share of the range holds that share of a row's copies, give or take one (Weyl's sequence)."""


@dataclass(frozen=True)
class Repeats:
    """How many rows repeat another one in every column, and the rows that most often do."""

    rows: int = 0
    examples: tuple[str, ...] = ()


def find_repeats(connection: duckdb.DuckDBPyConnection, plan: Plan, usable: int) -> Repeats:
    """Makes repeated, of the hashes of rows that occur twice; so many rows can be used.

    There are examples where there will be a warning.
    """
    connection.execute(
        "CREATE TABLE repeated AS SELECT row_hash, count(*) AS rows FROM typed "
        "GROUP BY row_hash HAVING count(*) > 1"
    )
    (found,) = one_row(connection, "SELECT count(*) FROM repeated")
    if not found:
        return Repeats()
    # Rejected rows are among those counted: what is left is counted again.
    (rows,) = one_row(
        connection,
        "SELECT count(*) - count(DISTINCT row_hash) FROM clean "
        "WHERE row_hash IN (SELECT row_hash FROM repeated)",
    )
    many = rows > 0 and rows >= WARNED_SHARE * usable
    return Repeats(rows, _examples(connection, plan) if many else ())


def drop_repeats(connection: duckdb.DuckDBPyConnection) -> None:
    """Adds to dropped all but the first of equal rows."""
    connection.execute("""
        INSERT INTO dropped SELECT place FROM clean
        WHERE row_hash IN (SELECT row_hash FROM repeated)
        QUALIFY row_number() OVER (PARTITION BY row_hash, features_hash ORDER BY place) > 1
    """)


def number_copies(
    connection: duckdb.DuckDBPyConnection, plan: Plan, rule: SplitRule, repeats: Repeats
) -> int:
    """Makes clean anew, with a row_hash of their own for copies; returns how many there are.

    Where each row is split by itself, rows that agree in features and target are the copies, and
    clean has split_hash, which spreads them evenly: every split has its share of each.
    """
    by_rows = rule.by == "rows"
    if not by_rows and not repeats.rows:
        return 0
    if by_rows:
        hashed = "features_hash" if plan.target is None else f"features_hash, {plan.target.at}"
        key, rows, order = f"hash({hashed})", "clean", " ORDER BY row_hash"
    else:
        key, order = "row_hash", ""
        rows = "clean WHERE row_hash IN (SELECT row_hash FROM repeated)"
    connection.execute(f"""
        CREATE TABLE copies AS SELECT * FROM (
            SELECT place, row_number() OVER (PARTITION BY {key}{order}) - 1 AS copy FROM {rows})
        WHERE copy > 0
    """)
    (copies,) = one_row(connection, "SELECT count(*) FROM copies")
    numbered = "typed ANTI JOIN dropped USING (place) LEFT JOIN copies USING (place)"
    if by_rows:
        spread = f"coalesce(copy, 0)::UHUGEINT * {SPREAD}::UHUGEINT"
        at = f"(({key}::UHUGEINT + {spread}) % {1 << 64}::UHUGEINT)::UBIGINT"
        query = (
            "SELECT * REPLACE (hash(split_hash) AS row_hash) FROM "
            f"(SELECT * EXCLUDE (copy), {at} AS split_hash FROM {numbered})"
        )
    else:
        own = "CASE WHEN copy IS NULL THEN row_hash ELSE hash(row_hash, copy) END"
        query = f"SELECT * EXCLUDE (copy) REPLACE ({own} AS row_hash) FROM {numbered}"
    connection.execute(f"CREATE OR REPLACE VIEW clean AS {query}")
    return int(copies)


def repeats_warnings(
    repeats: Repeats, dropped: bool, rule: SplitRule, used: int, combinations: int | None
) -> list[Warning]:
    """What to know of repeated rows, and of why each row was split by itself.

    combinations counts the different rows of features, where the rule follows from them.
    """
    many = repeats.rows > 0 and repeats.rows >= WARNED_SHARE * (used + dropped * repeats.rows)
    if not many:
        return [] if combinations is None else [_split_by_rows(combinations)]
    detail = f"Rows that repeat others in every column: {repeats.rows:,}. "
    singly = [] if combinations is None else [_split_by_rows(combinations)]
    if dropped:
        detail += "They were dropped."
    elif singly:
        detail += singly.pop().detail
    else:
        ways = {"rows": "each is split by itself", "column": "the split column says where to"}
        detail += f"They are kept; {ways.get(rule.by, 'equal ones are in the same split')}."
    return [
        Warning(
            code="repeated_rows",
            detail=detail,
            count=repeats.rows,
            examples=list(repeats.examples),
            option="duplicates",
        ),
        *singly,
    ]


def _split_by_rows(combinations: int) -> Warning:
    return Warning(
        code="split_by_rows",
        detail=f"The features have {combinations:,} different combinations only, so that each row "
        'is split by itself; with "by": "features" in split, equal ones stay together.',
        count=combinations,
        option="split.by",
    )


def _examples(connection: duckdb.DuckDBPyConnection, plan: Plan) -> tuple[str, ...]:
    """The rows that repeat most often, as they are written where the first rows have them."""
    if plan.first_rows:
        found = connection.execute(
            f"SELECT any_value(written) FROM ({plan.first_rows}) JOIN repeated USING (row_hash) "
            f"GROUP BY row_hash ORDER BY any_value(rows) DESC, row_hash LIMIT {EXAMPLES}"
        ).fetchall()
        if found:
            return tuple(text for (text,) in found)
    columns = ", ".join(column.at for column in plan.columns if column is not plan.split)
    hashes = connection.execute(
        f"SELECT row_hash FROM repeated ORDER BY rows DESC, row_hash LIMIT {EXAMPLES}"
    ).fetchall()
    query = f"SELECT {columns} FROM typed WHERE row_hash = ? LIMIT 1"
    rows = [connection.execute(query, at).fetchone() for at in hashes]
    return tuple(_text(row or ()) for row in rows)


def _text(values: Sequence[Any]) -> str:
    return ", ".join(_plain(value) for value in values)


def _plain(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case datetime():
            return value.isoformat()
    return str(value)
