"""What a codec is: a function between what callers send or receive and arrays."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tasks.images.boxes import Placement
from tasks.images.budget import PixelBudget
from tasks.onnx.codecs.wordpiece import Tokens

type Arrays = dict[str, np.ndarray]


@dataclass
class Encoded:
    """One instance as the graph takes it, without the batch's axis.

    Where there is a text: its tokens. Where there is an image: width and height of its input,
    and where in that the image lies. min_score is what this instance wants of objects,
    budget what the request may still decode, and deadline the moment of time.monotonic() by which
    the instance has to be encoded.
    """

    arrays: Arrays = field(default_factory=dict)
    tokens: Tokens | None = None
    min_score: float | None = None
    image_input: tuple[int, int] = (0, 0)
    placement: Placement | None = None
    budget: PixelBudget | None = None
    deadline: float = math.inf


type Encode = Callable[[Any, Encoded], np.ndarray]
"""A field's value as an array; what decoding needs to know is noted. Raises Unfit and OutOfTime."""

type Decode = Callable[[Arrays, Encoded], dict[str, Any]]
"""One instance's outputs as the fields of its prediction. Raises Unfit."""
