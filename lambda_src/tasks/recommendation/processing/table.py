"""The table of interactions: rows that can be used, one per user and item, and the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from common.datasets import Split
from common.problems import invalid
from tasks.framework.similar_names import no_column
from tasks.recommendation.options import Processing
from tasks.recommendation.processing.columns import USUAL
from tasks.recommendation.processing.reading import ReadColumn
from tasks.tables.processing.columns import odd_values
from tasks.tables.processing.columns.written import GIVEN_SPLIT, NAMED_SPLIT
from tasks.tables.processing.database import literal, one_row
from tasks.tables.processing.rows.cleaning import REJECTED_LIMIT

BELOW_LEAST_RATING = "rating below min_rating"
"""Why rows are set aside because the caller said so."""

COUNT_TOO_LARGE = "count is above 1e15"
"""No sum of such counts is exact, and that of the largest is infinite."""


@dataclass(frozen=True)
class Table:
    """The interactions while they become a dataset; roles are the columns of raw by their use.

    delimiter is what divides the cells of a row that is shown.
    """

    connection: duckdb.DuckDBPyConnection
    roles: Mapping[str, ReadColumn]
    options: Processing
    names: tuple[str, ...]
    delimiter: str

    @property
    def weight(self) -> str:
        """What tells how much a user took of an item: count, which is 1 where nothing says."""
        return "rating" if "rating" in self.roles and "count" not in self.roles else "count"

    @property
    def columns(self) -> dict[str, str]:
        """The dataset's columns, by name."""
        names = ["user", "item", self.weight, *(["time"] if "time" in self.roles else [])]
        return {name: f'"{name}"' for name in names}

    def rows_of(self, split: Split) -> str:
        """The SQL of a split's rows, in an order that is as good as random."""
        columns = ", ".join(self.columns.values())
        return f"SELECT {columns} FROM {split} ORDER BY row_hash"

    def type_rows(self) -> None:
        """Makes typed: user, item, rating, count, time, split, and the kind of a rejected row."""
        roles, split = self.roles, self.options.split.column
        missing = {"count": "1::DOUBLE", "time": "NULL::TIMESTAMP"}
        values = ", ".join(
            f"{roles[role].value if role in roles else missing.get(role, 'NULL::DOUBLE')} "
            f'AS "{role}"'
            for role in USUAL
        )
        cells = ", ".join(
            f"{f'trimmed({roles[role].at})' if role in roles else 'NULL::VARCHAR'} AS {role}_cell"
            for role in USUAL
        )
        odd = ", ".join(column.odd for column in roles.values())
        firsts = ", ".join(column.typed.first for column in roles.values())
        named = NAMED_SPLIT.format(value=self._at("split", split)) if split else "NULL"
        tests = {
            "missing user": '"user" IS NULL',
            "missing item": '"item" IS NULL',
            "no split": f"{bool(split)} AND {GIVEN_SPLIT} IS NULL",
            "count is not a number": f"{'count' in roles} AND count IS NULL",
            "count is not above 0": "count <= 0",
            COUNT_TOO_LARGE: "count > 1e15",
            "rating is not a number": f"{'rating' in roles} AND rating IS NULL",
            BELOW_LEAST_RATING: f"rating < {self._least_rating()}",
            "time cannot be read": f"{'time' in roles} AND time IS NULL",
        }
        kind = " ".join(f"WHEN {test} THEN {literal(name)}" for name, test in tests.items())
        written = ", ".join(
            f"CASE WHEN kind IS NOT NULL THEN {role}_cell END AS {role}_cell" for role in USUAL
        )
        names = ", ".join(f'"{role}"' for role in USUAL)
        self.connection.execute(f"""
            CREATE OR REPLACE TABLE typed AS
            SELECT {names}, {GIVEN_SPLIT}, kind, odd, {written} FROM (
                SELECT *, CASE {kind} END AS kind FROM (
                    SELECT {values}, {named} AS {GIVEN_SPLIT}, {cells},
                        nullif(concat_ws('{odd_values.FIELD}', {odd}), '') AS odd
                    FROM (SELECT *, {firsts} FROM raw)))
        """)

    def aggregate(self) -> int:
        """Makes rejected, and clean, a row per user and item; the number of rows that were read.

        Counts add up, of ratings the last one stands.
        """
        self.connection.execute("""
            CREATE TABLE rejected AS
                SELECT user_cell AS "user", item_cell AS "item", rating_cell AS rating,
                    count_cell AS count, time_cell AS time, kind, NULL::VARCHAR AS line
                FROM typed WHERE kind IS NOT NULL
                UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, kind, line FROM bad_lines
        """)
        self.connection.execute(f"""
            CREATE TABLE clean AS SELECT *,
                md5_number_lower(concat(strlen("user"), ':', "user", "item")) AS row_hash
            FROM (
                SELECT "user", "item", arg_max(rating, (coalesce(time, '1970-01-01'), rating))
                    AS rating, sum(count) AS count, max(time) AS time,
                    CASE WHEN bool_or({GIVEN_SPLIT} = 'train') THEN 'train'
                        WHEN bool_or({GIVEN_SPLIT} = 'validation') THEN 'validation'
                        ELSE max({GIVEN_SPLIT}) END AS {GIVEN_SPLIT}
                FROM typed WHERE kind IS NULL GROUP BY "user", "item")
        """)
        lines = "(SELECT count(*) FROM bad_lines)"
        (rows,) = one_row(self.connection, f"SELECT count(*) + {lines} FROM typed")
        odd_values.collect(self.connection, "typed")
        self.connection.execute("DROP TABLE typed")
        return int(rows)

    def count(self) -> tuple[dict[str, int], int]:
        """Rejected rows by reason, and the rows that are used."""
        found = self.connection.execute(
            "SELECT kind, count(*) AS rows FROM rejected GROUP BY kind ORDER BY rows DESC, kind"
        ).fetchall()
        (used,) = one_row(self.connection, "SELECT count(*) FROM clean")
        return dict(found), used

    def users_and_items(self) -> tuple[int, int]:
        users, items = one_row(
            self.connection, 'SELECT count(DISTINCT "user"), count(DISTINCT "item") FROM clean'
        )
        return int(users), int(items)

    def write_rejected(self, path: Path) -> None:
        """rejected.csv: the cells as they are written, the reason, and lines that are no rows."""
        columns = dict.fromkeys(f'"{name}"' for name in [*self.columns, *self.roles])
        self.connection.execute(f"""
            COPY (
                SELECT * FROM (
                    SELECT {", ".join(columns)}, kind AS rejected_reason,
                        line AS rejected_line
                    FROM rejected LIMIT {REJECTED_LIMIT})
                ORDER BY ALL
            ) TO {literal(str(path))} (FORMAT csv, HEADER true)
        """)

    def _at(self, option: str, name: str) -> str:
        if name not in self.names:
            raise invalid([option, "column"], no_column(name, self.names))
        return f"trimmed(c{self.names.index(name)})"

    def _least_rating(self) -> float:
        least = self.options.min_rating
        if least is not None and "rating" not in self.roles:
            raise invalid(["min_rating"], "no column holds ratings: name it as rating")
        return -1e308 if least is None else least
