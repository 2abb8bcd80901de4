"""How an archive of people's photos is cleaned and split."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from common.invocation import Invocation
from common.jobs import Progress
from common.problems import Unprocessable
from common.warnings import Warning
from tasks import Processed
from tasks.face_recognition import UNKNOWN
from tasks.face_recognition.options import Processing
from tasks.images.processing.labels import Labelled, check_lengths, counts, labels, warn_of_few
from tasks.images.processing.table import ImageTask, process_images

FEW_IMAGES = 5


def process(
    source: Path, options: Processing, folder: Path, invocation: Invocation, progress: Progress
) -> Processed:
    """A dataset with an image as feature and a person's name as target."""
    task = ImageTask(
        target=options.target,
        target_type="category",
        find=lambda contents: [_stranger(one) for one in labels(contents, options)],
        describe=counts,
        warn=lambda contents, kept: _check_people([one.target for one in kept]),
    )
    return process_images(
        task, source, options.split, options.max_side, folder, invocation, progress
    )


def _stranger(one: Labelled) -> Labelled:
    """An image with the label of strangers as this project writes it, whatever its case."""
    return replace(one, target=UNKNOWN) if one.target.casefold() == UNKNOWN else one


def _check_people(targets: Sequence[str]) -> list[Warning]:
    """Warns of people with hardly an image. Raises Unprocessable where there is nobody."""
    found = counts([target for target in targets if target != UNKNOWN])
    check_lengths(found)
    if not found:
        raise Unprocessable(
            f"All images are labelled {UNKNOWN!r}: send people's photos in a folder each, named "
            "after them."
        )
    return warn_of_few(found, FEW_IMAGES, "people")
