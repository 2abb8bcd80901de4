"""Archives are read within bounds, whatever they claim."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.problems import Unprocessable
from common.warnings import Warning
from tasks.images.processing import archive
from tests.unit.tasks.images.making import tarred, unflagged, zipped


def read(content: bytes, folder: Path, max_bytes: int = 1000) -> dict[str, archive.Member]:
    (folder / "source").write_bytes(content)
    return {str(one.path): one for one in archive.members(folder / "source", max_bytes)}


FILES = {"a/1.png": b"one", "a/2.png": b"two", "notes.csv": b"x"}


@pytest.mark.parametrize(
    "content",
    [zipped(FILES), *(tarred(FILES, f"w:{kind}") for kind in ("", "gz", "bz2", "xz"))],
    ids=["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"],
)
def test_every_file_is_read(content: bytes, tmp_path: Path) -> None:
    found = read(content, tmp_path)
    assert {path: one.data for path, one in found.items()} == FILES
    assert all(one.reason is None and 0 <= one.done <= 1 for one in found.values())


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_paths_lead_nowhere_and_system_files_are_left_out(pack: object, tmp_path: Path) -> None:
    names = ["../../etc/passwd.png", "/abs/1.png", "b\\2.png", "__MACOSX/._1.png", ".DS_Store"]
    names += ["cat/.ipynb_checkpoints/1-checkpoint.png", "cat/@eaDir/1.png/SYNOPHOTO_THUMB_M.png"]
    assert callable(pack)
    found = read(pack(dict.fromkeys(names, b"x")), tmp_path)
    assert sorted(found) == ["abs/1.png", "b/2.png", "etc/passwd.png"]


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_file_over_the_bound_is_not_unpacked(pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    found = read(pack({"bomb.png": bytes(9_000_000), "1.png": b"x"}), tmp_path)
    assert found["bomb.png"].data == b""
    assert found["bomb.png"].reason == "has more than 1,000 bytes"
    assert found["1.png"].data == b"x"


def test_all_files_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 2000)
    with pytest.raises(Unprocessable, match="unpacks to more than 2,000 bytes"):
        read(zipped({f"{at}.png": bytes(900) for at in range(3)}), tmp_path)
    with pytest.raises(Unprocessable, match="unpacks to more than 2,000 bytes"):
        read(tarred({"bomb.png": bytes(5000)}), tmp_path)
    monkeypatch.setattr(archive, "MAX_FILES", 2)
    with pytest.raises(Unprocessable, match="more than 2 files"):
        read(zipped({f"{at}.png": b"x" for at in range(3)}), tmp_path)


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", ["notes.csv", "__MACOSX/x.png"])
def test_a_bomb_is_refused_before_all_of_it_is_unpacked(
    pack: Callable[[dict[str, bytes]], bytes], name: str, tmp_path: Path
) -> None:
    bomb = pack({f"{at}/{name}": bytes(19_000_000) for at in range(4)})
    if pack is zipped and name != "notes.csv":  # what is left out of a zip is not unpacked
        assert read(bomb, tmp_path) == {}
        return
    with pytest.raises(Unprocessable, match="over 250 times as many"):
        read(bomb, tmp_path, 20_000_000)


def test_what_hardly_shrinks_may_be_of_any_size(tmp_path: Path) -> None:
    assert len(read(tarred({"1.csv": bytes(60_000_000)}, "w"), tmp_path)) == 1


class Zeros(io.RawIOBase):
    """A file that has zeros without end, and counts those that are read."""

    def __init__(self, head: bytes) -> None:
        self._head, self._at, self.bytes_read = head, 0, 0

    def readable(self) -> bool:
        return True

    def readall(self) -> bytes:
        raise AssertionError("everything is read")

    def readinto(self, buffer: Any) -> int:
        part = self._head[self._at : self._at + len(buffer)].ljust(len(buffer), b"\0")
        buffer[: len(part)] = part
        self._at += len(part)
        self.bytes_read += len(part)
        return len(part)

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, at: int, whence: int = 0) -> int:
        self._at = at
        return at


def header(kind: bytes, size: int, name: str = "././@LongLink") -> bytes:
    """A tar's header of a file, or of an extension, that has so many bytes."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g", b"X"])
@pytest.mark.parametrize("size", [3_000_000_000, -1])
@pytest.mark.parametrize("first", [b"", header(b"0", 0, "1.png")])
def test_a_header_of_a_tar_is_not_read_before_its_length_is_checked(
    kind: bytes, size: int, first: bytes
) -> None:
    file = Zeros(first + header(kind, size))
    with pytest.raises((Unprocessable, tarfile.ReadError)):  # noqa: PT012
        opened = archive.opened_tar(file)  # type: ignore[arg-type]
        for _ in range(2):
            opened.next()
    assert file.bytes_read < 100_000


def test_a_name_without_end_is_told(tmp_path: Path) -> None:
    content = header(b"0", 0, "1.png") + header(b"L", 3_000_000_000) + bytes(1024)
    with pytest.raises(Unprocessable, match="a header of 3,000,000,000 bytes"):
        read(content, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        header(b"L", 10) * 5000 + bytes(1024),
        header(b"S", 10, "1.png") + bytes(1024),
        header(b"0", -512, "1.png") + bytes(1024),
    ],
    ids=["names of names", "sparse", "negative"],
)
def test_strange_headers_are_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(Unprocessable):
        read(content, tmp_path)


def test_long_names_are_read(tmp_path: Path) -> None:
    name = "a/" * 100 + "é" * 60 + ".png"
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w", format=form) as opened:
            opened.addfile(tarfile.TarInfo(name))
        assert list(read(content.getvalue(), tmp_path)) == [name]


def test_folders_are_counted_like_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", 10)
    with pytest.raises(Unprocessable, match="more than 10 files and folders"):
        read(header(b"5", 0, "a") * 20 + bytes(1024), tmp_path)


def _links() -> dict[str, bytes]:
    """A tar and a zip of an image and links to it."""
    tar, zip_ = io.BytesIO(tarred({"a/1.png": b"one"}, "w")), io.BytesIO()
    with tarfile.open(fileobj=tar, mode="a") as opened:
        for name, kind, to in (
            ("b/1.png", tarfile.LNKTYPE, "a/1.png"),
            ("b/2.png", tarfile.SYMTYPE, "/etc/passwd"),
        ):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, to
            opened.addfile(link)
    with zipfile.ZipFile(zip_, "w") as packed:
        packed.writestr("a/1.png", b"one")
        for name in ("b/1.png", "b/2.png"):
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            packed.writestr(info, "../a/1.png")
    return {"tar": tar.getvalue(), "zip": zip_.getvalue()}


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_links_are_set_aside_with_the_reason(kind: str, tmp_path: Path) -> None:
    found = read(_links()[kind], tmp_path)
    assert found["a/1.png"].data == b"one"
    for name in ("b/1.png", "b/2.png"):
        assert found[name].data == b""
        assert (found[name].reason or "").startswith("is a link, and none is followed")


def test_a_damaged_file_of_a_zip_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    content = bytearray(zipped({"1.png": b"first" * 50, "2.png": b"second" * 50}))
    at = content.index(b"2.png") + 5
    content[at + 2] ^= 0xFF
    found = read(bytes(content), tmp_path)
    assert found["1.png"].reason is None
    assert (found["2.png"].reason or "").startswith("cannot be unpacked")


@pytest.mark.parametrize(
    "content", [b"", b"no archive", tarred(FILES)[:60]], ids=["empty", "text", "cut"]
)
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(Unprocessable):
        read(content, tmp_path)


def test_names_that_are_not_utf_8_are_read_and_stay_different(tmp_path: Path) -> None:
    names = ["a\udcff/1.png", "a\udcfe/1.png", "é/2.png"]
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.GNU_FORMAT) as opened:
        for name in names:
            opened.addfile(tarfile.TarInfo(name))
    assert list(read(content.getvalue(), tmp_path)) == [
        r"a\xff/1.png",
        r"a\xfe/1.png",
        "é/2.png",
    ]


def test_a_zip_that_wants_a_later_version_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped(FILES))
    content[content.index(b"PK\1\2") + 6] = 255
    with pytest.raises(Unprocessable, match="damaged"):
        read(bytes(content), tmp_path)


@pytest.mark.parametrize(
    ("words", "encoding", "told"),
    [
        (["café", "犬の写真です"], "utf-8", None),
        (["Bücher", "Hühner", "Köche"], "cp437", None),
        (["Bücher", "Hühner", "Köche"], "windows-1252", "windows-1252"),
        (["кошки", "собаки", "птицы", "волки", "лисы", "ежи", "зайцы", "еноты"], "cp866", "ibm866"),
    ],
)
def test_names_of_a_zip_that_does_not_say_how_they_are_written(
    words: list[str], encoding: str, told: str | None, tmp_path: Path
) -> None:
    names = [f"pictures/{word}/{number:04}.png" for word in words for number in range(2)]
    (tmp_path / "source").write_bytes(unflagged({name.encode(encoding): b"x" for name in names}))
    warnings: list[Warning] = []
    found = [str(one.path) for one in archive.members(tmp_path / "source", 1000, warnings)]
    assert found == names
    assert [one.code for one in warnings] == (["encoding"] if told else [])
    assert all(f"were read as {told}" in one.detail for one in warnings)


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        (["猫の写真です", "犬の写真です"], "cp932"),
        (["苹果", "橙子"], "gbk"),
        (["蘋果", "橙子"], "big5"),
        (["사과", "오렌지"], "euc-kr"),
        (["Кошки", "Собаки"], "cp1251"),
    ],
)
def test_names_that_nobody_can_read_for_sure_are_refused(
    words: list[str], encoding: str, tmp_path: Path
) -> None:
    names = {f"{word}/1.png".encode(encoding): b"x" for word in words}
    (tmp_path / "source").write_bytes(unflagged(names))
    with pytest.raises(Unprocessable, match=r"such as '.*/1\.png'"):
        list(archive.members(tmp_path / "source", 1000, []))
    assert archive.holds_pictures(tmp_path / "source")
