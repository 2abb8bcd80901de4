"""What the detection of anomalies is."""

from typing import get_args

from tasks import Task
from tasks.anomaly_detection.options import Metric, Processing, Training

TASK = Task(
    processing_options=Processing,
    training_options=Training,
    learns_from="table",
    is_supervised=False,
    can_lack_labels=True,
    splits_by=("hash", "time", "group"),
    metrics=get_args(Metric),
)
