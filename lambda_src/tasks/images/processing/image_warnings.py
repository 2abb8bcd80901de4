"""What to know of an archive's images: several targets of one, and those that cannot be used."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from common.warnings import EXAMPLES, Warning
from tasks.images.processing.labels import Labelled
from tasks.images.processing.reading import Contents
from tasks.tables.options import Split as SplitOption
from tasks.tables.processing.column_warnings import rejected_rows

MANY_CONFLICTS = 0.1
"""From this share of images with several targets on, no model is promoted by itself."""


def conflicting_targets(contents: Contents, kept: Sequence[Labelled]) -> list[Warning]:
    """Warns of images that are there with several targets."""
    by_image: dict[bytes, dict[str, PurePosixPath]] = {}
    for one in kept:
        picture = contents.pictures[one.number]
        by_image.setdefault(picture.sha256, {})[one.target] = picture.path
    several = [list(paths.values()) for paths in by_image.values() if len(paths) > 1]
    if not several:
        return []
    detail = (
        f"{len(several):,} images are there several times, with different targets: leave out "
        "those that are wrong."
    )
    return [
        Warning(
            code="conflicting_targets",
            detail=detail,
            count=len(several),
            examples=[" and ".join(map(str, paths[:2])) for paths in several[:EXAMPLES]],
            blocks_promotion=len(several) > MANY_CONFLICTS * len(by_image),
        )
    ]


def unusable_images(contents: Contents, images: int, marks: int) -> list[Warning]:
    """Says what is left out, beside the images that are used and the marks on them.

    Too much is so many of the images, or of these and all about them.
    What tells of images that are not there is no loss of images.
    """
    rejected = contents.rejected
    count = rejected.reasons.total()
    if not count:
        return []
    files, lost = rejected.counts["file"], count - rejected.counts["nothing"]
    return [
        rejected_rows(
            rejected.reasons,
            count,
            images + count,
            examples=[one.path for one in rejected.kept[:EXAMPLES]],
            what="images, or rows and boxes that tell of them,",
            share=max(files / (files + images), lost / (lost + max(images, marks))),
        )
    ]


def ignored_shares(kept: Sequence[Labelled], option: SplitOption) -> list[Warning]:
    """Warns of shares that folders named after splits leave without effect."""
    named = sum(one.split is not None for one in kept)
    if not named or option.train is None or option.column is not None:
        return []
    detail = (
        "Folders are named train, validation and test and say where images are: the shares of "
        "split are not used. Rename the folders where shares are wanted."
    )
    return [Warning(code="split_by_folders", detail=detail, count=named, option="split")]
