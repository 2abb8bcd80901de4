"""Which objects each image of an archive shows: files of boxes, matched with images and cleaned."""

import math
from collections.abc import Mapping, Sequence

from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES, Warning
from tasks.object_detection.objects import DIGITS, Object, encode
from tasks.object_detection.options import Format, Processing
from tasks.object_detection.processing import coco, columns, voc, yolo
from tasks.object_detection.processing.sheets import Marked, Sheet, check_count
from tasks.shared.images.processing.labels import SIDES, Labelled
from tasks.shared.images.processing.names import places, tidy
from tasks.shared.images.processing.reading import Contents, Picture, Rejected, Rejections

SAME_SHAPE = 0.02
"""Relative difference of an image's proportions from those that its boxes were drawn in."""

LEAST_INSIDE = 0.5
"""Share of a box that has to be within the image."""

_FORMS: Mapping[str, Format] = {".xml": "voc", ".json": "coco", ".csv": "csv"}
"""Of files whose content tells the rest."""

_NO_ANNOTATION = "no annotation"

_WANTED = (
    "an XML file per image (Pascal VOC), a JSON file (COCO), a text file per image (YOLO), or a "
    "CSV with the columns filename, class, xmin, ymin, xmax and ymax"
)


def annotated(contents: Contents, options: Processing) -> list[Labelled]:
    """The images and their objects as JSON; what cannot be used is added to the rejected.

    Raises Unprocessable where nothing tells of boxes, or it is not clear what does.
    """
    numbers = _numbers(contents)
    sheets = _sheets(contents, options, numbers)
    by_image: dict[int, list[Sheet]] = {}
    for sheet in sheets:
        number = next((numbers[tidy(n)] for n in sheet.names if tidy(n) in numbers), None)
        if number is None:
            reason = f"{sheet.file} names it"
            contents.rejected.append(Rejected(sheet.names[-1], "no image", reason))
        else:
            by_image.setdefault(number, []).append(sheet)
    sides = _folders(contents.pictures)
    found = []
    for number, picture in enumerate(contents.pictures):
        objects = _objects(picture, by_image.get(number), contents.rejected)
        if objects is None:
            continue
        side = by_image[number][0].side if options.split.column else sides.get(number)
        if options.split.column and side is None:
            contents.rejected.append(Rejected(str(picture.path), "no side", "no side is named"))
            continue
        found.append(Labelled(number, encode(objects), side))
    contents.warnings += _unlabelled(contents.rejected)
    return found


def _unlabelled(rejected: Rejections) -> list[Warning]:
    """Says which images no file speaks of: they are not taken for empty."""
    count = rejected.reasons[_NO_ANNOTATION]
    if not count:
        return []
    paths = [one.path for one in rejected.kept if one.kind == _NO_ANNOTATION]
    detail = (
        f"{count:,} images were left out, since no file tells what they show. An empty file "
        "of labels, or an entry without boxes, says that an image shows nothing."
    )
    return [
        Warning(
            code="images_without_labels",
            detail=detail,
            count=count,
            examples=paths[:EXAMPLES],
        )
    ]


def _sheets(contents: Contents, options: Processing, numbers: Mapping[str, int]) -> Sequence[Sheet]:
    """What the archive's files say, all of one form."""
    found = _in_files_of_their_own(contents, options)
    labels = yolo.label_files(contents, numbers) if options.format in (None, "yolo") else {}
    forms = sorted([*found, *(["yolo"] if labels else [])])
    if len(forms) > 1:
        names = ", ".join(forms)
        raise invalid(["format"], f"boxes are there in several forms ({names}): choose one")
    if not forms:
        said_why = [
            one.reason for one in contents.rejected.kept if one.kind == "unusable annotation"
        ]
        why = f" (a file of boxes {said_why[0]})" if said_why else ""
        raise Unprocessable(f"The archive tells of no boxes{why}: it wants {_WANTED}.")
    if options.split.column is not None and forms != ["csv"]:
        raise invalid(["split", "column"], "the archive has no CSV of boxes with such a column")
    return yolo.read(labels, contents) if labels else next(iter(found.values()))


def _in_files_of_their_own(contents: Contents, options: Processing) -> dict[Format, list[Sheet]]:
    """What files say whose form their name and content tell, by form."""
    found: dict[Format, list[Sheet]] = {}
    wanted = options.format
    boxes = 0
    for path, data in sorted(contents.notes.items()):
        form = _FORMS.get(path.suffix.lower())
        if form is None or wanted not in (None, form):
            continue
        sheets: Sequence[Sheet] = []
        if form == "voc":
            try:
                sheet = voc.read(path, data)
                sheets = [sheet] if sheet else []
            except ValueError as error:
                contents.rejected.append(Rejected(str(path), "unusable annotation", str(error)))
        elif form == "coco":
            sheets = coco.read(path, data, contents, boxes) or []
        else:
            sheets = columns.read(path, data, options.split.column) or []
        found.setdefault(form, []).extend(sheets)
        boxes += sum(len(sheet.objects) for sheet in sheets)
        check_count(boxes)
    return {form: sheets for form, sheets in found.items() if sheets}


def _numbers(contents: Contents) -> dict[str, int]:
    """Numbers of the images by their names, with and without folders and suffixes."""
    stems: dict[str, list[int]] = {}
    for number, picture in enumerate(contents.pictures):
        stems.setdefault(str(picture.path.with_suffix("")), []).append(number)
    single = {stem: numbers[0] for stem, numbers in stems.items() if len(numbers) == 1}
    return single | places(contents)


def _folders(pictures: Sequence[Picture]) -> Mapping[int, str]:
    """The sides of images whose folders are named after sides, if those of all are."""
    sides = {
        number: SIDES[part.lower()]
        for number, picture in enumerate(pictures)
        for part in reversed(picture.path.parent.parts)
        if part.lower() in SIDES
    }
    return sides if len(sides) == len(pictures) else {}


def _objects(
    picture: Picture, sheets: Sequence[Sheet] | None, rejected: Rejections
) -> list[Object] | None:
    """The objects that an image shows; None, and the reason among the rejected, if unknown."""
    path = str(picture.path)
    if not sheets:
        rejected.append(Rejected(path, _NO_ANNOTATION, "no file tells what it shows"))
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
            rejected.append(Rejected(path, kind, reason, mark.label))
    if marks and not found:
        rejected.append(Rejected(path, "no usable box", "none of its boxes can be used"))
        return None
    return list(found)


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
    if not mark.label:
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
    return Object(mark.label, *(round(v, DIGITS) for v in (inner_left, inner_top, width, height)))
