"""From an archive to a dataset: labels, rejections, near-duplicates, sides."""

import csv
import io
import random
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import pytest
from PIL import Image

from common.datasets import SPLITS
from common.problems import Unprocessable
from tasks import Processed
from tasks.image_classification import processing
from tasks.image_classification.options import Processing
from tasks.images.decoding import decode, encode
from tasks.images.likeness import Look, groups
from tasks.images.processing import reading
from tests.unit.tasks.images.making import deep, encoded, noise, zipped
from tests.unit.tasks.samples import silent
from tests.unit.tasks.splits import invocation


class Dataset:
    """What processing made of an archive."""

    def __init__(self, files: Mapping[str, bytes], **options: Any) -> None:
        folder = Path(tempfile.mkdtemp())
        (folder / "source").write_bytes(zipped(files))
        (folder / "out").mkdir()
        given = msgspec.convert(options, Processing)
        self.about: Processed = processing.process(
            folder / "source", given, folder / "out", invocation(), silent
        )
        self.rows: list[tuple[str, bytes, str]] = []
        for side in SPLITS:
            found = duckdb.execute(f"SELECT * FROM '{folder}/out/{side}.parquet'").fetchall()
            self.rows += [(side, image, label) for image, label in found]
        with (folder / "out" / "rejected.csv").open(newline="") as file:
            self.rejected = {row["path"]: row["rejected_reason"] for row in csv.DictReader(file)}

    @property
    def labels(self) -> dict[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for _, _, label in self.rows:
            counts[label] += 1
        return dict(counts)


def pictures(count: int, start: int = 0) -> list[bytes]:
    return [encoded(noise(seed)) for seed in range(start, start + count)]


def foldered(prefix: str = "", count: int = 12) -> dict[str, bytes]:
    return {
        f"{prefix}{label}/{number}.png": data
        for start, label in ((0, "cat"), (1000, "dog"))
        for number, data in enumerate(pictures(count, start))
    }


@pytest.mark.parametrize("prefix", ["", "photos/", "a/b/"])
def test_the_folder_is_the_label(prefix: str) -> None:
    assert Dataset(foldered(prefix)).labels == {"cat": 12, "dog": 12}


def test_folders_can_say_the_side() -> None:
    files = {
        **foldered("train/"),
        **{f"test/cat/{n}.png": d for n, d in enumerate(pictures(5, 50))},
    }
    made = Dataset(files)
    assert made.about.split_rows["test"] == 5
    assert made.labels == {"cat": 17, "dog": 12}
    codes = [warning.code for warning in made.about.warnings]
    assert codes == ["validation_from_train", "rare_classes"]  # no dog is among the test images
    assert "because the split column says" in made.about.warnings[1].detail


def test_a_csv_gives_labels_in_whatever_column() -> None:
    images = pictures(20)
    files = {f"img/{number}.png": data for number, data in enumerate(images)}
    lines = [f"{number}.png,{'cat' if number % 2 else 'dog'}" for number in range(20)]
    files["labels.csv"] = "\n".join(
        ["picture;animal", *(x.replace(",", ";") for x in lines)]
    ).encode()
    made = Dataset(files, target="animal")
    assert made.labels == {"cat": 10, "dog": 10}
    assert made.about.target == "animal"


def test_the_target_has_a_name_of_its_own() -> None:
    with pytest.raises(msgspec.ValidationError, match="length >= 1"):
        Dataset(foldered(), target="")
    with pytest.raises(Unprocessable, match="choose another name"):
        Dataset(foldered(), target="Image")


def test_what_cannot_be_used_is_set_aside_with_a_reason() -> None:
    files = {f"{number}.png": data for number, data in enumerate(pictures(20))}
    table = [f"{number},{'ab'[number % 2]}" for number in range(18)]
    table += ["18,", "3,b", "gone.png,a"]
    files["labels.csv"] = "\n".join(["file,label", *table]).encode()
    files["broken.png"] = b"\x89PNG nothing"
    files["readme.pdf"] = b"%PDF"
    made = Dataset(files)
    assert made.about.rows == {"read": 24, "duplicates": 0, "rejected": 6, "used": 18}
    assert made.rejected == {
        "18": "labels.csv has none",
        "3": "labels.csv names it more than once",
        "19.png": "labels.csv does not name it",
        "broken.png": "is not a JPEG, PNG, GIF, BMP, WebP or PGM image",
        "gone.png": "labels.csv names it",
        "readme.pdf": "is not a JPEG, PNG, GIF, BMP, WebP or PGM image",
    }


def listed(*rows: str, head: str = "file,label") -> dict[str, bytes]:
    return {"labels.csv": "\n".join([head, *rows]).encode()}


@pytest.mark.parametrize("first", ["cat", "dog"])
def test_labels_of_absent_images_go_to_no_other_of_their_name(first: str) -> None:
    files = {path: data for path, data in foldered().items() if path.startswith("dog")}
    files |= {f"bird/{n}.png": data for n, data in enumerate(pictures(12, 50), 100)}
    rows = [f"{label}s/{n}.png,{label}" for label in ("cat", "dog") for n in range(12)]
    rows = [row.replace("s/", "/") for row in rows if row.startswith(first) or first == "cat"]
    made = Dataset(files | listed(*rows, *(f"bird/{n}.png,bird" for n in range(100, 112))))
    assert made.labels == {"dog": 12, "bird": 12}
    assert made.about.rejected["reasons"] == ({"no image": 12} if first == "cat" else {})


@pytest.mark.parametrize(
    ("place", "name", "is_there"),
    [
        ("{n}.png", "{n}", True),
        ("{n}.png", "C:\\photos\\{n}.png", True),
        ("{n}.png", "train2017/{n}.png", True),
        ("a/b/{n}.png", "./b/{n}.png", True),
        ("a/b/{n}.png", "{n}.png", True),
        ("a/b/{n}.png", "/home/me/b/{n}.png", True),
        ("a/b/{n}.png", "s3://bucket/b/{n}.png", True),
        ("a/b/{n}.png", "c/b/{n}.png", False),
        ("a/b/{n}.png", "/home/me/c/{n}.png", False),
        ("aa/{n}.png", "a/{n}.png", False),
    ],
)
def test_a_name_means_the_image_whose_path_ends_so(place: str, name: str, is_there: bool) -> None:
    files = {place.format(n=n): data for n, data in enumerate(pictures(20))}
    rows = [name.format(n=n) + ("," + "ab"[n % 2]) for n in range(20)]
    if is_there:
        assert Dataset(files | listed(*rows)).labels == {"a": 10, "b": 10}
    else:
        with pytest.raises(Unprocessable, match="no column holds names of images"):
            Dataset(files | listed(*rows))


def test_names_of_two_folders_that_the_archive_lacks_mean_no_image_of_theirs() -> None:
    files = {f"{n}.png": data for n, data in enumerate(pictures(20))}
    rows = [f"train/{n}.png,{'ab'[n % 2]}" for n in range(20)] + ["test/3.png,a", "3.png,a"]
    made = Dataset(files | listed(*rows))
    assert made.about.rejected["reasons"] == {"no image": 2}
    assert made.labels == {"a": 11, "b": 9}


@pytest.mark.parametrize("head", [",file,label", "id,filename,label", "id,seen,label"])
def test_numbers_of_rows_are_no_names_of_images(head: str) -> None:
    files = {f"im/{n}.png": data for n, data in enumerate(pictures(20))}
    order = random.Random(5).sample(range(20), 20)
    rows = [f"{at},{n}.png,{'ab'[n > 4]}" for at, n in enumerate(order)]
    assert Dataset(files | listed(*rows, head=head)).labels == {"a": 5, "b": 15}
    bare = listed(*(row.replace(".png", "") for row in rows), head=head)
    if head == "id,seen,label":
        with pytest.raises(Unprocessable, match="columns 'id' and 'seen' may both") as caught:
            Dataset(files | bare)
        assert [error.pointer for error in caught.value.errors] == ["/file"]
        assert Dataset(files | bare, file="seen").labels == {"a": 5, "b": 15}
    else:
        assert Dataset(files | bare).labels == {"a": 5, "b": 15}


@pytest.mark.parametrize(
    ("head", "taken"),
    [
        ("Unnamed: 0,image_id,label", "image_id"),
        (",image_id,label", "image_id"),
        (",id_code,label", "id_code"),
        ("row,code,label", None),
        (",code,label", None),
    ],
)
def test_a_count_of_rows_is_no_column_of_files_for_meaning_more_images(
    head: str, taken: str | None
) -> None:
    files = {f"{n}.png": data for n, data in enumerate(pictures(29))}
    order = random.Random(3).sample([n for n in range(30) if n != 7], 29)  # 29.png is not sent
    rows = listed(*(f"{at},{n},{'ab'[n > 9]}" for at, n in enumerate(order)), head=head)
    if taken is None:
        with pytest.raises(Unprocessable, match="may both name the images"):
            Dataset(files | rows)
        return
    made = Dataset(files | rows)
    assert made.labels == {"a": 9, "b": 19}
    assert made.about.source == {"archive": "zip", "labels": "labels.csv", "file": taken}


def test_a_column_that_repeats_numbers_is_no_column_of_files_where_another_does_not() -> None:
    files = {f"{n}.png": data for n, data in enumerate(pictures(30), 1)}
    rows = [f"{n},{n * 7 % 30 + 1},{'ab'[n > 10]}" for n in range(1, 41)]
    made = Dataset(files | listed(*rows, head="id,age,label"))
    assert made.labels == {"a": 10, "b": 20}


def test_rows_of_more_cells_than_the_header_are_set_aside() -> None:
    rows = [f"cat/{n}.png,cat," for n in range(12)] + [f"dog/{n}.png,Dog, big" for n in range(3)]
    made = Dataset(foldered() | listed(*rows, *(f"dog/{n}.png,dog" for n in range(3, 12))))
    assert made.labels == {"cat": 12, "dog": 9}
    assert made.about.rejected["reasons"] == {"too many cells": 3}


@pytest.mark.parametrize("label", ["a|b|c", '"a;b;c;d"'])
def test_the_header_says_what_divides_cells(label: str) -> None:
    rows = [f"{path},{label if 'cat' in path else 'x|y'}" for path in foldered()]
    made = Dataset(foldered() | listed(*rows, head='file,"label"'))
    assert made.labels == {label.strip('"'): 12, "x|y": 12}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("said", ["sep=;\n", "sep=;\r\n", ""])
def test_lists_of_labels_may_be_as_spreadsheets_write_them(encoding: str, said: str) -> None:
    files = {f"{at}.png": one for at, one in enumerate(pictures(24))}
    rows = "".join(f"{at}.png;{('käse', 'b')[at % 2]}\n" for at in range(24))
    files["labels.csv"] = f"{said}file;label\n{rows}".encode(encoding)
    assert Dataset(files).labels == {"käse": 12, "b": 12}


def test_a_column_that_is_there_twice_is_refused() -> None:
    rows = [f"cat/{n}.png,cat,x" for n in range(12)]
    for head in ("file,label,label", "file,label, Label"):
        with pytest.raises(Unprocessable, match=r"Two columns are named 'label' and '.*abel'"):
            Dataset(foldered() | listed(*rows, head=head))


def test_names_are_the_same_in_every_form_of_unicode() -> None:
    def form(index: int, text: str) -> str:
        return unicodedata.normalize(("NFC", "NFD")[index % 2], text)

    images = pictures(20)
    files = {f"{form(n, 'café')}/{n}.png": data for n, data in enumerate(images)}
    files |= {f"bar/{n}.png": data for n, data in enumerate(pictures(12, 100))}
    assert Dataset(files).labels == {"café": 20, "bar": 12}
    files = {form(1, f"té{n}.png"): data for n, data in enumerate(images)}
    rows = [form(0, f"té{n}.png,") + form(n, "é" if n < 10 else "b") for n in range(20)]
    assert Dataset(files | listed(*rows)).labels == {"é": 10, "b": 10}


def test_folders_that_differ_in_case_are_warned_of() -> None:
    files = {f"{('Cat', 'cat ', 'bar')[n % 3]}/{n}.png": d for n, d in enumerate(pictures(36))}
    made = Dataset(files)
    assert made.labels == {"Cat": 12, "cat": 12, "bar": 12}
    assert [one.code for one in made.about.warnings] == ["similar_labels"]


def test_labels_that_are_words_for_missing_values_are_told() -> None:
    files = {
        f"{('cat', 'NA', 'None')[at % 3]}/{at}.png": one for at, one in enumerate(pictures(36))
    }
    made = Dataset(files)
    (told,) = made.about.warnings
    assert (told.code, told.count, told.columns) == ("label_words", 24, {"label": 24})
    assert made.labels == {"cat": 12, "NA": 12, "None": 12}


def test_hidden_folders_are_no_classes() -> None:
    made = Dataset(foldered() | {"cat/.old/1.png": pictures(1, 99)[0]})
    assert made.labels == {"cat": 12, "dog": 12}
    assert made.rejected == {"cat/.old/1.png": "is in the hidden folder '.old'"}
    assert Dataset(foldered(".data/")).labels == {"cat": 12, "dog": 12}


def _flat_splits() -> dict[str, bytes]:
    return {f"{('train', 'test')[at % 2]}/{at}.png": one for at, one in enumerate(pictures(24))}


def _splits_in_classes() -> dict[str, bytes]:
    names = [f"{label}/{split}" for label in ("cat", "dog") for split in ("Train", "val")]
    return {f"{names[at % 4]}/{at}.png": one for at, one in enumerate(pictures(40))}


@pytest.mark.parametrize(
    ("files", "options", "examples"),
    [
        (_flat_splits(), {}, ["test", "train"]),
        (_splits_in_classes(), {}, ["Train", "val"]),
        (
            {
                **{f"{at}.png": one for at, one in enumerate(pictures(24))},
                "list.csv": "\n".join(
                    ["file,set", *(f"{at}.png,{('train', 'test')[at % 2]}" for at in range(24))]
                ).encode(),
            },
            {"target": "set"},
            ["test", "train"],
        ),
    ],
)
def test_labels_that_are_names_of_splits_are_warned_of(
    files: dict[str, bytes], options: dict[str, Any], examples: list[str]
) -> None:
    made = Dataset(files, **options)
    (told,) = [one for one in made.about.warnings if one.code == "split_names_as_labels"]
    assert (told.count, told.blocks_promotion) == (sum(made.labels.values()), True)
    assert sorted(told.examples) == examples


def test_one_class_may_be_named_as_a_split() -> None:
    files = {f"{('control', 'test')[at % 2]}/{at}.png": one for at, one in enumerate(pictures(24))}
    assert Dataset(files).about.warnings == []


@pytest.mark.parametrize("odd", ["banner.png", "set/banner.png", "set/train/banner.png"])
def test_images_without_a_label_do_not_undo_folders_of_a_split(odd: str) -> None:
    files = {**foldered("set/train/"), **foldered("set/test/", 5), odd: pictures(1, 99)[0]}
    made = Dataset(files)
    assert made.about.split_rows["test"] == 10
    assert made.about.rejected["reasons"] == {"no label": 1}


def test_folders_of_a_split_that_are_not_used_are_warned_of() -> None:
    files = {**foldered("train/"), **foldered("test/", 5)}
    made = Dataset({**files, "more/cat/1.png": pictures(1, 99)[0]})
    (warning,) = [one for one in made.about.warnings if one.code == "unused_split_folders"]
    assert (warning.count, warning.examples) == (1, ["more/cat/1.png"])
    assert made.labels == {"cat": 13, "dog": 12}


@pytest.mark.parametrize(("heic", "blocks"), [(2, False), (400, True)])
def test_images_that_cannot_be_used_are_warned_of(heic: int, blocks: bool) -> None:
    files = foldered() | {f"cat/{n}.HEIC": b"\0\0\0\x18ftypheic" for n in range(heic)}
    (warning,) = Dataset(files).about.warnings
    assert (warning.code, warning.count, warning.blocks_promotion) == (
        "rejected_rows",
        heic,
        blocks,
    )
    assert f"not a usable image ({heic})" in warning.detail


def test_near_duplicates_are_on_one_side() -> None:
    files = {}
    for seed in range(30):
        image = noise(seed, 200, 150)
        label = "ab"[seed % 2]
        files[f"{label}/{seed}.png"] = encoded(image)
        files[f"{label}/{seed}-small.jpg"] = encoded(image.resize((100, 75)), "JPEG", quality=60)
    made = Dataset(files)
    assert made.about.rows["used"] == 60
    group = groups([Look.of(decode(image, 400).image) for _, image, _ in made.rows])
    sides: dict[int, set[str]] = defaultdict(set)
    for number, (side, _, _) in zip(group, made.rows, strict=True):
        sides[number].add(side)
    assert len(sides) == 30
    assert all(len(found) == 1 for found in sides.values())


def test_the_same_image_with_two_labels_is_warned_of() -> None:
    files = foldered()
    files["dog/same.png"] = files["cat/0.png"]
    (warning,) = Dataset(files).about.warnings
    assert (warning.code, warning.count) == ("conflicting_targets", 1)
    assert warning.examples == ["cat/0.png and dog/same.png"]
    assert not warning.blocks_promotion
    files |= {f"dog/same-{n}.png": files[f"cat/{n}.png"] for n in range(1, 5)}
    (warning,) = Dataset(files).about.warnings
    assert (warning.count, len(warning.examples)) == (5, 3)
    assert warning.blocks_promotion


def test_labels_of_few_images_are_one_warning_with_examples() -> None:
    files = {f"{'abcd'[n % 4]}/{n}.png": data for n, data in enumerate(pictures(40))}
    files |= {f"rare {n % 5}/{n}.png": data for n, data in enumerate(pictures(15, 100))}
    (warning,) = [one for one in Dataset(files).about.warnings if one.code == "few_images"]
    assert (warning.count, warning.examples) == (5, ["rare 0", "rare 1", "rare 2"])


def test_shares_beside_folders_of_splits_are_said_to_be_unused() -> None:
    files = {**foldered("train/"), **foldered("test/", 4)}
    made = Dataset(files, split={"train": 0.6, "validation": 0.2, "test": 0.2})
    (warning,) = [one for one in made.about.warnings if one.code == "split_by_folders"]
    assert warning.option == "split"


def deep_archive(white: int, count: int = 12) -> dict[str, bytes]:
    numbers = range(2 * count)
    return {f"{'ab'[at % 2]}/{at}.png": encoded(deep(at, white)) for at in numbers}


def shades(image: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(image)))


@pytest.mark.parametrize(("brightest", "white"), [(200, 255), (900, 1023), (4095, 4095)])
def test_white_of_16_bits_is_that_of_all_images_and_is_told(brightest: int, white: int) -> None:
    files = deep_archive(brightest) | {"a/dark.png": encoded(deep(99, brightest // 3))}
    made = Dataset(files)
    (told,) = [one for one in made.about.warnings if one.code == "image_depth"]
    assert (told.count, told.examples[0]) == (25, "a/0.png")
    assert f"no value above {white:,}" in told.detail
    tops = sorted(int(shades(image).max()) for _, image, _ in made.rows)
    assert tops[0] == pytest.approx(255 * (brightest // 3) / white, abs=1)
    assert tops[-1] == pytest.approx(255 * brightest / white, abs=1)
    assert made.about.schema.columns[0].form == {"white": white}


def test_bright_images_of_16_bits_are_read_as_they_are() -> None:
    made = Dataset(deep_archive(65535) | {"a/8.jpg": encoded(noise(98), "JPEG")})
    assert made.about.warnings == []
    assert max(int(shades(image).max()) for _, image, _ in made.rows) == 255
    assert made.about.schema.columns[0].form == {"white": 65535}
    assert Dataset(foldered()).about.schema.columns[0].form is None


def test_images_of_16_bits_that_stay_nearly_black_are_warned_of() -> None:
    dark = {f"b/dark{at}.png": encoded(deep(at, 4095)) for at in range(50, 54)}
    made = Dataset(deep_archive(65535) | dark)
    (told,) = made.about.warnings
    assert (told.code, told.count, told.blocks_promotion) == ("dark_images", 4, True)
    assert told.examples[0] == "b/dark50.png"


def test_images_are_stored_within_max_side() -> None:
    files = {f"{'ab'[n % 2]}/{n}.png": encoded(noise(n, 100, 50)) for n in range(12)}
    made = Dataset(files, max_side=32)
    assert {decode(image, 400).image.size for _, image, _ in made.rows} == {(32, 16)}
    assert made.about.profile["columns"][0]["width"] == {"min": 100, "median": 100, "max": 100}


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({"a/1.txt": b"x"}, {}, "no image that can be read"),
        ({"a/1.png": encoded(noise(1))}, {}, "All images are labelled 'a'"),
        ({"1.png": encoded(noise(1))}, {}, "in no folder of a class"),
        (foldered(), {"labels": "x.csv"}, "there is no 'x.csv'"),
        (foldered(), {"split": {"column": "fold"}}, "no CSV of labels"),
        ({**foldered(), "l.csv": b"file,kind\ncat/1.png,a"}, {}, "there is no column 'label'"),
        ({**foldered(), "l.csv": b"file,label\nx,a"}, {}, "no column holds names of images"),
        ({**foldered(), "a.csv": b"x", "b.csv": b"y"}, {}, "several CSV files"),
        (
            {f"{label}/{at}.png": encoded(noise(at)) for at, label in enumerate(["a", "x" * 1001])},
            {},
            "A label has 1,001 characters, 1,000 at most",
        ),
    ],
)
def test_what_nothing_can_be_learned_from_is_refused(
    files: dict[str, bytes], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(Unprocessable, match=message):
        Dataset(files, **options)


def test_the_time_an_archive_takes_grows_with_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    class Encoded(bytes):
        def __len__(self) -> int:
            nonlocal asked
            asked += 1
            return super().__len__()

    monkeypatch.setattr(reading, "encode", lambda image: Encoded(encode(image)))
    sent = encoded(noise(1, 2, 2))
    (tmp_path / "source").write_bytes(zipped({f"{n}.png": sent for n in range(500)}))
    with duckdb.connect() as connection:
        contents = reading.read(connection, tmp_path / "source", 64, lambda done, count: None)
        assert connection.sql("SELECT count(*) FROM images").fetchall() == [(500,)]
    assert len(contents.pictures) == 500
    assert asked < 10 * 500
