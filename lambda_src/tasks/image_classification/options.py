"""What a caller may say about image classification."""

from typing import Literal

import msgspec

from common.decoding import Choices
from tasks.images.options import ImageProcessing

BACKBONES = ("efficientnet_lite0",)
"""Pretrained networks that training uses where the deployment has them."""

Candidate = Literal["kmeans_network", "efficientnet_lite0"]
Metric = Literal["roc_auc", "accuracy", "f1_macro", "neg_log_loss"]


class Processing(ImageProcessing, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of processing: those of all tasks that learn labels of images."""


class Training(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of training; every candidate that the deployment has is tried by default."""

    candidates: Choices[Candidate] | None = None
    """Candidates to compare; all that suit the data when left out."""

    metric: Metric | None = None
    """Metric that candidates are compared by; the task's own when left out."""
