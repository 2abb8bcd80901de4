"""Pictures as arrays of one size, which is what networks take."""

from collections.abc import Sequence

import numpy as np
from PIL import Image


def decoding_side(side: int) -> int:
    """The bound to decode images with that are to be this small: training and serving agree."""
    return 2 * side


def squeezed(images: Sequence[Image.Image], side: int, channels: int) -> np.ndarray:
    """Images as squares whatever their shape: uint8, (n_images, side, side, channels)."""
    mode = "L" if channels == 1 else "RGB"
    arrays = [
        np.asarray(image.convert(mode).resize((side, side), Image.Resampling.BILINEAR))
        for image in images
    ]
    return np.stack(arrays).reshape(len(images), side, side, channels)
