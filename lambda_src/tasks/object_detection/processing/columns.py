"""Boxes as a CSV file has them: a row per box, or per image that shows nothing."""

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from common.problems import Unprocessable
from tasks.object_detection.processing.sheets import Corners, Marked, Sheet, number
from tasks.shared.images.processing.labels import SIDES
from tasks.shared.images.processing.names import check_column, csv_rows, tidy

FILES = ("filename", "file", "file_name", "image", "image_path", "path")
LABELS = ("class", "label", "category", "name", "class_name")
EDGES = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
)
SIZES = (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height"))


def read(path: PurePosixPath, data: bytes, side: str | None) -> list[Sheet] | None:
    """What a CSV file says of each image; None for a file without columns of boxes.

    side is the column that names the side of the split. Raises Unprocessable.
    """
    rows = csv_rows(data, path)
    columns = {name.strip().lower(): name for name in rows[0] if isinstance(name, str)}
    file = next((columns[name] for name in FILES if name in columns), None)
    label = next((columns[name] for name in LABELS if name in columns), None)
    box = next((names for names in (*EDGES, *SIZES) if columns.keys() >= set(names)), None)
    if file is None or label is None or box is None:
        return None
    if side is not None:
        check_column(rows, ["split", "column"], side)
    size = ("width", "height") if box in EDGES else ("image_width", "image_height")
    sheets: dict[str, Sheet] = {}
    for row in rows:
        name = (row[file] or "").strip()
        found = _at(row, columns, size)
        named = None if side is None else SIDES.get((row[side] or "").strip().lower())
        names = str(path.parent / name), name, PurePosixPath(tidy(name)).name
        fresh = Sheet(path, names, (found[0], found[1]), [], named)
        sheet = sheets.setdefault(name, fresh)
        if sheet.side != named:
            raise Unprocessable(f"{path} puts {name} on two sides of the split: choose one.")
        cells = [row[columns[one]] for one in box]
        if any((cell or "").strip() for cell in cells):
            corners = _corners(_at(row, columns, box), box in EDGES)
            sheet.objects.append(Marked((row[label] or "").strip(), corners))
    return list(sheets.values())


def _at(
    row: Mapping[str, str | None], columns: Mapping[str, str], names: Sequence[str]
) -> list[float]:
    return [number(row[columns[name]]) if name in columns else math.nan for name in names]


def _corners(values: Sequence[float], are_edges: bool) -> Corners:
    left, top, right, bottom = values
    return (left, top, right, bottom) if are_edges else (left, top, left + right, top + bottom)
