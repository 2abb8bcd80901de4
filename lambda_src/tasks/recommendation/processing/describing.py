"""What a dataset of interactions is: its columns, and how active users and items are."""

from collections.abc import Mapping
from typing import Any

import duckdb

from common.datasets import Column, Schema
from tasks.recommendation.processing.table import Table
from tasks.tables.processing.database import one_row
from tasks.tables.processing.describing import numbers, sample_of, top, top_values

_TOP = 20


def schema(table: Table) -> Schema:
    types: dict[str, Any] = {"user": "id", "item": "id", "time": "datetime"}
    return Schema(
        [
            Column(name=name, type=types.get(name, "number"), role="feature", nullable=False)
            for name in table.columns
        ]
    )


def profile(
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
