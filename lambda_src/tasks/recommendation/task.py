"""What recommendation is."""

from typing import get_args

from tasks import Task
from tasks.recommendation.options import Metric, Processing, Training

TASK = Task(
    processing_options=Processing,
    training_options=Training,
    learns_from="interactions",
    is_supervised=False,
    splits_by=("hash", "time"),
    metrics=get_args(Metric),
)
