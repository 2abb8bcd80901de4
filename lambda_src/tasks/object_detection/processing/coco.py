"""Boxes as COCO has them: one JSON file for all images (Lin et al., 2014)."""

import codecs
import contextlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec

from common.decoding import convert
from common.problems import Unprocessable
from tasks.images.processing.reading import Contents, Rejected
from tasks.object_detection.processing.sheets import (
    NOWHERE,
    Corners,
    Marked,
    Sheet,
    check_count,
    warn_of_one_name,
)

MAX_OBJECTS = 2_000_000
"""JSON objects of a file, as COCO itself has half as many; each takes some hundred bytes."""

type _Id = int | str


class _Image(msgspec.Struct):
    id: _Id
    file_name: str
    width: float | None = None
    height: float | None = None


class _Annotation(msgspec.Struct):
    image_id: _Id
    category_id: _Id
    bbox: list[float] = []
    iscrowd: int | bool = 0


class _Category(msgspec.Struct):
    id: _Id
    name: str


class _Document(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


class _Outline(msgspec.Struct):
    """What tells such a file from other JSON."""

    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]
    categories: list[msgspec.Raw]

    def is_of_other_things(self) -> bool:
        """Whether no annotation has a box or a category: captions have neither."""
        return bool(self.annotations) and not any(map(_is_of_an_object, self.annotations))


def _is_of_an_object(annotation: msgspec.Raw) -> bool:
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        keys = msgspec.json.decode(annotation, type=dict[str, msgspec.Raw]).keys()
        return not keys.isdisjoint(("bbox", "category_id"))
    return True  # decoding tells of it


def read(
    path: PurePosixPath, data: bytes, contents: Contents, boxes: int = 0
) -> list[Sheet] | None:
    """What a JSON file says of each image; None for a file about something else.

    boxes is how many the files before it have. What it says of images that it does not list is
    added to the rejected. Raises Unprocessable.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.count(b"{") > MAX_OBJECTS:  # most of which are boxes, or braces within strings
        raise Unprocessable(
            f"{path} has more than {MAX_OBJECTS:,} JSON objects: send fewer boxes at once."
        )
    try:
        outline = msgspec.json.decode(data, type=_Outline)
    except (msgspec.DecodeError, RecursionError):
        return None
    if outline.is_of_other_things():
        return None
    check_count(boxes + len(outline.annotations))
    _check_keys(path, data, outline)
    del outline  # as large as the file
    try:
        document = msgspec.json.decode(data, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            document = convert(msgspec.json.decode(data), _Document)  # tells where it does not fit
        except Unprocessable as problem:
            raise Unprocessable(f"{path} is not COCO: {problem.detail}.") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Unprocessable(
                f"{path} is not COCO: it has a number that is too large, text that is not UTF-8, "
                "or lists nested too deep."
            ) from None
    # An id may be a number in one place and a text in another: 1 and "1" are the same.
    _check_once(path, "image", [str(one.id) for one in document.images])
    _check_once(path, "category", [str(one.id) for one in document.categories])
    names = {str(one.id): one.name.strip() for one in document.categories}
    contents.warnings += warn_of_one_name(names.values())
    sheets = {str(one.id): _sheet(path, one) for one in document.images}
    for one in document.annotations:
        label = names.get(str(one.category_id), "")
        if (sheet := sheets.get(str(one.image_id))) is not None:
            sheet.objects.append(Marked(label, _corners(one.bbox), bool(one.iscrowd)))
        else:
            reason = f"{path} has a box for it and does not list it"
            contents.rejected.append(
                Rejected(f"image {one.image_id}", "no image", reason, label, "nothing")
            )
    return list(sheets.values())


def _check_keys(path: PurePosixPath, data: bytes, outline: _Outline) -> None:
    """Raises Unprocessable for an object that has a key twice: only the last would be read.

    To look at every key takes twice as long as all else, and is done only where a key is
    there more often than there are objects to have it.
    """
    images, boxes = len(outline.images), len(outline.annotations)
    most = {"images": 1, "annotations": 1, "file_name": images}
    most |= dict.fromkeys(("bbox", "image_id", "category_id"), boxes)
    if all(data.count(f'"{key}"'.encode()) <= count for key, count in most.items()):
        return

    def check(pairs: list[tuple[str, object]]) -> None:
        key, times = Counter(key for key, _ in pairs).most_common(1)[0] if pairs else ("", 0)
        if times > 1:
            raise Unprocessable(
                f"{path} has an object with the key {key!r:.100} {times:,} times, of which only "
                "one can be meant: leave out the others."
            )

    with contextlib.suppress(ValueError, RecursionError):  # which decoding tells of
        json.loads(data, object_pairs_hook=check)


def _check_once(path: PurePosixPath, what: str, ids: Sequence[str]) -> None:
    """Raises Unprocessable for an id of two things: boxes would go to the wrong one."""
    repeated, times = Counter(ids).most_common(1)[0] if ids else ("", 0)
    if times > 1:
        raise Unprocessable(
            f"{path} lists the {what} id {repeated:.100} {times:,} times: give each its own, "
            "as files that were put together need."
        )


def _sheet(path: PurePosixPath, image: _Image) -> Sheet:
    size = image.width or math.nan, image.height or math.nan
    return Sheet(path, image.file_name, size, [], names=(image.file_name,), entry=str(image.id))


def _corners(box: list[float]) -> Corners:
    if len(box) != 4:
        return NOWHERE
    x, y, width, height = box
    return x, y, x + width, y + height
