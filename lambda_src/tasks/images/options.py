"""What a caller may say about data that comes as images."""

from typing import Annotated

import msgspec

from common.decoding import ColumnName, Key, Target
from tasks.tables.options import Split

MaxSide = Annotated[int, msgspec.Meta(ge=32, le=1024)]


class ImageProcessing(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing that tasks which learn labels of images take."""

    target: Target = "label"
    """Name of what is learned; with a CSV of labels, one of its columns."""

    labels: Key | None = None
    """CSV of labels in the archive; found by itself when there is one."""

    file: ColumnName | None = None
    """Column of that CSV that names the images."""

    split: Split = Split()
    max_side: MaxSide = 320
    """Longest side in pixels of images as they are stored."""
