"""The splits as files: Parquet for everyone, an Arrow IPC stream for training."""

import math
from pathlib import Path

import duckdb
import nanoarrow
import nanoarrow.ipc

from common.datasets import Split
from tasks.tables.processing import describing
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.database import MANY_COLUMNS, identifier, literal, one_row
from tasks.tables.processing.describing import Frequent

BATCH_ROWS = 122_880
"""Rows of a batch at most, which readers hold at once: a row group of DuckDB's Parquet files."""

BATCH_BYTES = 16_000_000
"""Bytes of a batch, about: larger row groups and the rows being sorted put each other out of a
memory of 500 MB, again and again."""

_ZSTD_LEVEL = 2
"""Of 1.4 million rows of numbers and categories, a tenth of the time of level 3 less, in files no
larger (level 1: half as large again); texts take 8% more than at level 3."""

_ENUMERATED = 1000
"""Values of a column that are enumerated at most."""

type Enumerated = dict[str, str]
"""Names of types by columns' places."""


def enumerate_values(
    connection: duckdb.DuckDBPyConnection, plan: Plan, values: Frequent
) -> Enumerated:
    """The types of columns with few different texts, which then take two bytes each.

    Sorting and writing rows takes a sixth less time, and a third less where memory is short.
    """
    types: Enumerated = {}
    most = min(_ENUMERATED, describing.MAX_CATEGORIES)  # of more, not all values are known
    if len(plan.columns) < MANY_COLUMNS:
        for at, found in values.items():
            if 0 < len(found) <= most:
                types[at] = f"values_{at}"
                names = sorted(value for value, _ in found)
                connection.execute(f"CREATE TYPE {types[at]} AS ENUM (SELECT unnest(?))", [names])
    return types


def write_split(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    types: Enumerated,
    split: Split,
    folder: Path,
) -> None:
    """<split>.parquet and <split>.arrow: features, the target if any, and the column that rows are
    split by, ordered by the rows' hashes.

    Numbers are DOUBLE, booleans BOOLEAN, categories and text VARCHAR, datetimes TIMESTAMP in
    microseconds. The order is as good as random, and the same whatever the source's order.
    """
    columns = [
        (f"CAST({column.at} AS {types[column.at]})" if column.at in types else column.at)
        + f" AS {identifier(column.name)}"
        for column in plan.columns
        if column in (plan.target, plan.split_by) or column in plan.features
    ]
    query = f"SELECT {', '.join(columns)} FROM {split} ORDER BY row_hash"
    write_rows(connection, query, split, folder)


def write_rows(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    split: Split,
    folder: Path,
    batch_rows: int = BATCH_ROWS,
) -> None:
    """<split>.parquet and <split>.arrow: the rows of an ordered query.

    Readers hold batch_rows rows at once, or those of BATCH_BYTES, where they are fewer.
    """
    parquet, arrow = folder / f"{split}.parquet", folder / f"{split}.arrow"
    file = literal(str(parquet))
    connection.execute(f"""
        COPY ({query}) TO {file}
        (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {_ZSTD_LEVEL},
            ROW_GROUP_SIZE {batch_rows}, ROW_GROUP_SIZE_BYTES {BATCH_BYTES})
    """)
    count, groups = one_row(
        connection, f"SELECT num_rows, num_row_groups FROM parquet_file_metadata({file})"
    )
    connection.execute("SET preserve_insertion_order = true")
    step = max(1, min(batch_rows, math.ceil(count / max(1, groups))))
    # A query's rows come in batches of 131,072, and a query for each batch takes thrice the time.
    step = count if 2 * step > BATCH_ROWS else step
    with nanoarrow.ipc.StreamWriter.from_path(str(arrow)) as writer:
        for start in range(0, max(1, count), step):
            rows = connection.sql(f"FROM read_parquet({file}) LIMIT {step} OFFSET {start}")
            writer.write_stream(nanoarrow.ArrayStream(rows))
    connection.execute("SET preserve_insertion_order = false")
