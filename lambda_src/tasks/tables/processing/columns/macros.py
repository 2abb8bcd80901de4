"""SQL macros that read text as values; tasks.framework.forms reads the same in Python."""

from collections.abc import Sequence

import duckdb

from tasks.framework.forms.words import MISSING_WORDS
from tasks.tables.processing.columns import date_forms
from tasks.tables.processing.database import literal

# A macro is planned anew, and its argument evaluated, wherever it stands. Cheap questions come
# first, and in a CASE, because elsewhere both sides of an AND are evaluated.
_MACROS = """
CREATE MACRO as_value(v) AS
    CASE WHEN strlen(v) <= {longest} AND lower(v) IN ({words}) THEN NULL ELSE v END;
CREATE MACRO as_number(v) AS
    CASE WHEN v < ':' AND isfinite(TRY_CAST(v AS DOUBLE)) AND NOT contains(v, '_')
    THEN TRY_CAST(v AS DOUBLE) + 0.0 END;
CREATE MACRO is_code(v) AS
    CASE WHEN v >= '00' AND v < '0:' THEN v[2:2] BETWEEN '0' AND '9' ELSE false END;
CREATE MACRO is_large(v) AS
    CASE WHEN strlen(v) < 16 THEN false
    ELSE regexp_full_match(v, '[+-]?[0-9]+') AND abs(TRY_CAST(v AS DOUBLE)) >= {exact} END;
CREATE MACRO trait(v, n) AS
    CASE WHEN n IS NULL THEN 0 WHEN is_code(v) THEN {code} WHEN is_large(v) THEN {large}
    WHEN contains(v, '.') THEN
        CASE WHEN regexp_full_match(v, '-?[1-9][0-9]{{0,2}}[.][0-9]{{3}}') THEN {thousands}
        ELSE {pointed} END
    WHEN contains(v, 'e') OR contains(v, 'E') THEN {lettered}
    WHEN v < ',' THEN {plus} ELSE 0 END;
CREATE MACRO as_exact_number(v) AS
    CASE WHEN NOT is_code(v) AND NOT is_large(v) THEN as_number(v) END;
CREATE MACRO nullif_any(n, numbers) AS CASE WHEN list_contains(numbers, n) THEN NULL ELSE n END;
CREATE MACRO as_boolean(v) AS
    CASE WHEN strlen(v) BETWEEN 4 AND 5 THEN
        CASE lower(v) WHEN 'true' THEN true WHEN 'false' THEN false END END;
CREATE MACRO as_boolean_widely(v) AS
    CASE WHEN lower(v) IN ('true', 't', 'yes', 'y', '1', '1.0') THEN true
         WHEN lower(v) IN ('false', 'f', 'no', 'n', '0', '0.0') THEN false END;
CREATE MACRO as_datetime(v) AS
    CASE WHEN v >= '0' AND v < ':' AND strlen(v) BETWEEN 8 AND 40 AND contains(v, '-') THEN
        CASE WHEN v >= '0001' AND v LIKE '____-__-__' THEN TRY_CAST(v AS TIMESTAMP)
        ELSE iso_moment(v) END END;
"""

LARGEST_EXACT = 2**53
"""Doubles tell whole numbers apart up to here."""

TRAITS = {
    name: number
    for number, name in enumerate(
        ("code", "large", "lettered", "plus", "pointed", "thousands"), start=1
    )
}
"""What may make a number a code, or be a sign of another form; see column_types.Values."""

_NOTHING = "\x01"
"""A word that no stripped text is, for lists that have none."""


def define_macros(
    connection: duckdb.DuckDBPyConnection, missing_values: Sequence[str] | None = None
) -> None:
    """Makes the macros; missing_values are the words that stand for a missing value."""
    given = MISSING_WORDS if missing_values is None else missing_values
    words = sorted({word.lower() for word in given}) or [_NOTHING]
    macros = _MACROS.format(
        longest=max(len(word.encode()) for word in words),
        words=", ".join(map(literal, words)),
        exact=LARGEST_EXACT,
        **TRAITS,
    )
    connection.execute(date_forms.MACROS + macros)
