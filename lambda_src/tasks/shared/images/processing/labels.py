"""The label of each image: the name of its folder, or a row of a CSV file."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from common.decoding import MAX_TEXT
from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES, Warning
from tasks.shared.images.options import ImageProcessing
from tasks.shared.images.processing.names import check_column, csv_rows, file_column, places, tidy
from tasks.shared.images.processing.reading import Contents, Rejected

SIDES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Names of folders, and values of a split column, that say on which side an image is."""

MAX_CLASSES = 1000
FEW_IMAGES = 10


@dataclass(frozen=True)
class Labelled:
    """An image's target and, where the source says it, its side; number is its place."""

    number: int
    target: str
    side: str | None = None


def labels(contents: Contents, options: ImageProcessing) -> list[Labelled]:
    """The labelled images; the others are added to those rejected. Raises Unprocessable."""
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
    outer = _common_folders([picture.path for picture in contents.pictures])
    sided = outer is not None and _are_sides(contents, outer)
    found: list[Labelled] = []
    for number, picture in enumerate(contents.pictures):
        folders = picture.path.parent.parts[len(outer or ()) :]
        if not folders or (sided and len(folders) == 1):
            path = str(picture.path)
            contents.rejected.append(Rejected(path, "no label", "is in no folder of a class"))
            continue
        side = SIDES[folders[0].lower()] if sided else None
        found.append(Labelled(number, folders[-1], side))
    return found


def _common_folders(paths: Sequence[PurePosixPath]) -> tuple[str, ...] | None:
    """The folders that all images are below, the last folder before a file not among them."""
    parents = [path.parent.parts for path in paths]
    common: list[str] = []
    for level in zip(*parents, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    shortest = min(map(len, parents))
    return tuple(common[: max(0, shortest - 1)] if len(common) == shortest else common)


def _are_sides(contents: Contents, outer: tuple[str, ...]) -> bool:
    """Whether the outermost folders are train and test, and those within them the classes."""
    at = len(outer)
    parts = [picture.path.parent.parts for picture in contents.pictures]
    return all(len(part) > at + 1 and part[at].lower() in SIDES for part in parts)


def _from_csv(contents: Contents, options: ImageProcessing, table: PurePosixPath) -> list[Labelled]:
    rows = csv_rows(contents.notes[table], table)
    column = file_column(rows, contents, options.file)
    check_column(rows, ["target"], options.target)
    if options.split.column is not None:
        check_column(rows, ["split", "column"], options.split.column)
    numbers = places(contents)
    found: dict[int, Labelled] = {}
    named: set[int] = set()
    for row in rows:
        name, target = (row.get(column) or "").strip(), (row.get(options.target) or "").strip()
        number = numbers.get(tidy(name), numbers.get(PurePosixPath(tidy(name)).name, -1))
        side = SIDES.get((row.get(options.split.column or "") or "").strip().lower())
        named.add(number)
        if number < 0:
            contents.rejected.append(Rejected(name, "no image", f"{table} names it", target))
        elif not target:
            contents.rejected.append(Rejected(name, "missing target", f"{table} has none"))
        elif options.split.column is not None and side is None:
            contents.rejected.append(Rejected(name, "no side", f"{table} names none", target))
        elif number in found:
            reason = f"{table} names it more than once"
            contents.rejected.append(Rejected(name, "labelled twice", reason, target))
        else:
            found[number] = Labelled(number, target, side)
    for number, picture in enumerate(contents.pictures):
        if number not in named:
            reason = f"{table} does not name it"
            contents.rejected.append(Rejected(str(picture.path), "no label", reason))
    return [found[number] for number in sorted(found)]
