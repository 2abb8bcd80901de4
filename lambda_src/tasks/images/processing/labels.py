"""The label of each image: the name of its folder, or a row of a CSV file."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from common.decoding import MAX_TEXT
from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES, Warning
from tasks.framework.forms.words import clean
from tasks.images.options import ImageProcessing
from tasks.images.processing.file_column import file_column
from tasks.images.processing.label_tables import check_column, csv_rows, has_more_cells
from tasks.images.processing.places import Places
from tasks.images.processing.reading import Contents, Rejected

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""The split that names of folders and values of a split column mean."""

MAX_CLASSES = 1000
FEW_IMAGES = 10


@dataclass(frozen=True)
class Labelled:
    """An image's target, and its split where the source names it; number is its index."""

    number: int
    target: str
    split: str | None = None


def labels(contents: Contents, options: ImageProcessing) -> list[Labelled]:
    """The labelled images; the others are added to those rejected. Raises Unprocessable."""
    found = _labels(contents, options)
    contents.warnings += _warn_of_split_names([one.target for one in found])
    return found


def _labels(contents: Contents, options: ImageProcessing) -> list[Labelled]:
    tables = [path for path in contents.notes if path.suffix.lower() == ".csv"]
    if options.labels is not None:
        return _from_csv(contents, options, _named(options.labels, tables))
    if len(tables) == 1:
        return _from_csv(contents, options, tables[0])
    if tables:
        names = ", ".join(map(str, sorted(tables)))
        raise invalid(["labels"], f"several CSV files are in the archive ({names}): name one")
    return _from_folders(contents, options)


def counts(targets: Sequence[str]) -> dict[str, int]:
    """Images of each label, the most frequent first."""
    found = Counter(targets)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def check_lengths(found: Iterable[str]) -> None:
    """Raises Unprocessable for a label that is longer than labels may be."""
    for label in found:
        if len(label) > MAX_TEXT:
            raise Unprocessable(
                f"A label has {len(label):,} characters, {MAX_TEXT:,} at most: {label[:60]!r}... "
                "Give it a shorter name."
            )


def check_classes(targets: Sequence[str]) -> list[Warning]:
    """Warns of labels with hardly an image. Raises Unprocessable for fewer than two, or a crowd."""
    found = counts(targets)
    check_lengths(found)
    if len(found) < 2:
        raise Unprocessable(
            f"All images are labelled {next(iter(found))!r}: classification needs two labels at "
            "least, each the name of a folder, or a value of the CSV's column."
        )
    if len(found) > MAX_CLASSES:
        raise Unprocessable(f"There are {len(found):,} labels: {MAX_CLASSES:,} at most.")
    return warn_of_few(found, FEW_IMAGES, "labels")


def warn_of_few(images: Mapping[str, int], least: int, what: str) -> list[Warning]:
    """Warns of all labels that have fewer images than least; what is the labels' word."""
    few = [label for label, count in images.items() if count < least]
    if not few:
        return []
    names = ", ".join(few[:5])
    detail = f"{len(few)} {what} have fewer than {least} images ({names}): send more of them."
    return [Warning(code="few_images", detail=detail, count=len(few), examples=few[:EXAMPLES])]


def _named(name: str, tables: Sequence[PurePosixPath]) -> PurePosixPath:
    for path in tables:
        if name in (str(path), path.name):
            return path
    names = ", ".join(map(str, sorted(tables))) or "no CSV file"
    raise invalid(["labels"], f"there is no {name!r} in the archive; it holds {names}")


def _from_folders(contents: Contents, options: ImageProcessing) -> list[Labelled]:
    if options.split.column is not None:
        raise invalid(["split", "column"], "the archive has no CSV of labels with such a column")
    outer = _folder_of_splits(contents)
    found: list[Labelled] = []
    for number, picture in enumerate(contents.pictures):
        folders: Sequence[str] = picture.path.parent.parts
        split = None
        if outer is not None:
            name, *folders = folders[len(outer) :] or [""]
            split = SPLIT_NAMES.get(name.lower())
        label = clean(folders[-1]) if folders else ""
        if label and not label.startswith("."):
            found.append(Labelled(number, label, split))
            continue
        reason = f"is in the hidden folder {label!r}" if label else "is in no folder of a class"
        contents.rejected.append(Rejected(str(picture.path), "no label", reason))
    return found


def _folder_of_splits(contents: Contents) -> tuple[str, ...] | None:
    """The folders around train and test, where those hold folders of classes and all images.

    Images that have no label anyway may be elsewhere; for the sake of others, which the contents'
    warnings name, the split is not used.
    """
    parents = [picture.path.parent.parts for picture in contents.pictures]
    images: dict[tuple[str, ...], Counter[str]] = {}
    for folders in parents:
        at = next((at for at, name in enumerate(folders[:-1]) if name.lower() in SPLIT_NAMES), None)
        if at is not None:
            images.setdefault(folders[:at], Counter())[folders[at]] += 1
    splits = {outer: found.total() for outer, found in images.items() if len(found) > 1}
    if not splits:
        return None
    outer = max(splits, key=lambda each: splits[each])
    at = len(outer)
    outside = [
        str(picture.path)
        for picture, folders in zip(contents.pictures, parents, strict=True)
        if folders != outer[: len(folders)]
        and not (folders[:at] == outer and folders[at].lower() in SPLIT_NAMES)
    ]
    contents.warnings += warn_of_outside(outside)
    return None if outside else outer


def warn_of_outside(paths: Sequence[str]) -> list[Warning]:
    """Says that folders named after splits are not used, because of images outside of them."""
    if not paths:
        return []
    detail = (
        "Folders are named after splits, which are not used: "
        f"{len(paths):,} images are in none of them. Put each into such a folder, or leave it out."
    )
    return [
        Warning(
            code="unused_split_folders",
            detail=detail,
            count=len(paths),
            examples=list(paths[:EXAMPLES]),
        )
    ]


def _warn_of_split_names(targets: Sequence[str]) -> list[Warning]:
    """Says that labels are named as splits, where they are of several."""
    names = {
        label: count for label, count in counts(targets).items() if label.lower() in SPLIT_NAMES
    }
    if len({SPLIT_NAMES[label.lower()] for label in names}) < 2:
        return []
    listed = ", ".join(f"{label!r} ({count:,})" for label, count in names.items())
    detail = (
        f"Labels are named as splits: {listed}. Where they are not meant, put folders of classes "
        "into those of the splits, as in train/cat/1.jpg, or send a CSV of labels."
    )
    return [
        Warning(
            code="split_names_as_labels",
            detail=detail,
            count=sum(names.values()),
            examples=list(names)[:EXAMPLES],
            option="labels, target",
            blocks_promotion=True,
        )
    ]


def _from_csv(contents: Contents, options: ImageProcessing, table: PurePosixPath) -> list[Labelled]:
    rows = csv_rows(contents.notes[table], table)
    target_column = check_column(rows, ["target"], options.target)
    split_column = options.split.column
    if split_column is not None:
        split_column = check_column(rows, ["split", "column"], split_column)
    others = {target_column, split_column or target_column}
    column = file_column(rows, contents.pictures, options.file, others)
    contents.labels = {"labels": str(table), "file": column}
    numbers = Places(contents.pictures).numbers(row.get(column) or "" for row in rows)
    found: dict[int, Labelled] = {}
    named: set[int] = set()
    for row in rows:
        name, target = (clean(row.get(each) or "") for each in (column, target_column))
        number = numbers.get(row.get(column) or "", -1)
        split = SPLIT_NAMES.get((row.get(split_column or "") or "").strip().lower())
        named.add(number)
        if number < 0:
            contents.rejected.append(
                Rejected(name, "no image", f"{table} names it", target, "nothing")
            )
        elif has_more_cells(row):
            reason = f"{table} has more cells in its row than in the header: put quotes around one"
            contents.rejected.append(Rejected(name, "too many cells", reason, target))
        elif not target:
            contents.rejected.append(Rejected(name, "missing target", f"{table} has none"))
        elif split_column is not None and split is None:
            contents.rejected.append(Rejected(name, "no split", f"{table} names none", target))
        elif number in found:
            reason = f"{table} names it more than once"
            contents.rejected.append(Rejected(name, "labelled twice", reason, target, "mark"))
        else:
            found[number] = Labelled(number, target, split)
    for number, picture in enumerate(contents.pictures):
        if number not in named:
            reason = f"{table} does not name it"
            contents.rejected.append(Rejected(str(picture.path), "no label", reason))
    return [found[number] for number in sorted(found)]
