"""Boxes as COCO has them: one JSON file for all images (Lin et al., 2014)."""

import codecs
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec

from common.decoding import convert
from common.problems import Unprocessable
from tasks.object_detection.processing.sheets import Corners, Marked, Sheet
from tasks.shared.images.processing.names import tidy
from tasks.shared.images.processing.reading import Contents, Rejected

MAX_OBJECTS = 2_000_000
"""COCO itself has half as many; each takes some hundred bytes of memory."""

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


def read(path: PurePosixPath, data: bytes, contents: Contents) -> list[Sheet] | None:
    """What a JSON file says of each image; None for a file about something else.

    What it says of images that it does not list is added to the rejected. Raises Unprocessable.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.count(b"{") > MAX_OBJECTS:  # most of which are boxes, or braces within strings
        raise Unprocessable(
            f"{path} has more than {MAX_OBJECTS:,} JSON objects: send fewer boxes at once."
        )
    try:
        msgspec.json.decode(data, type=_Outline)
    except (msgspec.DecodeError, RecursionError):
        return None
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
    _check_once(path, "image", [one.id for one in document.images])
    _check_once(path, "category", [one.id for one in document.categories])
    names = {one.id: one.name.strip() for one in document.categories}
    sheets = {one.id: _sheet(path, one) for one in document.images}
    for one in document.annotations:
        label = names.get(one.category_id, "")
        if one.image_id in sheets:
            marked = Marked(label, _corners(one.bbox), bool(one.iscrowd))
            sheets[one.image_id].objects.append(marked)
        else:
            reason = f"{path} has a box for it and does not list it"
            contents.rejected.append(Rejected(f"image {one.image_id}", "no image", reason, label))
    return list(sheets.values())


def _check_once(path: PurePosixPath, what: str, ids: Sequence[_Id]) -> None:
    """Raises Unprocessable for an id of two things: boxes would go to the wrong one."""
    repeated, times = Counter(ids).most_common(1)[0] if ids else ("", 0)
    if times > 1:
        raise Unprocessable(
            f"{path} lists the {what} id {repeated!s:.100} {times:,} times: give each its own, "
            "as files that were put together need."
        )


def _sheet(path: PurePosixPath, image: _Image) -> Sheet:
    size = image.width or math.nan, image.height or math.nan
    name = image.file_name
    names = str(path.parent / name), name, PurePosixPath(tidy(name)).name
    return Sheet(path, names, size, [])


def _corners(box: list[float]) -> Corners:
    if len(box) != 4:
        return math.nan, math.nan, math.nan, math.nan
    x, y, width, height = box
    return x, y, x + width, y + height
