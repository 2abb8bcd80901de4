"""Which of an archive's images a name means."""

import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from operator import eq, ne
from pathlib import PurePosixPath

from tasks.framework.forms.words import clean
from tasks.images.processing.reading import Picture

MAX_SIDES = 20
"""Images of one bare name that are told apart by the folders of what names them."""

type End = tuple[str, ...]
"""The parts of a path or name, the last one first."""


class _Ends:
    """Paths in the order of their ends, so that those with one end lie together."""

    def __init__(self, ends: Iterable[End]) -> None:
        ordered = sorted((end, number) for number, end in enumerate(ends))
        self._ends = [end for end, _ in ordered]
        self._numbers = [number for _, number in ordered]

    def whole(self, end: End) -> list[int]:
        """The numbers of two paths at most that are this very one."""
        return [number for found, number in self._from(end) if found == end]

    def of(self, end: End) -> list[int]:
        """The numbers of two paths at most that end so; the path that is no longer is preferred."""
        there = [number for found, number in self._from(end) if found[: len(end)] == end]
        return self.whole(end) or there

    def few(self, end: End) -> list[int]:
        """The numbers of the paths that end so; none where those are many."""
        near = self._from(end, MAX_SIDES + 1)
        there = [number for found, number in near if found[: len(end)] == end]
        return there if len(there) <= MAX_SIDES else []

    def longest(self, end: End) -> End:
        """What some path has most of at its end."""
        at = bisect_left(self._ends, end)
        near = self._ends[max(0, at - 1) : at + 1]
        return end[: max((sum(takewhile(bool, map(eq, one, end))) for one in near), default=0)]

    def _from(self, end: End, most: int = 2) -> Iterator[tuple[End, int]]:
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
        end = end_of(posixpath.normpath(path))
        found = self._named.whole(end) or self._stems.whole(end)
        return found[0] if len(found) == 1 else None

    def told_apart(self, name: str, file: PurePosixPath) -> int | None:
        """The one of several images of a bare name whose folder is like that of the file naming it.

        One folder of the path differs, as in images/train and labels/train, or the file has the
        name of the folder in its own, as instances_train2017.json has.
        """
        end = end_of(name)
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
        meant: dict[int, set[End]] = {}
        for name in dict.fromkeys(names):
            end = end_of(name)
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

    def _shortened(self, end: End, is_absolute: bool) -> list[int]:
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


def end_of(name: str) -> End:
    return tuple(part for part in tidy(name).split("/")[::-1] if part not in ("", ".", ".."))


def _is_absolute(name: str) -> bool:
    """Whether a name begins with a root, a drive, or a scheme such as s3:."""
    return tidy(name).partition("/")[0].endswith(":") or tidy(name).startswith("/")
