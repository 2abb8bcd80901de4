"""What a file holds beside its pixels is bounded, and what real files have is within the bounds."""

import io
import os
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from tasks.images.budget import PixelBudget
from tasks.images.decoding import BadImage, decode
from tests.unit.tasks.images.making import encoded, noise

JPEG = encoded(noise(1), "JPEG")
PNG = encoded(noise(1))
GIF = encoded(noise(1), "GIF")
MANY = 100_000


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def jpeg(*before: bytes) -> bytes:
    """A JPEG that begins with segments, or with what is none."""
    return JPEG[:2] + b"".join(before) + JPEG[2:]


def png(*before: bytes) -> bytes:
    """A PNG with chunks before its pixels."""
    at = PNG.index(b"IDAT") - 4
    return PNG[:at] + b"".join(before) + PNG[at:]


def gif(before: bytes) -> bytes:
    at = 13 + (3 << (GIF[10] & 7) + 1)  # after the palette
    return GIF[:at] + before + GIF[at:]


def rationals(size: int) -> bytes:
    """EXIF data of an orientation, and of one value of so many bytes."""
    entries = struct.pack("<HHII", 0x112, 3, 1, 6) + struct.pack("<HHII", 0x8000, 5, size // 8, 38)
    return (
        b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4) + bytes(range(1, 9)) * (size // 8)
    )


UNPACKED = zlib.compress(bytes(1_000_000))


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (jpeg(b"\xff" * MANY), "20,000 parts"),
        (jpeg(b"\xff\xe0\0\2" + bytes(MANY)), "20,000 parts"),
        (jpeg(b"\xff\xd9" + b"\xff\xe5\0\2" * MANY), "20,000 parts"),
        (jpeg(b"\xff\xfe\0\2" * MANY), "20,000 parts"),
        (jpeg(segment(0xE1, b"Exif\0\0x") * 5), "4 segments of EXIF data"),
        (jpeg(segment(0xF0, b"") + segment(0xE1, b"Exif\0\0x") * 5), "4 segments of EXIF data"),
        (jpeg(segment(0xDB, bytes(65) * 1000)), "16,384 bytes of tables"),
        (jpeg(segment(0xC0, b"\x08\0\x10\0\x10\3" + bytes(60_000))), "16,384 bytes of tables"),
        (jpeg(segment(0xED, b"Photoshop 3.0\0" + b"8BIM" * 15_000)), "10,000 Photoshop resources"),
        (png(chunk(b"tEXt", b"k\0") * MANY), "20,000 parts"),
        (png(chunk(b"IDAT") * MANY), "20,000 parts"),
        (PNG[:-12] + chunk(b"tEXt", b"k\0") * MANY + PNG[-12:], "20,000 parts"),
        (png(chunk(b"iCCP", b"x\0\0" + UNPACKED) * 4), "3 colour profiles"),
        (png(chunk(b"zTXt", b"x\0\0" + UNPACKED) * 5), "4,000,000 bytes of text"),
        (
            png(chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(5_000_000)))),
            "a larger colour profile",
        ),
        (png(chunk(b"eXIf", rationals(1_000_000))), "1,000,044 bytes of EXIF data"),
        (gif(b"!\x01\x01x\0" * MANY), "20,000 parts"),
        (gif(b"!\xfe" + b"\x01x" * MANY + b"\0"), "20,000 parts"),
        (b"P5" + b" " * MANY + b"1 1 255 a", "20,000 parts"),
        (b"P5\n#" + b"x" * MANY + b"\n1 1 255 a", "20,000 parts"),
    ],
)
def test_what_takes_long_before_the_pixels_is_refused(
    sent: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 10_000_000)
        patch.setattr(PngImagePlugin, "MAX_TEXT_MEMORY", 10_000_000)
        with Image.open(io.BytesIO(sent)) as opened:
            assert min(opened.size) > 0  # they are images
    with pytest.raises(BadImage, match=why):
        decode(sent, 64)


def parts(body: bytes, head: Callable[[int, int], bytes], size: int = 65_000) -> list[bytes]:
    """A body as the segments that it is split into, each with a head of its number and of all."""
    cut = [body[at : at + size] for at in range(0, len(body), size)]
    return [head(number, len(cut)) + part for number, part in enumerate(cut)]


def test_a_camera_s_file_with_all_that_is_usual_is_read() -> None:
    profile = b"ICC_PROFILE\0"
    icc = parts(os.urandom(2_000_000), lambda number, count: profile + bytes([number + 1, count]))
    extended = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32
    xmp = parts(
        os.urandom(6_000_000), lambda number, count: extended + struct.pack(">II", 1, number)
    )
    resource = b"8BIM\x04\x04\0\0\0\0\0\x04abcd"
    sent = jpeg(
        segment(0xE1, b"Exif\0\0" + rationals(65_400)),
        *[segment(0xE2, one) for one in icc],
        *[segment(0xE1, one) for one in xmp],
        *[segment(0xED, b"Photoshop 3.0\0" + resource * 100)] * 3,
        *[segment(0xFE, b"a comment")] * 20,
        b"\xff" * 4096,
        bytes(4096),
    )
    decoded = decode(sent, 64, PixelBudget(2_000_000))
    assert (decoded.width, decoded.height) == (30, 40)  # turned


def test_several_images_in_a_jpeg_are_read_as_the_first() -> None:
    sent = encoded(noise(1), "MPO", save_all=True, append_images=[noise(2, 20, 20)])
    assert decode(sent, 64).image.size == (40, 30)


def test_the_film_of_a_motion_photo_is_no_scan_of_it() -> None:
    sent = encoded(noise(1), "JPEG", progressive=True)
    film = b"\xff\xda" * 1000
    budget = PixelBudget(40 * 30)
    decoded = decode(sent + film, 64, budget)
    assert np.array_equal(np.asarray(decoded.image), np.asarray(decode(sent, 64).image))


def test_scans_cannot_be_hidden_behind_what_looks_like_the_end() -> None:
    sent = encoded(noise(1), "JPEG", progressive=True)
    last = sent[sent.rindex(b"\xff\xda") : -2]
    end = segment(0xFE, b"\xff\xd9")
    with pytest.raises(BadImage, match="scans, and 100 is the most"):
        decode(sent[:-2] + (end + last) * 200 + sent[-2:], 64)


def test_a_png_s_texts_and_profile_are_read_past() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    texts = [chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0iCCP" + b"x" * 1_000_000)] * 3
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(srgb + bytes(3_000_000)))
    assert decode(png(profile, *texts), 64).image.size == (40, 30)


def test_a_png_s_exif_data_turns_it_in_every_place() -> None:
    exif = rationals(8)
    text = f"\nexif\n{len(exif)}\n{exif.hex()}".encode()
    for one in (
        chunk(b"eXIf", exif),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)),
    ):
        assert decode(png(one), 64).image.size == (30, 40)
        assert decode(PNG[:-12] + one + PNG[-12:], 64).image.size == (30, 40)


@pytest.mark.parametrize("sent", [jpeg(b"\xff" * 9_000), png(chunk(b"tEXt", b"k\0") * 3_000)])
def test_very_many_parts_are_taken_from_the_budget(sent: bytes) -> None:
    budget = PixelBudget(1_500_000)
    assert decode(sent, 64, budget).width == 40
    with pytest.raises(BadImage, match=r"so many parts that they count as [0-9,]+ more pixels"):
        decode(sent, 64, budget)
    assert budget.is_exceeded
    assert decode(JPEG, 64, budget).width == 40
