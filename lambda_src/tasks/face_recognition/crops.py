"""The face in a picture, cut out as a network takes it: found and turned upright, or all of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from tasks.framework import onnx
from tasks.images.arrays import squeezed

MAX_SIDE = 640
"""Images are decoded this small: a face that is to be found in them is not tiny."""

DETECTOR_SIDE, LANDMARKS_SIDE = 416, 112
VIEWS = (1.0, 0.2)
"""The detector sees an image as large as fits, for small faces, and small, for one all over it."""

LEAST_CERTAINTY = 0.5
BACKGROUND = (117, 115, 97)
"""The mean of the detector's training images."""

EYES_AND_MOUTH = (slice(36, 42), slice(42, 48), slice(48, 68))
"""Of 68 landmarks (Sagonas et al., 2013), those around either eye and the mouth."""

UPRIGHT = np.array([[0.3, 0.296], [0.7, 0.296], [0.5, 0.698]])
"""Where eyes and mouth are in a crop of side 1: as in the crops that the network has learned."""

type Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Face:
    """A face as uint8 (side, side, channels), and its box in pixels of the picture."""

    pixels: np.ndarray
    box: Box


class WholePictures:
    """Takes every picture for a face, since nothing is there to find one."""

    def __init__(self, side: int, channels: int) -> None:
        self._side, self._channels = side, channels

    def face(self, image: Image.Image) -> Face | None:
        pixels = squeezed([image], self._side, self._channels)[0]
        return Face(pixels, (0.0, 0.0, float(image.width), float(image.height)))


class FoundFaces:
    """Finds the largest face, and turns it so that eyes and mouth are where they should be."""

    def __init__(self, detector: bytes, landmarks: bytes, side: int, threads: int = 1) -> None:
        self._detector = onnx.session(detector, threads)
        self._landmarks = onnx.session(landmarks, threads)
        self._side = side

    def face(self, image: Image.Image) -> Face | None:
        image = image.convert("RGB")
        box = self._largest(image)
        if box is None:
            return None
        return Face(self._upright(image, self._points(image, box)), box)

    def _largest(self, image: Image.Image) -> Box | None:
        found = np.concatenate([self._found(image, view) for view in VIEWS])
        found = found[found[:, 4] >= LEAST_CERTAINTY]
        edges = np.array([image.width, image.height] * 2)
        boxes = found[:, :4].clip(0, edges)
        sizes = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        if not sizes.any():
            return None
        left, top, right, bottom = boxes[sizes.argmax()].tolist()
        return left, top, right, bottom

    def _found(self, image: Image.Image, view: float) -> np.ndarray:
        """Boxes in pixels of the image, and how certain each is: shape (n_faces, 5)."""
        scale = view * DETECTOR_SIDE / max(image.size)
        width, height = (max(1, round(scale * side)) for side in image.size)
        corner = (DETECTOR_SIDE - width) // 2, (DETECTOR_SIDE - height) // 2
        canvas = Image.new("RGB", (DETECTOR_SIDE, DETECTOR_SIDE), BACKGROUND)
        canvas.paste(image.resize((width, height), Image.Resampling.BILINEAR), corner)
        faces = self._detector.run(["faces"], {"images": np.asarray(canvas)[None]})[0]
        return np.column_stack([(faces[:, :4] - corner * 2) / scale, faces[:, 4]])

    def _points(self, image: Image.Image, box: Box) -> np.ndarray:
        """The centres of eyes and mouth in pixels of the image, shape (3, 2)."""
        left, top, right, bottom = box
        half = max(right - left, bottom - top) / 2
        start = np.array([(left + right) / 2 - half, (top + bottom) / 2 - half])
        extent = (*start, *(start + 2 * half))
        crop = image.transform(
            (LANDMARKS_SIDE, LANDMARKS_SIDE),
            Image.Transform.EXTENT,
            extent,
            Image.Resampling.BILINEAR,
        )
        points = self._landmarks.run(["points"], {"images": np.asarray(crop)[None]})[0][0]
        centres = np.stack([points[part].mean(axis=0) for part in EYES_AND_MOUTH])
        found: np.ndarray = start + centres * (2 * half / LANDMARKS_SIDE)
        return found

    def _upright(self, image: Image.Image, points: np.ndarray) -> np.ndarray:
        """The crop whose eyes and mouth are nearest to UPRIGHT, by turning and scaling only.

        Points are complex numbers here, so that least squares has one unknown factor.
        """
        there, here = points @ [1, 1j], self._side * UPRIGHT @ [1, 1j]
        spread = here - here.mean()
        factor = np.vdot(spread, there - there.mean()) / np.vdot(spread, spread).real
        shift = complex(there.mean() - factor * here.mean())
        a, b = factor.real, factor.imag
        # What is beyond the picture goes on as its edge: black corners look alike on everybody.
        beyond = round(abs(factor) * self._side)
        padded = np.pad(np.asarray(image), ((beyond, beyond), (beyond, beyond), (0, 0)), "edge")
        crop = Image.fromarray(padded).transform(
            (self._side, self._side),
            Image.Transform.AFFINE,
            (a, -b, shift.real + beyond, b, a, shift.imag + beyond),
            Image.Resampling.BILINEAR,
        )
        return np.asarray(crop)


def cropper(
    inputs: Mapping[str, Any], files: Mapping[str, bytes], threads: int = 1
) -> FoundFaces | WholePictures:
    """What cuts out faces for a model of these inputs and files."""
    if "detector.onnx" not in files:
        return WholePictures(inputs["side"], inputs["channels"])
    return FoundFaces(files["detector.onnx"], files["landmarks.onnx"], inputs["side"], threads)
