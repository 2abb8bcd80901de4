"""Labels that are one and the same, though they are written in several ways."""

from dataclasses import replace

import duckdb

from tasks.tables.processing.columns.macros import LARGEST_EXACT
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.values import Source
from tasks.tables.processing.database import one_row

_WHOLE = "-?(0|[1-9][0-9]*)([.]0*)?"
"""A label that is a whole number, however many zeros follow its point."""

_FORMS = {"numbers": "regexp_replace({v}, '[.]0*$', '')", "booleans": "lower({v})"}


def label_form(source: Source, target: Typed) -> tuple[Typed, str]:
    """The one form of labels that are all whole numbers or all booleans: 1.0 becomes 1.

    Also the column with how many rows that changes. Other labels stay as they are written.
    """
    values, at = target.values, target.at
    if values.filled and values.booleans == values.filled:
        form = _FORMS["booleans"]
    elif values.filled and values.numbers == values.filled and values.magnitude < LARGEST_EXACT:
        odd = f"SELECT 1 FROM {source.rows} WHERE NOT regexp_full_match({at}, '{_WHOLE}') LIMIT 1"
        if source.connection.execute(odd).fetchone() is not None:
            return target, "{v}"
        form = _FORMS["numbers"]
    else:
        return target, "{v}"
    different = f"CASE WHEN {at} <> {form.format(v=at)} THEN {at} END"
    changed, examples = one_row(
        source.connection,
        f"SELECT {source.total(different)}, list(DISTINCT {different}) FROM {source.rows}",
    )
    if not changed:
        return target, "{v}"
    return replace(
        target, merged=int(changed), examples=tuple(sorted(filter(None, examples))[:3])
    ), form


def all_as(target: Typed, form: str) -> bool:
    """Whether the form of labels that the first rows suggest is one of all of them."""
    values = target.values
    if form == _FORMS["booleans"]:
        return values.booleans == values.filled
    return values.numbers == values.filled and values.codes == 0


def with_merged(connection: duckdb.DuckDBPyConnection, target: Typed) -> Typed:
    """The column of labels with how many of raw differ from others in spaces or Unicode only."""
    at = target.at
    written = f"SELECT {at} AS text, trimmed({at}) AS label, count(*) AS rows FROM raw GROUP BY ALL"
    changed, examples = one_row(
        connection,
        f"SELECT sum(rows), list(text ORDER BY text) FROM (FROM ({written}) "
        "QUALIFY count(*) OVER (PARTITION BY label) > 1) WHERE text <> label",
    )
    if not changed:
        return target
    first = (*target.examples, *examples)[:3]
    return replace(target, merged=target.merged + int(changed), examples=first)
