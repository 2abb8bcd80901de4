"""Which columns of tab-separated text hold the sentences, and whether cells are in quotes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES, Warning
from tasks.translation.options import Processing

SAMPLE = 1000
"""Lines that are looked at."""

_QUOTED = re.compile(r'\s*+"((?:[^"]++|"")*+)"\s*+')
_MOST = 0.9
_NEARLY_ALL = 0.95
_LEAST_ROWS = 10

_WORDS = """
source target src tgt trg text translation sentence original input output sl tl
ar bg bn ca cs da de el en es et fa fi fr ga he hi hr hu id is it ja ko lt lv mk ms mt nl
no pl pt ro ru sk sl sq sr sv sw ta th tr uk ur vi zh
ara bul ces chi cmn dan deu dut ell eng est fin fra fre ger gre heb hin hun ind ita jpn
kor lav lit nld nor pol por ron rus slk slv spa swe tha tur ukr vie zho
arabic bulgarian catalan chinese croatian czech danish dutch english estonian finnish
french german greek hebrew hindi hungarian indonesian irish italian japanese korean
latvian lithuanian norwegian persian polish portuguese romanian russian serbian slovak
slovenian spanish swedish thai turkish ukrainian vietnamese
deutsch englisch français anglais español italiano português nederlands polski
"""
_HEADERS = frozenset(_WORDS.split())
"""Names and codes of languages, and other names of columns of sentences."""


@dataclass(frozen=True)
class TextColumns:
    """Where source and target are, and the split where one is named; names are of the first two."""

    positions: Sequence[int]
    names: tuple[str, str]
    has_header: bool
    is_quoted: bool
    warnings: list[Warning] = field(default_factory=list)

    def texts(self, line: str) -> list[str] | None:
        """The cells of a line at the positions; None where it has too few."""
        values = _cells(line, self.is_quoted)
        if len(values) <= max(self.positions):
            return None
        return [values[position] for position in self.positions]


def text_columns(lines: Sequence[str], options: Processing) -> TextColumns:
    """The columns of a file by its first lines, of which the first one has two cells or more.

    They are those that the options name; without names, those called source and target, whatever
    their case, or the first two. Raises Unprocessable for names that are not there, and for columns
    without names that hold no sentences.
    """
    rows = [line.split("\t") for line in lines]
    is_quoted = _are_quoted([cell for row in rows for cell in row])
    rows = [_cells(line, is_quoted) for line in lines]
    warnings = [_warn_of_quotes(lines)] if is_quoted else []
    header = [name.strip() for name in rows[0]]
    asked = {
        "source_language": options.source_language,
        "target_language": options.target_language,
    }
    wanted = [options.source_language or "source", options.target_language or "target"]
    positions = [_position(name, header) for name in wanted]
    for (which, name), position in zip(asked.items(), positions, strict=True):
        if name and position is None:
            raise _no_column([which], name, header)
    found = [position for position in positions if position is not None]
    if options.split.column is not None:
        split = _position(options.split.column, header)
        if split is None or len(found) < 2:
            raise _no_column(["split", "column"], options.split.column, header)
        found.append(split)
    if len(found) < 2:
        warnings += _check_unnamed(rows)
        return TextColumns((0, 1), ("1", "2"), False, is_quoted, warnings)
    return TextColumns(found, (header[found[0]], header[found[1]]), True, is_quoted, warnings)


def _position(name: str, header: Sequence[str]) -> int | None:
    """Where a column of a name is, or the only one whose name differs in its case."""
    if name in header:
        return header.index(name)
    others = [at for at, other in enumerate(header) if other.casefold() == name.casefold()]
    return others[0] if len(others) == 1 else None


def _no_column(where: list[str], name: str, header: Sequence[str]) -> Unprocessable:
    return invalid(where, f"the first line names no column {name!r}: it has {header!r:.200}")


def _check_unnamed(rows: Sequence[Sequence[str]]) -> list[Warning]:
    """Says which columns are taken where that is not clear. Raises Unprocessable for other data."""
    for position, which in enumerate(("source_language", "target_language")):
        values = [row[position].strip() for row in rows[1:] if len(row) > 1]
        found = list(dict.fromkeys(filter(None, values)))
        if (len(found) == 1 and len(values) >= _LEAST_ROWS) or (
            found and sum(map(_is_no_text, values)) >= _MOST * len(values)
        ):
            raise invalid(
                [which],
                f"no column is named, and column {position + 1} holds no sentences, but such as "
                f"{', '.join(map(repr, found[:EXAMPLES])):.200}: put a first line into the file "
                "that names the columns, and name those of the sentences",
            )
    first = rows[0][:2]
    if len(rows[0]) == 2 and any(cell.strip().casefold() not in _HEADERS for cell in first):
        return []
    detail = (
        f"The first line names no columns source and target: of {len(rows[0]):,} columns the first "
        f"was read as the source, the second as the target, and {first[0]!r:.100} with "
        f"{first[1]!r:.100} as the first pair."
    )
    return [
        Warning(
            code="unnamed_columns",
            detail=detail,
            count=len(rows[0]),
            examples=["\t".join(row[:2]) for row in rows[:EXAMPLES]],
            option="source_language, target_language",
        )
    ]


def _is_no_text(value: str) -> bool:
    """Whether a cell is empty, a number or an identifier."""
    if not any(map(str.isalpha, value)):
        return True
    return value.isascii() and " " not in value and any(map(str.isdigit, value))


def _cells(line: str, is_quoted: bool) -> list[str]:
    cells = line.split("\t")
    return [_unquoted(cell) for cell in cells] if is_quoted else cells


def _unquoted(cell: str) -> str:
    match = _QUOTED.fullmatch(cell)
    return cell if match is None else match[1].replace('""', '"')


def _are_quoted(cells: Sequence[str]) -> bool:
    """Whether quotes are those of a table: all are around cells, and doubled within these.

    Where none is within a cell, nearly all cells have them, as a text may be in quotes itself.
    """
    having = [cell for cell in cells if '"' in cell]
    quoted = [cell.strip() for cell in having if _QUOTED.fullmatch(cell)]
    if not quoted or len(quoted) < _NEARLY_ALL * len(having):
        return False
    filled = sum(map(bool, map(str.strip, cells)))
    return len(quoted) >= _MOST * filled or any('""' in cell[1:-1] for cell in quoted)


def _warn_of_quotes(lines: Sequence[str]) -> Warning:
    quoted = [cell for line in lines for cell in line.split("\t") if _QUOTED.fullmatch(cell)]
    detail = (
        f"Cells are in quotes, {len(quoted):,} of them in the first {len(lines):,} lines, and were "
        "read without them. Where they are part of the texts, send JSON Lines."
    )
    return Warning(
        code="quoted_cells", detail=detail, count=len(quoted), examples=quoted[:EXAMPLES]
    )
