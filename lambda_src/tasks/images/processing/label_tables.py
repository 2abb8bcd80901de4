"""CSV files in an archive: lists of labels or boxes."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from common.problems import Unprocessable, invalid
from tasks.framework.forms.words import clean
from tasks.framework.similar_names import no_column
from tasks.tables.processing.files.names import repeated

MAX_CELLS = 4_000_000
"""Of a CSV of labels, all of which is in memory: of 200,000 images with boxes there are as many."""

MAX_LINE = 100_000
"""Characters of a line of it."""

_SAID = re.compile(r"sep=([,;\t|])\r?\n")
"""What Excel reads of a first line: the delimiter of those that follow."""

_QUOTED = re.compile(r'"[^"]*+"')


def csv_rows(data: bytes, table: PurePosixPath) -> list[dict[str, str]]:
    """The rows of a CSV, whatever its delimiter. Raises Unprocessable for what is none."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise Unprocessable(f"{table} is not UTF-8: save it as UTF-8.") from None
    header = _QUOTED.sub("", text[:MAX_LINE]).partition("\n")[0]
    delimiter = max(",;\t|", key=header.count)
    if said := _SAID.match(text):
        delimiter, text = said[1], text[said.end() :]
    lines = _bounded_lines(io.StringIO(text, newline=""), table)
    reader = csv.DictReader(lines, delimiter=delimiter)
    rows: list[dict[str, str]] = []
    cells = 0
    try:
        reader.fieldnames = _columns(reader.fieldnames or (), table)
        for row in reader:
            cells += len(row)
            if cells > MAX_CELLS:
                raise Unprocessable(
                    f"{table} has more than {MAX_CELLS:,} cells: send the columns of files and "
                    "labels only, or fewer images."
                )
            rows.append(row)
    except csv.Error as error:
        raise Unprocessable(
            f"{table} cannot be read at line {reader.line_num:,}: save it as CSV again."
        ) from error
    if not rows:
        raise Unprocessable(f"{table} has no rows.")
    return rows


def has_more_cells(row: Mapping[Any, Any]) -> bool:
    """Whether a row has cells beyond the header: the others may be in columns of theirs, then."""
    return any(map(str.strip, row.get(None) or ()))


def _bounded_lines(lines: Iterable[str], table: PurePosixPath) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise Unprocessable(
                f"Line {number:,} of {table} has more than {MAX_LINE:,} characters: no list of "
                "labels has."
            )
        yield line


def _columns(written: Sequence[str], table: PurePosixPath) -> list[str]:
    """The names of columns in their normal form. Raises Unprocessable for one that is twice."""
    names = [clean(name) for name in written]
    if twice := repeated(each for each in zip(names, written, strict=True) if each[0]):
        raise Unprocessable(
            f"Two columns are named {twice[0]!r} and {twice[1]!r} in {table}: give every column a "
            "name of its own (case, spaces around it and its Unicode form do not count)."
        )
    return names


def check_column(rows: Sequence[dict[str, str]], where: Sequence[str], name: str) -> str:
    """A column's name in its normal form.

    Raises Unprocessable, pointing at an option of the request, for a column there is not.
    """
    columns = [column for column in rows[0] if isinstance(column, str)]
    if clean(name) not in columns:
        raise invalid(where, no_column(name, columns))
    return clean(name)
