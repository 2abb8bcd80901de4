"""Pictures as base64 of any usual writing, and what a field holds instead of one."""

import base64
import json
import textwrap
from collections.abc import Callable
from urllib.parse import parse_qs, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.images.decoding import BadImage
from tasks.images.instances import _bytes, read_near
from tests.unit.tasks.images.making import encoded, noise


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


PICTURE = encoded(noise(1), "JPEG")
PLAIN = b64(PICTURE)


def wrapped(text: str, line_end: str = "\n", width: int = 76) -> str:
    return line_end.join(textwrap.wrap(text, width))


def from_form(text: str) -> str:
    """What arrives of a text that a client forgot to escape in a form."""
    return parse_qs(f"image={text}")["image"][0]


WRITINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "lines": lambda text: wrapped(text) + "\n",
    "MIME lines": lambda text: wrapped(text, "\r\n"),
    "PEM lines": lambda text: wrapped(text, width=64),
    "indented lines": lambda text: textwrap.indent(wrapped(text), "\t"),
    "blanks around": lambda text: f" \t{text}\n ",
    "unpadded with blanks around": lambda text: f" {text.rstrip('=')} ",
    "byte order mark": lambda text: "\ufeff" + text,
    "unpadded": lambda text: text.rstrip("="),
    "URL-safe": lambda text: text.translate(str.maketrans("+/", "-_")),
    "URL-safe, unpadded": lambda text: text.translate(str.maketrans("+/", "-_")).rstrip("="),
    "data URI": lambda text: f"data:image/jpeg;base64,{text}",
    "data URI in capitals": lambda text: f"DATA:IMAGE/JPEG;BASE64, {text}",
    "data URI with parameters": lambda text: (
        f"data:image/png;name=a.png;charset=utf-8;base64,{text}"
    ),
    "data URI without type": lambda text: f"data:;base64,{text}",
    "data URI, escaped": lambda text: f"data:image/jpeg;base64,{quote(text, safe='')}",
    "data URI of lines": lambda text: f"data:image/jpeg;base64,\n{wrapped(text)}\n",
}


@pytest.mark.parametrize("writing", WRITINGS)
@given(st.binary(min_size=1, max_size=300))
def test_every_writing_is_the_same_bytes(writing: str, picture: bytes) -> None:
    assert _bytes(WRITINGS[writing](b64(picture))) == picture


@given(st.binary(min_size=1, max_size=300), st.booleans())
def test_a_blank_is_the_plus_that_a_form_took(start: bytes, is_wrapped: bool) -> None:
    # A picture's first byte never makes a +.
    text = b64(PICTURE[:3] + start)
    sent = from_form(wrapped(text) if is_wrapped else text)
    assert _bytes(sent) == PICTURE[:3] + start


def test_blanks_that_wrap_lines_are_no_plus() -> None:
    picture = bytes(299)
    assert _bytes(wrapped(b64(picture), " ")) == picture
    text = PLAIN
    assert "+" in text
    assert _bytes(wrapped(text, "\n    ")) == PICTURE


def test_a_blank_that_may_be_either_is_refused() -> None:
    unpadded = b64(bytes(13)).rstrip("=")
    with pytest.raises(BadImage, match=r"could be \+ or nothing"):
        _bytes(f"{unpadded[:16]} {unpadded[16:]}")


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (None, "is missing or null: send"),
        (7, "is expected as base64, got 7"),
        (list(PICTURE), r"is a list of \d+ values"),
        ({"b64": PLAIN}, "is an object"),
        ("", "is empty"),
        (" \n", "is empty"),
        (PICTURE.hex(), "seems to be hex"),
        (PICTURE.hex(" ").upper(), "seems to be hex"),
        ("0x" + PICTURE.hex(), "seems to be hex"),
        (
            b64(PICTURE.hex().encode()),
            "base64 of a text that seems to be hex",
        ),
        (b64(PLAIN.encode()), "as base64 twice"),
        (b64(b"data:image/jpeg;base64," + PLAIN.encode()), "as base64 twice"),
        ("https://example.org/x.jpg", "is a URL .*upload the image and send its key"),
        ("s3://bucket/x", "is a URL"),
        ("/photos/x.jpg", "is a path"),
        ("C:\\photos\\x.JPG", "is a path"),
        ("raw/photos/x.jpg", "seems to be a key"),
        (str(PLAIN.encode()), "Python's way to print bytes"),
        (str(PICTURE), "Python's way to print bytes"),
        (json.dumps(PLAIN), "without quotes"),
        (str(list(PICTURE)), "JSON or a quoted text"),
        ("<svg xmlns='http://www.w3.org/2000/svg'/>", "is SVG"),
        ("data:image/svg+xml,<svg/>", "data URI of SVG"),
        ("data:image/svg+xml;base64," + b64(b"<svg/>"), "SVG"),
        (b64(b"<?xml version='1.0'?>\n<svg/>"), "is SVG"),
        ("data:text/plain,hello!", "data URI that is not base64"),
        ("data:image/jpeg;base64,", "is empty"),
        (PICTURE.decode("latin-1"), "bytes of a file as text"),
        (PICTURE.decode("utf-8", "replace"), "bytes of a file as text"),
        ("Ab" * 40 + "C", "is cut off"),
        ("?", r"is not base64: '\?' has '\?' at position 0"),
        ("AAAA=BBB", "is not base64"),
        ("\ud800", "as text"),
        (b64(b"text"), "is not a JPEG"),
        (b64(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), "is not a JPEG.*but HEIC"),
        (b64(b"%PDF-1.4"), "is not a JPEG.*but PDF"),
    ],
)
def test_what_is_no_picture_is_named(value: object, detail: str) -> None:
    with pytest.raises(BadImage, match=detail) as caught:
        read_near(value, 32)
    json.dumps(str(caught.value)).encode()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "PPM"])
def test_a_picture_that_is_cut_in_half_is_said_to_be(form: str) -> None:
    text = b64(encoded(noise(1), form))
    for end in range(len(text) // 2, len(text) // 2 + 4):
        with pytest.raises(BadImage, match="cut off"):
            read_near(text[:end], 32)


def test_a_picture_that_is_too_large_is_not_said_to_be_cut_off() -> None:
    with pytest.raises(BadImage, match=r"20,000,001 bytes, and 20,000,000 is the most$"):
        read_near(b64(PICTURE.ljust(20_000_001, b"\0")), 32)


@given(st.text(max_size=60) | st.text("ABab+/-_= \n0123,:;%'\"", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(BadImage):
        read_near(text, 32)
