"""JSON files that are neither JSON Lines nor an array of objects, as JSON Lines.

Files of pandas (orient columns, list, index, split or table), objects around a list of objects,
and objects that are written over several lines. They are read whole, and so only up to a size.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from common.problems import Unprocessable
from common.warnings import EXAMPLES, Warning
from tasks.tables.processing.database import one_row
from tasks.tables.processing.files.bad_lines import MAX_LINE_BYTES
from tasks.tables.processing.files.json_values import Repeated
from tasks.tables.processing.files.names import normal_names
from tasks.tables.processing.files.reading import Reading
from tasks.tables.processing.files.text_files import CheckedFile

MAX_BYTES = 64_000_000
"""A document is refused beyond this."""

MAX_CELLS = 50_000_000
"""Of a table with an object for each column; a document has bytes for a fifth of it."""

_MEMORY_SHARE = 1 / 8
"""The part of DuckDB's memory, which it does not hold yet, that a document may be."""

_WANTED = "Send one JSON object per line, or an array of objects, one for each row."
_HEAD_LINES = 20
_SHOWN = 40


class _Rows(NamedTuple):
    """The rows of a document, and how they were found where that is not plain."""

    rows: Iterator[Mapping[str, Any]]
    form: str | None = None


class Lines(NamedTuple):
    """A file with an object per line, and the keys that objects had twice before."""

    path: Path
    repeated: Repeated


def as_lines(reading: Reading, path: Path) -> Lines | None:
    """A copy of the file with an object per line; None where it is to be read as it is.

    Raises Unprocessable for a document that is no table.
    """
    lines = _head(path)
    if not lines or lines[0].startswith("["):
        refuse_arrays(path)
        return None
    objects = [isinstance(_value(line), dict) for line in lines]
    if objects[0] and len(objects) > 1:
        return None
    limit = _limit(reading)
    if path.stat().st_size > limit:
        if any(objects[1:]):
            return None
        raise Unprocessable(
            f"The file is one JSON document of over {limit / 1e6:,.0f} MB, too large to be read "
            f"whole. {_WANTED}"
        )
    repeated = Repeated(normal_names(reading.exclude))
    values, end = _values(path.read_text(encoding="utf-8-sig", errors="replace"), repeated)
    if end is not None:  # not to its end
        if any(objects[1:]):
            return None
        raise Unprocessable(f"{end} {_WANTED}")
    rows = _rows(values[0], reading.wanted) if len(values) == 1 else _Rows(iter(values))
    return Lines(_written(reading, rows), repeated)


def refuse_arrays(path: Path) -> None:
    """Raises Unprocessable for rows that are JSON arrays, in which no column has a name."""
    lines = _head(path)
    if not lines or not lines[0].startswith("["):
        return
    of_arrays = "".join("".join(lines).split()).startswith("[[")
    if of_arrays or (len(lines) > 1 and all(isinstance(_value(line), list) for line in lines[:-1])):
        raise Unprocessable(f"The rows of the file are JSON arrays, not objects. {_WANTED}")


def check_array(path: Path) -> None:
    """Raises Unprocessable that says where an array is no valid JSON, unless it is too large."""
    if path.stat().st_size > MAX_BYTES:
        return
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        json.loads(text, parse_int=str)  # whatever its digits, of which Python bounds the number
    except RecursionError:
        raise Unprocessable("The JSON is nested too deep.") from None
    except json.JSONDecodeError as error:
        raise Unprocessable(f"{_fault(text, error)} {_WANTED}") from None


def _fault(text: str, error: json.JSONDecodeError) -> str:
    there = text[error.pos : error.pos + _SHOWN].splitlines()[:1]
    reason = error.msg[:1].lower() + error.msg[1:]
    return (
        f"The file is not valid JSON (line {error.lineno:,}, character {error.colno:,}: {reason}): "
        f"{there[0] if there else ''!r} is there."
    )


def _head(path: Path) -> list[str]:
    """The first lines that are not blank, each up to some bytes."""
    with path.open("rb") as file:
        lines = list(islice(iter(lambda: file.readline(MAX_LINE_BYTES), b""), _HEAD_LINES))
    texts = (
        line.decode("utf-8", errors="replace").removeprefix("\ufeff").strip() for line in lines
    )
    return [text for text in texts if text]


def _limit(reading: Reading) -> int:
    (memory_mb,) = one_row(reading.connection, "SELECT getvariable('memory_mb')")
    return min(MAX_BYTES, int(memory_mb * 1e6 * _MEMORY_SHARE))


def _value(text: str) -> Any:
    """What a text is in JSON; the text where it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _values(text: str, repeated: Repeated) -> tuple[list[Any], str | None]:
    """All values of a text one after another, and what is wrong with it."""
    decoder = json.JSONDecoder(object_pairs_hook=repeated.object)
    values, at = list[Any](), 0
    try:
        while (at := _next(text, at)) < len(text):
            value, at = decoder.raw_decode(text, at)
            values.append(value)
    except RecursionError:
        return values, "The JSON is nested too deep."
    except json.JSONDecodeError as error:
        if not text[error.pos :].strip() or "Unterminated" in error.msg:
            return values, f"The JSON is cut off: it ends in line {text.count(chr(10)) + 1:,}."
        return values, _fault(text, error)
    except ValueError:
        return values, f"The JSON has a number of over {sys.get_int_max_str_digits():,} digits."
    if len(values) > 1 and not all(isinstance(value, dict) for value in values):
        return values, "The file has values one after another that are no objects."
    return values, None


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _rows(document: Any, wanted: Sequence[str]) -> _Rows:
    """The rows of one document. Raises Unprocessable where there are none."""
    if not isinstance(document, dict):
        raise Unprocessable(f"The file is one JSON value that is no object. {_WANTED}")
    lists = {key: value for key, value in document.items() if isinstance(value, list)}
    columns, data = lists.get("columns"), lists.get("data")
    if columns is not None and data and all(isinstance(row, list) for row in data):
        return _Rows(_split(columns, data), "the columns' names in one list and rows in another")
    tables = [key for key, value in lists.items() if value and _are_objects(value)]
    if len(tables) == 1:
        return _Rows(iter(lists[tables[0]]), f"an object with the rows in {tables[0]!r}")
    lengths = {len(value) for value in lists.values()}
    if len(lists) == len(document) and len(lengths) == 1 and not tables and max(lengths) > 0:
        return _Rows(_listed(lists), "an object with a list for each column")
    if document and _are_objects(list(document.values())):
        return _oriented(document, wanted)
    names = ", ".join(tables[:EXAMPLES]).encode(errors="replace").decode()
    found = f"several lists of objects ({names})" if tables else "a single object"
    raise Unprocessable(f"The file is one JSON object, with {found}. {_WANTED}")


def _are_objects(values: Sequence[Any]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _split(columns: Sequence[Any], data: Sequence[Sequence[Any]]) -> Iterator[Mapping[str, Any]]:
    names = [str(name) for name in columns]
    if repeated := [name for name, times in Counter(names).items() if times > 1]:
        raise Unprocessable(f"The columns name {repeated[0]!r:.200} twice: give each its own name.")
    for number, row in enumerate(data, 1):
        if len(row) != len(names):
            raise Unprocessable(
                f"Row {number:,} of data has {len(row):,} values, and there are {len(names):,} "
                "columns."
            )
        yield dict(zip(names, row, strict=True))


def _listed(columns: Mapping[str, Sequence[Any]]) -> Iterator[Mapping[str, Any]]:
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, row, strict=True))


def _oriented(document: Mapping[str, Mapping[str, Any]], wanted: Sequence[str]) -> _Rows:
    """An object of objects: one for each column, or one for each row. wanted are columns."""
    labels = list(dict.fromkeys(key for inner in document.values() for key in inner))
    outer, inner = (sum(name in keys for name in wanted) for keys in (document, labels))
    if outer == inner:
        outer, inner = (all(map(str.isdigit, keys)) for keys in (labels, document))
    if outer > inner:
        return _Rows(_transposed(document, labels), "an object with an object for each column")
    if inner > outer:
        return _Rows(iter(document.values()), "an object with an object for each row")
    raise Unprocessable(
        "The file is one JSON object of objects, and it is not clear whether those are rows or "
        f"columns. {_WANTED}"
    )


def _transposed(
    columns: Mapping[str, Mapping[str, Any]], labels: Sequence[str]
) -> Iterator[Mapping[str, Any]]:
    """The rows of columns, whose values have labels. Only the first has what is missing, as null.

    Where no two columns have labels in common, the cells grow with the square of the file.
    """
    if len(columns) * len(labels) > MAX_CELLS:
        raise Unprocessable(
            f"The file has {len(columns):,} columns, whose values have {len(labels):,} different "
            f"labels: a table of over {MAX_CELLS:,} cells, most of them empty. {_WANTED}"
        )
    missing: Mapping[str, Any] = dict.fromkeys(columns)
    for label in labels:
        yield {**missing, **{name: one[label] for name, one in columns.items() if label in one}}
        missing = {}


def _written(reading: Reading, rows: _Rows) -> Path:
    result, count = reading.folder / "rows.jsonl", 0
    with CheckedFile(result) as file:
        for count, row in enumerate(rows.rows, 1):
            file.write(_line(row, count))
    if rows.form is not None:
        detail = f"The file is one JSON document, {rows.form}, and was read as {count:,} rows."
        reading.warnings.append(Warning(code="json_form", detail=detail, count=count))
    return result


def _line(row: Mapping[str, Any], number: int) -> bytes:
    text = json.dumps(row, ensure_ascii=False).replace("\n", " ") + "\n"
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Unprocessable(
            f"Row {number:,} has half a surrogate pair, which is no character: leave it out."
        ) from None
