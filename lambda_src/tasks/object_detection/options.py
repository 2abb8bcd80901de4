"""What a caller may say about object detection."""

from typing import Literal

import msgspec

from common.decoding import Choices
from tasks.images.options import MaxSide
from tasks.tables.options import Split

BACKBONES = ("efficientnet_lite0",)
"""Pretrained networks, one of which training needs."""

Format = Literal["voc", "coco", "csv", "yolo"]
Candidate = Literal["efficientnet_lite0_224", "efficientnet_lite0_320"]
Metric = Literal["ap50"]


class Processing(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing."""

    format: Format | None = None
    """Format of the boxes; found by itself where the archive has one."""

    split: Split = Split()
    max_side: MaxSide = 640
    """Longest side in pixels of images as they are stored."""


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate is tried by default."""

    candidates: Choices[Candidate] | None = None
    """Candidates to compare; all that suit the data when left out."""

    metric: Metric | None = None
    """Metric that candidates are compared by; the task's own when left out."""
