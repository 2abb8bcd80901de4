"""Which column of a table of labels names the images."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from common.problems import invalid
from tasks.images.processing.label_tables import check_column
from tasks.images.processing.places import Places, end_of
from tasks.images.processing.reading import Picture

FILES = ("filename", "file", "file_name", "image", "image_path", "path")
"""Columns of names of images, in lower case."""

_LIKE_FILES = re.compile(
    r"(?:image|img|picture|pic|photo|file|frame)s?(?:[ _-]?(?:id|name|file|path|code))?"
    r"|id[ _-]?code"
)
"""Columns that are named after images, too, and may hold their numbers."""


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
        cls, column: str, cells: Sequence[str], places: Places, pictures: Sequence[Picture]
    ) -> Self:
        numbers = places.numbers(cells)
        meant = [numbers.get(cell) for cell in cells]
        found = [number for number in meant if number is not None]
        whole = any(end_of(cell)[0] == pictures[at].path.name for cell, at in numbers.items())
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
