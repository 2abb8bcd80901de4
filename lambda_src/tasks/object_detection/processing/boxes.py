"""The objects that an image shows, by the sheets that tell of it."""

import math
from collections.abc import Sequence

from tasks.framework.forms.words import clean
from tasks.images.processing.reading import Picture, Rejected, Rejections
from tasks.object_detection.objects import DIGITS, Object
from tasks.object_detection.processing.sheets import Marked, Sheet

SAME_SHAPE = 0.02
"""Relative difference of an image's proportions from those that its boxes were drawn in."""

LEAST_INSIDE = 0.5
"""Share of a box that has to be within the image."""

NO_ANNOTATION = "no annotation"


def objects_of(
    picture: Picture, sheets: Sequence[Sheet] | None, rejected: Rejections
) -> list[Object] | None:
    """The objects that an image shows; None, and the reason among the rejected, if unknown."""
    path = str(picture.path)
    if not sheets:
        rejected.append(Rejected(path, NO_ANNOTATION, "no file tells what it shows"))
        return None
    if several := _of_several(sheets):
        files = sorted({str(one.file) for one in several})
        where = " and ".join(files) if len(files) > 1 else f"{files[0]} twice"
        reason = f"is named in {where}, with other boxes, and no folder says which is meant"
        rejected.append(Rejected(path, "two images of its name", reason))
        return None
    found: dict[Object, None] = {}
    marks = 0
    for sheet in sheets:
        scale = _scale(sheet, picture)
        if scale is None:
            sizes = f"{sheet.size[0]:g} x {sheet.size[1]:g}"
            real = f"{picture.width} x {picture.height}"
            reason = f"{sheet.file} has its boxes for {sizes} pixels, and it has {real}"
            rejected.append(Rejected(path, "another size", reason))
            return None
        for mark in sheet.objects:
            marks += 1
            one = _object(mark, scale, picture)
            if isinstance(one, Object) and one not in found:
                found[one] = None
                continue
            kind = one if isinstance(one, str) else "box given twice"
            written = mark.written or ", ".join(f"{edge:g}" for edge in mark.corners)
            reason = f"{kind}: {written} in {sheet.file}"
            rejected.append(Rejected(path, kind, reason, mark.label, "mark"))
    if marks and not found:
        rejected.append(Rejected(path, "no usable box", "none of its boxes can be used"))
        return None
    return list(found)


def _of_several(sheets: Sequence[Sheet]) -> list[Sheet]:
    """Two sheets that may mean two images of one bare name: each has boxes, which differ."""
    bare = [sheet for sheet in sheets if sheet.is_bare and sheet.objects]
    for one in bare[1:]:
        is_other = (one.file, one.entry) != (bare[0].file, bare[0].entry)
        if is_other and one.objects != bare[0].objects:
            return [bare[0], one]
    return []


def _scale(sheet: Sheet, picture: Picture) -> tuple[float, float] | None:
    """Factors from pixels of the boxes to shares of the image; None for another shape."""
    width, height = sheet.size
    if not (width > 0 and height > 0):  # NaN, or the 0 that some programs write
        return 1 / picture.width, 1 / picture.height
    if not math.isclose(width * picture.height, height * picture.width, rel_tol=SAME_SHAPE):
        return None
    return 1 / width, 1 / height


def _object(mark: Marked, scale: tuple[float, float], picture: Picture) -> Object | str:
    """A mark as an object within its image, or why it is none."""
    if mark.wrong:
        return mark.wrong
    if not (label := clean(mark.label)):
        return "missing label"
    if mark.crowd:
        return "box of a crowd"
    if not all(map(math.isfinite, mark.corners)):
        return "not a box"
    x, y = scale
    left, top, right, bottom = (
        edge * factor for edge, factor in zip(mark.corners, (x, y, x, y), strict=True)
    )
    if right <= left or bottom <= top:
        return "box without area"
    inner_left, inner_top, inner_right, inner_bottom = (
        min(1.0, max(0.0, edge)) for edge in (left, top, right, bottom)
    )
    width, height = inner_right - inner_left, inner_bottom - inner_top
    if width * height < LEAST_INSIDE * (right - left) * (bottom - top):
        return "box outside the image"
    if width * picture.width < 1 or height * picture.height < 1:
        return "box of less than a pixel"
    return Object(label, *(round(v, DIGITS) for v in (inner_left, inner_top, width, height)))
