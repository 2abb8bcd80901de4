"""The CSV file that both sides get: numbers, categories, dates, booleans, gaps and duplicates."""

from pathlib import Path

import duckdb

ROW_BYTES = 55.5
"""Bytes of a row, about."""

_ROWS = """
WITH rows AS (SELECT CASE WHEN i % 100 = 99 THEN i - 1 ELSE i END AS i FROM range({rows}) t(i)),
drawn AS (
    SELECT [(hash(i * 16 + k) % 1000003)::BIGINT FOR k IN range(9)] AS r FROM rows
)
SELECT
    round(r[1] / 997.0, 3) AS amount,
    CASE WHEN r[2] % 33 > 0 THEN 18 + r[3] % 70 END AS age,
    round(sqrt(r[4]), 4) AS score,
    ['north', 'south', 'east', 'west'][1 + r[5] % 4] AS region,
    'product ' || (r[6] % 40) AS product,
    DATE '2020-01-01' + (r[7] % 1500)::INTEGER AS day,
    r[8] % 2 = 0 AS member,
    CASE WHEN r[9] % 200 > 0 THEN
        CASE WHEN r[3] % 70 + r[9] % 40 > 55 THEN 'yes' ELSE 'no' END
    END AS churn
FROM drawn
"""


def write(path: Path, rows: int) -> None:
    """Writes so many rows: 1% repeat the one before, 0.5% lack the target, 3% an age."""
    with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as connection:
        connection.execute(f"COPY ({_ROWS.format(rows=rows)}) TO '{path}' (HEADER)")
