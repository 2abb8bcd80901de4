"""Tables in an archive, and which of its images a name in them means."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from common.problems import Unprocessable, invalid
from tasks.shared.images.processing.reading import Contents
from tasks.shared.similar_names import no_column

MAX_CELLS = 4_000_000
"""Of a CSV of labels, all of which is in memory: of 200,000 images with boxes there are as many."""

MAX_LINE = 100_000
"""Characters of a line of it."""


def csv_rows(data: bytes, table: PurePosixPath) -> list[dict[str, str]]:
    """The rows of a CSV, whatever its delimiter. Raises Unprocessable for what is none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unprocessable(f"{table} is not UTF-8: save it as UTF-8.") from None
    head = text[:4096]
    delimiter = max(",;\t|", key=head.count)
    lines = _bounded_lines(io.StringIO(text, newline=""), table)
    reader = csv.DictReader(lines, delimiter=delimiter)
    rows: list[dict[str, str]] = []
    cells = 0
    try:
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


def _bounded_lines(lines: Iterable[str], table: PurePosixPath) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise Unprocessable(
                f"Line {number:,} of {table} has more than {MAX_LINE:,} characters: no list of "
                "labels has."
            )
        yield line


def file_column(rows: Sequence[dict[str, str]], contents: Contents, named: str | None) -> str:
    """The column named, or the one whose values are names of images."""
    if named is not None:
        check_column(rows, ["file"], named)
        return named
    known = places(contents)
    counts = {
        column: sum(tidy(row.get(column) or "") in known for row in rows)
        for column in rows[0]
        if isinstance(column, str)
    }
    best = max(counts, key=lambda column: counts[column])
    if counts[best] == 0:
        raise invalid(["file"], "no column holds names of images in the archive: name the one")
    return best


def check_column(rows: Sequence[dict[str, str]], where: Sequence[str], name: str) -> None:
    """Raises Unprocessable, pointing at an option of the request, for a column there is not."""
    columns = [column for column in rows[0] if isinstance(column, str)]
    if name in columns:
        return
    raise invalid(where, no_column(name, columns))


def places(contents: Contents) -> dict[str, int]:
    """Numbers of the images by path, and by bare name where that is the only one of it."""
    by_name: dict[str, list[int]] = {}
    for number, picture in enumerate(contents.pictures):
        for name in {picture.path.name, picture.path.stem}:
            by_name.setdefault(name, []).append(number)
    places = {name: numbers[0] for name, numbers in by_name.items() if len(numbers) == 1}
    return places | {str(p.path): number for number, p in enumerate(contents.pictures)}


def tidy(name: str) -> str:
    """A path as those of an archive's members are written."""
    return str(PurePosixPath(name.strip().replace("\\", "/").removeprefix("./")))
