"""What translation is."""

from typing import get_args

from tasks import Task, TrainingTime
from tasks.translation.options import Metric, Processing, Training

TASK = Task(
    processing_options=Processing,
    training_options=Training,
    learns_from="pairs",
    splits_by=("hash",),
    metrics=get_args(Metric),
    # What training ends with is published as it is: more time makes a better translator, and
    # only its evaluation comes after.
    training_time=TrainingTime(seconds=720, share=0.8),
)
