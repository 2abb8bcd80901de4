"""What a caller may say about face recognition."""

from typing import Literal

import msgspec

from tasks.shared.images.options import ImageProcessing, MaxSide

BACKBONES = ("face_detector", "face_landmarks", "face_embedding")
"""Pretrained networks that training uses where the deployment has them, all three of them."""

Candidate = Literal["face_embedding", "pca_lda"]


class Processing(ImageProcessing, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing: those of all tasks that learn labels of images.

    Images are kept larger than elsewhere, since a face is a part of one only.
    """

    target: str = "person"
    max_side: MaxSide = 640


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate that the deployment has is tried by default."""

    candidates: list[Candidate] | None = None
    metric: Literal["accuracy", "closed_set_accuracy"] | None = None
