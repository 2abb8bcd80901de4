"""Any image file becomes an upright picture of 8 bits a channel, or is refused with a reason."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.images.budget import PixelBudget
from tasks.images.decoding import MAX_BYTES, BadImage, decode, decode_near, encode
from tests.unit.tasks.images.making import deep, encoded, noise


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "PPM"])
def test_common_formats_are_read(form: str) -> None:
    decoded = decode(encoded(noise(1), form), 64)
    assert (decoded.width, decoded.height) == decoded.image.size == (40, 30)
    difference = np.asarray(decoded.image, float) - np.asarray(noise(1), float)
    assert np.abs(difference).mean() < 20


@pytest.mark.parametrize("form", ["TIFF", "ICO", "JPEG2000"])
def test_other_formats_are_refused(form: str) -> None:
    with pytest.raises(BadImage, match="is not a JPEG, PNG"):
        decode(encoded(noise(1), form), 64)


def run_lengths() -> bytes:
    """A BMP of 8 x 8 pixels, each row a run of 8 and its end."""
    body, colours = b"\x08\x01\0\0" * 8 + b"\0\x01", bytes(range(256)) * 4
    start = 54 + len(colours)
    head = struct.pack("<IHHI", start + len(body), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, 8, 1, len(body), 0, 0, 256, 0)
    return b"BM" + head + info + colours + body


@pytest.mark.parametrize(
    "sent",
    [
        *(b"P2 1 1 255 7", b"P3 1 1 255 7 7 7", b"P6 1 1 254 abc", run_lengths()),
        b"Pf 1 1 -1.0\n" + struct.pack("<f", 0.4),
    ],
)
def test_variants_that_take_long_to_decode_or_have_no_white_are_refused(sent: bytes) -> None:
    with Image.open(io.BytesIO(sent)) as opened:
        opened.load()  # they are images
    with pytest.raises(BadImage, match=r"is a variant of (PPM|BMP) that is not read"):
        decode(sent, 64)


@pytest.mark.parametrize("sent", [b"P5 1 1 255 a", b"P5 1 1 65535 ab", b"P6 1 1 255 abc"])
def test_binary_graymaps_and_pixmaps_are_read(sent: bytes) -> None:
    assert decode(sent, 64).image.size == (1, 1)


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded() -> None:
    sent = encoded(noise(1), "JPEG", progressive=True)
    last = sent[sent.rindex(b"\xff\xda") : -2]
    assert decode(sent[:-2] + 20 * last + sent[-2:], 64).width == 40
    with pytest.raises(BadImage, match=r"of 310 scans, and 100 is the most"):
        decode(sent[:-2] + 300 * last + sent[-2:], 64)


def test_the_larger_a_jpeg_the_fewer_scans_it_has_and_the_more_they_count() -> None:
    sent = encoded(Image.new("L", (5000, 4000), 128), "JPEG", progressive=True)
    last = sent[sent.rindex(b"\xff\xda") : -2]
    usual = sent.count(b"\xff\xda")
    budget = PixelBudget(3 * 5000 * 4000)
    assert decode(sent[:-2] + (20 - usual) * last + sent[-2:], 64, budget).width == 5000
    with pytest.raises(BadImage, match="20,000,000 pixels to read 2 times, and those before it"):
        decode(sent[:-2] + (20 - usual) * last + sent[-2:], 64, budget)
    with pytest.raises(BadImage, match="of 51 scans, and 50 is the most for its size"):
        decode(sent[:-2] + (51 - usual) * last + sent[-2:], 64, budget)


def test_pixels_are_taken_from_the_budget_before_they_are_decoded() -> None:
    budget = PixelBudget(2 * 40 * 30)
    damaged = encoded(noise(1))[:-200]  # whose head is whole
    with pytest.raises(BadImage, match="is damaged"):
        decode(damaged, 64, budget)
    decode_near(encoded(noise(1), "JPEG"), 64, budget)
    with pytest.raises(BadImage, match="those before it leave 0 of the 2,400"):
        decode(damaged, 64, budget)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encoded(noise(1), "JPEG", exif=exif), 64)
    expected = (30, 40) if orientation >= 5 else (40, 30)
    assert (decoded.width, decoded.height) == decoded.image.size == expected


def test_size_is_that_of_the_upright_image_as_it_was_sent() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode(encoded(noise(1, 1600, 800), "JPEG", exif=exif), 100)
    assert (decoded.width, decoded.height) == (800, 1600)
    assert decoded.image.size == (50, 100)


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    side=st.integers(1, 200),
    form=st.sampled_from(["PNG", "JPEG"]),
)
def test_near_a_side_is_up_to_twice_as_long(width: int, height: int, side: int, form: str) -> None:
    sent = encoded(Image.new("RGB", (width, height), "red"), form)
    decoded = decode_near(sent, side)
    assert (decoded.width, decoded.height) == (width, height)
    longer = max(width, height)
    assert min(side, longer) <= max(decoded.image.size) <= min(2 * side, longer)
    assert np.asarray(decoded.image)[0, 0].tolist() == pytest.approx([254, 0, 0], abs=2)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_become_white(mode: str) -> None:
    clear = Image.new("RGBA", (4, 4), (10, 20, 30, 0)).convert(mode)
    image = decode(encoded(clear), 64).image
    assert image.mode == ("L" if mode == "LA" else "RGB")
    assert image.getextrema() in ((255, 255), ((255, 255),) * 3)


def test_a_palette_with_a_transparent_colour_becomes_white() -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([9, 9, 9] * 256)
    image = decode(encoded(palette, "GIF", transparency=0), 64).image
    assert image.getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize("form", ["PNG", "PPM"])
def test_sixteen_bits_become_eight(form: str) -> None:
    deep = np.array([[0, 32896, 65535]], np.uint16).repeat(3, axis=0)
    image = decode(encoded(Image.fromarray(deep), form), 64).image
    assert image.mode == "L"
    assert np.asarray(image)[0].tolist() == pytest.approx([0, 128, 255], abs=1)


@pytest.mark.parametrize("form", ["PNG", "PPM"])
@pytest.mark.parametrize("white", [255, 1023, 4095, 16383, 65535])
def test_sixteen_bits_have_the_white_that_is_known(form: str, white: int) -> None:
    shades = np.array([[0, white // 2, white]], np.uint16).repeat(3, axis=0)
    sent = encoded(Image.fromarray(shades), form)
    for decoder in (decode, decode_near):
        decoded = decoder(sent, 64, None, white)
        assert np.asarray(decoded.image)[0].tolist() == pytest.approx([0, 127, 255], abs=1)
        assert (decoded.brightest, decoded.is_dark) == (white, False)
        with pytest.raises(BadImage, match=f"up to {white:,}, where {white - 1:,} is white"):
            decoder(sent, 64, None, white - 1)


def _colours_of_16_bits(value: int) -> bytes:
    """A PNG of one pixel, which pillow can read but not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + struct.pack(">H", value) * 3)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_images_of_16_bits_that_are_nearly_black_are_known() -> None:
    assert decode(_colours_of_16_bits(4095), 64).is_dark
    assert not decode(_colours_of_16_bits(4096), 64).is_dark
    assert decode(encoded(deep(1, 4095)), 64).is_dark
    assert not decode(encoded(Image.new("RGB", (4, 4))), 64).is_dark  # black of 8 bits is black


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_a_small_file_of_a_large_image_is_decoded_with_one_copy_of_it(mode: str) -> None:
    side = 2_000
    large = Image.new(mode, (side, side))
    sent = encoded(large, "PNG", **({"transparency": 0} if mode == "P" else {}))
    assert len(sent) < 50_000
    script = f"""if True:
        import resource, sys
        from tasks.images.decoding import decode
        def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        data = sys.stdin.buffer.read()
        before = peak()
        decode(data, 64)
        print((peak() - before) / ({side} * {side} * 4))"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], input=sent, capture_output=True, env=environment, check=True
    )
    assert float(done.stdout) < 2.6


def test_cmyk_becomes_rgb() -> None:
    assert decode(encoded(noise(1).convert("CMYK"), "JPEG"), 64).image.mode == "RGB"


def test_an_image_that_claims_too_many_pixels_is_not_decoded() -> None:
    bomb = b"\x89PNG\r\n\x1a\n"
    size = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    for chunk in (b"IHDR" + size, b"IDAT" + zlib.compress(bytes(1000))):
        bomb += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(BadImage, match="60000 x 60000 pixels"):
        decode(bomb, 64)


def test_a_file_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(BadImage, match="20,000,000 is the most"):
        decode(bytes(MAX_BYTES + 1), 64)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "WEBP", "PPM"]), st.data())
def test_damaged_files_are_refused_or_read_but_never_raise_otherwise(
    form: str, data: st.DataObject
) -> None:
    whole = bytearray(encoded(noise(2), form))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(whole)))
    with contextlib.suppress(BadImage):
        image = decode(bytes(whole[:cut]), 64).image
        assert image.mode in ("L", "RGB")
        assert max(image.size) <= 64


def test_small_images_are_stored_without_loss_and_large_ones_as_jpeg() -> None:
    small, large = noise(3, 100, 100), noise(3, 300, 300)
    assert encode(small).startswith(b"\x89PNG")
    assert np.array_equal(np.asarray(decode(encode(small), 100).image), np.asarray(small))
    assert encode(large).startswith(b"\xff\xd8")
