"""What to know of rows: forms they were read in, those that cannot be used, ids that look alike."""

from msgspec.structs import replace

from common.problems import Unprocessable
from common.warnings import EXAMPLES, Warning
from tasks.recommendation.processing.table import BELOW_LEAST_RATING, COUNT_TOO_LARGE, Table
from tasks.tables.processing.column_warnings import form_warnings, missing_words, rejected_rows
from tasks.tables.processing.database import literal, one_row

_SHOWN = 100
"""Characters of a row that an example has."""

_MANY_EARLY = 0.05
"""From this share of interactions of 1970 on, they are hardly of that year beside later ones."""

_OPTIONS = {
    "missing user": "missing_values",
    "missing item": "missing_values",
    "no split": "split.column",
    "count is not a number": "csv.decimal",
    "count is not above 0": "count",
    COUNT_TOO_LARGE: "count",
    "rating is not a number": "csv.decimal",
    BELOW_LEAST_RATING: "min_rating",
    "time cannot be read": "time",
}
"""Why rows cannot be used, and the option that changes it."""


def read_in_forms(table: Table) -> list[Warning]:
    """What was read in a form of its own, in one of several ways, or as missing."""
    columns = [column.typed for column in table.roles.values()]
    options = {"number_form": "csv.decimal", "date_format": "day_first, time"}
    forms = (
        replace(warning, option=options.get(warning.code, warning.option))
        for warning in form_warnings(columns)
    )
    return [*forms, *_of_1970(table), *missing_words(table.connection, columns)]


def _of_1970(table: Table) -> list[Warning]:
    """Tells of times since 1970 that end there: the numbers may be in several units."""
    time = table.roles.get("time")
    if time is None or time.typed.type != "number":
        return []
    early, late, known = one_row(
        table.connection,
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


def unusable(table: Table, read: int) -> list[Warning]:
    """Says which rows cannot be used. Raises Unprocessable where none can."""
    kinds, _ = table.count()
    kinds = {
        kind: rows
        for kind, rows in kinds.items()
        if kind in _OPTIONS and kind != BELOW_LEAST_RATING
    }
    rows = sum(kinds.values())
    if not rows:
        return []
    roles = sorted(table.roles, key=lambda role: int(table.roles[role].at[1:]))
    cells = ", ".join(f"coalesce(\"{role}\", '')" for role in roles)
    found = table.connection.execute(f"""
        SELECT DISTINCT concat_ws({literal(table.delimiter)}, {cells}) AS row FROM rejected
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


def similar_ids(table: Table) -> list[Warning]:
    """Says which ids differ only in case, spaces, or as numbers are written."""
    columns, examples = {}, list[str]()
    for role in ("user", "item"):
        found = table.connection.execute(f"""
            SELECT count(*), min(id), max(id) FROM (SELECT DISTINCT "{role}" AS id FROM clean)
            GROUP BY lower(regexp_replace(regexp_replace(id, '\\s+', ' ', 'g'),
                '^0*([0-9]+)([.]0+)?$', '\\1'))
            HAVING count(*) > 1 ORDER BY ALL
        """).fetchall()
        if found:
            columns[table.roles[role].typed.name] = sum(count - 1 for count, _, _ in found)
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
