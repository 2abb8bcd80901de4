"""Boxes as YOLO has them: a text file per image, a line per object (Redmon et al., 2016).

A line is the number of a class, and the centre, width and height of the box in shares of the
image; of a segmented object it is the corners of a polygon instead, whose bounding box is taken.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath

from common.warnings import EXAMPLES, Warning
from tasks.images.processing.places import Places
from tasks.images.processing.reading import Contents, Picture
from tasks.object_detection.processing import class_names
from tasks.object_detection.processing.sheets import (
    NOWHERE,
    Corners,
    Marked,
    Sheet,
    check_count,
    number,
    warn_of_one_name,
)

_OBJECT = re.compile(
    rb"^[ \t]*+\d+(?:\.0*(?:e\+00)?)?(?:[ \t]++-?[\d.]++(?:e[+-]?\d+)?){4,}+[ \t\r]*+$",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that tells such a file from other text."""

_POSE = re.compile(rb"^kpt_shape\s*:", re.MULTILINE)
_LARGEST = 2
"""No share of a box that is partly in the image: larger numbers are pixels."""


def label_files(contents: Contents, places: Places) -> dict[PurePosixPath, int | None]:
    """The files of labels, each with the number of its image; none where no line is an object."""
    folders = {picture.path.parent for picture in contents.pictures}
    found: dict[PurePosixPath, int | None] = {}
    for path in sorted(contents.notes):
        if path.suffix.lower() != ".txt" or class_names.is_list(path):
            continue
        image = _image(path, folders, places)
        if image is not None or "labels" in map(str.lower, path.parts):
            found[path] = image
    return found if any(_OBJECT.search(contents.notes[path]) for path in found) else {}


def read(files: Mapping[PurePosixPath, int | None], contents: Contents) -> list[Sheet]:
    """What files of labels say of each image. Raises Unprocessable where classes have no names."""
    names = class_names.read(contents.notes)
    classes = frozenset(names.values())
    notes = contents.notes.items()
    is_pose = any(_POSE.search(data) for path, data in notes if path.suffix in (".yaml", ".yml"))
    sheets, outlines, boxes = [], [], 0
    for path, image in files.items():
        picture = None if image is None else contents.pictures[image]
        sheet = Sheet(path, path.stem, (math.nan, math.nan), [], image=image)
        lines = contents.notes[path].decode("utf-8-sig", "replace").splitlines()
        for at, line in enumerate(lines, 1):
            if picture is None or not (cells := line.split()):
                continue
            written = f"{' '.join(cells):.60} (line {at})"
            sheet.objects.append(_marked(cells, names, classes, picture, written, is_pose))
            if len(cells) > 5 and not sheet.objects[-1].wrong:
                outlines.append(f"{path}: {written}")
        sheets.append(sheet)
        boxes += len(sheet.objects)
        check_count(boxes)
    contents.warnings += [*_outlined(outlines, is_pose), *warn_of_one_name(names.values())]
    return sheets


def _image(path: PurePosixPath, folders: Collection[PurePosixPath], places: Places) -> int | None:
    """The image of a file; one elsewhere of its name only where no folder is the image's."""
    parts = list(path.parent.parts)
    labels = [at for at, part in enumerate(parts) if part.lower() == "labels"]
    beside = [path.parent]
    if labels:
        beside.insert(0, PurePosixPath(*parts[: labels[-1]], "images", *parts[labels[-1] + 1 :]))
    near = (places.at(folder / path.stem) for folder in beside)
    image = next((number for number in near if number is not None), None)
    if image is None and not any(folder in folders for folder in beside):
        found = places.numbers([path.stem]).get(path.stem)
        return places.told_apart(path.stem, path) if found is None else found
    return image


def _marked(
    cells: Sequence[str],
    names: Mapping[int, str],
    classes: Collection[str],
    picture: Picture,
    written: str,
    is_pose: bool,
) -> Marked:
    """A line as an object in pixels, or with what is wrong with it."""
    which, values = number(cells[0]), [number(cell) for cell in cells[1:]]
    label = names.get(int(which)) if which.is_integer() else None
    if label is None and cells[0] in classes:
        label = cells[0]
    shares = _corners(values[:4] if is_pose else values)
    wrong = ""
    if label is None:
        wrong = "unknown class"
    elif shares is None:
        wrong = "not a box"
    elif max(map(abs, shares)) > _LARGEST:
        wrong = "box in pixels, where shares of the image are expected"
    if shares is None:
        return Marked(label or cells[0], NOWHERE, wrong=wrong, written=written)
    left, top, right, bottom = shares
    across, down = picture.width, picture.height
    corners = left * across, top * down, right * across, bottom * down
    return Marked(cells[0] if label is None else label, corners, wrong=wrong, written=written)


def _corners(values: Sequence[float]) -> Corners | None:
    """The edges of a box, or of what is around a polygon, in shares; None for neither."""
    if not all(map(math.isfinite, values)):
        return None
    if len(values) == 4:
        x, y, width, height = values
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if len(values) < 6 or len(values) % 2:
        return None
    across, down = values[::2], values[1::2]
    return min(across), min(down), max(across), max(down)


def _outlined(outlines: list[str], is_pose: bool) -> list[Warning]:
    """Says that objects have more than a box, which is left out."""
    if not outlines:
        return []
    what = "have keypoints, which are left out" if is_pose else "are polygons: each became its box"
    return [
        Warning(
            code="outlines_to_boxes",
            detail=f"{len(outlines):,} objects {what}.",
            count=len(outlines),
            examples=outlines[:EXAMPLES],
        )
    ]
