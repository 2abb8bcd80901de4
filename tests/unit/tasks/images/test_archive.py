"""Archives are read within bounds, whatever they claim."""

import io
import tarfile
from pathlib import Path

import pytest

from common.problems import Unprocessable
from tasks.shared.images.processing import archive
from tests.unit.tasks.images.making import tarred, zipped


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
    assert callable(pack)
    found = read(pack(dict.fromkeys(names, b"x")), tmp_path)
    assert sorted(found) == ["abs/1.png", "b/2.png", "etc/passwd.png"]


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_file_over_the_bound_is_not_unpacked(pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    found = read(pack({"bomb.png": bytes(50_000_000), "1.png": b"x"}), tmp_path)
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


def test_links_are_not_followed(tmp_path: Path) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as opened:
        link = tarfile.TarInfo("a/passwd.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(link)
    assert read(content.getvalue(), tmp_path) == {}


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
