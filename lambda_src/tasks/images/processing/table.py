"""The whole way from an archive of images to a dataset, for every task that learns from them."""

import csv
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

import duckdb
import nanoarrow

from common.datasets import SPLITS, Column, Schema, Split
from common.invocation import Invocation
from common.jobs import Progress
from common.problems import Unprocessable, invalid
from common.warnings import Warning
from tasks import Processed
from tasks.images.likeness import groups
from tasks.images.processing.image_warnings import (
    conflicting_targets,
    ignored_shares,
    unusable_images,
)
from tasks.images.processing.labels import Labelled
from tasks.images.processing.reading import Contents, append, read
from tasks.tables.options import Split as SplitOption
from tasks.tables.processing.columns.written import GIVEN_SPLIT
from tasks.tables.processing.database import identifier, open_database
from tasks.tables.processing.describing import top_values
from tasks.tables.processing.label_warnings import odd_labels
from tasks.tables.processing.rows.split_warnings import rare_classes, split_overlap
from tasks.tables.processing.writing import write_rows
from tasks.tables.splitting import assign_splits
from tasks.tables.splitting.rules import ASSIGNED, ByColumn, ByHash, Rows, Rule

ROWS_PER_BATCH = 256
"""Images that are in memory at once when they are written and read."""

_IMAGE, _TARGET = "c0", "c1"


@dataclass(frozen=True)
class ImageTask:
    """What a task makes of an archive: a target per image, and how that is described.

    find gives the images' targets and adds those that have none to the rejected; describe
    describes the targets of one split.
    """

    target: str
    target_type: Literal["category", "text"]
    find: Callable[[Contents], list[Labelled]]
    describe: Callable[[Sequence[str]], dict[str, Any]]
    warn: Callable[[Contents, Sequence[Labelled]], list[Warning]]


def process_images(
    task: ImageTask,
    source: Path,
    split_option: SplitOption,
    max_side: int,
    folder: Path,
    invocation: Invocation,
    progress: Progress,
) -> Processed:
    """Decodes, labels, groups, splits and describes; see tasks.Processing.process."""
    if task.target.casefold() == "image":
        raise invalid(["target"], "the images' own column is called image: choose another name")
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix="images-") as scratch,
        open_database(Path(scratch), invocation) as connection,
    ):

        def tell(done: float, count: int) -> None:
            progress("decoding", 2 + int(48 * done), f"{count:,} images are decoded.")

        contents = read(connection, source, max_side, tell)
        found = task.find(contents)
        if not found:
            why = next((one.reason for one in contents.rejected.kept), "there are none")
            raise Unprocessable(
                f"No image is known by its {task.target} ({why}). A name means the image whose "
                f"path ends in it, folder by folder, such as {contents.pictures[0].path}."
            )
        progress("splitting", 55, f"Grouping and splitting {len(found):,} images.")
        kept = _without_duplicates(contents, found)
        _fill(connection, contents, kept)
        warnings = [
            *contents.warnings,
            *task.warn(contents, kept),
            *conflicting_targets(contents, kept),
        ]
        marks = sum(task.describe([one.target for one in found]).values())
        warnings += unusable_images(contents, len(found), marks)
        warnings += odd_labels(task.target, task.describe([one.target for one in kept]))
        warnings += ignored_shares(kept, split_option)
        warnings += _assign(task, connection, kept, split_option)
        targets = _targets(connection)
        columns = f"{_IMAGE} AS image, {_TARGET} AS {identifier(task.target)}"
        for index, split in enumerate(SPLITS):
            progress("writing", 70 + 6 * index, f"Writing {len(targets[split]):,} rows of {split}.")
            query = f"SELECT {columns} FROM {split} ORDER BY row_hash"
            write_rows(connection, query, split, folder, ROWS_PER_BATCH)
    _write_rejected(contents, task.target, folder / "rejected.csv")
    return _processed(task, contents, found, kept, targets, warnings)


def _without_duplicates(contents: Contents, found: Sequence[Labelled]) -> list[Labelled]:
    """One of the images that are the same in every pixel and have the same target and split."""
    pictures = contents.pictures
    kept = {(pictures[one.number].sha256, one.target, one.split): one for one in reversed(found)}
    return sorted(kept.values(), key=lambda one: one.number)


def _assign(
    task: ImageTask,
    connection: duckdb.DuckDBPyConnection,
    kept: Sequence[Labelled],
    option: SplitOption,
) -> list[Warning]:
    """Assigns the images of clean to splits: as the archive says, or by the hash of their group."""
    is_named = any(one.split is not None for one in kept)
    column = option.column or "folder"
    rule: Rule = ByHash("features_hash", option.shares())
    if is_named:
        rule = ByColumn(GIVEN_SPLIT, column, "features_hash")
    is_label = task.target_type == "category"
    rows = Rows(connection, "clean", _TARGET if is_label else "''", "images")
    counts, warnings = assign_splits(rows, rule)
    if is_named:
        warnings += split_overlap(connection, column)
    if is_label:
        why = "the split column says where images go" if is_named else None
        warnings += rare_classes(counts, task.target, why)
    return warnings


def _fill(connection: duckdb.DuckDBPyConnection, contents: Contents, kept: list[Labelled]) -> None:
    """Makes the table clean; near-duplicates share the hash that decides on their split."""
    pictures = [contents.pictures[one.number] for one in kept]
    group = groups([picture.look for picture in pictures])
    least: dict[int, str] = {}
    for number, picture in zip(group, pictures, strict=True):
        digest = picture.sha256.hex()
        least[number] = min(least.get(number, digest), digest)
    names = ("number", "target", "given_split", "grouping", "digest")
    types = [nanoarrow.int32(), *[nanoarrow.string()] * 4]
    values: list[list[Any]] = [
        [one.number for one in kept],
        [one.target for one in kept],
        [one.split for one in kept],
        [least[number] for number in group],
        [picture.sha256.hex() for picture in pictures],
    ]
    connection.execute(
        "CREATE TABLE labelled (number INTEGER, target VARCHAR, given_split VARCHAR, "
        "grouping VARCHAR, digest VARCHAR)"
    )
    schema = nanoarrow.struct(dict(zip(names, types, strict=True)))
    columns = [nanoarrow.c_array(v, t) for v, t in zip(values, types, strict=True)]
    append(connection, "labelled", schema, columns, len(kept))
    connection.execute(f"""
        CREATE TABLE clean AS SELECT image AS {_IMAGE}, target AS {_TARGET}, given_split,
            md5_number_lower(grouping) AS features_hash,
            md5_number_lower(digest || target) AS row_hash
        FROM labelled JOIN images USING (number)
    """)
    connection.execute("DROP TABLE images")


def _targets(connection: duckdb.DuckDBPyConnection) -> dict[Split, list[str]]:
    targets: dict[Split, list[str]] = {split: [] for split in SPLITS}
    for split, target in connection.execute(f"SELECT split, {_TARGET} FROM {ASSIGNED}").fetchall():
        targets[split].append(target)
    return targets


def _write_rejected(contents: Contents, target: str, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", target, "rejected_reason"])
        kept = contents.rejected.kept
        writer.writerows(sorted((one.path, one.target or "", one.reason) for one in kept))


def _processed(
    task: ImageTask,
    contents: Contents,
    found: Sequence[Labelled],
    kept: Sequence[Labelled],
    targets: Mapping[Split, Sequence[str]],
    warnings: list[Warning],
) -> Processed:
    reasons = dict(contents.rejected.reasons)
    rejected = sum(reasons.values())
    everything = [one.target for one in kept]
    counts = task.describe(everything)
    categories = list(counts) if task.target_type == "category" else None
    return Processed(
        schema=Schema(
            [
                Column(
                    name="image",
                    type="binary",
                    role="feature",
                    nullable=False,
                    form=None if contents.white is None else {"white": contents.white},
                ),
                Column(
                    name=task.target,
                    type=task.target_type,
                    role="target",
                    nullable=False,
                    categories=categories,
                ),
            ]
        ),
        target=task.target,
        rows={
            "read": len(found) + rejected,
            "duplicates": len(found) - len(kept),
            "rejected": rejected,
            "used": len(kept),
        },
        rejected={"reasons": reasons},
        split_rows={split: len(targets[split]) for split in SPLITS},
        split_targets={split: task.describe(targets[split]) for split in SPLITS},
        profile={"columns": [_image_profile(contents, kept), _target_profile(task, everything)]},
        warnings=warnings,
        source={"archive": contents.archive, **contents.labels},
    )


def _image_profile(contents: Contents, kept: Sequence[Labelled]) -> dict[str, Any]:
    pictures = [contents.pictures[one.number] for one in kept]
    sizes = {
        "width": [picture.width for picture in pictures],
        "height": [picture.height for picture in pictures],
    }
    return {
        "name": "image",
        "count": len(kept),
        "nulls": 0,
        "distinct": len({picture.sha256 for picture in pictures}),
        "distinct_is_approximate": False,
        **{
            name: {"min": min(values), "median": median(values), "max": max(values)}
            for name, values in sizes.items()
        },
    }


def _target_profile(task: ImageTask, targets: Sequence[str]) -> dict[str, Any]:
    described = task.describe(targets)
    return {
        "name": task.target,
        "count": len(targets),
        "nulls": 0,
        "distinct": len(set(targets)),
        "distinct_is_approximate": False,
        "top": top_values(list(described.items())[:20]),
    }
