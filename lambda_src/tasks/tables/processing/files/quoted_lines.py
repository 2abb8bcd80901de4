"""Files whose every line is one value in quotes, as spreadsheets save a CSV that they misread."""

import re
from collections.abc import Sequence
from pathlib import Path

from common.warnings import EXAMPLES, Warning
from tasks.tables.processing.files.dialect import DELIMITERS
from tasks.tables.processing.files.text_files import head_text

_HEAD_BYTES = 64 << 10
_LEAST_LINES = 3
_WRAPPED = re.compile(r'"((?:[^"\r\n]|"")*)"([\r\n]*)')


def unwrapped(path: Path, folder: Path, delimiter: str | None) -> tuple[Path, list[Warning]]:
    """The file without the quotes around its lines, and the warning that says so.

    Lines that are written in another way stay as they are.
    """
    head, complete = head_text(path, _HEAD_BYTES)
    lines = head.splitlines(keepends=True)
    if not complete:
        lines.pop()
    if not _are_wrapped(lines, delimiter):
        return path, []
    result, count = folder / "unwrapped", 0
    with (
        path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file,
        result.open("w", encoding="utf-8", errors="surrogateescape", newline="") as copy,
    ):
        for line in file:
            plain = _WRAPPED.fullmatch(line)
            count += plain is not None
            copy.write(plain[1].replace('""', '"') + plain[2] if plain else line)
    warning = Warning(
        code="quoted_lines",
        detail="Whole lines are in quotes, as if each was one value, and were read without them.",
        count=count,
        examples=[line.strip() for line in lines[:EXAMPLES]],
        option="csv.quote",
    )
    return result, [warning]


def _are_wrapped(lines: Sequence[str], delimiter: str | None) -> bool:
    """Whether each line is one value in quotes, and all values have as many delimiters."""
    inner = [found[1] for line in lines if line.strip() and (found := _WRAPPED.fullmatch(line))]
    if len(inner) < _LEAST_LINES or len(inner) < sum(1 for line in lines if line.strip()):
        return False
    plain = [re.sub(r'""(?:[^"]|"""")*""', "", text) for text in inner]
    return any(
        len({text.count(each) for text in plain}) == 1 and each in plain[0]
        for each in ([delimiter] if delimiter else DELIMITERS)
    )
