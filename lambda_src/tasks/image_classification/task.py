"""What image classification is."""

from typing import get_args

from tasks import Task
from tasks.image_classification.options import BACKBONES, Metric, Processing, Training

TASK = Task(
    processing_options=Processing,
    training_options=Training,
    learns_from="images",
    splits_by=("hash",),
    metrics=get_args(Metric),
    backbones=BACKBONES,
)
