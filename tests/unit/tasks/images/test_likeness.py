"""Copies of an image are found, and different images are not taken for copies."""

from PIL import Image, ImageEnhance

from tasks.images.decoding import decode
from tasks.images.likeness import Look, groups
from tests.unit.tasks.images.making import encoded, noise
from tests.unit.tasks.samples.image_classification import stripes


def copies(image: Image.Image) -> list[Image.Image]:
    """The image resized, recompressed, and a little brighter."""
    small = image.resize((image.width // 2, image.height // 2))
    poor = decode(encoded(image, "JPEG", quality=40), 1000).image
    return [image, small, poor, ImageEnhance.Contrast(image).enhance(0.8)]


def test_copies_are_of_one_group_and_different_images_are_not() -> None:
    images = [copy for seed in range(8) for copy in copies(noise(seed, 200, 150))]
    assert groups([Look.of(image) for image in images]) == [at // 4 * 4 for at in range(32)]


def test_small_images_of_one_kind_are_told_apart() -> None:
    looks = [Look.of(stripes(number, True)) for number in range(100)]
    assert groups(looks) == list(range(100))


def test_flat_images_can_be_compared() -> None:
    flat = [Look.of(Image.new("L", (10, 10), value)) for value in (0, 255)]
    assert len(groups(flat)) == 2
