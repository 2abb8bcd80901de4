"""Pictures as arrays of one size, which is what networks take."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

_GREY = 127


def decoding_side(side: int) -> int:
    """What images are decoded near to that are to be this small: training and serving agree."""
    return 2 * side


def squeezed(images: Sequence[Image.Image], side: int, channels: int) -> np.ndarray:
    """Images as squares whatever their shape: uint8, (n_images, side, side, channels)."""
    mode = "L" if channels == 1 else "RGB"
    arrays = [
        np.asarray(image.resize((side, side), Image.Resampling.BILINEAR).convert(mode))
        for image in images
    ]
    return np.stack(arrays).reshape(len(images), side, side, channels)


def letterboxed(images: Sequence[Image.Image], side: int, channels: int) -> np.ndarray:
    """Images in their shape, in the upper left of grey squares: uint8, as squeezed.

    A share of an image's longer side is the same share of the square's.
    """
    mode = "L" if channels == 1 else "RGB"
    array = np.full((len(images), side, side, channels), _GREY, np.uint8)
    for at, image in enumerate(images):
        scale = side / max(image.size)
        width, height = (max(1, round(scale * pixels)) for pixels in image.size)
        small = image.resize((width, height), Image.Resampling.BILINEAR).convert(mode)
        array[at, :height, :width] = np.asarray(small).reshape(height, width, channels)
    return array
