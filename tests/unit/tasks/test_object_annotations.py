"""Boxes in VOC XML, COCO JSON, YOLO text and CSV: what becomes of them, and what is set aside."""

import csv
import json
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb
import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common.datasets import SPLITS
from common.problems import Unprocessable
from tasks import Processed
from tasks.images.likeness import Look
from tasks.images.processing import reading
from tasks.images.processing.reading import Contents
from tasks.object_detection import processing
from tasks.object_detection.objects import Object, decode, encode
from tasks.object_detection.options import Processing
from tasks.object_detection.processing import class_names, coco, sheets, voc
from tasks.object_detection.processing import yolo as yolo_files
from tests.unit.tasks.images.making import encoded, noise, zipped
from tests.unit.tasks.samples import silent
from tests.unit.tasks.splits import invocation

COUNT = 20
IMAGES = {f"{number}.png": encoded(noise(number)) for number in range(COUNT)}  # 40 x 30 pixels
BOX = (10, 6, 30, 21)
EXPECTED = Object("cat", 0.25, 0.2, 0.5, 0.5)


class Dataset:
    """What processing made of an archive."""

    def __init__(self, files: Mapping[str, bytes], **options: Any) -> None:
        folder = Path(tempfile.mkdtemp())
        (folder / "source").write_bytes(zipped(files))
        (folder / "out").mkdir()
        chosen = msgspec.convert(options, Processing)
        self.about: Processed = processing.process(
            folder / "source", chosen, folder / "out", invocation(), silent
        )
        self.objects: list[list[Object]] = []
        for side in SPLITS:
            rows = duckdb.execute(f"SELECT objects FROM '{folder}/out/{side}.parquet'").fetchall()
            self.objects += [decode(text) for (text,) in rows]
        with (folder / "out" / "rejected.csv").open(newline="") as file:
            self.rejected = [
                (row["path"], row["objects"], row["rejected_reason"])
                for row in csv.DictReader(file)
            ]

    @property
    def codes(self) -> list[str]:
        return [warning.code for warning in self.about.warnings]


def xml(name: str, *boxes: tuple[float, ...], size: tuple[int, int] = (40, 30)) -> bytes:
    edges = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        "<object><name>cat</name><bndbox>"
        + "".join(f"<{edge}>{value}</{edge}>" for edge, value in zip(edges, box, strict=True))
        + "</bndbox></object>"
        for box in boxes
    )
    width, height = size
    return (
        f"<annotation><filename>{name}</filename><size><width>{width}</width>"
        f"<height>{height}</height></size>{objects}</annotation>"
    ).encode()


def table(*rows: str, head: str = "filename,class,xmin,ymin,xmax,ymax") -> bytes:
    return "\n".join([head, *rows]).encode()


def every(row: str) -> list[str]:
    return [row.format(name=name) for name in IMAGES]


def document(**changes: Any) -> bytes:
    plain: dict[str, Any] = {
        "images": [
            {"id": number, "file_name": name, "width": 40, "height": 30}
            for number, name in enumerate(IMAGES)
        ],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 7, "bbox": [10, 6, 20, 15]}
            for n in range(COUNT)
        ],
        "categories": [{"id": 7, "name": "cat"}],
    }
    return json.dumps(plain | changes).encode()


def yolo(*lines: str, names: str = "names: [dog, cat]", folder: str = "labels") -> dict[str, bytes]:
    """A file of labels for each image."""
    files = {f"{folder}/{name[:-4]}.txt": "\n".join(lines).encode() for name in IMAGES}
    return {**files, "data.yaml": names.encode()}


LINE = "1 0.5 0.45 0.5 0.5"
FORMS: dict[str, dict[str, bytes]] = {
    "yolo": yolo(LINE, "", folder="labels"),
    "yolo beside images": yolo(f"  {LINE}  ", folder="."),
    "yolo of floats": yolo("1.0 5.0e-1 4.5e-01 0.5 .5"),
    "yolo with a list of names": yolo(LINE, names="nc: 2\nnames:\n- dog # barks\n- 'cat'\nval: x"),
    "yolo with numbered names": yolo(LINE, names="path: ../a\nnames:\n  0: dog\n\n  1: cat\n"),
    "yolo with inline names": yolo(LINE, names='names: {0: dog,\n  1: "cat"}\nnc: 2'),
    "yolo with names in lines": {**yolo(LINE, names=""), "classes.txt": b"dog\r\ncat\r\n"},
    "yolo of darknet": {**yolo(LINE, names="", folder="."), "obj.names": b"dog\ncat"},
    "voc": {f"labels/{name[:-4]}.xml": xml(name, BOX) for name in IMAGES},
    "voc without names": {f"{name[:-4]}.xml": xml("", BOX, size=(0, 0)) for name in IMAGES},
    "voc of a larger copy": {
        f"{n[:-4]}.xml": xml(n, (20, 12, 60, 42), size=(80, 60)) for n in IMAGES
    },
    "coco": {"boxes.json": document()},
    "csv": {"boxes.csv": table(*every("{name},cat,10,6,30,21"))},
    "csv of sizes": {
        "boxes.csv": table(*every("{name};cat;10;6;20;15"), head="File;Label;x;y;width;height")
    },
    "csv with folders": {"boxes.csv": table(*every("C:\\photos\\{name},cat,10,6,30,21"))},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(form: str) -> None:
    made = Dataset({**IMAGES, "readme.txt": b"Cats.", **FORMS[form]})
    assert made.objects == [[EXPECTED]] * COUNT
    assert made.about.rejected == {"reasons": {}}
    assert made.codes == ["few_images"]


def test_several_forms_want_a_choice() -> None:
    files = {**IMAGES, **FORMS["voc"], **FORMS["csv"]}
    with pytest.raises(Unprocessable) as caught:
        Dataset(files)
    assert [error.pointer for error in caught.value.errors] == ["/format"]
    assert Dataset(files, format="csv").objects == [[EXPECTED]] * COUNT


def test_what_cannot_be_used_is_set_aside_with_its_reason() -> None:
    odd = [
        "0.png,cat,10,6,10,21",
        "0.png,cat,30,6,10,21",
        "0.png,cat,50,40,70,60",
        "0.png,cat,ten,6,30,21",
        "0.png,cat,nan,6,30,21",
        "0.png,,1,1,30,21",
        "0.png,cat,10,6,30,21",
        "lost.png,cat,10,6,30,21",
    ]
    made = Dataset({**IMAGES, "boxes.csv": table(*every("{name},cat,10,6,30,21"), *odd)})
    assert made.about.rejected["reasons"] == {
        "box without area": 2,
        "box outside the image": 1,
        "not a box": 2,
        "missing label": 1,
        "box given twice": 1,
        "no image": 1,
    }
    assert ("0.png", "cat", "box without area: 10, 6, 10, 21 in boxes.csv") in made.rejected
    assert made.objects == [[EXPECTED]] * COUNT
    assert made.about.rows == {"read": 28, "duplicates": 0, "rejected": 8, "used": 20}


def test_an_image_of_which_nothing_is_known_is_not_taken_for_empty() -> None:
    rows = [
        *every("{name},cat,10,6,30,21")[3:],
        "0.png,cat,10,6,10,6",  # no usable box
        "1.png,,,,,",  # nothing is on it
    ]
    made = Dataset({**IMAGES, "boxes.csv": table(*rows)})
    assert sorted(made.objects) == [[], *[[EXPECTED]] * (COUNT - 3)]
    assert {path for path, _, reason in made.rejected if "no file tells" in reason} == {"2.png"}
    assert {path for path, _, reason in made.rejected if "none of its boxes" in reason} == {"0.png"}


def test_boxes_end_where_the_image_does() -> None:
    made = Dataset({**IMAGES, "boxes.csv": table(*every("{name},cat,-2,15,42,31"))})
    assert made.objects == [[Object("cat", 0.0, 0.5, 1.0, 0.5)]] * COUNT


def test_boxes_for_another_shape_are_not_squeezed_in() -> None:
    turned = {"0.xml": xml("0.png", BOX, size=(30, 40))}
    made = Dataset({**IMAGES, **FORMS["voc without names"], **turned})
    assert made.about.rejected["reasons"] == {"another size": 1}
    assert "30 x 40 pixels, and it has 40 x 30" in made.rejected[0][2]


def test_folders_and_columns_say_the_side() -> None:
    folders = ["train", "valid", "test", "train"]
    files = {f"{folders[n % 4]}/{n}.png": IMAGES[f"{n}.png"] for n in range(COUNT)}
    files |= {f"{folders[n % 4]}/{n}.xml": xml(f"{n}.png", BOX) for n in range(COUNT)}
    assert Dataset(files).about.split_rows == {"train": 10, "validation": 5, "test": 5}
    rows = [f"{n}.png,cat,10,6,30,21,{folders[n % 4]}" for n in range(COUNT)]
    head = "filename,class,xmin,ymin,xmax,ymax,fold"
    made = Dataset({**IMAGES, "boxes.csv": table(*rows, head=head)}, split={"column": "fold"})
    assert made.about.split_rows == {"train": 10, "validation": 5, "test": 5}


def test_an_image_is_in_one_split() -> None:
    rows = [f"{name},cat,10,6,30,21,train" for name in IMAGES] + ["0.png,cat,1,1,9,9,test"]
    head = "filename,class,xmin,ymin,xmax,ymax,fold"
    with pytest.raises(Unprocessable, match=r"puts 0\.png into two splits"):
        Dataset({**IMAGES, "boxes.csv": table(*rows, head=head)}, split={"column": "fold"})
    with pytest.raises(Unprocessable) as caught:
        Dataset({**IMAGES, **FORMS["voc"]}, split={"column": "fold"})
    assert [error.pointer for error in caught.value.errors] == ["/split/column"]


def test_small_objects_are_warned_of() -> None:
    made = Dataset({**IMAGES, "boxes.csv": table(*every("{name},cat,10,6,13,9"))})
    (warning,) = [one for one in made.about.warnings if one.code == "small_objects"]
    assert (warning.count, len(warning.examples)) == (COUNT, 3)
    assert set(warning.examples) <= set(IMAGES)


def test_labels_of_few_objects_are_one_warning_with_examples() -> None:
    rare = [f"{n}.png,rare {n},1,1,20,20" for n in range(5)]
    made = Dataset({**IMAGES, "boxes.csv": table(*every("{name},cat,10,6,30,21"), *rare)})
    (warning,) = [one for one in made.about.warnings if one.code == "few_objects"]
    assert (warning.count, warning.examples) == (5, ["rare 0", "rare 1", "rare 2"])


BOMB = b"""<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]>
<annotation><filename>&c;</filename></annotation>"""
FILE = b"""<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]>
<annotation><filename>&f;</filename></annotation>"""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (BOMB, "declares a document type"),
        (BOMB.decode().encode("utf-16"), "declares a document type"),
        (FILE, "declares a document type"),
        (b"<annotation>", "is not XML"),
        (b"<?xml version='1.0' encoding='foo'?><annotation/>", "encoding that is not known"),
        (b"<annotation>&c;</annotation>", "is not XML"),
        (b"", "is not XML"),
        (b"<annotation>" + b" " * 2_000_000, "2,000,012 bytes"),
    ],
)
def test_hostile_xml_is_set_aside_unread(data: bytes, why: str) -> None:
    made = Dataset({**IMAGES, **FORMS["voc"], "labels/odd.xml": data})
    assert made.objects == [[EXPECTED]] * COUNT
    ((path, _, reason),) = made.rejected
    assert path == "labels/odd.xml"
    assert why in reason


def test_deep_xml_is_read() -> None:
    deep = b"<annotation>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</annotation>"
    sheet = voc.read(PurePosixPath("a.xml"), deep)
    assert sheet is not None
    assert sheet.objects == []


@pytest.mark.parametrize(
    ("files", "detail"),
    [
        ({}, "tells of no boxes"),
        ({"notes.json": b'{"images": 3}'}, "tells of no boxes"),
        ({"a.xml": b"<annotation>"}, "is not XML"),
        ({"a.csv": table("0.png,cat", head="filename,class")}, "tells of no boxes"),
        ({"b.json": document(annotations=[{"image_id": 1, "bbox": []}])}, "missing required field"),
        ({"b.json": document(annotations=[])}, "No image shows an object"),
        (
            {"b.json": document().replace(b'"id": 1, "file', b'"id": 0, "file')},
            "lists the image id 0 2 times",
        ),
        ({"b.json": document(categories=[{"id": 7, "name": n} for n in "ab"])}, "category id 7 2"),
        ({"b.json": document().replace(b"[10,", b"[1e999,")}, "a number that is too large"),
        ({"b.json": document().replace(b'"cat"', b'"c\xe9t"')}, "text that is not UTF-8"),
        ({"b.csv": table("other.png,cat,1,1,9,9")}, "No image is known by its objects"),
    ],
)
def test_what_nothing_can_be_learned_from_is_refused(files: dict[str, bytes], detail: str) -> None:
    with pytest.raises(Unprocessable, match=detail):
        Dataset({**IMAGES, **files})


def test_coco_of_other_images_and_categories_is_set_aside() -> None:
    boxes = [{"image_id": n, "category_id": 7, "bbox": [10, 6, 20, 15]} for n in range(COUNT)] + [
        {"image_id": 0, "category_id": 8, "bbox": [0, 0, 9, 9]},
        {"image_id": 0, "category_id": 7, "bbox": [0, 0, 9, 9], "iscrowd": 1},
        {"image_id": 0, "category_id": 7, "bbox": []},
        {"image_id": 999, "category_id": 7, "bbox": [0, 0, 9, 9]},
    ]
    made = Dataset({**IMAGES, "boxes.json": document(annotations=boxes)})
    assert made.about.rejected["reasons"] == {
        "missing label": 1, "box of a crowd": 1, "not a box": 1, "no image": 1,
    }  # fmt: skip
    assert made.objects == [[EXPECTED]] * COUNT


def test_a_row_with_a_label_and_no_box_does_not_say_that_nothing_is_there() -> None:
    rows = [*every("{name},cat,10,6,30,21")[3:], "0.png,cat,,,,", "1.png,cat", "2.png,,,,,"]
    made = Dataset({**IMAGES, "boxes.csv": table(*rows)})
    assert sorted(made.objects) == [[], *[[EXPECTED]] * (COUNT - 3)]
    assert made.about.rejected["reasons"] == {"not a box": 2, "no usable box": 2}
    assert ("0.png", "cat", "not a box: no coordinates in boxes.csv") in made.rejected
    assert ("1.png", "", "none of its boxes can be used") in made.rejected


SIZED = "filename,width,height,class,xmin,ymin,xmax,ymax"


def test_each_row_s_box_is_scaled_by_the_size_of_its_row() -> None:
    rows = [
        *every("{name},80,60,cat,20,12,60,42"),
        "0.png,40,30,cat,1,3,21,18",
        "1.png,,,cat,2,6,42,36",  # in the size of the row before it
    ]
    made = Dataset({**IMAGES, "boxes.csv": table(*rows[1:2], *rows[-1:], *rows, head=SIZED)})
    second = Object("cat", 0.025, 0.1, 0.5, 0.5)
    assert sorted(made.objects)[:2] == [[second, EXPECTED]] * 2
    assert made.about.rejected["reasons"] == {"box given twice": 2}


@pytest.mark.parametrize("row", ["{name},40,30,cat,10,6,20,15", "{name},80,60,cat,20,12,40,30"])
def test_width_and_height_beside_w_and_h_are_the_image_s(row: str) -> None:
    head = "file,width,height,class,x,y,w,h"
    made = Dataset({**IMAGES, "boxes.csv": table(*every(row), head=head)})
    assert made.objects == [[EXPECTED]] * COUNT


def test_boxes_of_more_cells_than_the_header_are_set_aside() -> None:
    rows = [*every("{name},cat,10,6,30,21,"), "0.png,cat,big,1,1,9,9", "1.png,,,,,,9"]
    made = Dataset({**IMAGES, "boxes.csv": table(*rows)})
    assert made.objects == [[EXPECTED]] * COUNT
    assert made.about.rejected["reasons"] == {"row with more cells than the header": 2}


def test_a_row_without_a_size_is_set_aside_where_others_have_several() -> None:
    odd = ["0.png,40,30,cat,1,3,21,18", "0.png,,,cat,2,6,42,36"]
    rows = [*every("{name},80,60,cat,20,12,60,42"), *odd]
    made = Dataset({**IMAGES, "boxes.csv": table(*rows, head=SIZED)})
    assert made.about.rejected["reasons"] == {"box without a size, beside boxes of several": 1}
    assert sum(map(len, made.objects)) == COUNT + 1


@pytest.mark.parametrize(("images", "boxes"), [(str, int), (int, str)])
def test_ids_of_coco_are_the_same_as_numbers_and_as_texts(images: type, boxes: type) -> None:
    plain = json.loads(document())
    for one in plain["images"]:
        one["id"] = images(one["id"])
    for one in plain["annotations"]:
        one |= {"image_id": boxes(one["image_id"]), "category_id": boxes(one["category_id"])}
    made = Dataset({**IMAGES, "boxes.json": json.dumps(plain).encode()})
    assert made.objects == [[EXPECTED]] * COUNT
    assert made.about.rejected == {"reasons": {}}


@pytest.mark.parametrize(
    ("key", "twice"),
    [
        ("bbox", b'"bbox": [1, 2, 3, 4], "bbox": [10,'),
        ("file_name", b'"file_name": "1.png", "file_name": "0.png"'),
        ("images", b'"images": [], "images": ['),
        ("annotations", b'"annotations": [], "annotations": ['),
    ],
)
def test_keys_that_coco_has_twice_are_refused(key: str, twice: bytes) -> None:
    once = twice[twice.rindex(f'"{key}"'.encode()) :]
    sent = document()
    assert once in sent
    with pytest.raises(Unprocessable, match=f"an object with the key '{key}' 2 times"):
        Dataset({**IMAGES, "boxes.json": sent.replace(once, twice, 1)})


def test_keys_of_coco_may_be_elsewhere_too() -> None:
    info = {"images": 20, "bbox": "xywh", "annotations": {"file_name": "a", "bbox": 1}}
    made = Dataset({**IMAGES, "boxes.json": document(info=info)})
    assert made.objects == [[EXPECTED]] * COUNT


def test_of_boxes_that_cannot_be_used_some_are_kept_and_all_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "REJECTED_LIMIT", 10)
    lost = {f"lost {n}.png": [10, 6, 10, 6] for n in range(30)}
    rows = [f"{name},cat,{','.join(map(str, box))}" for name, box in lost.items()]
    made = Dataset({**IMAGES, "boxes.csv": table(*every("{name},cat,10,6,30,21")[1:], *rows)})
    assert made.about.rejected["reasons"] == {"no image": 30, "no annotation": 1}
    assert made.about.rows["rejected"] == 31
    assert len(made.rejected) == 10
    (warning,) = [one for one in made.about.warnings if one.code == "images_without_labels"]
    assert warning.count == 1


@pytest.mark.parametrize("form", ["yolo", "voc", "coco", "csv"])
def test_an_archive_s_boxes_are_bounded(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_BOXES", COUNT)
    assert Dataset({**IMAGES, **FORMS[form]}).objects == [[EXPECTED]] * COUNT
    more = {
        "yolo": {"labels/0.txt": f"{LINE}\n{LINE}".encode()},
        "voc": {"labels/x.xml": xml("0.png", BOX)},
        "coco": {"x.json": document()},
        "csv": {"x.csv": table("0.png,cat,1,1,9,9")},
    }
    with pytest.raises(Unprocessable, match="more than 20 boxes: send fewer images"):
        Dataset({**IMAGES, **FORMS[form], **more[form]})


def placed(folder: str, label: str = "cat", box: str = "10,6,30,21") -> dict[str, bytes]:
    """A file of boxes for images of a folder, by form, in another folder of that name."""
    names = [f"{folder}/{name}" for name in IMAGES]
    edges = tuple(map(int, box.split(",")))
    return {
        **{f"{name[:-4]}.xml": xml(name[len(folder) + 1 :], edges) for name in names},
        f"{folder}.csv": table(*(f"{name},{label},{box}" for name in names)),
        f"{folder}.json": document(
            images=[{"id": n, "file_name": name} for n, name in enumerate(names)]
        ),
    }


@pytest.mark.parametrize("form", ["csv", "coco", "voc"])
@pytest.mark.parametrize("folder", ["", "<folder>{}</folder>"])
def test_boxes_of_absent_images_go_to_no_other_of_their_name(form: Any, folder: str) -> None:
    files = {f"one/{name}": data for name, data in IMAGES.items()}
    there = placed("one")
    lost = {
        path: data.replace(b"[10, 6,", b"[1, 1,")
        .replace(b"10,6,", b"1,1,")
        .replace(b"<xmin>10<", b"<xmin>1<")
        .replace(b"<annotation>", f"<annotation>{folder.format('two')}".encode())
        for path, data in placed("two").items()
    }
    made = Dataset({**files, **there, **lost}, format=form)
    assert made.objects == [[EXPECTED]] * COUNT
    assert made.about.rejected["reasons"] == {"no image": COUNT}
    if form != "voc" or folder:
        with pytest.raises(Unprocessable, match="No image is known by its objects"):
            Dataset({**files, **lost}, format=form)


def test_a_folder_of_another_machine_says_nothing() -> None:
    files = {f"images/{name}": data for name, data in IMAGES.items()}
    for folder in (b"Desktop", b"images", b"C:\\me\\images"):
        made = Dataset(
            files
            | {
                f"annotations/{n}.xml": xml(f"{n}.png", BOX).replace(
                    b"<annotation>", b"<annotation><folder>%s</folder>" % folder
                )
                for n in range(COUNT)
            }
        )
        assert made.objects == [[EXPECTED]] * COUNT


def test_labels_of_yolo_for_an_absent_image_do_not_say_that_another_is_empty() -> None:
    files = {f"two/images/{n}.png": IMAGES[f"{n}.png"] for n in range(COUNT)}
    files |= {f"one/images/{n}.png": encoded(noise(n)) for n in range(100, 110)}
    files |= {f"two/labels/{n}.txt": LINE.encode() for n in range(1, COUNT)}
    files |= {f"one/labels/{n}.txt": LINE.encode() for n in range(100, 110)}
    made = Dataset({**files, "one/labels/0.txt": b"", "data.yaml": b"names: [dog, cat]"})
    assert made.about.rejected["reasons"] == {"no image": 1, "no annotation": 1}
    assert made.objects == [[EXPECTED]] * (COUNT + 9)


@pytest.mark.parametrize("form", ["coco", "coco of one file", "voc", "csv"])
def test_boxes_of_two_images_of_one_bare_name_are_not_put_together(form: str) -> None:
    other = json.loads(document())
    for one in other["annotations"][:5]:
        one["bbox"] = [0, 0, 8, 8]
    both = json.loads(document())
    both["images"].append({"id": 99, "file_name": "0.png"})
    both["annotations"].append({"image_id": 99, "category_id": 7, "bbox": [0, 0, 8, 8]})
    boxes = [f"{n}.png,cat,0,0,8,8" for n in range(5)]
    files = {
        "coco": {"a/train.json": document(), "a/val.json": json.dumps(other).encode()},
        "coco of one file": {"boxes.json": json.dumps(both).encode()},
        "voc": FORMS["voc"] | {f"val/{n}.xml": xml(f"{n}.png", (0, 0, 8, 8)) for n in range(5)},
        "csv": FORMS["csv"] | {"more.csv": table(*boxes)},
    }
    made = Dataset({**{f"im/{name}": data for name, data in IMAGES.items()}, **files[form]})
    count = 1 if form == "coco of one file" else 5
    assert made.about.rejected["reasons"]["two images of its name"] == count
    assert made.objects == [[EXPECTED]] * (COUNT - count)


@pytest.mark.parametrize(
    ("image", "sheet"),
    [
        ("{side}/images/{n}.png", "{side}/annotations/{n}.xml"),
        ("VOC/JPEGImages/{side}/{n}.png", "VOC/Annotations/{side}/{n}.xml"),
        ("{side}2017/{n}.png", "annotations/instances_{side}2017.json"),
        ("images/{side}/{n}.png", "{side}.json"),
        ("Images/{side}/{n}.png", "Labels/{side}/{n}.txt"),
    ],
)
def test_what_names_an_image_is_in_a_place_like_its_own(image: str, sheet: str) -> None:
    files = {"data.yaml": b"names: [dog, cat]"} if ".txt" in sheet else {}
    for side, count, box in (("train", 15, BOX), ("test", 5, (0, 0, 20, 15))):
        x, y, right, bottom = box
        width, height = right - x, bottom - y
        for n in range(count):
            number = n if side == "train" else n + 15
            files[image.format(side=side, n=n)] = IMAGES[f"{number}.png"]
            line = f"1 {(x + right) / 80} {(y + bottom) / 60} {width / 40} {height / 30}"
            data = {".xml": xml(f"{n}.png", box), ".txt": line.encode()}.get(sheet[-4:])
            files[sheet.format(side=side, n=n)] = data or document(
                images=[{"id": at, "file_name": f"{at}.png"} for at in range(count)],
                annotations=[
                    {"image_id": at, "category_id": 7, "bbox": [x, y, width, height]}
                    for at in range(count)
                ],
            )
    made = Dataset(files)
    assert sorted(made.objects) == [[Object("cat", 0, 0, 0.5, 0.5)]] * 5 + [[EXPECTED]] * 15
    assert made.rejected == []


def test_an_xml_that_was_renamed_with_its_image_is_of_that_one() -> None:
    shapes = [(40, 30) if n % 2 else (30, 40) for n in range(COUNT)]
    files = {f"{n + 1}.png": encoded(noise(n, *shapes[n])) for n in range(COUNT)}
    files |= {f"{n + 1}.xml": xml(f"{n}.png", BOX, size=shapes[n]) for n in range(COUNT)}
    made = Dataset(files)
    assert len(made.objects) == COUNT
    (warning,) = [one for one in made.about.warnings if one.code == "renamed_annotations"]
    assert (warning.count, warning.examples[0]) == (COUNT - 1, "10.xml: 9.png")


def test_captions_beside_boxes_are_about_something_else() -> None:
    captions = json.loads(document(annotations=[{"image_id": 1, "caption": "a cat"}]))
    others = {"stuff/captions.json": captions | {"categories": []}}
    del captions["categories"]
    others["captions.json"] = captions
    panoptic = [{"image_id": 1, "segments_info": [{"category_id": 7}], "file_name": "1.png"}]
    others["panoptic.json"] = json.loads(document(annotations=panoptic))
    sent = {path: json.dumps(one).encode() for path, one in others.items()}
    assert Dataset({**IMAGES, **FORMS["coco"], **sent}).objects == [[EXPECTED]] * COUNT
    with pytest.raises(Unprocessable, match="tells of no boxes"):
        Dataset({**IMAGES, **sent})


def test_a_column_of_boxes_that_is_there_twice_is_refused() -> None:
    head = "filename,class,xmin,ymin,xmax,ymax,class"
    with pytest.raises(Unprocessable, match="Two columns are named 'class'"):
        Dataset({**IMAGES, "boxes.csv": table(*every("{name},cat,10,6,30,21,dog"), head=head)})


def test_labels_of_boxes_are_the_same_in_every_form_of_unicode() -> None:
    rows = [f"{n}.png,{('é', 'e\u0301', 'É')[n % 3]},10,6,30,21" for n in range(COUNT)]
    made = Dataset({**IMAGES, "boxes.csv": table(*rows)})
    assert {one.label for some in made.objects for one in some} == {"é", "É"}
    assert "similar_labels" in made.codes


def test_an_image_without_boxes_does_not_undo_folders_of_a_split() -> None:
    folders = ["train", "valid", "test", "train"]
    files = {f"{folders[n % 4]}/{n}.png": IMAGES[f"{n}.png"] for n in range(COUNT)}
    files |= {f"{folders[n % 4]}/{n}.xml": xml(f"{n}.png", BOX) for n in range(COUNT)}
    files["banner.png"] = encoded(noise(99))
    made = Dataset(files)
    assert made.about.split_rows == {"train": 10, "validation": 5, "test": 5}
    made = Dataset(files | {"banner.xml": xml("banner.png", BOX)})
    (warning,) = [one for one in made.about.warnings if one.code == "unused_split_folders"]
    assert warning.examples == ["banner.png"]


def test_boxes_that_cannot_be_used_are_warned_of() -> None:
    boxes = every("{name},cat,10,6,30,21")
    made = Dataset({**IMAGES, "boxes.csv": table(*boxes, *boxes[:2], "lost.png,cat,1,1,9,9")})
    (warning,) = [one for one in made.about.warnings if one.code == "rejected_rows"]
    assert (warning.count, warning.blocks_promotion) == (3, False)
    made = Dataset({**IMAGES, "boxes.csv": table(*boxes, *boxes[:9])})
    (warning,) = [one for one in made.about.warnings if one.code == "rejected_rows"]
    assert (warning.count, warning.blocks_promotion) == (9, True)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        assert voc.read(PurePosixPath("a.xml"), data) is None
    assert coco.read(PurePosixPath("a.json"), data, Contents()) is None


@given(st.lists(st.tuples(st.text(max_size=5), *[st.floats(0, 1)] * 4)))
def test_objects_come_back_as_they_were(
    values: list[tuple[str, float, float, float, float]],
) -> None:
    objects = [Object(*one) for one in values]
    assert decode(encode(objects)) == sorted(objects)


def test_polygons_become_their_boxes_with_one_warning() -> None:
    made = Dataset({**IMAGES, **yolo("1 0.25 0.2 0.75 0.3 0.5 0.7")})
    assert made.objects == [[EXPECTED]] * COUNT
    (warning,) = [one for one in made.about.warnings if one.code == "outlines_to_boxes"]
    assert (warning.count, len(warning.examples)) == (COUNT, 3)
    assert warning.examples[0] == "labels/0.txt: 1 0.25 0.2 0.75 0.3 0.5 0.7 (line 1)"


def test_keypoints_after_a_box_are_left_out_with_a_warning() -> None:
    pose = "names: [dog, cat]\nkpt_shape: [2, 3]"
    made = Dataset({**IMAGES, **yolo(f"{LINE} 0.1 0.1 2 0.9 0.9 2", names=pose)})
    assert made.objects == [[EXPECTED]] * COUNT
    (warning,) = [one for one in made.about.warnings if one.code == "outlines_to_boxes"]
    assert "keypoints" in warning.detail


def test_lines_of_yolo_that_cannot_be_used_are_set_aside_as_written() -> None:
    odd = ["2 0.5 0.5 0.1 0.1", "1 0.5 0.45 0.5", "1 a b c d", "1 1.5 0.5 0.2 0.2",
           "1 20 13 20 15", "1 0.5 0.5 0 0.1", LINE, "1 0.5 0.5 0.1 0.1 0.9"]  # fmt: skip
    files = {**IMAGES, **yolo(LINE), "labels/0.txt": "\n".join([LINE, *odd]).encode()}
    made = Dataset({**files, "labels/lost.txt": LINE.encode()})
    assert made.about.rejected["reasons"] == {
        "unknown class": 1,
        "not a box": 3,
        "box outside the image": 1,
        "box in pixels, where shares of the image are expected": 1,
        "box without area": 1,
        "box given twice": 1,
        "no image": 1,
    }
    assert ("0.png", "cat", "not a box: 1 a b c d (line 4) in labels/0.txt") in made.rejected
    reason = "unknown class: 2 0.5 0.5 0.1 0.1 (line 2) in labels/0.txt"
    assert ("0.png", "2", reason) in made.rejected
    assert made.objects == [[EXPECTED]] * COUNT


def test_an_empty_file_of_labels_says_that_nothing_is_there_and_no_file_says_nothing() -> None:
    files = {**IMAGES, **yolo(LINE), "labels/0.txt": b""}
    del files["labels/1.txt"]
    made = Dataset(files)
    assert sorted(made.objects) == [[], *[[EXPECTED]] * (COUNT - 2)]
    assert [(path, "no file tells" in reason) for path, _, reason in made.rejected] == [
        ("1.png", True)
    ]
    (warning,) = [one for one in made.about.warnings if one.code == "images_without_labels"]
    assert (warning.count, warning.examples) == (1, ["1.png"])


@pytest.mark.parametrize("layout", ["{side}/images/{n}", "images/{side}/{n}"])
def test_folders_of_yolo_are_sides_and_names_may_recur(layout: str) -> None:
    files = {"data.yaml": b"names: [dog, cat]"}
    sides = {"train": 10, "val": 5, "test": 5}
    places = [(side, n) for side, count in sides.items() for n in range(count)]
    for number, (side, n) in enumerate(places):
        path = layout.format(side=side, n=n)
        files[f"{path}.png"] = IMAGES[f"{number}.png"]
        files[f"{path.replace('images', 'labels')}.txt"] = LINE.encode()
    made = Dataset(files)
    assert made.about.split_rows == {"train": 10, "validation": 5, "test": 5}
    assert made.objects == [[EXPECTED]] * COUNT
    lost = layout.format(side="train", n=0)
    del files[f"{lost}.png"]
    label = f"{lost.replace('images', 'labels')}.txt"
    assert Dataset(files).rejected == [("0", "", f"{label} names it")]


def test_lines_of_unknown_classes_take_no_longer_for_many_names() -> None:
    """Each searched the list of all names."""

    def seconds(which: str) -> float:
        line = f"{which} 0.5 0.45 0.5 0.5"
        files = {PurePosixPath("0.txt"): 0}
        image = reading.Picture(PurePosixPath("0.png"), 40, 30, b"", Look.of(noise(0)))
        contents = Contents([image])
        names = "\n".join(f"c{number}" for number in range(14_000))
        notes = {"classes.txt": names, "0.txt": "\n".join([line] * 2000)}
        contents.notes = {PurePosixPath(name): text.encode() for name, text in notes.items()}
        began = time.process_time()
        (sheet,) = yolo_files.read(files, contents)
        assert len(sheet.objects) == 2000
        return time.process_time() - began

    # It was ninety times: nothing that a busy machine does in between is as much.
    assert min(seconds("99999") for _ in range(3)) < 20 * min(seconds("7") for _ in range(3))


def test_boxes_of_yolo_beside_others_want_a_choice() -> None:
    files = {**IMAGES, **FORMS["coco"], **FORMS["yolo"]}
    with pytest.raises(Unprocessable, match=r"several forms \(coco, yolo\)"):
        Dataset(files)
    assert Dataset(files, format="yolo").objects == [[EXPECTED]] * COUNT


@pytest.mark.parametrize(
    ("files", "detail"),
    [
        (yolo(LINE, names="nc: 2"), "add data.yaml with names, or classes.txt"),
        (yolo(LINE, names="names: *anchor"), "names in data.yaml cannot be read"),
        (yolo(LINE, names="names: [dog, [cat]]"), "names in data.yaml cannot be read"),
        (yolo(LINE, names="names:\n  0: dog\n  - cat"), "names in data.yaml cannot be read"),
        (yolo(LINE, names='names: ["d\\ud800isc", cat]'), "half a surrogate pair"),
        ({**yolo(LINE), **{f"{n}/data.yaml": b"a: 1" for n in range(100)}}, "101 files that may"),
        ({**yolo(LINE), "classes.txt": b"cat\ndog"}, "name the classes differently"),
        ({**yolo(LINE), "data.yaml": "names: [ä]".encode("latin-1")}, "is not UTF-8"),
        (yolo("Car 0.00 0 1.57 614 181 727 284"), "tells of no boxes"),
    ],
)
def test_yolo_without_clear_names_is_refused(files: dict[str, bytes], detail: str) -> None:
    with pytest.raises(Unprocessable, match=detail):
        Dataset({**IMAGES, **files})


def test_yaml_takes_time_by_its_length() -> None:
    path = PurePosixPath("data.yaml")
    comments = f"names: [dog, cat]{' #' * 40_000}'"  # took minutes
    assert class_names.read({path: comments.encode()}) == {0: "dog", 1: "cat"}
    blanks = "names:\n" + f"- a{' ' * 900}'\n" * 100
    assert class_names.read({path: blanks.encode()}) == dict.fromkeys(range(100), "a '")


@pytest.mark.parametrize(
    "files",
    [
        yolo(LINE, names="names: [cat, cat]"),
        {"boxes.json": document(categories=[{"id": n, "name": "cat"} for n in (7, 8)])},
    ],
)
def test_classes_of_one_name_are_one_label_with_a_warning(files: dict[str, bytes]) -> None:
    made = Dataset({**IMAGES, **files})
    assert made.objects == [[EXPECTED]] * COUNT
    assert "repeated_class_names" in made.codes


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@given(st.lists(NAMES, min_size=1, max_size=5), st.booleans(), st.booleans(), st.booleans())
def test_names_are_read_as_yaml_has_them(
    names: list[str], is_inline: bool, is_numbered: bool, is_ascii: bool
) -> None:
    entry = dict(enumerate(names)) if is_numbered else names
    width = 80 if is_inline else 1000
    written = yaml.safe_dump(
        entry, default_flow_style=is_inline, allow_unicode=not is_ascii, width=width
    )
    lines = written if is_inline else "\n" + "".join(f"  {line}\n" for line in written.splitlines())
    data = f"nc: {len(names)}\nnames: {lines}\nval: images\n".encode()
    assert class_names.read({PurePosixPath("data.yaml"): data}) == dict(enumerate(names))


@given(st.text("names:[]{}-# '\"\\,01ab\n\t", max_size=80))
def test_any_yaml_is_read_or_refused(text: str) -> None:
    with suppress(Unprocessable):
        class_names.read({PurePosixPath("data.yaml"): f"names:{text}".encode()})
