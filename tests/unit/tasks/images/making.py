"""Images and archives of them, made on the spot."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image


def noise(seed: int, width: int = 40, height: int = 30) -> Image.Image:
    """A colourful picture, smooth as photographs are, unlike that of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def deep(seed: int, white: int, width: int = 40, height: int = 30) -> Image.Image:
    """A grey picture of 16 bits with values from 0 to white, unlike that of any other seed."""
    shades = np.asarray(noise(seed, width, height).convert("L")).astype(float)
    shades = (shades - shades.min()) / np.ptp(shades)
    return Image.fromarray(np.round(shades * white).astype(np.uint16))


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return archive.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode=mode) as opened:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            opened.addfile(info, io.BytesIO(data))
    return archive.getvalue()


def unflagged(files: Mapping[bytes, bytes]) -> bytes:
    """A zip that does not say how its names are written, as older programs make it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        for number, (name, data) in enumerate(files.items()):
            opened.writestr(f"<{number:_<{len(name) - 2}}>", data)
    packed = content.getvalue()
    for number, name in enumerate(files):
        packed = packed.replace(f"<{number:_<{len(name) - 2}}>".encode(), name)
    return packed
