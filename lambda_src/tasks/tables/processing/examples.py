"""Values as the file has them, for warnings that name columns only."""

from collections.abc import Sequence

import duckdb
from msgspec.structs import replace

from common.warnings import EXAMPLES, Warning
from tasks.tables.processing.columns.typed import Typed

_FIRST_ROWS = 2048


def with_examples(
    connection: duckdb.DuckDBPyConnection, warnings: Sequence[Warning], columns: Sequence[Typed]
) -> list[Warning]:
    """The warnings; those that name columns and have no examples get values of these columns.

    They are of the first rows of raw: of one column three, of several one each.
    """
    at = {column.name: column.at for column in columns}
    lacking = [warning for warning in warnings if not warning.examples]
    wanted = {
        at[name]: None
        for warning in lacking
        for name in list(warning.columns)[:EXAMPLES]
        if name in at
    }
    if not wanted:
        return list(warnings)
    rows = connection.execute(f"SELECT {', '.join(wanted)} FROM raw LIMIT {_FIRST_ROWS}").fetchall()
    values = {
        name: list(dict.fromkeys(filter(None, cells)))[:EXAMPLES]
        for name, cells in zip(wanted, zip(*rows, strict=True), strict=True)
    }

    def examples(warning: Warning) -> list[str]:
        found = [values.get(at.get(name, ""), []) for name in list(warning.columns)[:EXAMPLES]]
        each = [some[:1] for some in found] if len(found) > 1 else found
        return [text for some in each for text in some]

    return [
        warning if warning.examples else replace(warning, examples=examples(warning))
        for warning in warnings
    ]
