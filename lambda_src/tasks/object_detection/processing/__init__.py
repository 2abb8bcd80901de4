"""How an archive of images and of the boxes in them is cleaned and split."""

from collections.abc import Sequence
from pathlib import Path

from common.invocation import Invocation
from common.jobs import Progress
from common.problems import Unprocessable
from common.warnings import EXAMPLES, Warning
from tasks import Processed
from tasks.images.processing.labels import Labelled, check_lengths, counts
from tasks.images.processing.reading import Contents
from tasks.images.processing.table import ImageTask, process_images
from tasks.object_detection.objects import Object, decode
from tasks.object_detection.options import Processing
from tasks.object_detection.processing.annotations import annotated

MAX_LABELS = 100
FEW_IMAGES = 100
FEW_OBJECTS = 20

SMALL = 0.1
"""A box whose longer side is shorter than this share of the image's is small: two cells of 16
pixels in an image of 320."""

MANY_SMALL = 0.25


def process(
    source: Path, options: Processing, folder: Path, invocation: Invocation, progress: Progress
) -> Processed:
    """A dataset with an image as feature and the objects in it as target, which is JSON."""
    task = ImageTask(
        target="objects",
        target_type="text",
        find=lambda contents: annotated(contents, options),
        describe=lambda targets: counts([one.label for one in _objects(targets)]),
        warn=_check,
    )
    return process_images(
        task, source, options.split, options.max_side, folder, invocation, progress
    )


def _objects(targets: Sequence[str]) -> list[Object]:
    return [one for target in targets for one in decode(target)]


def _check(contents: Contents, kept: Sequence[Labelled]) -> list[Warning]:
    """Warns of what is learned badly. Raises Unprocessable for what cannot be learned."""
    found = counts([one.label for one in _objects([image.target for image in kept])])
    check_lengths(found)
    if not found:
        raise Unprocessable("No image shows an object: send boxes, too.")
    if len(found) > MAX_LABELS:
        raise Unprocessable(f"There are {len(found):,} labels: {MAX_LABELS} at most.")
    warnings = []
    if len(kept) < FEW_IMAGES:
        detail = f"There are {len(kept)} images: from about {FEW_IMAGES} on, boxes get reliable."
        warnings.append(Warning(code="few_images", detail=detail, count=len(kept)))
    if few := [label for label, count in found.items() if count < FEW_OBJECTS]:
        names = ", ".join(few[:5])
        detail = f"{len(few)} labels have fewer than {FEW_OBJECTS} objects ({names}): send more."
        warnings.append(
            Warning(code="few_objects", detail=detail, count=len(few), examples=few[:EXAMPLES])
        )
    return warnings + _small(contents, kept, sum(found.values()))


def _small(contents: Contents, kept: Sequence[Labelled], objects: int) -> list[Warning]:
    """Warns where many of all objects are small."""
    small: list[str] = []
    for image in kept:
        picture = contents.pictures[image.number]
        least = SMALL * max(picture.width, picture.height)
        for one in decode(image.target):
            if max(one.width * picture.width, one.height * picture.height) < least:
                small.append(str(picture.path))
    if len(small) <= MANY_SMALL * objects:
        return []
    detail = (
        f"{len(small):,} of {objects:,} objects are smaller than a tenth of their image, and "
        "will be missed: cut the images into tiles, or photograph from nearer."
    )
    examples = list(dict.fromkeys(small))[:EXAMPLES]
    return [Warning(code="small_objects", detail=detail, count=len(small), examples=examples)]
