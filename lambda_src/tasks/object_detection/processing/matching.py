"""Which image each sheet of boxes tells of."""

from collections.abc import Sequence
from itertools import takewhile
from operator import eq
from pathlib import PurePosixPath

from common.warnings import EXAMPLES, Warning
from tasks.images.processing.places import Places, tidy
from tasks.images.processing.reading import Contents, Rejected
from tasks.object_detection.processing.sheets import Sheet


def sheets_of_images(
    sheets: Sequence[Sheet], contents: Contents, places: Places
) -> dict[int, list[Sheet]]:
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
