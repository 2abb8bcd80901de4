"""Any source as one view of text: `raw`, with columns c0, c1, ..., and `bad_lines`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from msgspec.structs import asdict

from common.problems import Unprocessable, invalid
from common.warnings import Warning
from tasks.tables.options import FileOptions
from tasks.tables.processing.files.csv_files import load_csv
from tasks.tables.processing.files.excel import as_csv, sheet_as_csv
from tasks.tables.processing.files.foreign_files import refuse_markup
from tasks.tables.processing.files.json_documents import as_lines, refuse_arrays
from tasks.tables.processing.files.json_files import load_json
from tasks.tables.processing.files.nested import REASONS, Kind
from tasks.tables.processing.files.parquet_files import load_parquet
from tasks.tables.processing.files.reading import Make, Reading, Table
from tasks.tables.processing.files.text_files import Format, PlainFile, plain_file

_WITHOUT_ENCODING: Collection[Format] = ("parquet", "xlsx")
_SHOWN: Mapping[Format, str] = {
    "csv": "CSV",
    "jsonl": "JSON Lines",
    "json": "JSON",
    "parquet": "Parquet",
    "xlsx": "an Excel workbook",
}


@dataclass(frozen=True)
class Loaded[T]:
    """What was read: names[i] is the name of column c<i>, and made what was made of raw.

    unread are the columns that are not in raw, each with what it holds; mixed, those that hold
    lists or objects in some rows.
    """

    names: tuple[str, ...]
    made: T
    facts: dict[str, Any]
    warnings: list[Warning]
    unread: Mapping[str, Kind] = field(default_factory=dict)
    mixed: Mapping[str, int] = field(default_factory=dict)


def load[T](
    connection: duckdb.DuckDBPyConnection,
    source: Path,
    folder: Path,
    options: FileOptions,
    wanted: Sequence[str],
    make: Make[T],
    exclude: Collection[str] = (),
) -> Loaded[T]:
    """Makes raw, of every cell's text as it stands, and of raw what is asked for.

    raw reads the file anew each time. bad_lines gets the lines that are no
    rows: reason, kind (the reason without particulars) and the line itself. What a column that
    exclude names is called, or holds, is never a problem. Raises Unprocessable, also when nothing
    is in raw.
    """
    plain = plain_file(source, folder, options.format, options.encoding)
    _check_options(options, plain.format)
    connection.execute("CREATE TABLE bad_lines (kind VARCHAR, reason VARCHAR, line VARCHAR)")
    reading = Reading(connection, folder, wanted, exclude, dict(plain.facts), [*plain.warnings])
    try:
        names, made = _load(reading, plain, options, make)
    except Unprocessable as problem:
        if unread := [name for name in wanted if name in reading.unread]:
            reason = REASONS[reading.unread[unread[0]]]
            raise Unprocessable(
                f"Column {unread[0]!r} cannot be used: {reason}. Choose another, or send its "
                "values as numbers or texts."
            ) from problem
        raise
    return Loaded(names, made, reading.facts, reading.warnings, reading.unread, reading.mixed)


def _check_options(options: FileOptions, found: Format) -> None:
    """Raises Unprocessable for an option that files of this format have no use for.

    csv.decimal is of texts that are numbers, which files of all formats may have.
    """
    given = [["encoding"]] if options.encoding is not None and found in _WITHOUT_ENCODING else []
    for name, read, of in (("csv", "csv", options.csv), ("excel", "xlsx", options.excel)):
        if found != read:
            set_ = (key for key, value in asdict(of).items() if value is not None)
            given += [[name, key] for key in set_ if key != "decimal"]
    if given:
        raise invalid(
            given[0], f"the file is {_SHOWN[found]}, which has no such option: leave it out"
        )


def _load[T](reading: Reading, plain: PlainFile, options: FileOptions, make: Make[T]) -> Table[T]:
    path = plain.path
    if plain.format == "parquet":
        return load_parquet(reading, path, make)
    if plain.format == "xlsx":
        sheet = sheet_as_csv(reading, path, options.excel)
        return load_csv(reading, sheet, as_csv(options.excel), "excel", make)
    if plain.format == "csv":
        refuse_markup(path)
        refuse_arrays(path)
        return load_csv(reading, path, options.csv, "csv", make)
    if (lines := as_lines(reading, path)) is not None:
        return load_json(reading, lines.path, False, make, lines.repeated)
    return load_json(reading, path, plain.format == "json", make)
