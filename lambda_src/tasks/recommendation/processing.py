"""How interactions of users with items are cleaned and split."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from msgspec.structs import replace

from common.datasets import SPLITS, Column, Schema, Split
from common.invocation import Invocation
from common.jobs import Progress
from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES, Warning
from tasks import Processed
from tasks.framework.similar_names import no_column
from tasks.recommendation.columns import USUAL, find
from tasks.recommendation.options import Processing, UserSplit
from tasks.recommendation.reading import ReadColumn, read_columns
from tasks.tables.processing.column_warnings import form_warnings, missing_words, rejected_rows
from tasks.tables.processing.columns import odd_values
from tasks.tables.processing.columns.infer import Conventions
from tasks.tables.processing.columns.macros import define_macros
from tasks.tables.processing.columns.written import SIDES
from tasks.tables.processing.database import literal, one_row, open_database
from tasks.tables.processing.describing import numbers, sample_of, top, top_values
from tasks.tables.processing.files.loading import load
from tasks.tables.processing.rows.cleaning import REJECTED_LIMIT
from tasks.tables.processing.writing import write_rows

_TOP = 20
_SHOWN = 100
"""Characters of a row that an example has."""

_FEW = " with fewer than "
_MANY_DROPPED = 0.5
"""From this share of interactions that were set aside on, no model is promoted by itself."""

_MANY_EARLY = 0.05
"""From this share of interactions of 1970 on, they are hardly of that year beside later ones."""

_ASKED = "rating below min_rating"
"""Rows that are set aside because the caller said so."""

_TOO_MANY = "count is above 1e15"
"""No sum of such counts is exact, and that of the largest is infinite."""

_OPTIONS = {
    "missing user": "missing_values",
    "missing item": "missing_values",
    "no side of the split": "split.column",
    "count is not a number": "csv.decimal",
    "count is not above 0": "count",
    _TOO_MANY: "count",
    "rating is not a number": "csv.decimal",
    _ASKED: "min_rating",
    "time cannot be read": "time",
}
"""Why rows cannot be used, and the option that changes it."""

_CORE_ROUNDS = 100
"""Dropping users may leave items with too few, and so on; it ends long before this."""


def process(
    source: Path, options: Processing, folder: Path, invocation: Invocation, progress: Progress
) -> Processed:
    """One row per user and item, of users and items that are active enough to learn from.

    Raises Unprocessable for data that nothing can be learned from.
    """
    usual = [name for names in USUAL.values() for name in names]
    wanted = [*usual, *(name for role in USUAL if (name := getattr(options, role)))]
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix="table-") as scratch,
        open_database(Path(scratch), invocation) as connection,
    ):
        define_macros(connection, options.missing_values)

        def make(names: tuple[str, ...], facts: Mapping[str, Any]) -> _Table:
            roles = find(names, options)
            conventions = Conventions.of(options, facts)
            words = options.missing_values is not None
            columns = read_columns(connection, names, roles, conventions, words)
            table = _Table(connection, columns, options, names, facts.get("delimiter", ", "))
            progress("cleaning", 10, "Setting aside rows that cannot be used.")
            table.type_rows()
            return table

        progress("reading", 5, "Reading the file.")
        loaded = load(connection, source, Path(scratch), options, wanted, make)
        table = loaded.made
        read = table.aggregate()
        unusable = table.unusable(read)
        similar = table.similar_ids()
        progress("filtering", 45, "Setting aside users and items with too little activity.")
        table.filter_activity(unusable)
        reasons, used = table.count()
        rejected = sum(reasons.values())
        progress("splitting", 55, f"Splitting {used:,} interactions.")
        warnings = [
            *loaded.warnings,
            *table.read_in_forms(),
            *unusable,
            *similar,
            *table.split(),
            *table.dropped(reasons, used),
        ]
        table.write_rejected(folder / "rejected.csv")
        for index, side in enumerate(SPLITS):
            progress("writing", 65 + 6 * index, f"Writing {side}.")
            write_rows(connection, table.rows_of(side), side, folder)
        progress("profiling", 85, f"Describing {used:,} interactions.")
        return Processed(
            schema=_schema(table),
            rows={
                "read": read,
                "duplicates": read - rejected - used,
                "rejected": rejected,
                "used": used,
            },
            rejected={"reasons": reasons},
            split_rows=_sides(connection),
            profile=_profile(connection, table.columns, used),
            warnings=warnings,
            source={
                **loaded.facts,
                "columns": {role: column.typed.name for role, column in table.roles.items()},
            },
        )


@dataclass(frozen=True)
class _Table:
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

    def rows_of(self, side: Split) -> str:
        """The SQL of a side's rows, in an order that is as good as random."""
        columns = ", ".join(self.columns.values())
        return f"SELECT {columns} FROM sided WHERE side = {literal(side)} ORDER BY row_hash"

    def type_rows(self) -> None:
        """Makes judged: user, item, rating, count, time, side, and the kind of a rejected row."""
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
        side = SIDES.format(value=self._at("split", split)) if split else "NULL"
        tests = {
            "missing user": '"user" IS NULL',
            "missing item": '"item" IS NULL',
            "no side of the split": f"{bool(split)} AND side IS NULL",
            "count is not a number": f"{'count' in roles} AND count IS NULL",
            "count is not above 0": "count <= 0",
            _TOO_MANY: "count > 1e15",
            "rating is not a number": f"{'rating' in roles} AND rating IS NULL",
            _ASKED: f"rating < {self._least_rating()}",
            "time cannot be read": f"{'time' in roles} AND time IS NULL",
        }
        kind = " ".join(f"WHEN {test} THEN {literal(name)}" for name, test in tests.items())
        written = ", ".join(
            f"CASE WHEN kind IS NOT NULL THEN {role}_cell END AS {role}_cell" for role in USUAL
        )
        names = ", ".join(f'"{role}"' for role in USUAL)
        self.connection.execute(f"""
            CREATE OR REPLACE TABLE judged AS SELECT {names}, side, kind, odd, {written} FROM (
                SELECT *, CASE {kind} END AS kind FROM (
                    SELECT {values}, {side} AS side, {cells},
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
                FROM judged WHERE kind IS NOT NULL
                UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, kind, line FROM bad_lines
        """)
        self.connection.execute("""
            CREATE TABLE clean AS SELECT *,
                md5_number_lower(concat(strlen("user"), ':', "user", "item")) AS row_hash
            FROM (
                SELECT "user", "item", arg_max(rating, (coalesce(time, '1970-01-01'), rating))
                    AS rating, sum(count) AS count, max(time) AS time,
                    CASE WHEN bool_or(side = 'train') THEN 'train'
                        WHEN bool_or(side = 'validation') THEN 'validation'
                        ELSE max(side) END AS given_side
                FROM judged WHERE kind IS NULL GROUP BY "user", "item")
        """)
        lines = "(SELECT count(*) FROM bad_lines)"
        (rows,) = one_row(self.connection, f"SELECT count(*) + {lines} FROM judged")
        odd_values.collect(self.connection, "judged")
        self.connection.execute("DROP TABLE judged")
        return int(rows)

    def read_in_forms(self) -> list[Warning]:
        """What was read in a form of its own, in one of several ways, or as missing."""
        columns = [column.typed for column in self.roles.values()]
        options = {"number_form": "csv.decimal", "date_format": "day_first, time"}
        forms = (
            replace(warning, option=options.get(warning.code, warning.option))
            for warning in form_warnings(columns)
        )
        return [*forms, *self._of_1970(), *missing_words(self.connection, columns)]

    def _of_1970(self) -> list[Warning]:
        """Tells of times since 1970 that end there: the numbers may be in several units."""
        time = self.roles.get("time")
        if time is None or time.typed.type != "number":
            return []
        early, late, known = one_row(
            self.connection,
            """SELECT count(*) FILTER (time >= '1970-01-01' AND time < '1971-01-01'),
                count(*) FILTER (time >= '1990-01-01'), count(time) FROM clean""",
        )
        if not late or early < _MANY_EARLY * known:
            return []
        detail = (
            f"{time.typed.name!r} is read in one unit since 1970, in which {early:,} of {known:,} "
            "interactions are of 1970: their numbers may be in a longer unit, or stand for no time."
        )
        columns = {time.typed.name: early}
        return [Warning(code="epoch", detail=detail, count=early, columns=columns, option="time")]

    def unusable(self, read: int) -> list[Warning]:
        """Says which rows cannot be used. Raises Unprocessable where none can."""
        kinds, _ = self.count()
        kinds = {kind: rows for kind, rows in kinds.items() if kind in _OPTIONS and kind != _ASKED}
        rows = sum(kinds.values())
        if not rows:
            return []
        roles = sorted(self.roles, key=lambda role: int(self.roles[role].at[1:]))
        cells = ", ".join(f"coalesce(\"{role}\", '')" for role in roles)
        found = self.connection.execute(f"""
            SELECT DISTINCT concat_ws({literal(self.delimiter)}, {cells}) AS row FROM rejected
            WHERE kind IN ({", ".join(map(literal, kinds))}) ORDER BY row LIMIT {EXAMPLES}
        """).fetchall()
        examples = [text[:_SHOWN] for (text,) in found]
        why = "; ".join(f"{kind} ({number:,})" for kind, number in kinds.items())
        if rows == read:
            raise Unprocessable(
                f"No row can be used: {why}, such as {', '.join(map(repr, examples))}. Name other "
                f"columns, or set {', '.join(dict.fromkeys(_OPTIONS[kind] for kind in kinds))}."
            )
        options = ", ".join(dict.fromkeys(_OPTIONS[kind] for kind in kinds))
        return [rejected_rows(kinds, rows, read, examples=examples, option=options)]

    def similar_ids(self) -> list[Warning]:
        """Says which ids differ only in case, spaces, or as numbers are written."""
        columns, examples = {}, list[str]()
        for role in ("user", "item"):
            found = self.connection.execute(f"""
                SELECT count(*), min(id), max(id) FROM (SELECT DISTINCT "{role}" AS id FROM clean)
                GROUP BY lower(regexp_replace(regexp_replace(id, '\\s+', ' ', 'g'),
                    '^0*([0-9]+)([.]0+)?$', '\\1'))
                HAVING count(*) > 1 ORDER BY ALL
            """).fetchall()
            if found:
                columns[self.roles[role].typed.name] = sum(count - 1 for count, _, _ in found)
                examples += [f"{one} and {other}" for _, one, other in found[:EXAMPLES]]
        if not columns:
            return []
        names = " and ".join(map(repr, columns))
        detail = (
            f"{sum(columns.values()):,} ids in {names} are others only in case, spaces, or the "
            f"form of a number: {examples[0]}. Each is a user or item of its own: write each in "
            "one way, where they are the same."
        )
        return [
            Warning(
                code="similar_ids",
                detail=detail,
                count=sum(columns.values()),
                columns=columns,
                examples=examples[:EXAMPLES],
            )
        ]

    def filter_activity(self, unusable: Sequence[Warning]) -> None:
        """Drops users and items with too little activity, until all that are left have enough.

        unusable says which rows cannot be used. Raises Unprocessable where too little is left.
        """
        least = {"user": self.options.min_user_items, "item": self.options.min_item_users}
        for _ in range(_CORE_ROUNDS):
            dropped = 0
            for column, minimum in least.items():
                few = f"""SELECT "{column}" FROM clean GROUP BY ALL HAVING count(*) < {minimum}"""
                other = "items" if column == "user" else "users"
                reason = literal(f"{column}{_FEW}{minimum} {other}")
                self.connection.execute(f"""
                    INSERT INTO rejected SELECT "user", "item", rating, count, time, {reason}, NULL
                    FROM clean WHERE "{column}" IN ({few})
                """)
                (rows,) = one_row(
                    self.connection, f"""DELETE FROM clean WHERE "{column}" IN ({few})"""
                )
                dropped += rows
            if not dropped:
                break
        users, items = self._users_and_items()
        if users < 2 or items < 2:
            raise Unprocessable(
                f"{''.join(f'{warning.detail} ' for warning in unusable)}"
                f"{users:,} users and {items:,} items are left of those with at least "
                f"{least['user']} items and {least['item']} users: send more interactions, or "
                "lower min_user_items and min_item_users."
            )

    def count(self) -> tuple[dict[str, int], int]:
        """Rejected rows by reason, and the rows that are used."""
        found = self.connection.execute(
            "SELECT kind, count(*) AS rows FROM rejected GROUP BY kind ORDER BY rows DESC, kind"
        ).fetchall()
        (used,) = one_row(self.connection, "SELECT count(*) FROM clean")
        return dict(found), used

    def split(self) -> list[Warning]:
        """Makes the view sided. Raises Unprocessable when a side would be empty.

        The last of each user's interactions are for the test, those before for validation; at
        least one each, as long as one is left for training.
        """
        split, warnings = self.options.split, []
        if split.column is not None:
            self.connection.execute("CREATE VIEW sided AS SELECT *, given_side AS side FROM clean")
        else:
            by_time = self._splits_by_time(split)
            if not by_time:
                warnings += self._at_random()
            self.connection.execute(_user_split(split, by_time))
        counts = _sides(self.connection)
        if empty := [side for side in SPLITS if not counts[side]]:
            raise Unprocessable(
                f"Nothing is left for {' and '.join(empty)}: each user needs 3 items or more, and "
                "a split column has to name train, validation and test."
            )
        return warnings

    def _at_random(self) -> list[Warning]:
        """Says that interactions are not split by time, unless that was asked for."""
        if self.options.split.by == "random":
            return []
        users, _ = self._users_and_items()
        detail = (
            f"The interactions of each of {users:,} users were split at random: no column is known "
            "to hold times, by which the last ones would be the test."
        )
        return [Warning(code="split_at_random", detail=detail, count=users, option="time")]

    def dropped(self, reasons: Mapping[str, int], used: int) -> list[Warning]:
        """Says how many interactions are of users or items with too little activity."""
        few = sum(rows for reason, rows in reasons.items() if _FEW in reason)
        if not few:
            return []
        detail = (
            f"{few:,} of {few + used:,} interactions are of users or items with too little "
            "activity and were set aside; min_user_items and min_item_users say what is enough."
        )
        found = self.connection.execute(f"""
            SELECT "user", "item" FROM rejected WHERE contains(kind, {literal(_FEW)})
            ORDER BY ALL LIMIT {EXAMPLES}
        """).fetchall()
        return [
            Warning(
                code="little_activity",
                detail=detail,
                count=few,
                examples=[f"{user}, {item}" for user, item in found],
                option="min_user_items, min_item_users",
                blocks_promotion=few > _MANY_DROPPED * (few + used),
            )
        ]

    def _users_and_items(self) -> tuple[int, int]:
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

    def _splits_by_time(self, split: UserSplit) -> bool:
        if split.by == "time" and "time" not in self.roles:
            raise invalid(["split", "by"], "no column holds times: name it as time")
        return split.by != "random" and "time" in self.roles

    def _at(self, option: str, name: str) -> str:
        if name not in self.names:
            raise invalid([option, "column"], no_column(name, self.names))
        return f"trimmed(c{self.names.index(name)})"

    def _least_rating(self) -> float:
        least = self.options.min_rating
        if least is not None and "rating" not in self.roles:
            raise invalid(["min_rating"], "no column holds ratings: name it as rating")
        return -1e308 if least is None else least


def _user_split(split: UserSplit, by_time: bool) -> str:
    _, validation, test = split.shares()
    order = "time, row_hash" if by_time else "row_hash"
    return f"""
        CREATE TABLE sided AS SELECT * EXCLUDE (place, items, tested, validated),
            CASE WHEN place > items - tested THEN 'test'
                WHEN place > items - tested - validated THEN 'validation'
                ELSE 'train' END AS side
        FROM (
            SELECT *, least(greatest(1, round(items * {validation})), items - tested - 1)
                AS validated
            FROM (
                SELECT *, least(greatest(1, round(items * {test})), items - 1) AS tested
                FROM (
                    SELECT *, row_number() OVER (PARTITION BY "user" ORDER BY {order}) AS place,
                        count(*) OVER (PARTITION BY "user") AS items
                    FROM clean)))
    """


def _schema(table: _Table) -> Schema:
    types: dict[str, Any] = {"user": "id", "item": "id", "time": "datetime"}
    return Schema(
        [
            Column(name=name, type=types.get(name, "number"), role="feature", nullable=False)
            for name in table.columns
        ]
    )


def _profile(
    connection: duckdb.DuckDBPyConnection, names: Mapping[str, str], rows: int
) -> dict[str, Any]:
    """Each column, and how many interactions users and items have."""
    columns = []
    for name, at in names.items():
        (distinct,) = one_row(connection, f"SELECT count(DISTINCT {at}) FROM clean")
        described: dict[str, Any] = {
            "name": name,
            "count": rows,
            "nulls": 0,
            "distinct": distinct,
            "distinct_is_approximate": False,
        }
        if name in ("user", "item"):
            described["top"] = top_values(top(connection, at, _TOP))
        elif name == "time":
            first, last = one_row(connection, f"SELECT min({at}), max({at}) FROM clean")
            described |= {"min": first.isoformat(), "max": last.isoformat()}
        else:
            described |= numbers(connection, at, "clean", sample_of(rows))
        columns.append(described)
    users, items = columns[0]["distinct"], columns[1]["distinct"]
    per = {
        name: numbers(
            connection,
            "n",
            f'(SELECT count(*)::DOUBLE AS n, hash("{one}") AS row_hash '
            f'FROM clean GROUP BY "{one}")',
            sample_of(count),
        )
        for one, count, name in (
            ("user", users, "items_per_user"),
            ("item", items, "users_per_item"),
        )
    }
    return {"columns": columns, "density": rows / (users * items), **per}


def _sides(connection: duckdb.DuckDBPyConnection) -> dict[Split, int]:
    found = dict(connection.execute("SELECT side, count(*) FROM sided GROUP BY side").fetchall())
    return {side: found.get(side, 0) for side in SPLITS}
