"""Faces drawn by a rule: photos of people may not be handed on with a program.

Everybody has measures of their own: of head, eyes, brows, nose, mouth and hair. Each picture of
them differs in place, expression and the side that the light comes from.
"""

import random

from PIL import Image, ImageDraw, ImageFilter

SIDE = 112


def portrait(person: str, number: int) -> Image.Image:
    """Picture number of somebody, grey, 112 x 112 pixels; the same for the same arguments."""
    own, chance = random.Random(person), random.Random(f"{person} {number}")
    image = Image.new("L", (SIDE, SIDE), chance.randint(90, 160))
    draw = ImageDraw.Draw(image)
    x, y = (SIDE / 2 + chance.uniform(-3, 3) for _ in range(2))

    def ellipse(at: tuple[float, float], width: float, height: float, shade: int) -> None:
        left, top = x + at[0] - width, y + at[1] - height
        draw.ellipse((left, top, left + 2 * width, top + 2 * height), fill=shade)

    width, height = own.uniform(30, 42), own.uniform(42, 52)
    hair = own.randint(20, 120)
    ellipse((0, -own.uniform(6, 16)), width + own.uniform(2, 8), height, hair)
    ellipse((0, 0), width, height, own.randint(165, 215))
    apart, eyes = own.uniform(12, 20), -own.uniform(6, 16)
    eye, brow = (own.uniform(4, 8), own.uniform(2, 4)), (own.uniform(5, 10), own.uniform(1, 3))
    raised = -own.uniform(7, 12)
    nose = own.uniform(2, 5), own.uniform(5, 12)
    mouth, smile = (own.uniform(8, 17), own.uniform(2, 4)), chance.uniform(0, 2)
    for side in (-apart, apart):
        ellipse((side, eyes), *eye, 235)
        ellipse((side + chance.uniform(-1.5, 1.5), eyes), 2.5, 2.5, 30)
        ellipse((side, eyes + raised - smile), *brow, hair)
    ellipse((0, own.uniform(4, 10)), *nose, 135)
    ellipse((0, own.uniform(22, 32)), mouth[0] + smile, mouth[1] + smile / 2, 95)
    light = Image.linear_gradient("L").rotate(chance.randrange(360))
    light = light.crop((64, 64, 192, 192)).resize((SIDE, SIDE))
    return Image.blend(image, light, 0.45).filter(ImageFilter.GaussianBlur(1))
