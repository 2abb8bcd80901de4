"""What may help where a file has none of the columns that a request names."""

import io
from collections.abc import Sequence

from common.problems import Unprocessable
from tasks.tables.processing.files.dialect import DELIMITERS, Dialect
from tasks.tables.processing.files.reading import Reading

_OTHERS = (" ", "^", "~", ":", "\x01", "\x1f")
_HEAD_LINES = 50


def with_hint(
    problem: Unprocessable, reading: Reading, dialect: Dialect, head: str, option: str
) -> Unprocessable:
    """The problem with a hint at the option that may have been meant to be set."""
    if any(name in dialect.names for name in reading.wanted):
        return problem
    hint = _hint(reading, dialect, head, option)
    return (
        Unprocessable(f"{problem.detail.rstrip('.')}. {hint}", problem.errors) if hint else problem
    )


def _hint(reading: Reading, dialect: Dialect, head: str, option: str) -> str:
    lines = io.StringIO(head, newline="").readlines()[:_HEAD_LINES]
    for number, line in enumerate(lines, 1) if dialect.header else ():
        if number > dialect.skip + 1 and _names(line, dialect.delimiter, reading.wanted):
            return (
                f"Line {number:,} may be the header: set {option}.skip_lines to {number - 1:,} if "
                "it is."
            )
    if option == "excel":
        return _sheets(reading)
    for delimiter in (*DELIMITERS, *_OTHERS):
        if delimiter != dialect.delimiter and _names(lines[0], delimiter, reading.wanted):
            return f"Columns seem to be separated by {delimiter!r}: set {option}.delimiter to it."
    if len(dialect.names) == 1:
        return f"The file has one column: set {option}.delimiter to what separates its columns."
    return ""


def _names(line: str, delimiter: str, wanted: Sequence[str]) -> bool:
    cells = [cell.strip().strip("\"'") for cell in line.split(delimiter)]
    return len(cells) > 1 and any(name in cells for name in wanted)


def _sheets(reading: Reading) -> str:
    unread = [warning for warning in reading.warnings if warning.code == "sheet"]
    if not unread:
        return ""
    names = ", ".join(map(repr, unread[0].examples))
    return (
        f"Sheet {reading.facts.get('sheet')!r} was read: set excel.sheet to read another, such as "
        f"{names}."
    )
