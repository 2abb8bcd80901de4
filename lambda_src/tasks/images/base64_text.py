"""Base64 as callers write it: wrapped, URL-safe, unpadded, in a data URI; or what it is instead.

Plain base64 is read without this module, which is loaded for everything else.
"""

import base64
import re
from typing import Any

from tasks.framework.answers import short
from tasks.images.decoding import NAMES, BadImage

_SEND = "send the bytes of its file as base64"
_UPLOAD = "nothing is fetched from there; upload the image and send its key, or send it as base64"

_DATA_URI = re.compile(r"\s*data:([^,]*),", re.IGNORECASE)
_OTHER_SIGN = re.compile(r"[^A-Za-z0-9+/]")
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_PATH = re.compile(
    r"[^\n]{0,1000}\.(?:jpe?g|jfif|png|gif|bmp|webp|p[gpn]m|hei[cf]|avif|tiff?|svg|pdf)",
    re.IGNORECASE,
)
_PRINTED = re.compile(r"""(?:b|bytearray\(b)(['"]).*\1\)?""", re.DOTALL)
_USUAL = str.maketrans("-_", "+/")
_HEX_SIGNS = "0123456789abcdefABCDEF"

_BEGINNINGS = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"RIFF", b"P5", b"P6")
"""Of images that are read."""

_OTHER_KINDS = {
    "HEIC": re.compile(rb"....ftyp(?:hei|hev|mif1|msf1)", re.DOTALL),
    "AVIF": re.compile(rb"....ftypavi", re.DOTALL),
    "TIFF": re.compile(rb"II\*\0|MM\0\*"),
    "PDF": re.compile(rb"%PDF"),
    "a zip": re.compile(rb"PK\x03\x04"),
}
"""How files begin that people take for images that are read."""

_MANY_LINES = 5
"""So many pieces of equal length are lines: a + does not recur that regularly."""

_SHORTEST_LINE = 16


def read_other(value: Any) -> bytes:
    """What a field holds that is not plain base64. Raises BadImage, which names what it is."""
    if not isinstance(value, str):
        raise BadImage(_no_text(value))
    signs = _signs(value)
    if not signs or _OTHER_SIGN.search(signs):
        raise BadImage(_described(value) or _first_strange(value))
    if len(signs) % 4 == 1:
        cut = f"is cut off: base64 never has {len(signs):,} characters; {_SEND}, all of it"
        raise BadImage(_described(value) or cut)
    return base64.b64decode(signs + "=" * (-len(signs) % 4), validate=True)


def explained(text: str, data: bytes, error: BadImage) -> BadImage:
    """The error of a text that is base64, but not of an image, with what it seems to be."""
    if not str(error).startswith(("is damaged", "is not a")):
        return error
    if data.startswith(_BEGINNINGS):
        return BadImage(f"{error}; perhaps it is cut off, or its base64 is")
    if kind := next((kind for kind, head in _OTHER_KINDS.items() if head.match(data)), None):
        return BadImage(f"{error}, but {kind}: convert it")
    if what := _described(text):
        return BadImage(what)
    if data.isascii() and b"\0" not in data:
        inner = data.decode()
        if what := _described(inner):
            return BadImage(f"is base64 of a text that {what}")
        try:
            if read_other(inner).startswith(_BEGINNINGS):
                return BadImage(f"seems to be encoded as base64 twice; {_SEND}, once")
        except BadImage:
            pass
    return BadImage(f"{error}: {short(text)} is base64 of {len(data):,} bytes")


def _signs(text: str) -> str:
    """The usual signs of a text's base64, without padding and what else is around them."""
    uri = _DATA_URI.match(text)
    body = text[uri.end() :] if uri else text
    if "%" in body:
        from urllib.parse import unquote  # of data URIs only

        body = unquote(body)
    return _joined(body.removeprefix("\ufeff")).translate(_USUAL).rstrip("=")


def _joined(text: str) -> str:
    """A text without its white space, or with a + for each blank that form decoding made of one.

    A text that still has a + was not decoded so, and length and regularity tell blanks that wrap
    lines from others. Raises BadImage where both are possible.
    """
    pieces = text.split()
    joined = "".join(pieces)
    if "+" in joined or "-" in joined:
        return joined
    within = text.strip()
    plus = "".join(within.replace(" ", "+").split())
    if len(plus) % 4 == 3 and text == f"{within} ":
        plus += "+"  # where it was none, a byte more after an image's end does not matter
    if plus == joined:
        return joined
    lengths = [len(piece) for piece in pieces]
    is_wrapped = (
        len(set(lengths[:-1])) == 1
        and lengths[-1] <= lengths[0]
        and lengths[0] >= _SHORTEST_LINE
        and lengths[0] % 4 == 0
    )
    if is_wrapped and len(pieces) >= _MANY_LINES:
        return joined
    possible = [one for one in (joined, plus) if len(one) % 4 == 0]
    possible = possible or [one for one in (joined, plus) if len(one) % 4 != 1]
    if len(possible) == 1:
        return possible[0]
    if is_wrapped and possible:
        raise BadImage("has blanks in its base64 that could be + or nothing: send it without them")
    return plus


def _no_text(value: Any) -> str:
    """What a value is that is no text."""
    if value is None:
        return f"is missing or null: {_SEND}, or upload it and send its key"
    if isinstance(value, list):
        return f"is a list of {len(value):,} values, expected as base64: {_SEND}"
    if isinstance(value, dict):
        return f"is an object, {short(value)}, expected as base64: {_SEND}"
    return f"is expected as base64, got {short(value)}"


def _described(text: str) -> str | None:
    """What a text seems to be that does not hold an image as base64, if it can be named."""
    plain = text.strip()
    head = plain[:500]
    if not plain:
        return f"is empty: {_SEND}, or upload it and send its key"
    if uri := _DATA_URI.match(text):
        return _described_uri(uri[1].strip(), text[uri.end() :])
    if _URL.match(head):
        return f"is a URL ({short(plain)}): {_UPLOAD}"
    if _PRINTED.fullmatch(plain):
        return f"is Python's way to print bytes, {short(head)}: {_SEND}, with .decode()"
    if head.startswith("<"):
        kind = "SVG" if "<svg" in head.lower() else "XML or HTML"
        return f"is {kind}, not a {NAMES} image"
    if head[0] in "[{\"'":
        return f"is JSON or a quoted text within a text, {short(head)}: {_SEND}, without quotes"
    if _is_hex(head):
        return f"seems to be hex, {short(head)}: {_SEND}"
    if plain.startswith("raw/"):
        return f"seems to be a key, {short(plain)}: send it as key, without an image"
    if _PATH.fullmatch(plain):
        return f"is a path ({short(plain)}): {_UPLOAD}"
    if not head.isascii() or "\0" in head:
        return f"seems to be the bytes of a file as text, {short(head)}: {_SEND}"
    return None


def _described_uri(header: str, body: str) -> str | None:
    if "svg" in header.lower():
        return f"is a data URI of SVG, not of a {NAMES} image"
    if "base64" not in header.lower():
        return f"is a data URI that is not base64 (data:{header[:60]},…): {_SEND}"
    return _described(body)


def _is_hex(head: str) -> bool:
    """Whether a text begins with hex digits of one case, with or without marks between bytes."""
    digits = re.sub(r"0x|\\x|[\s:,-]", "", head)
    one_case = digits in (digits.lower(), digits.upper())
    return len(digits) >= 16 and one_case and not digits.strip(_HEX_SIGNS)


def _first_strange(text: str) -> str:
    """The first character that base64 does not have."""
    strange = re.search(r"[^A-Za-z0-9+/\s_-]", text)
    if strange is None:
        return f"is not base64: {short(text)}"
    return f"is not base64: {short(text)} has {strange[0]!r} at position {strange.start()}; {_SEND}"
