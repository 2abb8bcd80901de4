"""How an archive of labelled images is cleaned and split."""

from pathlib import Path

from common.invocation import Invocation
from common.jobs import Progress
from tasks import Processed
from tasks.image_classification.options import Processing
from tasks.images.processing.labels import check_classes, counts, labels
from tasks.images.processing.table import ImageTask, process_images


def process(
    source: Path, options: Processing, folder: Path, invocation: Invocation, progress: Progress
) -> Processed:
    """A dataset with an image as feature and a label as target."""
    task = ImageTask(
        target=options.target,
        target_type="category",
        find=lambda contents: labels(contents, options),
        describe=counts,
        warn=lambda contents, kept: check_classes([one.target for one in kept]),
    )
    return process_images(
        task, source, options.split, options.max_side, folder, invocation, progress
    )
