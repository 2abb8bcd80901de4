"""Images as a network's input, made to fit it as its manifest says."""

from typing import Any

import numpy as np
from PIL import Image

from tasks.images.boxes import Placement
from tasks.images.decoding import MAX_PIXELS, BadImage
from tasks.images.instances import read_image
from tasks.onnx.codecs.form import Encode, Encoded
from tasks.onnx.codecs.tensors import standardised
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.spec import Input, Picture

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

MOST_PIXELS = 6_000_000
"""Of an input whose size follows the image: three channels of it are 72 MB."""

type Size = tuple[int, int]
"""Width and height, as pillow has them; also left and top."""


def image(spec: Input) -> Encode:
    how = spec.image
    first = how.layout == "NCHW"
    height, width = spec.shape[1:] if first else spec.shape[:2]

    def encode(value: Any, into: Encoded) -> np.ndarray:
        try:
            # Not made smaller while it is decoded: the network was trained on every pixel.
            picture = read_image(value, MAX_PIXELS, into.budget).image
        except BadImage as error:
            raise Unfit(f"The image {error}") from None
        picture = picture.convert("L" if how.channels == "L" else "RGB")
        into.image_input = _wanted(picture.size, width, height)
        fitted, into.placement = _fitted(picture, into.image_input, how)
        pixels = np.asarray(fitted).reshape(fitted.height, fitted.width, -1)
        if how.channels == "BGR":
            pixels = pixels[..., ::-1]
        pixels = standardised(pixels, spec, 2) if spec.scaled else pixels.astype(spec.dtype)
        return pixels.transpose(2, 0, 1) if first else pixels

    return encode


def _wanted(size: Size, width: int | None, height: int | None) -> Size:
    """The input's size; a length that varies follows the image's proportions."""
    if width is not None and height is not None:
        return width, height
    if width is None and height is None:
        return _bounded(size, MOST_PIXELS)
    scale = max((width or 0) / size[0], (height or 0) / size[1])
    width, height = (
        given or max(1, round(scale * length))
        for given, length in zip((width, height), size, strict=True)
    )
    return _bounded((width, height), MOST_PIXELS)


def _bounded(size: Size, most: int) -> Size:
    if size[0] * size[1] > most:
        raise Unfit(
            f"The image would become {size[0]} x {size[1]} pixels for the model, and {most:,} is "
            "the most"
        )
    return size


def _fitted(picture: Image.Image, wanted: Size, how: Picture) -> tuple[Image.Image, Placement]:
    """The image in the size wanted, and where in it the picture is."""
    (width, height), (left, top) = _arranged(picture.size, wanted, how)
    across, down = picture.width / width, picture.height / height
    placement = Placement(picture.width, picture.height, left, top, across, down)
    resized = _resized(picture, (width, height), how)
    if resized.size == wanted:
        return resized, placement
    fill = how.fill if isinstance(how.fill, list) else [how.fill] * len(resized.getbands())
    canvas = Image.new(resized.mode, wanted, tuple(fill[::-1] if how.channels == "BGR" else fill))
    canvas.paste(resized, (left, top))
    return canvas, placement


def _arranged(size: Size, wanted: Size, how: Picture) -> tuple[Size, Size]:
    """The size that an image is given, and where in the input its upper left corner then is."""
    shares = [one / other for one, other in zip(wanted, size, strict=True)]
    if how.resize == "letterbox":
        scale = min(shares)
        width, height = (max(1, round(scale * length)) for length in size)
        if how.align == "upper_left":
            return (width, height), (0, 0)
        return (width, height), ((wanted[0] - width) // 2, (wanted[1] - height) // 2)
    if how.resize == "crop":
        # Rounded as torchvision does.
        scale = max(shares) / how.keep
        width, height = (int(scale * length + 1e-6) for length in size)
        _bounded((width, height), MAX_PIXELS)
        return (width, height), (round((wanted[0] - width) / 2), round((wanted[1] - height) / 2))
    return wanted, (0, 0)


def _resized(picture: Image.Image, size: Size, how: Picture) -> Image.Image:
    chosen = _FILTERS[how.interpolation]
    if picture.size == size:
        return picture
    if how.antialias:
        return picture.resize(size, chosen)
    whole = (0, 0, *picture.size)
    return picture.transform(size, Image.Transform.EXTENT, whole, chosen)
