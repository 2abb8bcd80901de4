"""What a part of an Excel workbook holds, counted before the reader takes memory for it.

The reader (python-calamine) makes a grid up to the last cell and copies a shared string for each
cell that refers to it: a part of a few bytes asks for terabytes, and the process ends. Each part is
read here first as XML, whatever its name, in time that grows with its bytes. A million cells take
3.8 s, of which the parser and its calls take 1.9. Two regular expressions took 1.5 s, but were
misled by single quotes, other names of parts and comments.
"""

import re
import zipfile
from array import array
from dataclasses import dataclass, field
from xml.parsers import expat

from common.warnings import EXAMPLES

SHORT_TEXT = 40
"""Bytes of a text that are within those of its cell."""

_CHUNK = 1 << 20
_MAX_ROW = 1_048_576

_MAX_COLUMN = 16_384

_CELL = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")

_ROW = re.compile(r"[A-Za-z]{0,3}([0-9]{1,7})")

_LONGEST_ERROR = 31

_LONGEST_INDEX = 9

_PLAIN_TYPES = frozenset({None, "n", "s", "b", "e"})
"""Types of cells that are empty where their value has no characters."""

_WHOLE_TYPES = frozenset({"str", "inlineStr"})
"""Types of cells whose value is read with its character references; of others, up to the first."""

_WITHOUT_END = frozenset({"t", "is", "f"})
"""Elements of a cell whose end means nothing."""

_INSIDE_NO_CELL = frozenset({"c", "row", "sheetData", "mergeCell"})


class Damaged(Exception):
    """A part is no XML as a workbook has it."""


@dataclass
class Part:
    """What a part of a workbook has, of size bytes: of a sheet, its last filled row and column.

    Both are from 1, and first_row is its first filled row. errors are the texts of cells that hold
    an error, by row and column. references are the indices of shared strings that its cells name,
    beside odd_references that are no plain index. unsaved counts the cells whose formula has no
    result in the file, and unsaved_at names the first of them. strings are the lengths in bytes of
    the shared strings that the part itself defines, and announced is how many it says there are.
    """

    size: int = 0
    rows: int = 0
    columns: int = 0
    first_row: int = 0
    merged: int = 0
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    references: array[int] = field(default_factory=lambda: array("Q"))
    odd_references: int = 0
    unsaved: int = 0
    unsaved_at: list[str] = field(default_factory=list)
    strings: array[int] = field(default_factory=lambda: array("Q"))
    announced: int = 0
    in_pieces_at: str = ""
    """The first cell whose value is in pieces, of which the reader takes one."""

    @property
    def has_table(self) -> bool:
        """Whether more than one row is filled."""
        return self.rows > self.first_row


def count_part(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Part:
    """What a part has. Raises Damaged and ExpatError for what is no XML of a workbook."""
    counter = _Counter()
    # A workbook's parts are UTF-8. The reader looks for the bytes of tags in any case, which text
    # of another encoding may have elsewhere than this parser finds them.
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = counter.start
    parser.EndElementHandler = counter.end
    parser.CharacterDataHandler = counter.characters
    parser.CommentHandler = parser.StartCdataSectionHandler = counter.divide
    parser.ProcessingInstructionHandler = counter.divide
    parser.StartDoctypeDeclHandler = _refuse_doctype
    with archive.open(info) as file:
        while chunk := file.read(_CHUNK):
            parser.Parse(chunk)
            counter.cut()
    parser.Parse(b"", True)
    if counter.part.announced > info.file_size:  # the reader reserves memory for so many
        raise Damaged("fewer shared strings than it says")
    counter.part.size = info.file_size
    return counter.part


def _refuse_doctype(*_: object) -> None:
    raise Damaged("declares a document type")  # no workbook does; entities multiply what is read


class _Counter:
    """Counts a part's elements as the reader takes them: by their names without a prefix."""

    def __init__(self) -> None:
        self.part = Part()
        self._in_data = self._in_cell = self._in_value = self._in_string = False
        self._row = self._column = 1
        self._cell_row, self._cell_row_text = 1, "1"
        self._columns: dict[str, int] = {}
        self._type: str | None = None
        self._has_formula = False
        self._value = ""
        self._pieces = self._cuts = self._length = 0
        self._is_divided = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._in_cell:
            if name == "v":
                self._start_value()
            elif name == "f":
                self._has_formula = True
            elif name != "t":
                self._start_in_cell(name)
        elif name == "c" and self._in_data:
            self._start_cell(attributes)
        else:
            self._start_other(name.partition(":")[2] or name, attributes)

    def end(self, name: str) -> None:
        if name == "v":
            self._in_value = False
        elif name == "c" and self._in_cell:
            self._end_cell()
        elif name not in _WITHOUT_END:
            self._end_other(name.partition(":")[2] or name)

    def divide(self, *_: object) -> None:
        """Notes a comment or the like, which ends what the reader takes of a value."""
        self._is_divided = self._is_divided or self._in_value

    def cut(self) -> None:
        """Notes that a chunk of the part ends, in a value perhaps."""
        self._cuts += 1

    def characters(self, text: str) -> None:
        if self._in_value:
            if not self._pieces:
                self._fill()
                self._value = text
            elif text == "\n":  # which the parser tells by itself
                return
            elif len(self._value) <= _LONGEST_ERROR:  # cut where a chunk of the part ends
                self._value += text
            self._pieces += 1
        elif self._in_string:
            self._length += len(text) if text.isascii() else len(text.encode())

    def _start_other(self, name: str, attributes: dict[str, str]) -> None:
        if name == "mergeCell":
            self.part.merged += 1
        elif self._in_data:
            if name == "c":
                self._start_cell(attributes)
            elif name == "row" and "r" in attributes:
                self._start_row(attributes["r"])
        elif name == "sheetData":
            self._in_data = True
        elif name == "si":
            self._in_string, self._length = True, 0
        elif name == "sst":
            count = attributes.get("uniqueCount", "0").strip()
            if not _is_number(count) or len(count) > _LONGEST_INDEX:
                raise Damaged("shared strings have no count")
            self.part.announced = int(count)

    def _end_other(self, name: str) -> None:
        if name == "c":
            if self._in_cell:
                self._end_cell()
        elif name == "v":
            self._in_value = False
        elif name == "row":
            if self._in_data:
                self._row, self._column = self._row + 1, 1
        elif name == "sheetData":
            self._in_data = False
        elif name == "si" and self._in_string:
            self._in_string = False
            self.part.strings.append(self._length)

    def _start_in_cell(self, name: str) -> None:
        name = name.partition(":")[2] or name
        if name == "v":
            self._start_value()
        elif name == "is":
            self._fill()
        elif name == "f":
            self._has_formula = True
        elif name in _INSIDE_NO_CELL:
            raise Damaged(f"{name} inside of a cell")

    def _start_value(self) -> None:
        self._in_value = True
        if self._type not in _PLAIN_TYPES:
            self._fill()

    def _start_row(self, number: str) -> None:
        if not (found := _ROW.fullmatch(number)):
            raise Damaged("a row has no number")
        self._row = int(found[1])

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._in_cell, self._has_formula, self._pieces, self._cuts = True, False, 0, 0
        self._type = attributes.get("t")
        if (reference := attributes.get("r")) is None:
            self._cell_row, self._cell_row_text = self._row, str(self._row)
            return
        # Most cells have the row of the cell before, and letters that were there before.
        row = self._cell_row_text
        if reference.endswith(row) and (at := self._columns.get(reference[: -len(row)])):
            self._column = at
            return
        if not (found := _CELL.fullmatch(reference)):
            raise Damaged("a cell has no position")
        self._column = self._columns[found[1]] = column_number(found[1])
        self._cell_row, self._cell_row_text = int(found[2]), found[2]

    def _fill(self) -> None:
        """Notes that the cell is not empty."""
        part, row = self.part, self._cell_row
        if row == part.rows and self._column <= part.columns:
            return
        if row > part.rows:
            if row > _MAX_ROW:
                raise Damaged("more rows than a sheet has")
            part.rows = row
        if self._column > part.columns:
            if self._column > _MAX_COLUMN:
                raise Damaged("more columns than a sheet has")
            part.columns = self._column
        if row < part.first_row or not part.first_row:
            part.first_row = row

    def _end_cell(self) -> None:
        is_cut = self._type not in _WHOLE_TYPES and self._pieces > 1 + self._cuts
        if is_cut or self._is_divided:
            at = f"row {self._cell_row}, column {self._column}"
            self.part.in_pieces_at = self.part.in_pieces_at or at
            self._is_divided = False
        if self._pieces:
            if self._type == "s":
                self._refer()
            elif self._type == "e" and len(self._value) <= _LONGEST_ERROR:
                self.part.errors[self._cell_row, self._column] = self._value
        elif self._has_formula and self._type != "str":  # whose result may be an empty text
            self.part.unsaved += 1
            if len(self.part.unsaved_at) < EXAMPLES:
                at = f"row {self._cell_row}, column {self._column}"
                self.part.unsaved_at.append(at)
        self._in_cell = self._in_value = False
        self._column += 1

    def _refer(self) -> None:
        value = self._value
        if self._pieces == 1 and len(value) <= _LONGEST_INDEX and _is_number(value):
            self.part.references.append(int(value))
        else:
            self.part.odd_references += 1


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def column_number(letters: str) -> int:
    """The number of a column, from 1.

    >>> column_number("A"), column_number("ab")
    (1, 28)
    """
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - 64
    return number
