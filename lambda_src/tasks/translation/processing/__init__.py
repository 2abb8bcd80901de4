"""How a parallel corpus becomes a dataset: normal texts, split by the hash of the source."""

import csv
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from common.datasets import SPLITS, Column, Schema
from common.invocation import Invocation
from common.jobs import Progress
from common.problems import Unprocessable
from common.warnings import EXAMPLES, Warning
from tasks import Processed
from tasks.tables.processing.column_warnings import rejected_rows
from tasks.tables.processing.columns.written import GIVEN_SPLIT, NAMED_SPLIT
from tasks.tables.processing.database import literal, one_row, open_database
from tasks.tables.processing.rows.cleaning import REJECTED_LIMIT
from tasks.tables.processing.writing import write_rows
from tasks.tables.splitting import assign_splits, rows_of_splits
from tasks.tables.splitting.rules import ByColumn, ByHash, Counts, Rows, Rule
from tasks.translation.options import Processing
from tasks.translation.processing.corpus import read
from tasks.translation.processing.corpus.pairs import Pair
from tasks.translation.subwords import LONGEST, normal

RATIO = 5
"""How much longer or shorter than the corpus's median a translation may be, in characters."""

SHORT = 20
"""Pairs of fewer characters in both languages may have any ratio: "Yes" is "Selbstverständlich"."""

_OTHER_SPLIT = "source is in another split"


def process(
    source: Path, options: Processing, folder: Path, invocation: Invocation, progress: Progress
) -> Processed:
    """A dataset of the text columns source and target.

    Raises Unprocessable for a file that is no corpus.
    """
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix="corpus-") as scratch,
        open_database(Path(scratch), invocation) as connection,
    ):
        progress("reading", 5, "Reading the file.")
        corpus = read(source, Path(scratch), options)
        _stage(connection, Path(scratch) / "pairs", corpus.pairs, progress)
        progress("cleaning", 40, "Setting aside pairs that cannot be used, and duplicates.")
        _clean(connection, options)
        rejected = _write_rejected(connection, folder / "rejected.csv")
        rows = _counts(connection, rejected)
        progress("splitting", 60, f"Splitting {rows['used']:,} pairs.")
        counts, warnings = _assign(connection, options)
        split_rows = rows_of_splits(counts)
        for index, split in enumerate(SPLITS):
            progress("writing", 70 + 6 * index, f"Writing {split_rows[split]:,} pairs of {split}.")
            query = f"SELECT source, target FROM {split} ORDER BY row_hash"
            write_rows(connection, query, split, folder)
        return Processed(
            schema=_schema(),
            target="target",
            rows=rows,
            rejected={"reasons": rejected},
            split_rows=split_rows,
            profile={"columns": [_profile(connection, name) for name in ("source", "target")]},
            warnings=[*corpus.warnings, *_unusable(connection, rows, rejected), *warnings],
            source={
                **corpus.facts,
                "source_language": corpus.names[0],
                "target_language": corpus.names[1],
            },
        )


def _schema() -> Schema:
    roles: tuple[tuple[str, Any], ...] = (("source", "feature"), ("target", "target"))
    return Schema([Column(name=n, type="text", role=role, nullable=False) for n, role in roles])


def _stage(
    connection: duckdb.DuckDBPyConnection, path: Path, pairs: Iterable[Pair], progress: Progress
) -> None:
    """Makes the table pairs, by way of a file: normal texts have neither tabs nor line ends."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None)
        for number, pair in enumerate(pairs):
            texts = normal(pair.source), normal(pair.target)
            writer.writerow((*texts, normal(pair.split), pair.reason))
            if number % 100_000 == 0:
                progress("reading", min(35, 5 + number // 100_000), f"Read {number:,} pairs.")
    connection.execute(f"""
        CREATE TABLE pairs AS SELECT coalesce(source, '') AS source,
            coalesce(target, '') AS target, coalesce(split, '') AS split, reason
        FROM read_csv({literal(str(path))}, delim = '\t', quote = '', escape = '', header = false,
            auto_detect = false, max_line_size = {4 << 20}, columns = {{source: 'VARCHAR',
            target: 'VARCHAR', split: 'VARCHAR', reason: 'VARCHAR'}})
    """)
    path.unlink()


def _clean(connection: duckdb.DuckDBPyConnection, options: Processing) -> None:
    """Makes the table clean of the pairs that can be used, and rejected of others with reasons."""
    (typical,) = one_row(
        connection,
        "SELECT coalesce(median(ln(length(target) / length(source))), 0) FROM pairs "
        "WHERE source <> '' AND target <> '' AND reason IS NULL",
    )
    named, unknown = "NULL", ""
    if options.split.column is not None:
        named = NAMED_SPLIT.format(value="split")
        unknown = f"WHEN ({named}) IS NULL THEN 'split column names no split'"
    ratio = f"abs(ln(length(target) / length(source)) - {typical})"
    connection.execute(f"""
        CREATE TABLE evaluated AS SELECT source, target, {named} AS {GIVEN_SPLIT}, source_hash,
            CASE WHEN reason IS NOT NULL THEN reason
            WHEN source = '' THEN 'empty source' WHEN target = '' THEN 'empty target'
            WHEN contains(source, chr(65533)) OR contains(target, chr(65533)) THEN 'not UTF-8'
            WHEN greatest(length(source), length(target)) > {LONGEST} THEN 'too long'
            WHEN greatest(length(source), length(target)) > {SHORT} AND {ratio} > ln({RATIO})
                THEN 'lengths too different' {unknown} END AS reason
        FROM (SELECT *, md5_number_lower(lower(source)) AS source_hash FROM pairs)
    """)
    # Where a column names splits, a sentence stays in the last of its splits: test before others.
    connection.execute(f"""
        CREATE TABLE last_splits AS SELECT source_hash,
            arg_max({GIVEN_SPLIT}, list_position({list(SPLITS)}, {GIVEN_SPLIT})) AS last_split
        FROM evaluated WHERE reason IS NULL GROUP BY source_hash
    """)
    is_elsewhere = f"{GIVEN_SPLIT} IS DISTINCT FROM last_split"
    connection.execute(f"""
        CREATE TABLE rejected AS SELECT source, target, reason FROM evaluated
            WHERE reason IS NOT NULL
        UNION ALL SELECT source, target, {literal(_OTHER_SPLIT)} FROM evaluated
            JOIN last_splits USING (source_hash) WHERE reason IS NULL AND {is_elsewhere}
    """)
    connection.execute(f"""
        CREATE TABLE clean AS SELECT DISTINCT source, target, source_hash, {GIVEN_SPLIT},
            md5_number_lower(concat(source, chr(9), target)) AS row_hash
        FROM evaluated JOIN last_splits USING (source_hash)
        WHERE reason IS NULL AND NOT {is_elsewhere}
    """)


def _assign(
    connection: duckdb.DuckDBPyConnection, options: Processing
) -> tuple[Counts, list[Warning]]:
    """Assigns the pairs of clean to splits: as a column says, or by the hash of their source."""
    rule: Rule = ByHash("source_hash", options.split.shares())
    if options.split.column is not None:
        rule = ByColumn(GIVEN_SPLIT, options.split.column, "source_hash")
    rows = Rows(connection, "clean", what="sentence pairs", differing="their source")
    return assign_splits(rows, rule)


def _write_rejected(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, int]:
    """Writes rejected.csv, and returns how many pairs were rejected for each reason."""
    connection.execute(f"""
        COPY (SELECT source, target, reason AS rejected_reason FROM rejected ORDER BY ALL
            LIMIT {REJECTED_LIMIT}) TO {literal(str(path))} (FORMAT csv, HEADER true)
    """)
    return dict(
        connection.execute(
            "SELECT reason, count(*) AS rows FROM rejected GROUP BY reason "
            "ORDER BY rows DESC, reason"
        ).fetchall()
    )


def _unusable(
    connection: duckdb.DuckDBPyConnection, rows: dict[str, int], rejected: dict[str, int]
) -> list[Warning]:
    """Says which pairs cannot be used; the others are set aside for the split's sake."""
    kinds = {kind: count for kind, count in rejected.items() if kind != _OTHER_SPLIT}
    if not kinds:
        return []
    found = connection.execute(
        f"SELECT source, target FROM rejected WHERE reason <> ? ORDER BY ALL LIMIT {EXAMPLES}",
        [_OTHER_SPLIT],
    ).fetchall()
    examples = ["\t".join(pair) for pair in found]
    return [
        rejected_rows(kinds, sum(kinds.values()), rows["read"], examples=examples, what="pairs")
    ]


def _counts(connection: duckdb.DuckDBPyConnection, rejected: dict[str, int]) -> dict[str, int]:
    """Pairs read, duplicates, rejected, used. Raises Unprocessable when none can be used."""
    (read_, used) = one_row(
        connection, "SELECT (SELECT count(*) FROM pairs), (SELECT count(*) FROM clean)"
    )
    if used == 0:
        worst = ", ".join(f"{reason} ({count:,})" for reason, count in rejected.items())
        raise Unprocessable(f"No sentence pair can be used: {worst or 'there is none'}.")
    count = sum(rejected.values())
    return {
        "read": read_,
        "duplicates": read_ - count - used,
        "rejected": count,
        "used": used,
    }


def _profile(connection: duckdb.DuckDBPyConnection, column: str) -> dict[str, Any]:
    count, distinct, low, mean, high = one_row(
        connection,
        f"SELECT count(*), count(DISTINCT {column}), min(length({column})), "
        f"avg(length({column})), max(length({column})) FROM clean",
    )
    return {
        "name": column,
        "count": count,
        "nulls": 0,
        "distinct": distinct,
        "distinct_is_approximate": False,
        "length": {"min": low, "mean": mean, "max": high},
    }
