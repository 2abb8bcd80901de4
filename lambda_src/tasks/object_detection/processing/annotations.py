"""Which objects each image of an archive shows: files of boxes, matched with images and cleaned."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES, Warning
from tasks.images.processing.labels import SPLIT_NAMES, Labelled, warn_of_outside
from tasks.images.processing.places import Places
from tasks.images.processing.reading import Contents, Rejected, Rejections
from tasks.object_detection.objects import encode
from tasks.object_detection.options import Format, Processing
from tasks.object_detection.processing import coco, columns, voc, yolo
from tasks.object_detection.processing.boxes import NO_ANNOTATION, objects_of
from tasks.object_detection.processing.matching import sheets_of_images
from tasks.object_detection.processing.sheets import Sheet, check_count

_FORMS: Mapping[str, Format] = {".xml": "voc", ".json": "coco", ".csv": "csv"}
"""Of files whose content tells the rest."""

_WANTED = (
    "an XML file per image (Pascal VOC), a JSON file (COCO), a text file per image (YOLO), or a "
    "CSV with the columns filename, class, xmin, ymin, xmax and ymax"
)


def annotated(contents: Contents, options: Processing) -> list[Labelled]:
    """The images and their objects as JSON; what cannot be used is added to the rejected.

    Raises Unprocessable where nothing tells of boxes, or it is not clear what does.
    """
    places = Places(contents.pictures)
    by_image = sheets_of_images(_sheets(contents, options, places), contents, places)
    found = []
    for number, picture in enumerate(contents.pictures):
        objects = objects_of(picture, by_image.get(number), contents.rejected)
        if objects is None:
            continue
        split = by_image[number][0].split
        if options.split.column and split is None:
            contents.rejected.append(Rejected(str(picture.path), "no split", "no split is named"))
            continue
        found.append(Labelled(number, encode(objects), split))
    contents.warnings += _unlabelled(contents.rejected)
    return found if options.split.column else _in_named_folders(found, contents)


def _unlabelled(rejected: Rejections) -> list[Warning]:
    """Says which images no file speaks of: they are not taken for empty."""
    count = rejected.reasons[NO_ANNOTATION]
    if not count:
        return []
    paths = [one.path for one in rejected.kept if one.kind == NO_ANNOTATION]
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


def _in_named_folders(found: Sequence[Labelled], contents: Contents) -> list[Labelled]:
    """The images with the splits that their folders are named after, if those of all are."""
    splits: list[str | None] = []
    for one in found:
        folders = contents.pictures[one.number].path.parent.parts[::-1]
        named = (SPLIT_NAMES[name.lower()] for name in folders if name.lower() in SPLIT_NAMES)
        splits.append(next(named, None))
    if None not in splits:
        return [replace(one, split=split) for one, split in zip(found, splits, strict=True)]
    if len({*splits}) > 2:  # None among them
        outside = [one.number for one, split in zip(found, splits, strict=True) if split is None]
        paths = [str(contents.pictures[number].path) for number in outside]
        contents.warnings += warn_of_outside(paths)
    return list(found)
