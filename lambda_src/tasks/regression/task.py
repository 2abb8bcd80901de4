"""What tabular regression is."""

from typing import get_args

from tasks import Task
from tasks.regression.options import Metric, Processing, Training

TASK = Task(
    processing_options=Processing,
    training_options=Training,
    learns_from="table",
    splits_by=("hash", "time", "group"),
    metrics=get_args(Metric),
)
