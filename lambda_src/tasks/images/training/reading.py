"""The images of a dataset, batch by batch: all of them at once would not fit into memory."""

import base64
import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import nanoarrow
import nanoarrow.ipc
import numpy as np
from PIL import Image

from common.datasets import Split
from tasks import TrainingData
from tasks.images.decoding import Decoded, decode_near
from tasks.images.likeness import Look, groups

type Decoder = Callable[[bytes, int], Decoded]

LARGEST_STORED = 1024
"""No side of a stored image is longer."""

LOOKED_AT = 128
"""The side with which images are compared, of whose thumbnails that is several times the size."""


def limited(source: TrainingData, limit: int) -> TrainingData:
    """The dataset with the first rows of train and validation, limit of them together.

    Files are in the order of a content hash, so that the first rows are a fair sample.
    """
    total = source.rows["train"] + source.rows["validation"]
    share = min(1.0, limit / max(1, total))
    rows = {
        split: count if split == "test" else round(count * share)
        for split, count in source.rows.items()
    }
    return msgspec.structs.replace(source, rows=rows)


def column(source: TrainingData) -> str:
    """The column that holds the images."""
    return next(c.name for c in source.schema.columns if c.type == "binary")


def white(source: TrainingData) -> int | None:
    """The value that is white in the dataset's grey images of 16 bits; None without such."""
    form = next(c.form for c in source.schema.columns if c.type == "binary")
    return None if form is None else int(form["white"])


def image_input(source: TrainingData) -> dict[str, Any]:
    """What serving has to know to read images as processing did."""
    value = white(source)
    return {"image": column(source), **({} if value is None else {"white": value})}


def targets(source: TrainingData, splits: Sequence[Split]) -> list[str]:
    """The target of every row of some splits."""
    assert source.target is not None  # processing requires one
    return [value for row in _columns(source, splits, source.target) for value in row]


def pictures(
    source: TrainingData, splits: Sequence[Split], side: int, decoder: Decoder = decode_near
) -> Iterator[Image.Image]:
    """The images of some splits, by the decoder that serving has for them."""
    for batch in _columns(source, splits, column(source)):
        for data in batch:
            yield decoder(data, side).image


def sizes(source: TrainingData, splits: Sequence[Split]) -> list[tuple[int, int]]:
    """Width and height in pixels of the images of some splits."""
    found = []
    for batch in _columns(source, splits, column(source)):
        for data in batch:
            with Image.open(io.BytesIO(data)) as opened:  # reads no pixels
                found.append(opened.size)
    return found


def alike(source: TrainingData, splits: Sequence[Split]) -> list[int]:
    """For each image of some splits the number of the first one of its near-duplicates."""
    return groups([Look.of(image) for image in pictures(source, splits, LOOKED_AT)])


def instances(source: TrainingData, split: Split, limit: int) -> list[dict[str, Any]]:
    """The first rows of a split as callers send them."""
    name, found = column(source), []
    for batch in _columns(source, (split,), name):
        found += [{name: base64.b64encode(data).decode()} for data in batch]
        if len(found) >= limit:
            break
    return found[:limit]


def sample(source: TrainingData, split: Split, count: int) -> list[Image.Image]:
    """The first images of a split, which are a fair sample: files are in a hash's order."""
    return list(itertools.islice(pictures(source, (split,), LARGEST_STORED), count))


def _columns(source: TrainingData, splits: Sequence[Split], name: str) -> Iterator[Any]:
    for split in splits:
        left = source.rows[split]
        with nanoarrow.ipc.InputStream.from_path(str(source.files[split])) as stream:
            for batch in nanoarrow.ArrayStream(stream):
                names, values = batch.to_columns_pysequence()
                yield dict(zip(names, values, strict=True))[name][: max(0, left)]
                left -= len(batch)


def median_side(images: Sequence[Image.Image]) -> int:
    """The median of the longer sides in pixels."""
    return int(np.median([max(image.size) for image in images]))


def are_grey(images: Sequence[Image.Image]) -> bool:
    return all(image.mode == "L" for image in images)
