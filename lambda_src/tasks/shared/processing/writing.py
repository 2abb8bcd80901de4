"""The sides of the split as files: Parquet for everyone, an Arrow IPC stream for training."""

from pathlib import Path

import duckdb
import nanoarrow
import nanoarrow.ipc

from common.datasets import Split
from tasks.shared.processing.database import identifier, literal
from tasks.shared.processing.plan import Plan


def write_side(
    connection: duckdb.DuckDBPyConnection, plan: Plan, side: Split, folder: Path
) -> None:
    """<side>.parquet and <side>.arrow: features and target, ordered by the rows' hashes.

    Numbers are DOUBLE, booleans BOOLEAN, categories and text VARCHAR, datetimes TIMESTAMP in
    microseconds. The order is as good as random, and the same whatever the source's order.
    """
    columns = ", ".join(
        f"{column.at} AS {identifier(column.name)}"
        for column in plan.columns
        if column is plan.target or column in plan.features
    )
    query = f"SELECT {columns} FROM sided WHERE side = {literal(side)} ORDER BY row_hash"
    write_rows(connection, query, side, folder)


def write_rows(
    connection: duckdb.DuckDBPyConnection, query: str, side: Split, folder: Path
) -> None:
    """<side>.parquet and <side>.arrow: the rows of an ordered query."""
    parquet, arrow = folder / f"{side}.parquet", folder / f"{side}.arrow"
    connection.execute(
        f"COPY ({query}) TO {literal(str(parquet))} (FORMAT parquet, COMPRESSION zstd)"
    )
    connection.execute("SET preserve_insertion_order = true")
    rows = connection.sql(f"FROM read_parquet({literal(str(parquet))})")
    with nanoarrow.ipc.StreamWriter.from_path(str(arrow)) as writer:
        writer.write_stream(nanoarrow.ArrayStream(rows))
    connection.execute("SET preserve_insertion_order = false")
