"""Boxes as a CSV file has them: a row per box, or per image that shows nothing."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from common.problems import Unprocessable
from tasks.images.processing.file_column import FILES
from tasks.images.processing.label_tables import check_column, csv_rows, has_more_cells
from tasks.images.processing.labels import SPLIT_NAMES
from tasks.object_detection.processing.sheets import NOWHERE, Corners, Marked, Sheet, number

LABELS = ("class", "label", "category", "name", "class_name")
EDGES = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
)
type _Size = tuple[float, float]
type _Row = tuple[_Size | None, Marked | None]
"""The size that a row gives its image, and the object; None for what it does not have."""

SIZES = (("x", "y", "w", "h"), ("x", "y", "width", "height"), ("left", "top", "width", "height"))
"""Beside w and h, width and height are the image's."""


def read(path: PurePosixPath, data: bytes, split: str | None) -> list[Sheet] | None:
    """What a CSV file says of each image; None for a file without columns of boxes.

    split is the column that names the split of each image. Raises Unprocessable.
    """
    rows = csv_rows(data, path)
    columns = {name.strip().lower(): name for name in rows[0] if isinstance(name, str)}
    file = next((columns[name] for name in FILES if name in columns), None)
    label = next((columns[name] for name in LABELS if name in columns), None)
    box = next((names for names in (*EDGES, *SIZES) if columns.keys() >= set(names)), None)
    if file is None or label is None or box is None:
        return None
    if split is not None:
        split = check_column(rows, ["split", "column"], split)
    size = ("image_width", "image_height")
    if "width" not in box and not columns.keys() >= set(size):
        size = ("width", "height")
    images: dict[str, list[_Row]] = {}
    splits: dict[str, str | None] = {}
    for row in rows:
        name = (row[file] or "").strip()
        named = None if split is None else SPLIT_NAMES.get((row[split] or "").strip().lower())
        if splits.setdefault(name, named) != named:
            raise Unprocessable(f"{path} puts {name} into two splits: choose one.")
        width, height = _at(row, columns, size)
        given = (width, height) if 0 < width < math.inf and 0 < height < math.inf else None
        marked = _marked((row[label] or "").strip(), row, columns, box)
        images.setdefault(name, []).append((given, marked))
    return [
        sheet
        for name, found in images.items()
        for sheet in _sheets(path, name, found, splits[name])
    ]


def _marked(
    label: str, row: Mapping[str, str | None], columns: Mapping[str, str], box: Sequence[str]
) -> Marked | None:
    """The object of a row; None for one that has neither label nor box."""
    if has_more_cells(row):
        return Marked(label, NOWHERE, wrong="row with more cells than the header", written="a row")
    if any((row[columns[one]] or "").strip() for one in box):
        return Marked(label, _corners(_at(row, columns, box), box in EDGES))
    return Marked(label, NOWHERE, written="no coordinates") if label else None


def _sheets(
    path: PurePosixPath, name: str, rows: Sequence[_Row], split: str | None
) -> Iterator[Sheet]:
    """What the rows of one image say, by the size that they give it.

    Rows without a size are taken for that of the others, if those have one.
    """
    sizes = {size for size, _ in rows if size is not None}
    single = next(iter(sizes)) if len(sizes) == 1 else None
    by_size: dict[_Size | None, list[Marked]] = {}
    for size, mark in rows:
        objects = by_size.setdefault(size or single, [])
        if mark is not None and size is None and len(sizes) > 1:
            mark = replace(mark, wrong="box without a size, beside boxes of several")
        objects.extend([] if mark is None else [mark])
    for one, objects in by_size.items():
        yield Sheet(path, name, one or (math.nan, math.nan), objects, split, names=(name,))


def _at(
    row: Mapping[str, str | None], columns: Mapping[str, str], names: Sequence[str]
) -> list[float]:
    return [number(row[columns[name]]) if name in columns else math.nan for name in names]


def _corners(values: Sequence[float], are_edges: bool) -> Corners:
    left, top, right, bottom = values
    return (left, top, right, bottom) if are_edges else (left, top, left + right, top + bottom)
