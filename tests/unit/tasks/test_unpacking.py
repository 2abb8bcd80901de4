"""Whatever unpacks a file refuses one that unpacks to more than data has, before it does."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import duckdb
import pytest
from PIL import Image

from common.problems import Unprocessable
from tasks.framework import unpacking
from tasks.images import budget
from tasks.images.processing import label_tables
from tasks.images.processing.archive import members
from tasks.images.processing.reading import MAX_NOTE_BYTES, Contents
from tasks.images.processing.reading import read as read_images
from tasks.object_detection.processing import coco
from tasks.onnx.training.archive import unpack
from tasks.tables.options import FileOptions
from tasks.tables.processing.database import open_database
from tasks.tables.processing.files.foreign_files import is_workbook
from tasks.tables.processing.files.loading import load
from tasks.translation.options import Processing
from tasks.translation.processing import corpus
from tests.unit.tasks.images.making import encoded, noise, zipped
from tests.unit.tasks.tables import INVOCATION

ZEROS = bytes(3_000_000)


def table(source: Path, folder: Path) -> None:
    with open_database(folder, INVOCATION) as connection:
        load(connection, source, folder, FileOptions(), [], lambda names, facts: None)


def model(source: Path, folder: Path) -> None:
    unpack(source, folder)


def sentences(source: Path, folder: Path) -> None:
    corpus.read(source, folder, Processing())


def pictures(source: Path, folder: Path) -> None:
    list(members(source, 1000))


WORKBOOK = {"xl/workbook.xml": b"<a/>", "xl/worksheets/sheet1.xml": ZEROS}


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (table, gzip.compress(ZEROS)),
        (table, zipped(WORKBOOK)),
        (model, zipped({"model.onnx": ZEROS, "manifest.json": b"{}"})),
        (sentences, zipped({"a.de": ZEROS, "a.en": b"a"})),
        (sentences, gzip.compress(ZEROS)),
    ],
    ids=["gzip", "workbook", "model", "corpus", "gzip of a corpus"],
)
def test_a_bomb_is_refused(
    read: Callable[[Path, Path], None],
    content: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unpacking, "FREE_BYTES", 1000)
    source, folder = tmp_path / "source", tmp_path / "folder"
    source.write_bytes(content)
    folder.mkdir()
    with pytest.raises(Unprocessable, match="over 250 times as many"):
        read(source, folder)
    assert sum(one.stat().st_size for one in folder.glob("*[!b]")) < len(ZEROS)


def parquet(folder: Path, query: str) -> Path:
    path = folder / "source"
    duckdb.sql(f"COPY ({query}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 100000)")
    return path


@pytest.mark.parametrize(
    "columns",
    [
        "0 AS a, 'x' AS b",
        "range % 2 AS a, CASE WHEN range < 9 THEN list_resize([0], 3000000, 0) END AS b",
        "repeat('a', 3000) AS a, range % 2 AS b",
        "{'b': {'c': repeat('a', 3000)}} AS a, range % 2 AS b",
        "repeat('a', 3000) || range % 2 AS a, 0 AS b",
    ],
)
def test_a_parquet_file_of_next_to_nothing_is_refused(
    columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "FREE_BYTES", 1000)
    with pytest.raises(Unprocessable, match="over 250 times as many"):
        table(parquet(tmp_path, f"SELECT {columns} FROM range(100000)"), tmp_path)


@pytest.mark.parametrize(
    ("columns", "exclude"),
    [
        ("range AS a, range % 2 AS b", []),
        ("'item ' || range % 1000 AS a, range % 2 AS b", []),
        ("repeat('a', 3000) AS a, range AS b", ["a"]),
    ],
)
def test_a_parquet_file_of_data_is_read(
    columns: str, exclude: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "FREE_BYTES", 100_000)
    source = parquet(tmp_path, f"SELECT {columns} FROM range(100000)")
    with open_database(tmp_path, INVOCATION) as connection:
        load(connection, source, tmp_path, FileOptions(), [], lambda names, facts: None, exclude)


@pytest.mark.parametrize("read", [table, model, sentences, pictures])
def test_a_zip_of_too_many_files_is_refused_before_they_are_listed(
    read: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    """Where the directory is said to be of 60 MB, and is not there."""
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, 60_000_000, 0, 0)
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.seek(60_000_000)
        file.write(end)
    with pytest.raises(Unprocessable, match="lists its files in 60,000,000 bytes"):
        read(source, tmp_path)


def test_what_no_workbook_has_is_not_unpacked(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(zipped({"mimetype": ZEROS, "xl/workbook.xml": b""}))
    assert is_workbook(source)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"file,label\n" + b"1.png,cat\n" * 6, "more than 10 cells"),
        (b"file,label\n" + b"," * 41, "more than 40 characters"),
        (b"," * 41, "more than 40 characters"),
    ],
)
def test_a_list_of_labels_is_bounded(
    data: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_tables, "MAX_CELLS", 10)
    monkeypatch.setattr(label_tables, "MAX_LINE", 40)
    with pytest.raises(Unprocessable, match=says):
        label_tables.csv_rows(data, PurePosixPath("labels.csv"))


def test_boxes_are_counted_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco, "MAX_OBJECTS", 10)
    with pytest.raises(Unprocessable, match="more than 10 JSON objects"):
        coco.read(PurePosixPath("boxes.json"), b"{" * 11, Contents())


def read_archive(folder: Path, files: dict[str, bytes]) -> Contents:
    source = folder / "source"
    source.write_bytes(zipped(files))
    with open_database(folder, INVOCATION) as connection:
        return read_images(connection, source, 64, lambda done, count: None)


def test_an_archive_of_next_to_nothing_but_pixels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "FREE_PIXELS", 10_000_000)
    blank = encoded(Image.new("1", (3000, 3000)))
    with pytest.raises(Unprocessable, match="pixels together"):
        read_archive(tmp_path, {f"a/{number}.png": blank for number in range(200)})


def test_real_images_have_all_the_pixels_that_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "FREE_PIXELS", 0)
    one_colour = encoded(Image.new("RGB", (400, 400), "red"))
    photographs = {f"{at}.jpg": encoded(noise(at, 800, 600), "JPEG") for at in range(3)}
    assert len(read_archive(tmp_path, {"0.png": one_colour, **photographs}).pictures) == 4


def test_a_note_that_is_no_list_is_short(tmp_path: Path) -> None:
    source = tmp_path / "source"
    long = bytes(MAX_NOTE_BYTES + 1)
    source.write_bytes(zipped({"1.png": encoded(noise(1)), "1.txt": long, "2.csv": long}))
    with open_database(tmp_path, INVOCATION) as connection:
        contents = read_images(connection, source, 64, lambda done, count: None)
    assert [str(path) for path in contents.notes] == ["2.csv"]
    assert [(one.path, one.kind) for one in contents.rejected.kept] == [("1.txt", "too large")]
