"""The sides of the split as files: Parquet for everyone, an Arrow IPC stream for training."""

from pathlib import Path

import duckdb
import nanoarrow
import nanoarrow.ipc

from common.datasets import Split
from tasks.shared.processing.database import identifier, literal
from tasks.shared.processing.plan import Plan

BATCH_ROWS = 122_880
"""Rows of a batch at most, which readers hold at once: a row group of DuckDB's Parquet files."""

BATCH_VALUES = 2048 * 2000
"""Values of a batch at most: larger row groups and the rows being sorted put each other out of a
memory of 500 MB, again and again."""


def write_side(
    connection: duckdb.DuckDBPyConnection, plan: Plan, side: Split, folder: Path
) -> None:
    """<side>.parquet and <side>.arrow: features and target, ordered by the rows' hashes.

    Numbers are DOUBLE, booleans BOOLEAN, categories and text VARCHAR, datetimes TIMESTAMP in
    microseconds. The order is as good as random, and the same whatever the source's order.
    """
    columns = [
        f"{column.at} AS {identifier(column.name)}"
        for column in plan.columns
        if column is plan.target or column in plan.features
    ]
    query = f"SELECT {', '.join(columns)} FROM sided WHERE side = {literal(side)} ORDER BY row_hash"
    write_rows(connection, query, side, folder, min(BATCH_ROWS, BATCH_VALUES // len(columns)))


def write_rows(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    side: Split,
    folder: Path,
    batch_rows: int = BATCH_ROWS,
) -> None:
    """<side>.parquet and <side>.arrow: the rows of an ordered query.

    Readers hold batch_rows rows at once, so that rows of images should come in small batches.
    """
    parquet, arrow = folder / f"{side}.parquet", folder / f"{side}.arrow"
    ((count,),) = connection.execute(f"""
        COPY ({query}) TO {literal(str(parquet))}
        (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {batch_rows})
    """).fetchall()
    connection.execute("SET preserve_insertion_order = true")
    file = f"read_parquet({literal(str(parquet))})"
    # A query's rows come in batches of 131,072, and a query for each batch takes thrice the time.
    step = max(1, count) if batch_rows >= BATCH_ROWS else batch_rows
    with nanoarrow.ipc.StreamWriter.from_path(str(arrow)) as writer:
        for start in range(0, max(1, count), step):
            rows = connection.sql(f"FROM {file} LIMIT {step} OFFSET {start}")
            writer.write_stream(nanoarrow.ArrayStream(rows))
    connection.execute("SET preserve_insertion_order = false")
