"""What a caller may say about data that comes as images."""

from typing import Annotated

import msgspec

from common.decoding import ColumnName, Key, Target
from tasks.shared.table_options import Split

MaxSide = Annotated[int, msgspec.Meta(ge=32, le=1024)]


class ImageProcessing(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing that tasks which learn labels of images take.

    labels is the CSV in the archive, found by itself when there is one; target and file are
    its columns; images are stored with no side longer than max_side pixels.
    """

    target: Target = "label"
    labels: Key | None = None
    file: ColumnName | None = None
    split: Split = Split()
    max_side: MaxSide = 320
