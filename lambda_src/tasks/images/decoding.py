"""Image files, of whatever kind and whoever's making, as upright pictures of 8 bits a channel."""

import io
import math
import warnings
from dataclasses import dataclass, replace
from typing import Any

from PIL import (
    ExifTags,
    Image,
    ImageOps,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401  # pillow knows the others by itself
)

from tasks.images.budget import PixelBudget
from tasks.images.headers import (
    MAX_EXIF_BYTES,
    MAX_PNG_TEXT_BYTES,
    CountedFile,
    TooMuch,
    check_jpeg,
    check_png,
    count_scans,
)

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP")
NAMES = "JPEG, PNG, GIF, BMP, WebP or PGM"
"""What is read; PPM is pillow's name of PGM, too."""

MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000
"""An image of a few bytes can claim any size: what it claims is read before its pixels are.

50 megapixels are 200 MB once decoded, and twice that while they are turned or put on white."""

_MOST_PIXELS = {"WEBP": MAX_PIXELS // 2}
"""Of a format whose decoder keeps two more copies."""

MAX_SCANS = 100
USUAL_SCANS = 10
"""Of a progressive JPEG. Each takes as long as all pixels do, and may be of 36 bytes: the largest
image has twice as many as are usual, and one with more than those counts as several."""

Image.MAX_IMAGE_PIXELS = None  # pillow's own bound, which it tells of in two ways
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = MAX_PNG_TEXT_BYTES

_ON_THE_SIDE = frozenset({5, 6, 7, 8})
"""EXIF orientations that exchange width and height."""

_EXIF_AS_TEXT = "Raw profile type exif"
"""As ImageMagick has it in a PNG, two characters for a byte."""

LARGEST_WHITE = 65535
"""Of an image of 16 bits."""

_DARK = 16
"""An image of 16 bits a channel is nearly black up to a sixteenth of white: 15 in 8 bits."""

_PNG, _PNG_DEPTH = b"\x89PNG\r\n\x1a\n", 24
"""What a PNG begins with, and where its bits a channel are."""

_JPEG_QUALITY = 92
_LOSSLESS_PIXELS = 128 * 128
"""Up to here a PNG is small, and JPEG's artefacts are large beside what is shown."""


class BadImage(ValueError):
    """Bytes that are no image that can be used; the text says why."""


@dataclass(frozen=True)
class Decoded:
    """An upright image in mode L or RGB, and its size in pixels as it was sent.

    brightest is the largest value of a grey image of 16 bits; is_dark, whether an image of 16 bits
    a channel is black or nearly so.
    """

    image: Image.Image
    width: int
    height: int
    brightest: int | None = None
    is_dark: bool = False


def decode(
    data: bytes, max_side: int, budget: PixelBudget | None = None, white: int | None = None
) -> Decoded:
    """An image turned as its EXIF says, made smaller so that no side is longer than max_side.

    Transparent parts become white; 16 bits a channel become 8, and white is the value that is
    white in grey images of 16 bits, 65535 where it is not given; of an animation the first
    frame is taken. Its pixels are taken from the budget before they are decoded. Raises BadImage,
    also for an image that has values above white.
    """
    decoded = _checked(data, max_side, budget, white)
    decoded.image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return decoded


def decode_near(
    data: bytes, side: int, budget: PixelBudget | None = None, white: int | None = None
) -> Decoded:
    """An image as decode has it, whose longer side is from side to twice that, if not smaller.

    For those who then make it smaller: it is halved or so, but not resampled twice, which takes
    as long as all else. Raises BadImage.
    """
    decoded = _checked(data, side, budget, white)
    factor = max(decoded.image.size) // side
    return decoded if factor < 2 else replace(decoded, image=decoded.image.reduce(factor))


def _checked(data: bytes, side: int, budget: PixelBudget | None, white: int | None) -> Decoded:
    """An upright image; that of a JPEG may be as small as twice side already. Raises BadImage."""
    if len(data) > MAX_BYTES:
        raise BadImage(f"has {len(data):,} bytes, and {MAX_BYTES:,} is the most")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pillow warns of large images and odd metadata
            return _decoded(data, side, budget, white)
    except UnidentifiedImageError:
        raise BadImage(f"is not a {NAMES} image") from None
    except TooMuch as error:
        raise BadImage(str(error)) from None
    except BadImage:
        raise
    except Exception as error:  # decoders of damaged files raise anything
        if "MAX_TEXT" in str(error):
            most = f"{MAX_PNG_TEXT_BYTES:,} bytes of text, or a larger colour profile"
            raise BadImage(f"has more than {most}: save it without metadata") from None
        cut = "truncated" in str(error)
        raise BadImage("is damaged: its end is missing" if cut else "is damaged") from error


def encode(image: Image.Image) -> bytes:
    """The image as bytes: PNG where it is small, else JPEG of high quality, without metadata."""
    file = io.BytesIO()
    if image.width * image.height <= _LOSSLESS_PIXELS:
        image.save(file, "PNG")
    else:
        image.save(file, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return file.getvalue()


def _decoded(data: bytes, side: int, budget: PixelBudget | None, white: int | None) -> Decoded:
    is_jpeg = data.startswith(b"\xff\xd8\xff")
    scans = 1
    if is_jpeg:
        scans = count_scans(data, check_jpeg(data, budget), USUAL_SCANS)
    else:
        check_png(data)
    file = io.BytesIO(data) if is_jpeg else CountedFile(data, budget)
    with Image.open(file, formats=FORMATS) as opened:
        width, height = opened.size
        most = _MOST_PIXELS.get(opened.format or "", MAX_PIXELS)
        if width * height > most:
            raise BadImage(f"has {width} x {height} pixels, and {most:,} is the most")
        _check_variant(opened)
        _check_scans(scans, width * height)
        passes = math.ceil(scans / USUAL_SCANS)
        if budget is not None and (reason := budget.take(width * height, passes)):
            raise BadImage(reason)
        if is_jpeg:
            # Decodes to a half, a quarter or an eighth at once: 25 ms instead of 100 for 12 MP.
            opened.draft(None, (2 * side, 2 * side))
        opened.load()
        if _orientation(opened) in _ON_THE_SIDE:
            width, height = height, width
        ImageOps.exif_transpose(opened, in_place=True)
        brightest = _brightest(opened) if _is_deep(opened) else None
        if brightest is not None and white is not None and brightest > white:
            raise BadImage(
                f"has 16 bits and values up to {brightest:,}, where {white:,} is white in the data "
                "that was learned from: save it in the way of that data, or with 8 bits"
            )
        image = _eight_bits(opened, white)
        if brightest is None:
            is_dark = _has_deep_colours(data) and _brightest(image.convert("L")) < _DARK
        else:
            is_dark = brightest * _DARK <= (white or LARGEST_WHITE)
    return Decoded(image, width, height, brightest, is_dark)


def _check_variant(opened: Image.Image) -> None:
    """Raises BadImage for a variant of a format that takes seconds for a few bytes, or whose
    numbers have no largest one that would be white.
    """
    decoders = {tile[0] for tile in getattr(opened, "tile", ())}
    # Those that are written in Python are slow; fractions are of mode F.
    if opened.mode == "F" or not decoders.isdisjoint(Image.DECODERS):
        raise BadImage(
            f"is a variant of {opened.format} that is not read (text, run lengths, fractions, or "
            "an unusual number of shades): save it as PNG"
        )


def _check_scans(scans: int, pixels: int) -> None:
    """Raises BadImage where a JPEG's scans are too many for so many pixels."""
    most = min(MAX_SCANS, 2 * USUAL_SCANS * MAX_PIXELS // pixels)
    if scans > most:
        raise BadImage(
            f"is a JPEG of {scans:,} scans, and {most} is the most for its size: save it anew"
        )


def _orientation(opened: Image.Image) -> Any:
    """The EXIF orientation of a loaded image, all of whose other EXIF data is dropped.

    Pillow would write the others anew, value by value, when it turns the image.
    """
    size = max(len(opened.info.get("exif", b"")), len(opened.info.get(_EXIF_AS_TEXT, "")) // 2)
    if size > MAX_EXIF_BYTES:
        raise BadImage(
            f"has {size:,} bytes of EXIF data, and {MAX_EXIF_BYTES:,} is the most: save it without"
        )
    exif = opened.getexif()
    for name in ("exif", _EXIF_AS_TEXT):
        opened.info.pop(name, None)
    return exif.get(ExifTags.Base.Orientation, 1)


def _is_deep(image: Image.Image) -> bool:
    """Whether an image has one channel of 16 bits."""
    return image.mode == "I" or image.mode.startswith("I;16")


def _has_deep_colours(data: bytes) -> bool:
    """Whether bytes are a PNG of 16 bits a channel, of which pillow reads the upper 8."""
    return data.startswith(_PNG) and data[_PNG_DEPTH] == 16


def _eight_bits(image: Image.Image, white: int | None) -> Image.Image:
    """The image in mode L or RGB."""
    if _is_deep(image):
        # Where no white is known, as by older models, images of mode I decide by themselves.
        usual = 255 if image.mode == "I" and _brightest(image) <= 255 else LARGEST_WHITE
        return _scaled(image, white or usual)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        grey = image.mode in ("1", "L", "LA", "La")
        image = _in_mode(image, "RGBA")
        paper = Image.new("L" if grey else "RGB", image.size, "white")
        paper.paste(image, mask=image)
        return paper
    return _in_mode(image, "L" if image.mode in ("1", "L") else "RGB")


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The image itself where it can be: a copy of 50 megapixels is 200 MB."""
    image.load()
    return image if image.mode == mode else image.convert(mode)


def _brightest(image: Image.Image) -> int:
    """The largest value of an image of one channel."""
    extrema: Any = image.getextrema()
    return int(extrema[1])


def _scaled(image: Image.Image, top: int) -> Image.Image:
    return image.convert("F").point(lambda value: value * (255.0 / top) + 0.5).convert("L")
