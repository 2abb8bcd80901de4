"""Pictures of a flower and a tower in places that they were never in, with their boxes.

No package that the demo has ships photographs with boxes. So two real ones, which scikit-learn
ships, are cut out and put on blurred parts of themselves: other sizes, places, light, sides.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps
from sklearn.datasets import load_sample_image

WIDTH, HEIGHT = 320, 240

type Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""

_OUTLINES: Mapping[str, tuple[str, Sequence[tuple[int, int]]]] = {
    "flower": ("flower.jpg", [(170, 82), (446, 360)]),  # corners of an ellipse
    "tower": (
        "china.jpg",
        [(205, 28), (322, 122), (330, 188), (352, 260), (372, 338), (318, 405), (130, 395),
         (66, 340), (64, 264), (86, 178), (94, 122)],
    ),
}  # fmt: skip
_GROUNDS: Sequence[tuple[str, Box]] = (
    ("china.jpg", (360, 0, 640, 427)),
    ("flower.jpg", (0, 0, 165, 427)),
    ("flower.jpg", (450, 0, 640, 350)),
)


@dataclass(frozen=True)
class Collage:
    """A picture, and what is in it by label."""

    image: Image.Image
    things: Mapping[str, Box]


def collage(number: int) -> Collage:
    """One thing mostly, sometimes two or none; the same for the same number."""
    chance = random.Random(number)
    image = _ground(chance)
    labels = list(_OUTLINES)
    chance.shuffle(labels)
    count = chance.choices((0, 1, 2), (1, 7, 2))[0]
    things: dict[str, Box] = {}
    for place, label in enumerate(labels[:count]):
        thing = _cut_out(label)
        if chance.random() < 0.5:
            thing = ImageOps.mirror(thing)
        room = WIDTH // count
        scale = min(chance.uniform(0.35, 0.9) * HEIGHT / thing.height, 0.95 * room / thing.width)
        thing = thing.resize((round(scale * thing.width), round(scale * thing.height)))
        left = place * room + chance.randint(0, room - thing.width)
        top = chance.randint(0, HEIGHT - thing.height)
        image.paste(thing.convert("RGB"), (left, top), thing)
        things[label] = (left, top, left + thing.width, top + thing.height)
    return Collage(ImageEnhance.Brightness(image).enhance(chance.uniform(0.6, 1.3)), things)


def _ground(chance: random.Random) -> Image.Image:
    name, (left, top, right, bottom) = chance.choice(_GROUNDS)
    width, height = (chance.randint(side // 2, side) for side in (right - left, bottom - top))
    x, y = chance.randint(left, right - width), chance.randint(top, bottom - height)
    part = _photograph(name).crop((x, y, x + width, y + height)).resize((WIDTH, HEIGHT))
    return part.filter(ImageFilter.GaussianBlur(chance.uniform(0, 4)))


@cache
def _cut_out(label: str) -> Image.Image:
    """The thing alone, transparent around it."""
    name, outline = _OUTLINES[label]
    image = _photograph(name).convert("RGBA")
    mask = Image.new("L", image.size)
    draw = ImageDraw.Draw(mask)
    if len(outline) == 2:
        draw.ellipse([*outline], fill=255)
    else:
        draw.polygon([*outline], fill=255)
    image.putalpha(mask)
    return image.crop(mask.getbbox())


@cache
def _photograph(name: str) -> Image.Image:
    return Image.fromarray(load_sample_image(name))
