"""Tables in an archive, and which of its images a name in them means."""

import codecs
import csv
import io
import posixpath
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import eq, ne
from pathlib import PurePosixPath
from typing import Any, Self

from common.problems import Unprocessable, invalid
from tasks.framework.forms.words import clean
from tasks.framework.similar_names import no_column
from tasks.images.processing.reading import Picture
from tasks.tables.processing.files.names import repeated

FILES = ("filename", "file", "file_name", "image", "image_path", "path")
"""Columns of names of images, in lower case."""

_LIKE_FILES = re.compile(
    r"(?:image|img|picture|pic|photo|file|frame)s?(?:[ _-]?(?:id|name|file|path|code))?"
    r"|id[ _-]?code"
)
"""Columns that are named after images, too, and may hold their numbers."""

MAX_CELLS = 4_000_000
"""Of a CSV of labels, all of which is in memory: of 200,000 images with boxes there are as many."""

MAX_SIDES = 20
"""Images of one bare name that are told apart by the folders of what names them."""

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


type _End = tuple[str, ...]
"""The parts of a path or name, the last one first."""


class _Ends:
    """Paths in the order of their ends, so that those with one end lie together."""

    def __init__(self, ends: Iterable[_End]) -> None:
        ordered = sorted((end, number) for number, end in enumerate(ends))
        self._ends = [end for end, _ in ordered]
        self._numbers = [number for _, number in ordered]

    def whole(self, end: _End) -> list[int]:
        """The numbers of two paths at most that are this very one."""
        return [number for found, number in self._from(end) if found == end]

    def of(self, end: _End) -> list[int]:
        """The numbers of two paths at most that end so; the path that is no longer is preferred."""
        there = [number for found, number in self._from(end) if found[: len(end)] == end]
        return self.whole(end) or there

    def few(self, end: _End) -> list[int]:
        """The numbers of the paths that end so; none where those are many."""
        near = self._from(end, MAX_SIDES + 1)
        there = [number for found, number in near if found[: len(end)] == end]
        return there if len(there) <= MAX_SIDES else []

    def longest(self, end: _End) -> _End:
        """What some path has most of at its end."""
        at = bisect_left(self._ends, end)
        near = self._ends[max(0, at - 1) : at + 1]
        return end[: max((sum(takewhile(bool, map(eq, one, end))) for one in near), default=0)]

    def _from(self, end: _End, most: int = 2) -> Iterator[tuple[_End, int]]:
        at = bisect_left(self._ends, end)
        return zip(self._ends[at : at + most], self._numbers[at : at + most], strict=True)


class Places:
    """Which of an archive's images a name means, with or without its suffix.

    It is the one whose path ends in the name, folder by folder. The folders before that may be
    those of another machine, and be left out: as far as the archive has none in their place, or
    where the name is an absolute path that has a folder in common with the image's.
    """

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self._paths = paths = [picture.path for picture in pictures]
        self._folders = {path.parent for path in paths}
        self._named = _Ends(path.parts[::-1] for path in paths)
        self._stems = _Ends((path.stem, *path.parent.parts[::-1]) for path in paths)

    def at(self, path: PurePosixPath | str) -> int | None:
        """The image of exactly this path."""
        end = _end(posixpath.normpath(path))
        found = self._named.whole(end) or self._stems.whole(end)
        return found[0] if len(found) == 1 else None

    def told_apart(self, name: str, file: PurePosixPath) -> int | None:
        """The one of several images of a bare name whose folder is like that of the file naming it.

        One folder of the path differs, as in images/train and labels/train, or the file has the
        name of the folder in its own, as instances_train2017.json has.
        """
        end = _end(name)
        if len(end) != 1 or file.parent in self._folders:
            return None
        numbers = self._named.few(end) or self._stems.few(end)
        for is_like in (_is_named_in, _is_beside):
            near = [number for number in numbers if is_like(file, self._paths[number].parent)]
            if near:
                return near[0] if len(near) == 1 else None
        return None

    def numbers(self, names: Iterable[str]) -> dict[str, int]:
        """The images that the names of a list mean.

        A name from which folders were left out means none that another name means, too.
        """
        found: dict[str, int] = {}
        shortened: set[str] = set()
        meant: dict[int, set[_End]] = {}
        for name in dict.fromkeys(names):
            end = _end(name)
            if not end:
                continue
            numbers = self._named.of(end) or self._stems.of(end)
            if not numbers:
                numbers = self._shortened(end, _is_absolute(name))
                shortened.add(name)
            if len(numbers) == 1:
                found[name] = numbers[0]
                meant.setdefault(numbers[0], set()).add(end)
        return {
            name: number
            for name, number in found.items()
            if name not in shortened or len(meant[number]) == 1
        }

    def _shortened(self, end: _End, is_absolute: bool) -> list[int]:
        for ends in (self._named, self._stems):
            if part := ends.longest(end):
                return ends.of(part) if is_absolute and len(part) > 1 else ends.whole(part)
        return []


def _is_named_in(file: PurePosixPath, folder: PurePosixPath) -> bool:
    return folder.name.casefold() in re.split(r"[\W_]+", file.stem.casefold())


def _is_beside(file: PurePosixPath, folder: PurePosixPath) -> bool:
    parts, others = file.parent.parts, folder.parts
    return len(parts) == len(others) and sum(map(ne, parts, others)) == 1


def tidy(name: str) -> str:
    """A name as the paths of an archive's members are written."""
    return clean(name).replace("\\", "/")


def _end(name: str) -> _End:
    return tuple(part for part in tidy(name).split("/")[::-1] if part not in ("", ".", ".."))


def _is_absolute(name: str) -> bool:
    """Whether a name begins with a root, a drive, or a scheme such as s3:."""
    return tidy(name).partition("/")[0].endswith(":") or tidy(name).startswith("/")


@dataclass(frozen=True)
class _Candidate:
    """A column that may be that of the files: the images that its rows mean, and how likely."""

    meant: list[int | None]
    whole: bool
    """Whether its names have suffixes, unlike mere numbers."""

    likeness: int
    """How much its own name is that of a column of files."""

    images: int
    unique: bool

    @classmethod
    def of(
        cls, column: str, cells: Sequence[str], places: "Places", pictures: Sequence[Picture]
    ) -> Self:
        numbers = places.numbers(cells)
        meant = [numbers.get(cell) for cell in cells]
        found = [number for number in meant if number is not None]
        whole = any(_end(cell)[0] == pictures[at].path.name for cell, at in numbers.items())
        name = column.strip().casefold()
        likeness = 2 if name in FILES else int(_LIKE_FILES.fullmatch(name) is not None)
        images = len(set(found))
        return cls(meant, whole, likeness, images, unique=images == len(found))

    def rank(self) -> tuple[bool, int, bool, int]:
        return self.whole, self.likeness, self.unique, self.images

    def may_be_instead_of(self, best: Self) -> bool:
        """Whether it means other images, and little speaks for the best in its place."""
        if self.meant == best.meant:
            return False
        is_alike = (self.whole, self.likeness) == (best.whole, best.likeness)
        is_as_good = self.unique == best.unique or self.images > best.images
        many = self.images > 2 * best.images
        return many or (is_alike and is_as_good and 2 * self.images >= best.images)


def file_column(
    rows: Sequence[dict[str, str]],
    pictures: Sequence[Picture],
    named: str | None,
    others: Collection[str],
) -> str:
    """The column named, or the one whose values are names of images; others are known to be else.

    Whole names count for more than names without a suffix, which may be mere numbers; then the
    column's own name does, and that no image is meant twice. How many images are meant decides
    nothing between columns that mean about as many. Raises Unprocessable where columns are as
    good as each other and mean different images.
    """
    if named is not None:
        return check_column(rows, ["file"], named)
    places = Places(pictures)
    found: dict[str, _Candidate] = {}
    for column in rows[0]:
        if isinstance(column, str) and column not in others:
            cells = [row.get(column) or "" for row in rows]
            candidate = _Candidate.of(column, cells, places, pictures)
            if candidate.images:
                found[column] = candidate
    if not found:
        raise invalid(
            ["file"],
            "no column holds names of images in the archive, such as "
            f"{str(pictures[0].path)!r:.200}: name the one. A name is the end of an image's path, "
            "folder by folder",
        )
    best = max(found, key=lambda column: found[column].rank())
    for column, candidate in found.items():
        if candidate.may_be_instead_of(found[best]):
            detail = f"columns {best!r:.200} and {column!r:.200} may both name the images: name one"
            raise invalid(["file"], detail)
    return best
