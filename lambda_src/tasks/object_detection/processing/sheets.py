"""What a file of any form says of one image."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from common.problems import Unprocessable
from common.warnings import EXAMPLES, Warning
from tasks.images.processing.places import tidy

type Corners = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels; NaN for what is no number."""

NOWHERE: Corners = math.nan, math.nan, math.nan, math.nan

MAX_BOXES = 2_000_000
"""Of an archive. COCO itself has half as many; each takes some hundred bytes of memory."""


@dataclass(frozen=True, slots=True)
class Marked:
    """An object as it was annotated; a crowd is a box around many.

    wrong says why it is no object, where its form knows; written is how the file has it.
    """

    label: str
    corners: Corners
    crowd: bool = False
    wrong: str = ""
    written: str = ""


@dataclass(frozen=True)
class Sheet:
    """One image's objects: none where the image shows none.

    called is what the file calls the image, size the width and height that it gives it, split the
    split that it names. Which image it is says its number, or else names, the likeliest first, and
    the folder that it is said to be in. entry tells it from others that the file has.
    """

    file: PurePosixPath
    called: str
    size: tuple[float, float]
    objects: list[Marked]
    split: str | None = None
    image: int | None = None
    names: tuple[str, ...] = ()
    folder: str = ""
    entry: str = ""

    @property
    def is_bare(self) -> bool:
        """Whether no name says a folder: images of several may be called so."""
        return bool(self.names) and not any("/" in tidy(name) for name in self.names)


def number(text: str | None) -> float:
    """A number as files write it; NaN for anything else."""
    try:
        return float(text or "")
    except ValueError:
        return math.nan


def check_count(boxes: int) -> None:
    """Raises Unprocessable for more boxes than an archive may have."""
    if boxes > MAX_BOXES:
        raise Unprocessable(
            f"The archive has more than {MAX_BOXES:,} boxes: send fewer images at once."
        )


def warn_of_one_name(names: Iterable[str]) -> list[Warning]:
    """Says that several classes have one name, and so become one label."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if not repeated:
        return []
    detail = f"{len(repeated):,} names stand for several numbers of classes, which become one."
    return [
        Warning(
            code="repeated_class_names",
            detail=detail,
            count=len(repeated),
            examples=repeated[:EXAMPLES],
        )
    ]
