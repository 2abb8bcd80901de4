"""Which objects each image of an archive shows: files of boxes, matched with images and cleaned."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from operator import eq
from pathlib import PurePosixPath

from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES, Warning
from tasks.framework.forms.words import clean
from tasks.images.processing.labels import SIDES, Labelled, warn_of_outside
from tasks.images.processing.names import Places, tidy
from tasks.images.processing.reading import Contents, Picture, Rejected, Rejections
from tasks.object_detection.objects import DIGITS, Object, encode
from tasks.object_detection.options import Format, Processing
from tasks.object_detection.processing import coco, columns, voc, yolo
from tasks.object_detection.processing.sheets import Marked, Sheet, check_count

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
    places = Places(contents.pictures)
    by_image = _matched(_sheets(contents, options, places), contents, places)
    found = []
    for number, picture in enumerate(contents.pictures):
        objects = _objects(picture, by_image.get(number), contents.rejected)
        if objects is None:
            continue
        side = by_image[number][0].side
        if options.split.column and side is None:
            contents.rejected.append(Rejected(str(picture.path), "no side", "no side is named"))
            continue
        found.append(Labelled(number, encode(objects), side))
    contents.warnings += _unlabelled(contents.rejected)
    return found if options.split.column else _sided(found, contents)


def _matched(sheets: Sequence[Sheet], contents: Contents, places: Places) -> dict[int, list[Sheet]]:
    """The sheets of each image; those of none are added to the rejected."""
    named = places.numbers(name for sheet in sheets for name in sheet.names)
    parents = (
        *(sheet.file.parent for sheet in sheets),
        *(p.path.parent for p in contents.pictures),
    )
    folders = {folder for parent in parents for folder in parent.parts}

    def meant(sheet: Sheet, name: str) -> int | None:
        number = places.at(sheet.file.parent / tidy(name))
        if number is None and (there := named.get(name)) is not None:
            within = contents.pictures[there].path.parent.parts
            # A folder that is nowhere in the archive is that of another machine.
            return there if sheet.folder in within or sheet.folder not in folders else None
        return places.told_apart(name, sheet.file) if number is None else number

    by_image: dict[int | None, list[Sheet]] = {}
    renamed = []
    for sheet in sheets:
        number = sheet.image
        if number is None:
            numbers = [at for name in sheet.names if (at := meant(sheet, name)) is not None]
            # Who renames an image renames the file of its boxes, and not what is in that.
            number = numbers[-1] if numbers else None
            if len(set(numbers)) > 1:
                renamed.append(f"{sheet.file}: {sheet.names[0]}")
        by_image.setdefault(number, []).append(sheet)
    contents.warnings += _warn_of_renamed(renamed)
    lost = by_image.pop(None, [])
    found: dict[int, list[Sheet]] = {}
    for number, some in by_image.items():
        assert number is not None  # which were popped
        found[number], others = _nearest(some, contents.pictures[number].path.parent)
        lost += others
    for sheet in lost:
        contents.rejected.append(
            Rejected(sheet.called, "no image", f"{sheet.file} names it", of="nothing")
        )
    return found


def _warn_of_renamed(files: Sequence[str]) -> list[Warning]:
    """Says that files of boxes have two names of images, and which was taken."""
    if not files:
        return []
    detail = (
        f"{len(files):,} files of boxes are named like one image and name another inside, as after "
        "renaming. They were taken for boxes of the first: mend the filename in them."
    )
    return [
        Warning(
            code="renamed_annotations",
            detail=detail,
            count=len(files),
            examples=list(files[:EXAMPLES]),
        )
    ]


def _nearest(sheets: list[Sheet], folder: PurePosixPath) -> tuple[list[Sheet], list[Sheet]]:
    """The sheets of an image in a folder, without those that mean another of its bare name.

    Their own folder leads away from the image, and that of another sheet less so.
    """
    shared = [
        sum(takewhile(bool, map(eq, sheet.file.parent.parts, folder.parts))) for sheet in sheets
    ]
    near: list[Sheet] = []
    others: list[Sheet] = []
    for sheet, depth in zip(sheets, shared, strict=True):
        is_away = depth < min(max(shared), len(sheet.file.parent.parts))
        (others if sheet.is_bare and is_away else near).append(sheet)
    return near, others


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


def _sheets(contents: Contents, options: Processing, places: Places) -> Sequence[Sheet]:
    """What the archive's files say, all of one form."""
    found = _in_files_of_their_own(contents, options)
    labels = yolo.label_files(contents, places) if options.format in (None, "yolo") else {}
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


def _sided(found: Sequence[Labelled], contents: Contents) -> list[Labelled]:
    """The images with the sides that their folders are named after, if those of all are."""
    sides: list[str | None] = []
    for one in found:
        folders = contents.pictures[one.number].path.parent.parts[::-1]
        named = (SIDES[name.lower()] for name in folders if name.lower() in SIDES)
        sides.append(next(named, None))
    if None not in sides:
        return [replace(one, side=side) for one, side in zip(found, sides, strict=True)]
    if len({*sides}) > 2:  # None among them
        outside = [one.number for one, side in zip(found, sides, strict=True) if side is None]
        paths = [str(contents.pictures[number].path) for number in outside]
        contents.warnings += warn_of_outside(paths)
    return list(found)


def _objects(
    picture: Picture, sheets: Sequence[Sheet] | None, rejected: Rejections
) -> list[Object] | None:
    """The objects that an image shows; None, and the reason among the rejected, if unknown."""
    path = str(picture.path)
    if not sheets:
        rejected.append(Rejected(path, _NO_ANNOTATION, "no file tells what it shows"))
        return None
    if rivals := _of_several(sheets):
        files = sorted({str(rival.file) for rival in rivals})
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
