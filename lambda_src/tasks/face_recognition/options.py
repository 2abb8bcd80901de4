"""What a caller may say about face recognition."""

from typing import Annotated, Literal

import msgspec

from common.decoding import Choices, Label, Target, Version
from tasks.images.options import ImageProcessing, MaxSide

BACKBONES = ("face_detector", "face_landmarks", "face_embedding")
"""Pretrained networks that training uses where the deployment has them, all three of them."""

MAX_FORGOTTEN = 1000
"""People that one training takes out."""

Candidate = Literal["face_embedding", "pca_lda"]
Metric = Literal["accuracy", "closed_set_accuracy"]


class Processing(ImageProcessing, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing: those of all tasks that learn labels of images.

    Images are stored larger than elsewhere, since a face is a part of one only, and like the file
    that they come from for a day only, unless keep_images says otherwise.
    """

    target: Target = "person"
    max_side: MaxSide = 640
    keep_images: bool = False
    """Whether images of people are kept for more than a day."""


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate that the deployment has is tried by default.

    extends is a version of the same model: those of the dataset whom it does not know are added to
    it, those to forget are left out, and nothing else in it is trained again.
    """

    candidates: Choices[Candidate] | None = None
    """Candidates to compare; all that suit the data when left out."""

    metric: Metric | None = None
    """Metric that candidates are compared by; the task's own when left out."""

    extends: Version | None = None
    """Version of the model to add people to. It takes no candidates."""

    forget: Annotated[list[Label], msgspec.Meta(max_length=MAX_FORGOTTEN)] = []
    """People to leave out of the version that extends names."""

    def __post_init__(self) -> None:
        if self.extends is None and self.forget:
            raise ValueError("forget takes people out of the version that extends names: name one")
        if self.extends is not None and self.candidates is not None:
            raise ValueError("what extends a version is of its candidate: leave candidates out")
